/* What is deleted, a page at a time. */
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_tasks.h"

bool memory_purge(struct store *store, const char *name, bool dead, size_t limit, size_t *deleted,
	struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	struct queue *queue = map_find(&memory->queues, name);
	struct line *line = NULL;
	if (queue)
		line = dead ? &queue->pushed_dead : &queue->pushed_queued;
	size_t count = 0;
	for (; line && line->first && count < limit; count++)
		memory_free_pushed(memory, line->first->self);
	*deleted = count;
	return true;
}

static void drop_result(struct task *task)
{
	free(GIVE(task->result));
}

/* Drops results of what ended first; the job or task leaves the heap with its last one. */
static size_t drop_results(struct memory *memory, struct remains *remains, size_t limit)
{
	struct job *job = remains->job;
	size_t seen = 0;
	for (; job && seen < limit && job->results_seq < job->next_seq; seen++)
		drop_result(memory_task_at(job, job->results_seq++));
	if (remains->pushed) {
		drop_result(&remains->pushed->task);
		seen++;
	}
	if (!job || job->results_seq >= job->next_seq)
		heap_leave(&remains->results);
	(void)memory;
	return seen ? seen : 1;
}

static bool is_due(const struct heap *heap, int64_t before_ms)
{
	const struct heap_node *node = heap_first(heap);
	return node && node->rank < before_ms;
}

/* A job that is deleted is gone at once; its rows follow in pages. */
static void doom(struct memory *memory, struct job *job)
{
	memory_unend(&job->remains);
	map_drop(&memory->jobs, job->id);
	job->next = memory->doomed;
	memory->doomed = job;
}

static void free_doomed(struct memory *memory, size_t *limit)
{
	while (memory->doomed && *limit > 0) {
		struct job *job = memory->doomed;
		struct job *next = job->next;
		if (!memory_free_job(memory, job, limit))
			return;
		memory->doomed = next;
	}
}

/* Its key is the id of a task that has not ended: that has still to read what has become of it. It
 * is put off until a later cut. */
static bool put_off(
	struct memory *memory, struct heap *heap, struct heap_node *node, int64_t before_ms)
{
	const struct remains *remains = node->self;
	const char *key = remains->job ? remains->job->key : NULL;
	const struct task *task = key ? memory_find_task(memory, key) : NULL;
	if (!task || memory_state(task) > TASK_WORKING)
		return false;
	heap_leave(node);
	heap_add(heap, node, before_ms, 0);
	return true;
}

static size_t drop_ended(struct memory *memory, struct heap *heap, int64_t before_ms, size_t *limit)
{
	size_t deleted = 0;
	for (; *limit > 0 && is_due(heap, before_ms); --*limit) {
		struct heap_node *node = heap_first(heap);
		struct remains *remains = node->self;
		if (put_off(memory, heap, node, before_ms))
			continue;
		deleted++;
		if (remains->job)
			doom(memory, remains->job);
		else
			memory_free_pushed(memory, remains->pushed);
	}
	return deleted;
}

bool memory_gc(struct store *store, int64_t completed_before_ms, int64_t failed_before_ms,
	int64_t results_before_ms, size_t limit, size_t *deleted, bool *left, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	struct heap *completed = &memory->ended[KEEP_COMPLETED];
	struct heap *failed = &memory->ended[KEEP_FAILED];
	free_doomed(memory, &limit);
	*deleted = drop_ended(memory, completed, completed_before_ms, &limit) +
		   drop_ended(memory, failed, failed_before_ms, &limit);
	while (limit > 0 && is_due(&memory->results, results_before_ms)) {
		struct heap_node *node = heap_first(&memory->results);
		if (put_off(memory, &memory->results, node, results_before_ms))
			continue;
		size_t seen = drop_results(memory, node->self, limit);
		limit -= seen < limit ? seen : limit;
	}
	*left = memory->doomed || is_due(completed, completed_before_ms) ||
		is_due(failed, failed_before_ms) || is_due(&memory->results, results_before_ms);
	return true;
}
