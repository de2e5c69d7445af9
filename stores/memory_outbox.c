/*
 * The outbox of a queue with a door. Unsent bundles stand in a map in the order of leases:
 * priority, due time, order of arrival. A claim takes single tasks out of them; so do marks and
 * adoptions.
 */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_tasks.h"

#include <inttypes.h>
#include <stdio.h>

#define RANK_TOP 100 /* the highest priority */

static int rank_of(const struct bundle *bundle)
{
	return RANK_TOP - bundle->priority;
}

void memory_set_unsent(struct memory *memory, struct bundle *bundle, bool is_fresh)
{
	memory_unplace(memory, bundle);
	memory_set_place(bundle, PLACE_UNSENT);
	bundle->is_fresh = is_fresh;
	snprintf(bundle->unsent_key, sizeof bundle->unsent_key, "%03d %020" PRId64 " %020" PRId64,
		rank_of(bundle), bundle->due_at_ms, ++memory->last_order);
	map_add(&bundle->queue->unsent, bundle->unsent_key, bundle);
	bells_ring(&memory->outbox, BELLS_OUTBOX, INT64_MAX);
}

void memory_unplace(struct memory *memory, struct bundle *bundle)
{
	if (bundle->place == PLACE_UNSENT)
		map_drop(&bundle->queue->unsent, bundle->unsent_key);
	heap_leave(&bundle->node);
	line_leave(&bundle->claim);
	if (bundle->claimer)
		memory_drop_holder(memory, GIVE(bundle->claimer));
}

/* It stands before those that were behind it, which may be due at the same time. */
void memory_lapse(struct memory *memory, struct bundle *bundle)
{
	bundle->due_at_ms--;
	memory_set_unsent(memory, bundle, false);
}

bool memory_set_door(struct store *store, const char *const *queues, size_t count, bool has_door,
	struct error *err)
{
	(void)err;
	for (size_t i = 0; i < count; i++)
		memory_queue(memory_of(store), queues[i])->has_door = has_door;
	return true;
}

/* The first unsent bundle that is due by then: the others of its priority are due later still. */
static struct bundle *next_unsent(const struct queue *queue, int64_t latest_ms)
{
	struct map_entry *at = map_after(&queue->unsent, NULL);
	while (at && ((struct bundle *)at->value)->due_at_ms > latest_ms) {
		char behind[UNSENT_KEY_SIZE];
		snprintf(behind, sizeof behind, "%03d ~", rank_of(at->value));
		at = map_after(&queue->unsent, behind);
	}
	return at ? at->value : NULL;
}

static void claim(struct memory *memory, struct task *task, const struct claim_request *request)
{
	bool is_fresh = task->bundle->is_fresh;
	memory_leave(memory, task);
	struct bundle *bundle = memory_bundle_alone(task);
	bundle->due_at_ms = task->due_at_ms;
	task->dispatch += is_fresh;
	memory_set_place(bundle, PLACE_CLAIMED);
	heap_add(&task->queue->claimed, &bundle->node, clock_steady_ms() + request->claim_ms, 0);
	bundle->claimer = memory_get_holder(memory, request->owner);
	line_add(&bundle->claimer->claims, &bundle->claim);
}

static void describe(const struct task *task, bool with_payload, struct outgoing *outgoing)
{
	int64_t left_ms = task->bundle->due_at_ms - clock_wall_ms();
	*outgoing = (struct outgoing){ .job_id = task->job ? xstrdup(task->job->id) : NULL,
		.payload = with_payload ? xstrdup(task->payload) : NULL,
		.dispatch = task->dispatch,
		.delay_ms = left_ms > 0 ? left_ms : 0 };
	memory_task_id(task, outgoing->id);
}

static void put_back_lapsed(struct memory *memory, struct queue *queue)
{
	int64_t now = clock_steady_ms();
	struct heap_node *node;
	while ((node = heap_first(&queue->claimed)) && node->rank <= now)
		memory_lapse(memory, node->self);
}

/* Until a bundle comes within the horizon or a claim lapses. */
static int64_t next_ms(const struct queue *queue, int64_t horizon_ms)
{
	int64_t latest_ms = clock_wall_ms() + horizon_ms, next = -1;
	struct map_entry *at = map_after(&queue->unsent, NULL);
	while (at) { /* the first of each priority is its soonest */
		const struct bundle *bundle = at->value;
		int64_t left = bundle->due_at_ms - latest_ms;
		left = left > 0 ? left : 0;
		next = next < 0 || left < next ? left : next;
		char behind[UNSENT_KEY_SIZE];
		snprintf(behind, sizeof behind, "%03d ~", rank_of(bundle));
		at = map_after(&queue->unsent, behind);
	}
	const struct heap_node *node = heap_first(&queue->claimed);
	int64_t left = node ? node->rank - clock_steady_ms() : 0;
	if (node && (next < 0 || left < next))
		next = left > 0 ? left : 0;
	return next;
}

bool memory_claim_unsent(struct store *store, const struct claim_request *request,
	struct outgoing_list *list, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	struct queue *queue = map_find(&memory->queues, request->queue);
	*list = (struct outgoing_list){ .next_ms = -1 };
	if (!queue || !queue->has_door)
		return true;
	put_back_lapsed(memory, queue);
	list->rows = xcalloc(request->max, sizeof *list->rows);
	int64_t latest_ms = clock_wall_ms() + request->horizon_ms;
	struct bundle *bundle;
	bool is_held = backend_has_order(request->queue) && heap_first(&queue->claimed);
	while (!is_held && list->count < request->max && (bundle = next_unsent(queue, latest_ms))) {
		struct task *task = bundle->tasks.first->self;
		if (memory_is_cancelled(task)) {
			if (bundle->tasks.count > 1)
				memory_keep_bundle(memory, bundle, BACKEND_NEVER_MS);
			memory_end_cancelled(memory, task);
			continue;
		}
		claim(memory, task, request);
		describe(task, request->with_payloads, &list->rows[list->count++]);
	}
	list->next_ms = is_held ? heap_first(&queue->claimed)->rank - clock_steady_ms()
				: next_ms(queue, request->horizon_ms);
	return true;
}

static int64_t later(int64_t one_ms, int64_t other_ms)
{
	return one_ms > other_ms ? one_ms : other_ms;
}

static void mark(struct memory *memory, struct bundle *bundle, uint32_t dispatch)
{
	int level = backend_sent_level(dispatch);
	memory_unplace(memory, bundle);
	memory_set_place(bundle, PLACE_SENT);
	heap_add(&bundle->queue->sent[level], &bundle->node,
		later(clock_wall_ms(), bundle->due_at_ms), ++memory->last_order);
}

/* A claim that has lapsed was sent all the same. */
static bool is_claimed(const struct bundle *bundle)
{
	return bundle && (bundle->place == PLACE_CLAIMED ||
				 (bundle->place == PLACE_UNSENT && !bundle->is_fresh));
}

bool memory_mark_sent(struct store *store, const struct sent *sent, size_t count, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	for (size_t i = 0; i < count; i++) {
		struct task *task = memory_find_task(memory, sent[i].id);
		if (task && is_claimed(task->bundle) && task->dispatch == sent[i].dispatch)
			mark(memory, task->bundle, task->dispatch);
	}
	return true;
}

/* The one that was sent first, of those that have been out for long enough. */
static struct bundle *next_overdue(const struct queue *queue, int64_t after_ms)
{
	struct heap_node *first = NULL;
	int64_t now = clock_wall_ms();
	for (int level = 0; level < BACKEND_SENT_LEVELS; level++) {
		struct heap_node *node = heap_first(&queue->sent[level]);
		if (!node || now - node->rank < backend_resend_ms(after_ms, level))
			continue;
		if (!first || node->rank < first->rank)
			first = node;
	}
	return first ? first->self : NULL;
}

bool memory_resend(struct store *store, const char *name, int64_t after_ms, size_t max,
	size_t *count, struct error *err)
{
	(void)err;
	struct memory *memory = memory_of(store);
	const struct queue *queue = map_find(&memory->queues, name);
	struct bundle *bundle;
	*count = 0;
	if (!queue || !queue->has_door)
		return true;
	for (; *count < max && (bundle = next_overdue(queue, after_ms)); ++*count)
		memory_set_unsent(memory, bundle, true);
	return true;
}

static struct bundle *next_in_outbox(const struct queue *queue)
{
	struct map_entry *unsent = map_after(&queue->unsent, NULL);
	if (unsent)
		return unsent->value;
	struct heap_node *node = heap_first(&queue->claimed);
	for (int level = 0; !node && level < BACKEND_SENT_LEVELS; level++)
		node = heap_first(&queue->sent[level]);
	return node ? node->self : NULL;
}

size_t memory_empty_outbox(struct memory *memory, struct queue *queue, size_t limit)
{
	struct bundle *bundle;
	size_t count = 0;
	for (; !queue->has_door && count < limit && (bundle = next_in_outbox(queue)); count++)
		memory_keep_bundle(memory, bundle, bundle->due_at_ms);
	return count;
}

static int64_t count_later(const struct heap *heap, int64_t now)
{
	int64_t count = 0;
	for (size_t i = 0; i < heap->count; i++)
		count += ((const struct bundle *)heap->nodes[i]->self)->due_at_ms > now;
	return count;
}

int64_t memory_count_later(const struct queue *queue, int64_t now)
{
	int64_t count = count_later(&queue->claimed, now);
	for (int level = 0; level < BACKEND_SENT_LEVELS; level++)
		count += count_later(&queue->sent[level], now);
	for (struct map_entry *at = map_after(&queue->unsent, NULL); at; at = at->next[0]) {
		const struct bundle *bundle = at->value;
		count += bundle->due_at_ms > now ? (int64_t)bundle->tasks.count : 0;
	}
	return count;
}
