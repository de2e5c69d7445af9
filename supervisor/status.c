/* The supervisor's status; see status.h. Every count of tasks is the keeper's, every count of
 * processes ours. */
#include "supervisor/status.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "supervisor/state.h"

#include <stdio.h>

#define RATE_WINDOW_MS 10000
#define RATE_LEAST_MS  1000

/* Attempts that ended per second since a sample that is at least a window old, where there is one:
 * asking often does not make the number jump, asking seldom gives the average since the last. */
static json_t *describe_rate(struct pool *pool)
{
	struct pool_sample now = { .at_ms = clock_steady_ms(), .ended = pool_ended(pool) };
	if (now.at_ms - pool->latest.at_ms >= RATE_WINDOW_MS) {
		pool->base = pool->latest;
		pool->latest = now;
	}
	int64_t span_ms = now.at_ms - pool->base.at_ms;
	if (span_ms < RATE_LEAST_MS)
		return json_null();
	double rate = (double)(now.ended - pool->base.ended) * 1000.0 / (double)span_ms;
	return json_real((double)(int64_t)(rate * 1000.0 + 0.5) / 1000.0);
}

static void set_measured(json_t *object, const struct queue_board *row, const char *key,
	const _Atomic int64_t *value, int64_t divisor)
{
	if (row && atomic_load(&row->measured_at_ms) != 0)
		json_object_set_new(object, key, json_integer(atomic_load(value) / divisor));
	else
		json_object_set_new(object, key, json_null());
}

static void set_count(json_t *object, const char *key, int64_t count)
{
	json_object_set_new(object, key, json_integer(count));
}

static int64_t count_recycled(const struct pool *pool)
{
	uint64_t count = pool->recycled;
	for (size_t i = 0; i < pool->count; i++)
		if (pool->children[i]->slot)
			count += atomic_load(&pool->children[i]->slot->recycled);
	return (int64_t)count;
}

/* What went through the door since the start, and what is in the outbox. NULL: the row is missing.
 */
static json_t *describe_broker(const struct queue_board *row)
{
	const struct queue_board none = { 0 };
	json_t *object = json_object();
	set_measured(object, row, "unsent", &(row ? row : &none)->unsent, 1);
	set_measured(object, row, "waiting", &(row ? row : &none)->sent, 1);
	row = row ? row : &none;
	set_count(object, "sent", (int64_t)atomic_load(&row->sent_total));
	set_count(object, "received", (int64_t)atomic_load(&row->received));
	set_count(object, "unknown", (int64_t)atomic_load(&row->unknown));
	set_count(object, "requests", (int64_t)atomic_load(&row->requests));
	return object;
}

const char *status_paused_by(const struct pool *pool)
{
	bool is_for_all = pool->board && atomic_load(&pool->board->paused_at_ms) != 0;
	if (is_for_all)
		return pool->is_paused ? "both" : "store";
	return pool->is_paused ? "supervisor" : NULL;
}

static json_t *describe_pool(struct pool *pool)
{
	struct queue_board row;
	if (pool->board)
		scoreboard_read_queue(pool->board, &row);
	const struct queue_board *shown = pool->board ? &row : NULL;
	json_t *object = json_object();
	set_count(object, "workers", (int64_t)pool_alive(pool));
	set_count(object, "busy", (int64_t)pool_busy(pool));
	set_count(object, "desired", pool->desired);
	set_count(object, "min", pool->queue ? pool->queue->workers_min : 0);
	set_count(object, "max", pool->queue ? pool->queue->workers_max : 0);
	const char *paused_by = status_paused_by(pool);
	json_object_set_new(object, "paused", json_boolean(paused_by != NULL));
	json_object_set_new(object, "paused_by", paused_by ? json_string(paused_by) : json_null());
	set_measured(object, shown, "depth", &row.depth, 1);
	set_measured(object, shown, "delayed", &row.delayed, 1);
	set_measured(object, shown, "working", &row.working, 1);
	set_measured(object, shown, "oldest_s", &row.oldest_ms, 1000);
	json_object_set_new(object, "rate_per_s", describe_rate(pool));
	set_measured(object, shown, "dead", &row.dead, 1);
	set_measured(object, shown, "completed", &row.completed, 1);
	set_measured(object, shown, "failed", &row.failed, 1);
	if (pool->supervisor->config->broker_url)
		json_object_set_new(object, "broker", describe_broker(shown));
	set_count(object, "restarts", (int64_t)pool->restarts);
	set_count(object, "recycled", count_recycled(pool));
	char until[CLOCK_TEXT_SIZE];
	json_object_set_new(object, "closed_until",
		pool->closed_until_s ? json_string(clock_format(pool->closed_until_s * 1000, until))
				     : json_null());
	return object;
}

static json_t *describe_child(const struct child *child)
{
	struct slot slot;
	char since[CLOCK_TEXT_SIZE];
	scoreboard_read_slot(child->slot, &slot);
	int state = atomic_load(&slot.state);
	bool is_known = state >= 0 && state < SLOT_STATES;
	json_t *object = json_object();
	set_count(object, "pid", child->pid);
	json_object_set_new(object, "queue", json_string(child->pool->name));
	set_count(object, "slot", child->number);
	json_object_set_new(
		object, "state", json_string(is_known ? slot_state_names[state] : "unknown"));
	slot.task_id[sizeof slot.task_id - 1] = '\0';
	json_object_set_new(
		object, "task", slot.task_id[0] ? json_string(slot.task_id) : json_null());
	json_object_set_new(
		object, "since", json_string(clock_format(atomic_load(&slot.since_ms), since)));
	return object;
}

static void add_children(const struct pool *pool, json_t *list)
{
	for (size_t i = 0; i < pool->count; i++)
		if (child_is_alive(pool->children[i]))
			json_array_append_new(list, describe_child(pool->children[i]));
}

static void add_process(const struct pool *pool, json_t *list)
{
	for (size_t i = 0; i < pool->count; i++) {
		const struct child *child = pool->children[i];
		if (child_is_alive(child))
			json_array_append_new(list, json_pack("{s:i, s:s}", "pid", (int)child->pid,
							    "name", child->name));
	}
}

static json_t *describe_processes(const struct supervisor *supervisor)
{
	json_t *list = json_array();
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		add_process(supervisor->processes[i], list);
	return list;
}

json_t *status_describe(struct supervisor *supervisor)
{
	json_t *queues = json_object();
	json_t *workers = json_array();
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		struct pool *pool = supervisor->pools[i];
		json_object_set_new(queues, pool->name, describe_pool(pool));
		add_children(pool, workers);
	}
	json_t *status = json_object();
	set_count(status, "pid", getpid());
	set_count(status, "uptime_s", (clock_steady_ms() - supervisor->started_at_ms) / 1000);
	json_object_set_new(status, "queues", queues);
	json_object_set_new(status, "workers", workers);
	json_object_set_new(status, "processes", describe_processes(supervisor));
	return status;
}

json_t *status_deaths(const struct supervisor *supervisor)
{
	json_t *list = json_array();
	uint64_t first =
		supervisor->death_count > DEATHS_KEPT ? supervisor->death_count - DEATHS_KEPT : 0;
	for (uint64_t i = first; i < supervisor->death_count; i++) {
		const struct death_note *note = &supervisor->deaths[i % DEATHS_KEPT];
		char at[CLOCK_TEXT_SIZE];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:s, s:s?}", "at", clock_format(note->at_ms, at),
				"worker", note->worker, "pid", (int)note->pid, "cause", note->cause,
				"task", note->task_id[0] ? note->task_id : NULL));
	}
	return list;
}

void status_log(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		struct pool *pool = supervisor->pools[i];
		OWNED(json) json_t *object = describe_pool(pool);
		OWNED(free) char *text = jsontext_print(object);
		log_line(LOG_INFO, "status of %s: %s", pool->name, text);
	}
	OWNED(json) json_t *deaths = status_deaths(supervisor);
	size_t index;
	json_t *death;
	json_array_foreach(deaths, index, death)
	{
		OWNED(free) char *text = jsontext_print(death);
		log_line(LOG_INFO, "death: %s", text);
	}
}
