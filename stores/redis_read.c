/* What the store answers about gates, jobs, tasks and queues. */
#include "stores/backend.h"
#include "stores/redis_store.h"

#include <stdio.h>

#define JOBS_LOOK     64 /* rows that one script looks at */
#define TASKS_LOOK    100
#define ATTEMPTS_LOOK 100

bool redis_get_gate(struct store *base, const char *job, int64_t scope, const char *gate,
	const char *const *names, size_t count, struct gate_view *view, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 4);
	redis_pack_text(&args, job);
	redis_pack_number(&args, scope);
	redis_pack_text(&args, gate);
	redis_pack_list(&args, count);
	for (size_t i = 0; i < count; i++)
		redis_pack_text(&args, names[i]);
	if (!redis_act(redis_of(base), REDIS_GET_GATE, &args, &reply, err))
		return false;
	*view = (struct gate_view){ .pending = redis_number(reply->element[0]),
		.version = (uint64_t)redis_number(reply->element[1]),
		.tallies = xcalloc(count + 1, sizeof *view->tallies),
		.count = count };
	for (size_t i = 0; i < count; i++) {
		redisReply *const *at = reply->element[2 + i]->element;
		view->tallies[i] = (struct tally){ redis_number(at[0]), redis_number(at[1]),
			redis_number(at[2]), redis_number(at[3]), redis_number(at[4]),
			redis_number(at[5]), redis_number(at[6]) };
	}
	return true;
}

static void read_names(const redisReply *rows, struct job_record *record)
{
	record->names = xcalloc(rows->elements + 1, sizeof *record->names);
	record->name_count = rows->elements;
	for (size_t i = 0; i < rows->elements; i++) {
		redisReply *const *at = rows->element[i]->element;
		record->names[i].name = redis_text(at[0]);
		for (int state = 0; state < TASK_STATES; state++)
			record->names[i].states[state] = redis_number(at[1 + state]);
	}
}

static void read_job(const redisReply *row, struct job_record *record)
{
	redisReply *const *at = row->element;
	*record = (struct job_record){ .id = redis_text(at[0]),
		.workflow = redis_text(at[1]),
		.workflow_hash = redis_text(at[2]),
		.key = redis_text(at[3]),
		.payload = redis_text(at[4]),
		.reason = redis_text(at[5]),
		.state = (enum job_state)redis_number(at[6]),
		.created_at_ms = redis_number(at[7]),
		.finished_at_ms = redis_number(at[8]) };
	read_names(at[9], record);
}

static bool ask_by_id(struct redis_store *store, enum redis_script script, const char *id,
	redisReply **reply, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	redis_pack_list(&args, 1);
	redis_pack_text(&args, id);
	return redis_act(store, script, &args, reply, err);
}

bool redis_get_job(struct store *base, const char *id, struct job_record *record, struct error *err)
{
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!ask_by_id(redis_of(base), REDIS_GET_JOB, id, &reply, err))
		return false;
	read_job(reply, record);
	return true;
}

static bool add_jobs(struct redis_store *store, const struct job_filter *filter, char **before,
	struct job_list *list, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 7);
	redis_pack_text(&args, *before);
	redis_pack_text(&args, filter->workflow);
	redis_pack_number(&args, filter->state);
	redis_pack_bool(&args, filter->unfinished);
	redis_pack_number(&args, (int64_t)(filter->limit - list->count));
	redis_pack_number(&args, JOBS_LOOK);
	redis_pack_bool(&args, filter->ending);
	if (!redis_act(store, REDIS_LIST_JOBS, &args, &reply, err))
		return false;
	const redisReply *rows = reply->element[0];
	list->rows = xrealloc(list->rows, (list->count + rows->elements + 1) * sizeof *list->rows);
	for (size_t i = 0; i < rows->elements; i++)
		read_job(rows->element[i], &list->rows[list->count++]);
	free(*before);
	*before = redis_text(reply->element[1]);
	return true;
}

bool redis_list_jobs(struct store *base, const struct job_filter *filter, struct job_list *list,
	struct error *err)
{
	struct job_list found = { 0 };
	OWNED(free) char *before = xstrdup(filter->before);
	do {
		if (found.count >= filter->limit)
			break;
		if (!add_jobs(redis_of(base), filter, &before, &found, err)) {
			job_list_finish(&found);
			return false;
		}
	} while (before);
	*list = found;
	return true;
}

static void read_task(const redisReply *row, struct task_record *record)
{
	redisReply *const *at = row->element;
	*record = (struct task_record){ .job_id = redis_text(at[1]),
		.name = redis_text(at[2]),
		.queue = redis_text(at[3]),
		.payload = redis_text(at[4]),
		.result = redis_text(at[5]),
		.reason = redis_text(at[6]),
		.scopes = redis_text(at[7]),
		.seq = redis_number(at[8]),
		.parent = redis_number(at[9]),
		.state = (enum task_state)redis_number(at[10]),
		.attempt = (uint32_t)redis_number(at[11]),
		.failures = (int)redis_number(at[12]),
		.crashes = (int)redis_number(at[13]),
		.losses = (int)redis_number(at[14]),
		.created_at_ms = redis_number(at[15]),
		.due_at_ms = redis_number(at[16]),
		.finished_at_ms = redis_number(at[17]),
		.wait_gate = redis_text(at[18]),
		.wait_scope = redis_number(at[19]) };
	snprintf(record->id, sizeof record->id, "%s", at[0]->str);
}

bool redis_get_task(
	struct store *base, const char *id, struct task_record *record, struct error *err)
{
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!ask_by_id(redis_of(base), REDIS_GET_TASK, id, &reply, err))
		return false;
	read_task(reply, record);
	return true;
}

/* Where a page goes on; "" from the first, NULL where that task is not known. */
static bool find_after(struct redis_store *store, const char *after, char **ref, struct error *err)
{
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!after || strcmp(after, store->listed_id) == 0) {
		*ref = xstrdup(after ? store->listed_ref : "");
		return true;
	}
	if (!ask_by_id(store, REDIS_FIND_REF, after, &reply, err))
		return false;
	*ref = redis_text(reply);
	return true;
}

static void pack_filter(
	struct redis_pack *args, const struct task_filter *filter, const char *ref, size_t limit)
{
	redis_pack_list(args, 11);
	redis_pack_text(args, filter->job ? "job" : filter->is_dead ? "dead" : "all");
	redis_pack_text(args, filter->job);
	redis_pack_text(args, filter->queue);
	redis_pack_text(args, filter->name);
	redis_pack_number(args, filter->parent);
	redis_pack_number(args, filter->state);
	redis_pack_bool(args, filter->is_dead);
	redis_pack_bool(args, filter->with_bodies);
	redis_pack_text(args, ref);
	redis_pack_number(args, (int64_t)limit);
	redis_pack_number(args, TASKS_LOOK);
}

static bool add_tasks(struct redis_store *store, const struct task_filter *filter, size_t limit,
	char **ref, struct task_list *list, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	pack_filter(&args, filter, *ref, limit - list->count);
	if (!redis_act(store, REDIS_LIST_TASKS, &args, &reply, err))
		return false;
	const redisReply *rows = reply->element[0];
	list->rows = xrealloc(list->rows, (list->count + rows->elements + 1) * sizeof *list->rows);
	for (size_t i = 0; i < rows->elements; i++)
		read_task(rows->element[i], &list->rows[list->count++]);
	free(*ref);
	*ref = redis_text(reply->element[1]);
	return true;
}

bool redis_list_tasks(struct store *base, const struct task_filter *filter, struct task_list *list,
	struct error *err)
{
	struct redis_store *store = redis_of(base);
	struct task_list found = { 0 };
	size_t limit = filter->limit && filter->limit < BACKEND_LIST_MAX ? filter->limit
									 : BACKEND_LIST_MAX;
	OWNED(free) char *ref = NULL;
	if (!find_after(store, filter->after, &ref, err))
		return false;
	while (ref && found.count < limit) {
		if (!add_tasks(store, filter, limit, &ref, &found, err)) {
			task_list_finish(&found);
			return false;
		}
	}
	if (found.count > 0 && ref) {
		snprintf(store->listed_id, sizeof store->listed_id, "%s",
			found.rows[found.count - 1].id);
		snprintf(store->listed_ref, sizeof store->listed_ref, "%s", ref);
	}
	*list = found;
	return true;
}

static bool add_attempts(struct redis_store *store, const char *id, int64_t *first,
	struct attempt_list *list, struct error *err)
{
	OWNED(redis_pack) struct redis_pack args = { 0 };
	OWNED(redis_reply) redisReply *reply = NULL;
	redis_pack_list(&args, 3);
	redis_pack_text(&args, id);
	redis_pack_number(&args, *first);
	redis_pack_number(&args, ATTEMPTS_LOOK);
	if (!redis_act(store, REDIS_LIST_ATTEMPTS, &args, &reply, err))
		return false;
	const redisReply *rows = reply->element[0];
	list->rows = xrealloc(list->rows, (list->count + rows->elements + 1) * sizeof *list->rows);
	for (size_t i = 0; i < rows->elements; i++) {
		redisReply *const *at = rows->element[i]->element;
		list->rows[list->count++] =
			(struct attempt_record){ .attempt = (uint32_t)redis_number(at[0]),
				.entry = redis_text(at[1]),
				.output = redis_text(at[2]) };
	}
	*first = redis_number(reply->element[1]) ? *first + ATTEMPTS_LOOK : 0;
	return true;
}

bool redis_list_attempts(
	struct store *base, const char *id, struct attempt_list *list, struct error *err)
{
	struct attempt_list found = { 0 };
	for (int64_t first = 1; first > 0;)
		if (!add_attempts(redis_of(base), id, &first, &found, err)) {
			attempt_list_finish(&found);
			return false;
		}
	*list = found;
	return true;
}

bool redis_get_queue(
	struct store *base, const char *queue, struct queue_stats *stats, struct error *err)
{
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!ask_by_id(redis_of(base), REDIS_GET_QUEUE, queue, &reply, err))
		return false;
	redisReply *const *at = reply->element;
	*stats = (struct queue_stats){ .depth = redis_number(at[0]),
		.delayed = redis_number(at[1]),
		.working = redis_number(at[2]),
		.dead = redis_number(at[3]),
		.oldest_ms = redis_number(at[4]),
		.completed = redis_number(at[5]),
		.failed = redis_number(at[6]),
		.unsent = redis_number(at[7]),
		.sent = redis_number(at[8]),
		.paused_at_ms = redis_number(at[9]),
		.rate_ms = redis_number(at[10]),
		.rate_taken = redis_number(at[11]),
		.rate_next_ms = redis_number(at[12]) };
	return true;
}
