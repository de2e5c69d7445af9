/* How tasks and jobs end, and the keys that unfinished ones hold; see memory_tasks.h. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_tasks.h"

void *memory_find_key(const struct map *keys, const char *place, const char *key)
{
	if (!key)
		return NULL;
	OWNED(free) char *whole = xprintf("%s\n%s", place, key);
	return map_find(keys, whole);
}

void memory_take_key(struct map *keys, const char *place, const char *key, void *self)
{
	if (!key || memory_find_key(keys, place, key))
		return;
	OWNED(free) char *whole = xprintf("%s\n%s", place, key);
	map_add(keys, whole, self);
}

void memory_drop_key(struct map *keys, const char *place, const char *key)
{
	if (!key)
		return;
	OWNED(free) char *whole = xprintf("%s\n%s", place, key);
	map_drop(keys, whole);
}

static void keep_remains(
	struct memory *memory, struct remains *remains, enum retention retention, int64_t now)
{
	heap_add(&memory->ended[retention], &remains->ended, now, 0);
	heap_add(&memory->results, &remains->results, now, 0);
}

static void end_pushed(struct memory *memory, struct pushed *pushed, enum task_state state)
{
	memory_drop_key(&memory->task_keys, pushed->task.queue->name, pushed->key);
	if (memory_is_dead(state))
		line_add(&pushed->task.queue->pushed_dead, &pushed->shelf);
	bool is_good = state == TASK_COMPLETED || state == TASK_SKIPPED;
	keep_remains(memory, &pushed->remains, is_good ? KEEP_COMPLETED : KEEP_FAILED,
		pushed->task.finished_at_ms);
}

void memory_end(struct memory *memory, struct task *task, enum task_state state)
{
	task->state = state;
	task->finished_at_ms = clock_wall_ms();
	task->queue->completed += state == TASK_COMPLETED;
	task->queue->failed += memory_is_dead(state);
	task->queue->dead_count += memory_is_dead(state);
	memory_leave_line(memory, task);
	if (!task->job)
		end_pushed(memory, (struct pushed *)task, state);
}

void memory_end_cancelled(struct memory *memory, struct task *task)
{
	memory_leave(memory, task);
	memory_end(memory, task, TASK_CANCELLED);
	task->census->tally.cancelled++;
	memory_settle_job(memory, task->job);
}

bool memory_settle_job(struct memory *memory, struct job *job)
{
	int64_t queued = job->state == JOB_CANCELLED ? 0 : job->queued;
	if (job->finished_at_ms > 0 || job->is_ending || queued + job->working > 0)
		return false;
	if (job->state == JOB_RUNNING && job->waiting > 0) {
		job->state = JOB_FAILED;
		job->reason = backend_stuck_reason(job->waiting);
	} else if (job->state == JOB_RUNNING) {
		job->state = JOB_COMPLETED;
	}
	job->finished_at_ms = clock_wall_ms();
	memory_drop_key(&memory->job_keys, job->workflow, job->key);
	keep_remains(memory, &job->remains,
		job->state == JOB_COMPLETED ? KEEP_COMPLETED : KEEP_FAILED, job->finished_at_ms);
	return true;
}

void memory_unend(struct remains *remains)
{
	heap_leave(&remains->ended);
	heap_leave(&remains->results);
}
