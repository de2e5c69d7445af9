/* Tasks, litters and jobs come into being and are freed again; see memory_births.h. */
#include "stores/memory_births.h"

#include "base/clock.h"
#include "stores/memory_tasks.h"

struct litter *memory_create_litter(void)
{
	return xcalloc(1, sizeof(struct litter));
}

static void set_task(struct task *task, const char *name, const char *payload)
{
	task->name = xstrdup(name);
	task->payload = xstrdup(payload);
	task->link.self = task;
	task->clock.self = task;
	task->turn.self = task;
	task->state = TASK_QUEUED;
}

/* The line of the litter whose tasks become ready together with the child. */
static struct bundle *bundle_for(
	struct litter *litter, struct job *job, struct queue *queue, const struct new_task *child)
{
	for (size_t i = 0; i < litter->bundles_count; i++) {
		struct bundle *bundle = litter->bundles[i];
		if (bundle->queue == queue && bundle->priority == child->priority &&
			bundle->delay_ms == child->delay_ms)
			return bundle;
	}
	struct bundle *bundle = xcalloc(1, sizeof *bundle);
	bundle->job = job;
	bundle->queue = queue;
	bundle->priority = child->priority;
	bundle->delay_ms = child->delay_ms;
	bundle->node.self = bundle;
	bundle->claim.self = bundle;
	litter->bundles = xgrow(litter->bundles, litter->bundles_count, &litter->bundles_room,
		sizeof(struct bundle *));
	return litter->bundles[litter->bundles_count++] = bundle;
}

static struct task *create_child(
	struct memory *memory, struct job *job, const struct new_task *child)
{
	struct task *task = xcalloc(1, sizeof *task);
	set_task(task, child->name, child->payload);
	task->job = job;
	task->scopes = xstrdup(child->scopes);
	task->queue = memory_queue(memory, child->queue);
	task->census = memory_census(job, 0, child->name);
	task->priority = child->priority;
	if (child->waits) {
		task->wait_gate = xstrdup(child->wait_gate);
		task->wait_scope = child->wait_scope;
		task->wait_timeout_ms = child->wait_timeout_ms;
		task->wait_delay_ms = child->delay_ms;
	}
	return task;
}

void memory_write_child(
	struct memory *memory, struct job *job, struct litter *litter, const struct new_task *child)
{
	struct task *task = create_child(memory, job, child);
	task->litter = litter;
	task->index = litter->count;
	litter->tasks = xgrow(litter->tasks, litter->count, &litter->room, sizeof(struct task *));
	litter->tasks[litter->count++] = task;
	if (child->waits)
		return; /* joins its gate's line at birth */
	task->bundle = bundle_for(litter, job, task->queue, child);
	line_add(&task->bundle->tasks, &task->link);
}

/* Tasks that wait come from effects only, never written ahead: so few that each may be looked at.
 */
static void place_waiting(struct memory *memory, struct litter *litter, int64_t now)
{
	for (size_t i = 0; i < litter->count; i++) {
		struct task *task = litter->tasks[i];
		if (!task->wait_gate)
			continue;
		if (task->wait_timeout_ms > 0)
			task->wait_until_ms = now + task->wait_timeout_ms;
		struct counter *counter =
			memory_counter(task->job, task->wait_scope, task->wait_gate);
		if (counter->pending > 0)
			memory_wait_for(memory, task, counter);
		else
			memory_make_ready(memory, task, now + task->wait_delay_ms);
	}
}

void memory_give_birth(
	struct memory *memory, struct job *job, struct litter *litter, int64_t parent)
{
	int64_t now = clock_wall_ms();
	litter->first_seq = job->next_seq;
	litter->born_at_ms = now;
	litter->parent = parent;
	job->next_seq += (int64_t)litter->count;
	job->litters = xgrow(
		job->litters, job->litters_count, &job->litters_room, sizeof(struct litter *));
	job->litters[job->litters_count++] = litter;
	bool is_written_ahead = litter->next_index > 0;
	for (size_t i = 0; i < litter->bundles_count; i++)
		memory_place_bundle(memory, litter->bundles[i], now + litter->bundles[i]->delay_ms);
	litter->bundles_count = 0;
	if (!is_written_ahead)
		place_waiting(memory, litter, now);
}

struct pushed *memory_create_pushed(struct memory *memory, const struct push *push)
{
	struct pushed *pushed = xcalloc(1, sizeof *pushed);
	set_task(&pushed->task, push->name, push->payload);
	pushed->task.queue = memory_queue(memory, push->queue);
	pushed->task.priority = push->priority;
	pushed->task.created_at_ms = clock_wall_ms();
	pushed->id = xstrdup(push->id);
	pushed->key = xstrdup(push->key);
	pushed->shelf.self = pushed;
	pushed->remains = (struct remains){ .pushed = pushed };
	pushed->remains.ended.self = pushed->remains.results.self = &pushed->remains;
	map_add(&memory->pushed, push->id, pushed);
	memory_make_ready(memory, &pushed->task, clock_wall_ms() + push->delay_ms);
	return pushed;
}

void memory_drop_litter(struct memory *memory, struct litter **litter)
{
	if (!*litter)
		return;
	(*litter)->next = memory->dropped;
	memory->dropped = *litter;
	*litter = NULL;
}

/* Frees what the task holds; it may still be queued, waiting or working. */
static void finish_task(struct memory *memory, struct task *task)
{
	if (task->bundle)
		memory_leave(memory, task);
	else if (task->state == TASK_WORKING)
		memory_take_back(memory, task);
	task->queue->dead_count -= memory_is_dead(task->state);
	memory_leave_line(memory, task);
	for (size_t i = 0; i < task->attempts_count; i++) {
		free(task->attempts[i].entry);
		free(task->attempts[i].output);
	}
	free(task->attempts);
	free(task->name);
	free(task->payload);
	free(task->scopes);
	free(task->result);
	free(task->reason);
	free(task->wait_gate);
	free(task->group);
}

/* Frees the last tasks of the litter, and the litter where none is left. */
static bool free_litter(struct memory *memory, struct litter *litter, size_t *limit)
{
	for (; litter->count > 0 && *limit > 0; --*limit) {
		struct task *task = litter->tasks[--litter->count];
		finish_task(memory, task);
		free(task);
	}
	if (litter->count > 0)
		return false;
	for (size_t i = 0; i < litter->bundles_count; i++)
		free(litter->bundles[i]);
	free(litter->bundles);
	free(litter->tasks);
	free(litter);
	return true;
}

size_t memory_free_dropped(struct memory *memory, size_t limit)
{
	size_t left = limit;
	while (memory->dropped && left > 0) {
		struct litter *next = memory->dropped->next;
		if (!free_litter(memory, memory->dropped, &left))
			break;
		memory->dropped = next;
	}
	return limit - left;
}

void memory_free_pushed(struct memory *memory, struct pushed *pushed)
{
	map_drop(&memory->pushed, pushed->id);
	if (memory_state(&pushed->task) < TASK_COMPLETED)
		memory_drop_key(&memory->task_keys, pushed->task.queue->name, pushed->key);
	finish_task(memory, &pushed->task);
	line_leave(&pushed->shelf);
	memory_unend(&pushed->remains);
	free(pushed->id);
	free(pushed->key);
	free(pushed);
}

static void free_censuses(struct map *censuses)
{
	for (struct map_entry *at = map_after(censuses, NULL); at; at = at->next[0]) {
		struct census *census = at->value;
		free(census->name);
		free(census);
	}
	map_finish(censuses);
}

static void free_counters(struct map *counters)
{
	for (struct map_entry *at = map_after(counters, NULL); at; at = at->next[0]) {
		struct counter *counter = at->value;
		free(counter->waiters);
		free(counter);
	}
	map_finish(counters);
}

bool memory_free_job(struct memory *memory, struct job *job, size_t *limit)
{
	while (job->litters_count > 0) {
		if (!free_litter(memory, job->litters[job->litters_count - 1], limit))
			return false;
		job->litters_count--;
	}
	memory_unend(&job->remains);
	free_censuses(&job->censuses);
	free_counters(&job->counters);
	free(job->litters);
	free(job->names);
	free(job->id);
	free(job->workflow);
	free(job->workflow_hash);
	free(job->key);
	free(job->payload);
	free(job->reason);
	free(job);
	return true;
}
