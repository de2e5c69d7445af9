/* New jobs and pushed tasks: durable before the answer, and the same answer when repeated. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

#include <stdio.h>
#include <string.h>

bool sqlite_put_workflow(
	struct store *base, const char *hash, const char *name, const char *text, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	if (!sqlite_begin_read(store, err))
		return false;
	bool is_there = sqlite_read(store, SQL_HAS_WORKFLOW, 0, "t", hash);
	if (!sqlite_end(store, err))
		return false;
	if (is_there)
		return true;
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	sqlite_run(store, SQL_ADD_WORKFLOW, "ttt", hash, name, text);
	return sqlite_end(store, err);
}

bool sqlite_get_workflow(struct store *base, const char *hash, char **text, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	if (!sqlite_begin_read(store, err))
		return false;
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_WORKFLOW, "t", hash);
	OWNED(free) char *found = sqlite_row(store, row) ? sqlite_text(row, 0) : NULL;
	sqlite_done(row);
	if (!sqlite_end(store, err))
		return false;
	if (!found)
		return error_set(err, ERROR_NOT_FOUND, "there is no workflow %s", hash);
	*text = GIVE(found);
	return true;
}

/* Copies the id that a statement finds; false where it finds none. */
static bool copy_id(struct sqlite_store *store, sqlite3_stmt *row, char out[STORE_ID_SIZE])
{
	bool is_there = sqlite_row(store, row);
	if (is_there)
		snprintf(out, STORE_ID_SIZE, "%s", (const char *)sqlite3_column_text(row, 0));
	sqlite_done(row);
	return is_there;
}

static bool is_key_taken(
	struct sqlite_store *store, const struct submission *submission, char out[STORE_ID_SIZE])
{
	return submission->key && copy_id(store,
					  sqlite_query(store, SQL_FIND_JOB_KEY, "tt",
						  submission->workflow, submission->key),
					  out);
}

static void add_job(struct sqlite_store *store, const struct submission *submission)
{
	int64_t id = sqlite_new_numbers(store, 1);
	sqlite_run(store, SQL_ADD_JOB, "itttti", id, submission->id, submission->workflow,
		submission->workflow_hash, submission->key, clock_wall_ms());
	sqlite_run(store, SQL_ADD_BODY, "it", sqlite_number(id, 0), submission->payload);
	struct sqlite_job job;
	if (!sqlite_load_job(store, id, &job))
		return;
	sqlite_apply(store, &job, &submission->effects, sqlite_number(id, 0));
	sqlite_store_job(store, &job);
}

void sqlite_submit_one(
	struct sqlite_store *store, const struct submission *submission, char id[STORE_ID_SIZE])
{
	snprintf(id, STORE_ID_SIZE, "%s", submission->id);
	if (!sqlite_find_job(store, submission->id) && !is_key_taken(store, submission, id))
		add_job(store, submission);
}

static bool may_begin_in(struct sqlite_store *store, const char *place)
{
	struct sqlite_job job;
	struct sqlite_task task;
	struct sqlite_held held = { 0 };
	int64_t number = sqlite_find_task(store, place);
	if (!number || !sqlite_load_task(store, number, &task))
		return false;
	bool is_held = sqlite_load_held(store, number, &held);
	bool is_open = task.state <= TASK_WORKING && !(is_held && held.is_cancelled);
	sqlite_task_finish(&task);
	return is_open && sqlite_load_job(store, sqlite_job_of(number), &job) &&
	       job.status != JOB_CANCELLED;
}

bool sqlite_submit(struct store *base, const struct submission *submission,
	char id_out[STORE_ID_SIZE], struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	char id[STORE_ID_SIZE];
	if (!backend_check_submission(submission, err))
		return false;
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	if (submission->place && !sqlite_find_job(store, submission->id) &&
		!may_begin_in(store, submission->place) && !store->failure) {
		backend_refuse_place(submission, err);
		return sqlite_cancel(store);
	}
	sqlite_submit_one(store, submission, id);
	if (!sqlite_end(store, err))
		return false;
	memcpy(id_out, id, sizeof id);
	return true;
}

static void add_pushed(struct sqlite_store *store, const struct push *push, int64_t queue)
{
	int64_t now = clock_wall_ms();
	struct new_task text = { .name = push->name, .payload = push->payload };
	struct sqlite_task task = {
		.number = sqlite_number(sqlite_new_numbers(store, 1), 0),
		.queue = queue,
		.rank = -push->priority,
		.due = now + push->delay_ms,
		.state = TASK_QUEUED,
	};
	sqlite_run(store, SQL_ADD_PUSHED, "itit", task.number, push->id, queue, push->key);
	sqlite_write_task(store, &task, &text);
	struct sqlite_entry entry = sqlite_entry_of(&task);
	sqlite_place(store, &entry, now);
}

void sqlite_push_one(struct sqlite_store *store, const struct push *push, char id[STORE_ID_SIZE])
{
	snprintf(id, STORE_ID_SIZE, "%s", push->id);
	if (sqlite_find_task(store, push->id))
		return;
	int64_t queue = sqlite_get_queue(store, push->queue);
	if (push->key &&
		copy_id(store, sqlite_query(store, SQL_FIND_PUSHED_KEY, "it", queue, push->key),
			id))
		return;
	add_pushed(store, push, queue);
}

bool sqlite_push(struct store *base, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	for (size_t i = 0; i < count; i++)
		if (!backend_check_push(&pushes[i], err))
			return false;
	OWNED(free) char(*ids)[STORE_ID_SIZE] = xcalloc(count + 1, sizeof *ids);
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	for (size_t i = 0; i < count; i++)
		sqlite_push_one(store, &pushes[i], ids[i]);
	if (!sqlite_end(store, err))
		return false;
	if (ids_out)
		memcpy(ids_out, ids, count * sizeof *ids);
	return true;
}
