/* What the store answers about workflows, gates, jobs, tasks and queues. */
#include "stores/postgres_store.h"

#include "stores/backend.h"

#include <stdio.h>
#include <string.h>

#define JOB_PAGE 1000

bool postgres_get_workflow(struct store *base, const char *hash, char **text, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_GET_WORKFLOW, "t", hash);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done && pq.PQntuples(batch.calls[0]->result) == 0)
		done = error_set(err, ERROR_NOT_FOUND, "there is no workflow %s", hash);
	else if (done)
		*text = postgres_text(batch.calls[0]->result, 0, 0);
	postgres_batch_finish(&batch);
	return done;
}

/* Each row has the counter too; without names it is asked for with one that nobody has. */
bool postgres_get_gate(struct store *base, const char *job, int64_t scope, const char *gate,
	const char *const *names, size_t count, struct gate_view *out, struct error *err)
{
	static const char *const nobody[] = { "" };
	struct postgres_batch batch = { 0 };
	OWNED(free)
	char *list = count > 0 ? postgres_array(names, count) : postgres_array(nobody, 1);
	postgres_call(&batch, POSTGRES_GET_GATE, "titt", job, scope, gate, list);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		*out = (struct gate_view){ .pending = postgres_int(rows, 0, 0),
			.version = (uint64_t)postgres_int(rows, 0, 1),
			.tallies = xcalloc(count + 1, sizeof *out->tallies),
			.count = count };
		for (size_t i = 0; i < count; i++)
			out->tallies[i] = (struct tally){
				.born = postgres_int(rows, (int)i, 2),
				.completed = postgres_int(rows, (int)i, 3),
				.failed = postgres_int(rows, (int)i, 4),
				.invalid = postgres_int(rows, (int)i, 5),
				.skipped = postgres_int(rows, (int)i, 6),
				.cancelled = postgres_int(rows, (int)i, 7),
				.excused = postgres_int(rows, (int)i, 8),
			};
	}
	postgres_batch_finish(&batch);
	return done;
}

static void read_job(const PGresult *rows, int row, struct job_record *record)
{
	*record = (struct job_record){ .id = postgres_text(rows, row, 0),
		.workflow = postgres_text(rows, row, 1),
		.workflow_hash = postgres_text(rows, row, 2),
		.key = postgres_text(rows, row, 3),
		.reason = postgres_text(rows, row, 4),
		.state = (enum job_state)postgres_int(rows, row, 5),
		.created_at_ms = postgres_int(rows, row, 6),
		.finished_at_ms = postgres_int(rows, row, 7),
		.payload = postgres_text(rows, row, 8) };
}

/* What is neither ended nor waiting nor working is queued. */
static void read_name(const PGresult *rows, int row, struct name_count *name)
{
	*name = (struct name_count){ .name = postgres_text(rows, row, 9),
		.states = { [TASK_WAITING] = postgres_int(rows, row, 11),
			[TASK_COMPLETED] = postgres_int(rows, row, 12),
			[TASK_FAILED] = postgres_int(rows, row, 13),
			[TASK_INVALID] = postgres_int(rows, row, 14),
			[TASK_SKIPPED] = postgres_int(rows, row, 15),
			[TASK_CANCELLED] = postgres_int(rows, row, 16),
			[TASK_WORKING] = postgres_int(rows, row, 17) } };
	int64_t queued = postgres_int(rows, row, 10);
	for (int state = 0; state < TASK_STATES; state++)
		queued -= name->states[state];
	name->states[TASK_QUEUED] = queued;
}

static void read_jobs(const PGresult *rows, struct job_list *list)
{
	size_t room = 0, names_room = 0;
	for (int row = 0; row < pq.PQntuples(rows); row++) {
		if (!pq.PQgetisnull(rows, row, 0)) {
			list->rows = xgrow(list->rows, list->count, &room, sizeof *list->rows);
			read_job(rows, row, &list->rows[list->count++]);
			names_room = 0;
			continue;
		}
		struct job_record *record = &list->rows[list->count - 1];
		record->names = xgrow(
			record->names, record->name_count, &names_room, sizeof *record->names);
		read_name(rows, row, &record->names[record->name_count++]);
	}
}

bool postgres_get_job(struct store *base, const char *id, struct job_record *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	struct job_list list = { 0 };
	postgres_call(&batch, POSTGRES_GET_JOB, "t", id);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done)
		read_jobs(batch.calls[0]->result, &list);
	postgres_batch_finish(&batch);
	if (done)
		*out = list.rows[0]; /* where there is none, the server said so */
	free(list.rows);
	return done;
}

bool postgres_list_jobs(struct store *base, const struct job_filter *filter, struct job_list *out,
	struct error *err)
{
	struct postgres_batch batch = { 0 };
	struct job_list list = { 0 };
	size_t limit = filter->limit < JOB_PAGE ? filter->limit : JOB_PAGE;
	if (filter->ending)
		postgres_call(&batch, POSTGRES_LIST_ENDING, "i", INT(limit));
	else
		postgres_call(&batch, POSTGRES_LIST_JOBS, "tibti", filter->workflow,
			INT(filter->state), filter->unfinished, filter->before, INT(limit));
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done)
		read_jobs(batch.calls[0]->result, &list);
	postgres_batch_finish(&batch);
	if (done)
		*out = list;
	return done;
}

static void read_task(const PGresult *rows, int row, struct task_record *record)
{
	int64_t number = postgres_int(rows, row, 0);
	*record = (struct task_record){ .job_id = postgres_text(rows, row, 2),
		.name = postgres_text(rows, row, 3),
		.queue = postgres_text(rows, row, 4),
		.reason = postgres_text(rows, row, 5),
		.scopes = postgres_text(rows, row, 6),
		.parent = postgres_int(rows, row, 7),
		.state = (enum task_state)postgres_int(rows, row, 8),
		.attempt = (uint32_t)postgres_int(rows, row, 9),
		.failures = (int)postgres_int(rows, row, 10),
		.crashes = (int)postgres_int(rows, row, 11),
		.losses = (int)postgres_int(rows, row, 12),
		.created_at_ms = postgres_int(rows, row, 13),
		.due_at_ms = postgres_int(rows, row, 14),
		.finished_at_ms = postgres_int(rows, row, 15),
		.wait_gate = postgres_text(rows, row, 16),
		.wait_scope = postgres_int(rows, row, 17),
		.payload = postgres_text(rows, row, 18),
		.result = postgres_text(rows, row, 19) };
	record->seq = number & ((INT64_C(1) << 27) - 1);
	snprintf(record->id, sizeof record->id, "%s", pq.PQgetvalue(rows, row, 1));
}

bool postgres_get_task(
	struct store *base, const char *id, struct task_record *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_GET_TASK, "t", id);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done && pq.PQntuples(batch.calls[0]->result) == 0)
		done = error_set(err, ERROR_NOT_FOUND, "there is no task %s", id);
	else if (done)
		read_task(batch.calls[0]->result, 0, out);
	postgres_batch_finish(&batch);
	return done;
}

/* A page being filled, slice by slice. */
struct page {
	const struct task_filter *filter;
	struct task_list list;
	size_t room, limit;
	int64_t after; /* −1: not begun */
	bool is_done;
};

static void read_slice(struct page *page, const PGresult *rows)
{
	struct task_list *list = &page->list;
	page->is_done = true;
	for (int row = 0; row < pq.PQntuples(rows); row++) {
		if (pq.PQgetisnull(rows, row, 1)) {
			page->after = postgres_int(rows, row, 0);
			page->is_done = false;
			break;
		}
		list->rows = xgrow(list->rows, list->count, &page->room, sizeof *list->rows);
		read_task(rows, row, &list->rows[list->count++]);
	}
	page->is_done |= list->count >= page->limit;
}

static bool next_slice(struct postgres_store *store, struct page *page, struct error *err)
{
	const struct task_filter *filter = page->filter;
	struct postgres_batch batch = { 0 };
	struct postgres_call *call = postgres_call(&batch, POSTGRES_LIST_TASKS, "tttiibbtii",
		filter->job, filter->queue, filter->name, filter->parent, INT(filter->state),
		filter->is_dead, filter->with_bodies, filter->after, page->after,
		INT(page->limit - page->list.count));
	if (page->after < 0)
		call->values[8] = NULL;
	bool done = postgres_run(store, &batch, err);
	if (done)
		read_slice(page, call->result);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_list_tasks(struct store *base, const struct task_filter *filter,
	struct task_list *out, struct error *err)
{
	struct page page = { .filter = filter, .limit = filter->limit, .after = -1 };
	if (page.limit == 0 || page.limit > BACKEND_LIST_MAX)
		page.limit = BACKEND_LIST_MAX;
	while (!page.is_done)
		if (!next_slice(postgres_of(base), &page, err)) {
			task_list_finish(&page.list);
			return false;
		}
	*out = page.list;
	return true;
}

bool postgres_list_attempts(
	struct store *base, const char *id, struct attempt_list *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_LIST_ATTEMPTS, "t", id);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		size_t count = (size_t)pq.PQntuples(rows);
		*out = (struct attempt_list){ .rows = xcalloc(count + 1, sizeof *out->rows),
			.count = count };
		for (size_t i = 0; i < count; i++)
			out->rows[i] = (struct attempt_record){ .attempt = (uint32_t)postgres_int(
									rows, (int)i, 0),
				.entry = postgres_text(rows, (int)i, 1),
				.output = postgres_text(rows, (int)i, 2) };
	}
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_get_queue(
	struct store *base, const char *queue, struct queue_stats *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_GET_QUEUE, "t", queue);
	bool done = postgres_run(postgres_of(base), &batch, err);
	const PGresult *row = done ? batch.calls[0]->result : NULL;
	if (done)
		*out = (struct queue_stats){ 0 };
	if (done && pq.PQntuples(row) > 0)
		*out = (struct queue_stats){ .depth = postgres_int(row, 0, 0),
			.delayed = postgres_int(row, 0, 1),
			.working = postgres_int(row, 0, 2),
			.dead = postgres_int(row, 0, 3),
			.unsent = postgres_int(row, 0, 4),
			.sent = postgres_int(row, 0, 5),
			.oldest_ms = postgres_int(row, 0, 6),
			.completed = postgres_int(row, 0, 7),
			.failed = postgres_int(row, 0, 8),
			.paused_at_ms = postgres_int(row, 0, 9),
			.rate_ms = postgres_int(row, 0, 10),
			.rate_taken = postgres_int(row, 0, 11),
			.rate_next_ms = postgres_int(row, 0, 12) };
	postgres_batch_finish(&batch);
	return done;
}
