/* Leases: who holds a task, until when, and with which token. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

#include <stdio.h>
#include <string.h>

#define TEND_LIMIT BACKEND_PUT_BACK_MAX /* also tasks of cancelled jobs that it ends */

bool sqlite_token_is(const struct token *one, const struct token *other)
{
	return one->attempt == other->attempt && one->nonce == other->nonce &&
	       strcmp(one->owner, other->owner) == 0;
}

bool sqlite_load_held(struct sqlite_store *store, int64_t number, struct sqlite_held *held)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_LEASE, "i", number);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		*held = (struct sqlite_held){
			.queue = sqlite_int(row, 0),
			.token.attempt = (uint32_t)sqlite_int(row, 2),
			.token.nonce = (uint64_t)sqlite_int(row, 3),
			.due = sqlite_int(row, 4),
			.length = sqlite_int(row, 5),
			.since = sqlite_int(row, 6),
			.spawned = sqlite_int(row, 7),
			.is_cancelled = sqlite_int(row, 8),
		};
		snprintf(held->token.owner, sizeof held->token.owner, "%s",
			(const char *)sqlite3_column_text(row, 1));
	}
	sqlite_done(row);
	return is_there;
}

static void read_leased(sqlite3_stmt *row, struct leased *task)
{
	*task = (struct leased){
		.token.attempt = (uint32_t)sqlite_int(row, 2),
		.token.nonce = (uint64_t)sqlite_int(row, 3),
		.scheduled_at_ms = sqlite_int(row, 4),
		.is_cancelled = sqlite_int(row, 5),
		.job_id = sqlite_text(row, 7),
		.parent = sqlite_int(row, 8),
		.name = sqlite_text(row, 9),
		.queue = sqlite_text(row, 10),
		.payload = sqlite_text(row, 11),
		.scopes = sqlite_text(row, 12),
		.failures = (int)sqlite_int(row, 13),
		.crashes = (int)sqlite_int(row, 14),
		.losses = (int)sqlite_int(row, 15),
		.wait_scope = sqlite_int(row, 16),
		.wait_gate = sqlite_text(row, 17),
		.wait_until_ms = sqlite_int(row, 18),
		.seq = sqlite_seq_of(sqlite_int(row, 0)),
	};
	snprintf(task->token.owner, sizeof task->token.owner, "%s",
		(const char *)sqlite3_column_text(row, 1));
	sqlite_write_id((const char *)sqlite3_column_text(row, 6), sqlite_int(row, 0), task->id);
}

static void append_rows(struct sqlite_store *store, sqlite3_stmt *row, struct lease_batch *batch)
{
	size_t room = batch->count;
	while (sqlite_row(store, row)) {
		batch->tasks = xgrow(batch->tasks, batch->count, &room, sizeof *batch->tasks);
		read_leased(row, &batch->tasks[batch->count++]);
	}
	sqlite_done(row);
}

struct hold {
	const char *owner;
	int64_t lease_ms;
};

/* The task is out of its queue already; it is queued in its row. */
static void hold(struct sqlite_store *store, const struct sqlite_task *task, int64_t due,
	const struct hold *by, struct lease_batch *batch)
{
	sqlite_run(store, SQL_ADD_LEASE, "iitiiiiiii", task->number, task->queue, by->owner,
		INT(task->attempt + 1), INT(ids_random64()), clock_steady_ms() + by->lease_ms,
		by->lease_ms, due, clock_wall_ms(), INT(task->is_cancelled));
	append_rows(store, sqlite_query(store, SQL_GET_LEASED, "i", task->number), batch);
}

bool sqlite_end_if_cancelled(struct sqlite_store *store, struct sqlite_task *task)
{
	struct sqlite_job job;
	if (sqlite_is_pushed(task->number) ||
		!sqlite_load_job(store, sqlite_job_of(task->number), &job) ||
		job.status != JOB_CANCELLED)
		return false;
	sqlite_end_cancelled_task(store, &job, task);
	sqlite_store_job(store, &job);
	if (task->bundle) /* its siblings are not taken one after another to end them */
		sqlite_put_off_bundle(store, task->bundle);
	return true;
}

/* At most `most` tasks. */
static void lease_queue(struct sqlite_store *store, int64_t queue,
	const struct lease_request *request, size_t most, struct lease_batch *batch)
{
	struct hold by = { request->owner, request->lease_ms };
	int64_t number, due;
	size_t ended = 0, before = batch->count;
	if (sqlite_read(store, SQL_IS_PAUSED, 0, "i", queue))
		return;
	while (batch->count - before < most && ended < TEND_LIMIT &&
		sqlite_take(store, queue, &number, &due)) {
		struct sqlite_task task;
		if (!sqlite_load_task(store, number, &task)) {
			sqlite_fail(store, SQLITE_INTERNAL); /* an entry without a task */
			return;
		}
		if (sqlite_end_if_cancelled(store, &task))
			ended++;
		else
			hold(store, &task, due, &by, batch);
		sqlite_task_finish(&task);
	}
	if (ended == TEND_LIMIT) /* more may be there; whoever waits shall look */
		sqlite_note_ready(store, queue, 1);
}

void sqlite_lease_queues(
	struct sqlite_store *store, const struct lease_request *request, struct lease_batch *batch)
{
	int64_t now = clock_wall_ms();
	size_t released = 0, due = 0;
	for (size_t i = 0; i < request->queue_count && batch->count < request->max; i++) {
		int64_t queue = sqlite_find_queue(store, request->queues[i]);
		struct lease_limit limit = backend_limit(request, i);
		if (queue == 0)
			continue;
		released += sqlite_put_back_expired(store, queue, TEND_LIMIT - released);
		due += sqlite_make_due(store, queue, now, TEND_LIMIT - due);
		size_t before = batch->count;
		if (request->limits)
			sqlite_note_limit(store, queue, &limit);
		struct sqlite_room room = sqlite_room(store, queue, &limit, request->max - before);
		lease_queue(store, queue, request, room.tasks, batch);
		sqlite_count_taken(store, queue, &limit, batch->count - before);
	}
}

static void find_sooner(int64_t *next, int64_t at, int64_t now)
{
	int64_t left = at > now ? at - now : 0;
	if (*next < 0 || left < *next)
		*next = left;
}

static int64_t first_expiry(struct sqlite_store *store, int64_t queue)
{
	if (store->outage_ms == 0)
		return sqlite_read(store, SQL_FIRST_TO_EXPIRE, -1, "i", queue);
	return sqlite_read(store, SQL_FIRST_AFTER_OUTAGE, -1, "ii", queue, store->outage_ms);
}

int64_t sqlite_next_ms(struct sqlite_store *store, const int64_t *queues, size_t count)
{
	int64_t next = -1;
	for (size_t i = 0; i < count; i++) {
		int64_t due = sqlite_read(store, SQL_HEAD_DELAYED, -1, "i", queues[i]);
		if (due >= 0)
			find_sooner(&next, due, clock_wall_ms());
		int64_t until = first_expiry(store, queues[i]);
		if (until >= 0)
			find_sooner(&next, until, clock_steady_ms());
	}
	return next;
}

/* The queues of a request that may be leased from; *next: until a rate lets more in, or −1. */
static bool is_ready(struct sqlite_store *store, int64_t queue, const struct lease_limit *limit,
	int64_t *next, bool *is_limited)
{
	if (!sqlite_read(store, SQL_IS_READY, 0, "i", queue))
		return false;
	struct sqlite_room room = sqlite_room(store, queue, limit, 1);
	if (room.tasks > 0)
		return true;
	*is_limited = true;
	if (room.wait_ms >= 0)
		find_sooner(next, room.wait_ms, 0);
	return false;
}

bool sqlite_has_work(
	struct sqlite_store *store, const struct lease_request *request, struct lease_batch *batch)
{
	OWNED(free) int64_t *queues = xcalloc(request->queue_count + 1, sizeof *queues);
	size_t count = 0;
	int64_t rated = -1;
	bool is_any_ready = false;
	batch->is_limited = false;
	for (size_t i = 0; i < request->queue_count && !is_any_ready; i++) {
		int64_t queue = sqlite_find_queue(store, request->queues[i]);
		struct lease_limit limit = backend_limit(request, i);
		if (queue)
			queues[count++] = queue;
		is_any_ready = queue && is_ready(store, queue, &limit, &rated, &batch->is_limited);
		/* What ends a lease has to know it. */
		is_any_ready |=
			queue && request->limits && !sqlite_is_limit_noted(store, queue, &limit);
	}
	batch->next_ms = sqlite_next_ms(store, queues, count);
	if (rated >= 0)
		find_sooner(&batch->next_ms, rated, 0);
	return is_any_ready || batch->next_ms == 0;
}

bool sqlite_lease(struct store *base, const struct lease_request *request, struct lease_batch *out,
	struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct lease_batch batch = { .next_ms = -1 };
	if (!sqlite_begin_read(store, err))
		return false;
	bool has_any = sqlite_has_work(store, request, &batch);
	if (!sqlite_end(store, err))
		return false;
	if (has_any) {
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		sqlite_lease_queues(store, request, &batch);
		if (batch.count == 0)
			sqlite_has_work(store, request, &batch);
		else
			sqlite_ring_more(store, request);
		if (!sqlite_end(store, err)) {
			lease_batch_finish(&batch);
			return false;
		}
	}
	*out = batch;
	return true;
}

/* Takes the task out of wherever it stands; false with err where it can't be taken. */
static bool take_named(
	struct sqlite_store *store, const char *id, struct sqlite_task *task, struct error *err)
{
	struct sqlite_task found = { 0 };
	int64_t number = sqlite_find_task(store, id);
	if (!number || !sqlite_load_task(store, number, &found))
		return store->failure ? sqlite_report(store, err)
				      : error_set(err, ERROR_NOT_FOUND, "there is no task %s", id);
	struct sqlite_held held;
	if (found.state > TASK_QUEUED || sqlite_load_held(store, number, &held)) {
		error_set(err, ERROR_CONFLICT, "task %s %s", id,
			found.state > TASK_QUEUED ? "has ended" : "is being worked on");
		sqlite_task_finish(&found);
		return false;
	}
	struct sqlite_job job;
	bool is_in_job = sqlite_load_job(store, sqlite_job_of(number), &job);
	if (is_in_job && job.status == JOB_CANCELLED) {
		sqlite_task_finish(&found);
		return error_set(err, ERROR_CONFLICT, "the job of task %s is cancelled", id);
	}
	sqlite_detach(store, &found);
	if (found.bundle)
		found.due = clock_wall_ms();
	if (is_in_job && found.state == TASK_WAITING) {
		sqlite_stop_waiting(store, &job, &found);
		job.active++;
		sqlite_store_job(store, &job);
		found.due = clock_wall_ms();
		sqlite_run(store, SQL_WAKE_TASK, "ii", number, found.due);
	}
	*task = found;
	return true;
}

bool sqlite_lease_task(struct store *base, const char *id, const char *owner, int64_t lease_ms,
	struct lease_batch *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct lease_batch batch = { .next_ms = -1 };
	struct hold by = { owner, lease_ms };
	struct sqlite_task task;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	if (!take_named(store, id, &task, err))
		return sqlite_cancel(store);
	hold(store, &task, task.due, &by, &batch);
	sqlite_task_finish(&task);
	if (!sqlite_end(store, err)) {
		lease_batch_finish(&batch);
		return false;
	}
	*out = batch;
	return true;
}

static enum renewal renew_held(struct sqlite_store *store, int64_t number,
	const struct sqlite_held *held, int64_t lease_ms)
{
	struct sqlite_job job;
	sqlite_run(store, SQL_RENEW_LEASE, "iii", number, clock_steady_ms() + lease_ms, lease_ms);
	bool is_cancelled =
		held->is_cancelled || (sqlite_load_job(store, sqlite_job_of(number), &job) &&
					      job.status == JOB_CANCELLED);
	return is_cancelled ? RENEW_CANCELLED : RENEWED;
}

bool sqlite_renew(struct store *base, const char *id, const struct token *token, int64_t lease_ms,
	enum renewal *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct sqlite_held held;
	enum renewal renewal = RENEW_STALE;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	int64_t number = sqlite_find_task(store, id);
	if (number && sqlite_load_held(store, number, &held) && sqlite_token_is(token, &held.token))
		renewal = renew_held(store, number, &held, lease_ms);
	if (!sqlite_end(store, err))
		return false;
	*out = renewal;
	return true;
}

bool sqlite_list_held(
	struct store *base, const char *owner, struct lease_batch *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct lease_batch batch = { .next_ms = -1 };
	if (!sqlite_begin_read(store, err))
		return false;
	append_rows(store, sqlite_query(store, SQL_LIST_HELD, "t", owner), &batch);
	if (!sqlite_end(store, err)) {
		lease_batch_finish(&batch);
		return false;
	}
	*out = batch;
	return true;
}
