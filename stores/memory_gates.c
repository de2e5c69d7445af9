/* Gates that wait, for the keeper's recount, and the mending of a counter that is wrong. */
#include "base/clock.h"
#include "stores/memory_acts.h"
#include "stores/memory_tasks.h"

#include <stdio.h>

/* A key of job->counters is "SCOPE/GATE". */
static void add_gate(
	struct gate_list *list, size_t *room, const struct job *job, const struct map_entry *at)
{
	const struct counter *counter = at->value;
	if (counter->pending <= 0 || counter->waiters_count == 0)
		return;
	list->rows = xgrow(list->rows, list->count, room, sizeof *list->rows);
	list->rows[list->count++] = (struct waiting_gate){ .job = xstrdup(job->id),
		.scope = strtoll(at->key, NULL, 10),
		.gate = xstrdup(strchr(at->key, '/') + 1),
		.pending = counter->pending };
}

/* Nothing waits any more where it was cancelled. A job that found no task to run although some
 * waited has failed; it runs again when that was a mistake. */
static bool is_listed(const struct job *job)
{
	return job->state != JOB_CANCELLED && (job->finished_at_ms == 0 || job->failing == 0);
}

bool memory_list_gates(struct store *store, const struct waiting_gate *after, size_t limit,
	struct gate_list *list, struct error *err)
{
	(void)err;
	const struct map *jobs = &memory_of(store)->jobs;
	size_t room = 0;
	*list = (struct gate_list){ 0 };
	const struct job *first = after ? map_find(jobs, after->job) : NULL;
	OWNED(free)
	char *key = after ? xprintf("%lld/%s", (long long)after->scope, after->gate) : NULL;
	if (first && is_listed(first))
		for (struct map_entry *at = map_after(&first->counters, key);
			at && list->count < limit; at = at->next[0])
			add_gate(list, &room, first, at);
	for (struct map_entry *entry = map_after(jobs, after ? after->job : NULL);
		entry && list->count < limit; entry = entry->next[0]) {
		const struct job *job = entry->value;
		if (!is_listed(job))
			continue;
		for (struct map_entry *at = map_after(&job->counters, NULL);
			at && list->count < limit; at = at->next[0])
			add_gate(list, &room, job, at);
	}
	return true;
}

static bool is_key_free(const struct memory *memory, const struct job *job)
{
	const void *holder = memory_find_key(&memory->job_keys, job->workflow, job->key);
	return !holder || holder == job;
}

bool memory_mend_gate(struct store *store, const char *id, int64_t scope, const char *gate,
	int64_t pending, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct job *job = map_find(&memory->jobs, id);
	if (!job)
		return error_set(err, ERROR_NOT_FOUND, "no job %s", id);
	struct counter *counter = memory_find_counter(job, scope, gate);
	if (!counter || counter->pending != pending || pending <= 0 || !is_listed(job))
		return error_set(err, ERROR_CONFLICT, "gate %s of job %s has changed", gate, id);
	if (!is_key_free(memory, job))
		return error_set(err, ERROR_CONFLICT, "the key of %s is taken by another", id);
	counter->pending = 0;
	if (memory_wake(memory, counter) && job->finished_at_ms > 0)
		memory_resume_job(memory, job);
	return true;
}
