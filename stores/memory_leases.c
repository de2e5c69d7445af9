/* Who holds what: lease, renew, release, and what puts lost and due rows back. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_limits.h"
#include "stores/memory_tasks.h"

#define CANCELLED_MAX 64 /* tasks of cancelled jobs that one lease ends on the way */

bool memory_holds(const struct task *task, const struct token *token)
{
	return task->holder && task->token.attempt == token->attempt &&
	       task->token.nonce == token->nonce && strcmp(task->token.owner, token->owner) == 0;
}

static void describe(const struct task *task, struct leased *leased)
{
	*leased = (struct leased){
		.job_id = task->job ? xstrdup(task->job->id) : NULL,
		.seq = memory_seq(task),
		.parent = task->litter ? task->litter->parent : 0,
		.name = xstrdup(task->name),
		.queue = xstrdup(task->queue->name),
		.payload = xstrdup(task->payload),
		.scopes = xstrdup(task->scopes),
		.token = task->token,
		.failures = task->failures,
		.crashes = task->crashes,
		.losses = task->losses,
		.scheduled_at_ms = task->due_at_ms,
		.wait_scope = task->wait_scope,
		.wait_gate = xstrdup(task->wait_gate),
		.wait_until_ms = task->wait_until_ms,
		.is_cancelled = task->is_cancelled || memory_is_cancelled(task),
	};
	memory_task_id(task, leased->id);
}

/* The lease of its worker has ended. */
static void lose(struct memory *memory, struct task *task)
{
	OWNED(free)
	char *entry = backend_lost_entry(
		task->name, task->queue->name, task->attempt, task->leased_at_ms, clock_wall_ms());
	memory_record(task, &task->token, false, entry, NULL);
	task->losses++;
	memory_take_back(memory, task);
	memory_put_back(memory, task, false);
}

static size_t put_back_expired(struct memory *memory, struct queue *queue, size_t limit)
{
	int64_t now = clock_steady_ms();
	size_t count = 0;
	struct heap_node *node;
	for (; count < limit && (node = heap_first(&queue->leases)) && node->rank <= now; count++)
		lose(memory, node->self);
	return count;
}

static size_t put_back_delayed(struct memory *memory, struct queue *queue, size_t limit)
{
	int64_t now = clock_wall_ms();
	size_t count = 0;
	struct heap_node *node;
	for (; count < limit && (node = heap_first(&queue->delayed)) && node->rank <= now;
		count++) {
		struct bundle *bundle = node->self;
		memory_keep_bundle(memory, bundle, bundle->due_at_ms);
	}
	return count;
}

/* False where its gate has woken it already, or nothing of its job can run any more. */
static bool is_timed_out(const struct task *task)
{
	return memory_state(task) == TASK_WAITING && task->job->finished_at_ms == 0;
}

static size_t put_back_timed_out(struct memory *memory, struct queue *queue, size_t limit)
{
	int64_t now = clock_wall_ms();
	size_t count = 0;
	struct heap_node *node;
	for (size_t seen = 0;
		seen < limit && (node = heap_first(&queue->timeouts)) && node->rank <= now;
		seen++) {
		struct task *task = node->self;
		heap_leave(node);
		if (!is_timed_out(task))
			continue;
		memory_leave(memory, task);
		memory_make_ready(memory, task, now);
		count++;
	}
	return count;
}

static int64_t sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int64_t time_until(const struct heap *heap, int64_t now)
{
	struct heap_node *node = heap_first(heap);
	if (!node)
		return -1;
	return node->rank > now ? node->rank - now : 0;
}

static bool is_ready(const struct queue *queue)
{
	return heap_first(&queue->ready) && !queue->paused_at_ms;
}

/* Until something of the queue may be leased; 0 where something may be now. */
static int64_t next_of(
	const struct queue *queue, const struct lease_limit *limit, struct lease_batch *batch)
{
	struct memory_room room = memory_room(queue, limit, 1);
	bool is_kept = is_ready(queue) && room.tasks == 0;
	if (is_ready(queue) && !is_kept)
		return 0;
	batch->is_limited |= is_kept;
	int64_t wall = clock_wall_ms();
	int64_t next = time_until(&queue->leases, clock_steady_ms());
	if (is_kept)
		next = sooner(next, room.wait_ms);
	next = sooner(next, time_until(&queue->delayed, wall));
	return sooner(next, time_until(&queue->timeouts, wall));
}

/* The next task of the queue that may run; NULL where there is none. */
static struct task *next_ready(struct memory *memory, struct queue *queue)
{
	struct heap_node *node;
	for (int ended = 0; ended < CANCELLED_MAX && (node = heap_first(&queue->ready)); ended++) {
		struct bundle *bundle = node->self;
		struct task *task = bundle->tasks.first->self;
		if (!memory_is_cancelled(task))
			return task;
		if (bundle->tasks.count > 1) /* they are not taken one after another to end them */
			memory_keep_bundle(memory, bundle, BACKEND_NEVER_MS);
		memory_end_cancelled(memory, task);
	}
	return NULL;
}

static void lease_from(struct memory *memory, struct queue *queue,
	const struct lease_request *request, const struct lease_limit *limit,
	struct lease_batch *batch)
{
	put_back_expired(memory, queue, BACKEND_PUT_BACK_MAX);
	put_back_delayed(memory, queue, BACKEND_PUT_BACK_MAX);
	put_back_timed_out(memory, queue, BACKEND_PUT_BACK_MAX);
	memory_note_limit(queue, limit);
	struct task *task;
	size_t most = request->max - batch->count;
	for (size_t left = queue->paused_at_ms ? 0 : memory_room(queue, limit, most).tasks;
		left > 0 && (task = next_ready(memory, queue)); left--) {
		memory_hold(memory, task, request->owner, request->lease_ms);
		memory_count_taken(queue, limit);
		describe(task, &batch->tasks[batch->count++]);
	}
}

static bool is_taken(const struct lease_batch *batch, const char *queue)
{
	for (size_t i = 0; i < batch->count; i++)
		if (strcmp(batch->tasks[i].queue, queue) == 0)
			return true;
	return false;
}

void memory_ring_freed(struct memory *memory, const char *name, const struct lease_batch *batch)
{
	struct queue *queue = map_find(&memory->queues, name);
	if (queue && queue->has_max_working && is_ready(queue) && !is_taken(batch, name))
		queue->rung++;
}

/* Who came out of sleep may have been the one who looked at the time for all who sleep. */
static void ring_more(struct queue *queue, const struct lease_limit *limit)
{
	bool has_limit = limit->rate > 0 || limit->max_working > 0;
	if (has_limit && is_ready(queue))
		queue->rung++;
}

void memory_lease_queues(
	struct memory *memory, const struct lease_request *request, struct lease_batch *batch)
{
	*batch = (struct lease_batch){ .next_ms = -1 };
	batch->tasks = xcalloc(request->max, sizeof *batch->tasks);
	for (size_t i = 0; i < request->queue_count; i++) {
		struct queue *queue = map_find(&memory->queues, request->queues[i]);
		struct lease_limit limit = backend_limit(request, i);
		if (!queue)
			continue;
		lease_from(memory, queue, request, &limit, batch);
		batch->next_ms = sooner(batch->next_ms, next_of(queue, &limit, batch));
	}
}

bool memory_lease(struct store *store, const struct lease_request *request,
	struct lease_batch *batch, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	memory_lease_queues(memory, request, batch);
	for (size_t i = 0; batch->count > 0 && i < request->queue_count; i++) {
		struct queue *queue = map_find(&memory->queues, request->queues[i]);
		struct lease_limit limit = backend_limit(request, i);
		if (queue)
			ring_more(queue, &limit);
	}
	return true;
}

bool memory_lease_task(struct store *store, const char *id, const char *owner, int64_t lease_ms,
	struct lease_batch *batch, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct task *task = memory_find_task(memory, id);
	if (!task)
		return error_set(err, ERROR_NOT_FOUND, "no task %s", id);
	if (!task->bundle)
		return error_set(err, ERROR_CONFLICT, "task %s is %s", id,
			task_state_names[memory_state(task)]);
	if (memory_is_cancelled(task))
		return error_set(err, ERROR_CONFLICT, "the job of task %s is cancelled", id);
	memory_hold(memory, task, owner, lease_ms);
	*batch = (struct lease_batch){ .count = 1, .next_ms = -1 };
	batch->tasks = xcalloc(1, sizeof *batch->tasks);
	describe(task, batch->tasks);
	return true;
}

bool memory_renew(struct store *store, const char *id, const struct token *token, int64_t lease_ms,
	enum renewal *renewal, struct error *err)
{
	(void)err;
	struct task *task = memory_find_task(memory_of(store), id);
	if (!task || !memory_holds(task, token)) {
		*renewal = RENEW_STALE;
		return true;
	}
	heap_add(&task->queue->leases, &task->clock, clock_steady_ms() + lease_ms, 0);
	*renewal = task->is_cancelled || memory_is_cancelled(task) ? RENEW_CANCELLED : RENEWED;
	return true;
}

bool memory_release_owner(struct store *store, const char *owner, const char *running,
	const char *entry, size_t *released, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	struct holder *holder = map_find(&memory->holders, owner);
	size_t count = holder ? holder->tasks.count : 0;
	for (size_t left = count; left > 0; left--) { /* the holder goes with its last task */
		struct task *task = holder->tasks.first->self;
		char id[STORE_ID_SIZE];
		bool was_running = running && strcmp(memory_task_id(task, id), running) == 0;
		if (was_running && entry)
			memory_record(task, &task->token, false, entry, NULL);
		task->losses += was_running;
		memory_take_back(memory, task);
		memory_put_back(memory, task, !was_running);
	}
	while ((holder = map_find(&memory->holders, owner)) != NULL)
		memory_lapse(memory, holder->claims.first->self);
	*released = count;
	return true;
}

bool memory_held(
	struct store *store, const char *owner, struct lease_batch *batch, struct error *err)
{
	(void)err;
	struct holder *holder = map_find(&memory_of(store)->holders, owner);
	*batch = (struct lease_batch){ .next_ms = -1 };
	if (!holder)
		return true;
	batch->tasks = xcalloc(holder->tasks.count, sizeof *batch->tasks);
	for (struct link *link = holder->tasks.first; link; link = link->behind)
		describe(link->self, &batch->tasks[batch->count++]);
	return true;
}

bool memory_sweep(struct store *store, size_t limit, struct sweep_report *report, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	*report = (struct sweep_report){ .next_ms = -1 };
	for (struct map_entry *at = map_after(&memory->queues, NULL); at; at = at->next[0]) {
		struct queue *queue = at->value;
		report->released += put_back_expired(memory, queue, limit - report->released);
		report->due += put_back_delayed(memory, queue, limit - report->due);
		report->due += put_back_timed_out(memory, queue, limit - report->due);
		report->due += memory_empty_outbox(memory, queue, limit - report->due);
		if (!queue->has_door && queue->unsent_count + queue->sent_count > 0)
			report->next_ms = 0;
		int64_t wall = clock_wall_ms();
		report->next_ms =
			sooner(report->next_ms, time_until(&queue->leases, clock_steady_ms()));
		report->next_ms = sooner(report->next_ms, time_until(&queue->delayed, wall));
		report->next_ms = sooner(report->next_ms, time_until(&queue->timeouts, wall));
	}
	report->dropped = memory_free_dropped(memory, limit);
	report->dropped += memory_forget_messages(
		memory, clock_wall_ms() - STORE_KNOWN_MS, limit - report->dropped);
	return true;
}
