/* How tasks move between the tables; see memory_tasks.h. */
#include "stores/memory_tasks.h"

#include "base/clock.h"
#include "stores/memory_births.h"

#include <assert.h>
#include <stdio.h>

struct queue *memory_queue(struct memory *memory, const char *name)
{
	struct queue *queue = map_find(&memory->queues, name);
	if (queue)
		return queue;
	queue = xcalloc(1, sizeof *queue);
	queue->name = xstrdup(name);
	map_add(&memory->queues, name, queue);
	return queue;
}

struct task *memory_task_at(const struct job *job, int64_t seq)
{
	size_t low = 0, high = job->litters_count;
	while (low < high) { /* the first litter that begins after seq */
		size_t middle = low + (high - low) / 2;
		if (job->litters[middle]->first_seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	const struct litter *litter = job->litters[low - 1];
	int64_t index = seq - litter->first_seq;
	return (size_t)index < litter->count ? litter->tasks[index] : NULL;
}

struct task *memory_find_task(struct memory *memory, const char *id)
{
	struct pushed *pushed = map_find(&memory->pushed, id);
	if (pushed)
		return &pushed->task;
	char job_id[IDS_UUID_SIZE];
	int64_t seq;
	if (!store_split_id(id, job_id, &seq))
		return NULL;
	struct job *job = map_find(&memory->jobs, job_id);
	return job ? memory_task_at(job, seq) : NULL;
}

static char *scoped(int64_t scope, const char *name)
{
	return xprintf("%lld/%s", (long long)scope, name);
}

struct counter *memory_find_counter(const struct job *job, int64_t scope, const char *gate)
{
	OWNED(free) char *key = scoped(scope, gate);
	return map_find(&job->counters, key);
}

struct counter *memory_counter(struct job *job, int64_t scope, const char *gate)
{
	OWNED(free) char *key = scoped(scope, gate);
	struct counter *counter = map_find(&job->counters, key);
	if (!counter) {
		counter = xcalloc(1, sizeof *counter);
		map_add(&job->counters, key, counter);
	}
	return counter;
}

struct census *memory_find_census(const struct job *job, int64_t scope, const char *name)
{
	OWNED(free) char *key = scoped(scope, name);
	return map_find(&job->censuses, key);
}

struct census *memory_census(struct job *job, int64_t scope, const char *name)
{
	OWNED(free) char *key = scoped(scope, name);
	struct census *census = map_find(&job->censuses, key);
	if (!census) {
		census = xcalloc(1, sizeof *census);
		census->name = xstrdup(name);
		map_add(&job->censuses, key, census);
	}
	return census;
}

enum task_state memory_state(const struct task *task)
{
	static const enum task_state states[] = {
		[PLACE_UNBORN] = TASK_QUEUED,
		[PLACE_WAITING] = TASK_WAITING,
		[PLACE_DELAYED] = TASK_QUEUED,
		[PLACE_READY] = TASK_QUEUED,
		[PLACE_UNSENT] = TASK_QUEUED,
		[PLACE_CLAIMED] = TASK_QUEUED,
		[PLACE_SENT] = TASK_QUEUED,
		[PLACE_PARKED] = TASK_QUEUED,
	};
	return task->bundle ? states[task->bundle->place] : task->state;
}

int64_t memory_seq(const struct task *task)
{
	return task->litter ? task->litter->first_seq + (int64_t)task->index : 0;
}

char *memory_task_id(const struct task *task, char out[STORE_ID_SIZE])
{
	if (task->job)
		snprintf(out, STORE_ID_SIZE, "%s.%lld", task->job->id, (long long)memory_seq(task));
	else
		snprintf(out, STORE_ID_SIZE, "%s", ((const struct pushed *)task)->id);
	return out;
}

bool memory_is_cancelled(const struct task *task)
{
	return task->job && task->job->state == JOB_CANCELLED;
}

/* Adds the tasks of a bundle to the counts of its place, or takes them away (by < 0). */
static void count_bundle(struct bundle *bundle, int64_t by)
{
	switch (bundle->place) {
	case PLACE_UNBORN:
		return;
	case PLACE_WAITING:
		bundle->job->waiting += by;
		bundle->census->waiting += by;
		return;
	case PLACE_DELAYED:
		bundle->queue->delayed_count += by;
		break;
	case PLACE_READY:
		bundle->queue->ready_count += by;
		break;
	case PLACE_UNSENT:
	case PLACE_CLAIMED:
		bundle->queue->unsent_count += by;
		break;
	case PLACE_SENT:
		bundle->queue->sent_count += by;
		break;
	case PLACE_PARKED:
		bundle->queue->parked_count += by;
		break;
	}
	if (bundle->job)
		bundle->job->queued += by;
}

void memory_set_place(struct bundle *bundle, enum place place)
{
	int64_t tasks = (int64_t)bundle->tasks.count;
	count_bundle(bundle, -tasks);
	bundle->place = place;
	count_bundle(bundle, tasks);
}

static void place_at(struct memory *memory, struct bundle *bundle, enum place place, int64_t order)
{
	memory_unplace(memory, bundle);
	memory_set_place(bundle, place);
	if (place == PLACE_READY) {
		heap_add(&bundle->queue->ready, &bundle->node, -bundle->priority, order);
		bundle->queue->rung++;
	} else {
		heap_add(&bundle->queue->delayed, &bundle->node, bundle->due_at_ms, order);
	}
}

void memory_keep_bundle(struct memory *memory, struct bundle *bundle, int64_t due_at_ms)
{
	bundle->due_at_ms = due_at_ms;
	bool is_due = due_at_ms <= clock_wall_ms();
	place_at(memory, bundle, is_due ? PLACE_READY : PLACE_DELAYED, ++memory->last_order);
}

void memory_place_bundle(struct memory *memory, struct bundle *bundle, int64_t due_at_ms)
{
	if (!bundle->queue->has_door) {
		memory_keep_bundle(memory, bundle, due_at_ms);
		return;
	}
	bundle->due_at_ms = due_at_ms;
	memory_set_unsent(memory, bundle, true);
}

static void shelve(struct task *task)
{
	if (!task->job)
		line_add(&task->queue->pushed_queued, &((struct pushed *)task)->shelf);
}

struct bundle *memory_bundle_alone(struct task *task)
{
	struct bundle *bundle = xcalloc(1, sizeof *bundle);
	bundle->job = task->job;
	bundle->queue = task->queue;
	bundle->census = task->census;
	bundle->priority = task->priority;
	bundle->node.self = bundle;
	bundle->claim.self = bundle;
	bundle->place = PLACE_UNBORN;
	task->bundle = bundle;
	line_add(&bundle->tasks, &task->link);
	shelve(task);
	return bundle;
}

/* True where the task is in a line and it is not its turn. */
static bool park(struct task *task, int64_t due_at_ms)
{
	if (memory_is_first(task))
		return false;
	struct bundle *bundle = memory_bundle_alone(task);
	bundle->due_at_ms = due_at_ms;
	memory_set_place(bundle, PLACE_PARKED);
	return true;
}

void memory_keep(struct memory *memory, struct task *task, int64_t due_at_ms)
{
	if (!park(task, due_at_ms))
		memory_keep_bundle(memory, memory_bundle_alone(task), due_at_ms);
}

void memory_make_ready(struct memory *memory, struct task *task, int64_t due_at_ms)
{
	if (task->fifo)
		memory_keep(memory, task, due_at_ms);
	else
		memory_place_bundle(memory, memory_bundle_alone(task), due_at_ms);
}

void memory_make_first(struct memory *memory, struct task *task)
{
	if (park(task, task->due_at_ms))
		return;
	struct bundle *bundle = memory_bundle_alone(task);
	bundle->due_at_ms = task->due_at_ms;
	place_at(memory, bundle, PLACE_READY, --memory->first_order);
}

static struct bundle *find_waiters(const struct counter *counter, const struct task *task)
{
	for (size_t i = 0; i < counter->waiters_count; i++) {
		struct bundle *bundle = counter->waiters[i];
		if (bundle->queue == task->queue && bundle->priority == task->priority &&
			bundle->census == task->census && bundle->delay_ms == task->wait_delay_ms)
			return bundle;
	}
	return NULL;
}

void memory_wait_for(struct memory *memory, struct task *task, struct counter *counter)
{
	/* Who waits in a line may be waited for by it. */
	memory_leave_line(memory, task);
	free(GIVE(task->group));
	struct bundle *bundle = find_waiters(counter, task);
	if (bundle) {
		task->bundle = bundle;
		line_add(&bundle->tasks, &task->link);
		count_bundle(bundle, 1);
	} else {
		bundle = memory_bundle_alone(task);
		bundle->place = PLACE_WAITING;
		bundle->counter = counter;
		bundle->delay_ms = task->wait_delay_ms;
		count_bundle(bundle, 1);
		counter->waiters = xgrow(counter->waiters, counter->waiters_count, &counter->room,
			sizeof(struct bundle *));
		counter->waiters[counter->waiters_count++] = bundle;
	}
	if (task->wait_until_ms > clock_wall_ms())
		heap_add(&task->queue->timeouts, &task->clock, task->wait_until_ms, 0);
}

static void forget_waiters(struct counter *counter, const struct bundle *bundle)
{
	for (size_t i = 0; i < counter->waiters_count; i++)
		if (counter->waiters[i] == bundle) {
			counter->waiters[i] = counter->waiters[--counter->waiters_count];
			return;
		}
}

void memory_leave(struct memory *memory, struct task *task)
{
	struct bundle *bundle = task->bundle;
	if (!bundle)
		return;
	count_bundle(bundle, -1);
	task->due_at_ms = bundle->due_at_ms;
	task->bundle = NULL;
	line_leave(&task->link);
	heap_leave(&task->clock);
	if (!task->job)
		line_leave(&((struct pushed *)task)->shelf);
	if (bundle->tasks.count > 0 || bundle->place == PLACE_UNBORN)
		return;
	if (bundle->place == PLACE_WAITING)
		forget_waiters(bundle->counter, bundle);
	else
		memory_unplace(memory, bundle);
	free(bundle);
}

struct holder *memory_get_holder(struct memory *memory, const char *owner)
{
	struct holder *holder = map_find(&memory->holders, owner);
	if (holder)
		return holder;
	holder = xcalloc(1, sizeof *holder);
	snprintf(holder->owner, sizeof holder->owner, "%s", owner);
	map_add(&memory->holders, owner, holder);
	return holder;
}

void memory_drop_holder(struct memory *memory, struct holder *holder)
{
	if (holder->tasks.count + holder->claims.count > 0)
		return;
	map_drop(&memory->holders, holder->owner);
	free(holder);
}

static void count_working(struct task *task, int64_t by)
{
	if (!task->job)
		return;
	task->job->working += by;
	task->census->working += by;
}

void memory_hold(struct memory *memory, struct task *task, const char *owner, int64_t lease_ms)
{
	memory_leave(memory, task);
	task->state = TASK_WORKING;
	task->attempt++;
	task->token = (struct token){ .attempt = task->attempt, .nonce = ids_random64() };
	snprintf(task->token.owner, sizeof task->token.owner, "%s", owner);
	task->leased_at_ms = clock_wall_ms();
	task->holder = memory_get_holder(memory, owner);
	line_add(&task->holder->tasks, &task->link);
	heap_add(&task->queue->leases, &task->clock, clock_steady_ms() + lease_ms, 0);
	count_working(task, 1);
}

void memory_take_back(struct memory *memory, struct task *task)
{
	assert(task->holder);
	line_leave(&task->link);
	heap_leave(&task->clock);
	memory_drop_holder(memory, GIVE(task->holder));
	count_working(task, -1);
	memory_drop_litter(memory, &task->ahead);
}

static struct counter *counter_to_wait_for(const struct task *task)
{
	if (!task->wait_gate)
		return NULL;
	if (task->wait_until_ms > 0 && task->wait_until_ms <= clock_wall_ms())
		return NULL;
	struct counter *counter = memory_counter(task->job, task->wait_scope, task->wait_gate);
	return counter->pending > 0 ? counter : NULL;
}

void memory_put_back(struct memory *memory, struct task *task, bool first)
{
	struct counter *counter = counter_to_wait_for(task);
	if (task->due_at_ms == 0) /* it was taken while it waited */
		task->due_at_ms = clock_wall_ms();
	if (memory_is_cancelled(task))
		memory_end_cancelled(memory, task);
	else if (counter)
		memory_wait_for(memory, task, counter);
	else if (first && task->due_at_ms <= clock_wall_ms())
		memory_make_first(memory, task);
	else
		memory_keep(memory, task, task->due_at_ms);
}

void memory_record(struct task *task, const struct token *token, bool has_committed,
	const char *entry, const char *output)
{
	task->attempts = xgrow(
		task->attempts, task->attempts_count, &task->attempts_room, sizeof *task->attempts);
	task->attempts[task->attempts_count++] = (struct attempt){ .token = *token,
		.has_committed = has_committed,
		.entry = xstrdup(entry),
		.output = entry ? xstrdup(output) : NULL };
}
