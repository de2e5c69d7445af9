/* Counts what was leased, by slots of time; see backend_slots. */
#include "stores/memory_limits.h"

#include "base/clock.h"

int64_t memory_taken(const struct queue *queue, int64_t rate_ms, int64_t *next_ms)
{
	int64_t now = clock_steady_ms(), tasks = 0;
	struct backend_slots slots = backend_slots(rate_ms, now);
	*next_ms = 0;
	if (queue->rate_ms != rate_ms)
		return 0;
	for (int64_t slot = slots.last; slot >= slots.first && slot >= 0; slot--) {
		size_t place = (size_t)(slot % BACKEND_SLOTS);
		if (queue->taken[place].slot != slot || queue->taken[place].tasks == 0)
			continue;
		tasks += queue->taken[place].tasks;
		*next_ms = backend_slot_ms(&slots, slot, now);
	}
	return tasks;
}

struct memory_room memory_room(
	const struct queue *queue, const struct lease_limit *limit, size_t most)
{
	struct memory_room room = { .tasks = most, .wait_ms = -1 };
	int64_t working = (int64_t)queue->leases.count;
	int64_t left = limit->max_working - working;
	if (limit->max_working > 0 && left < (int64_t)room.tasks)
		room.tasks = left > 0 ? (size_t)left : 0;
	if (limit->rate == 0 || room.tasks == 0)
		return room;
	left = limit->rate - memory_taken(queue, limit->rate_ms, &room.wait_ms);
	if (left < (int64_t)room.tasks)
		room.tasks = left > 0 ? (size_t)left : 0;
	return room;
}

void memory_note_limit(struct queue *queue, const struct lease_limit *limit)
{
	queue->has_max_working = limit->max_working > 0;
	if (queue->rate_ms == limit->rate_ms)
		return;
	queue->rate_ms = limit->rate_ms;
	memset(queue->taken, 0, sizeof queue->taken);
}

void memory_count_taken(struct queue *queue, const struct lease_limit *limit)
{
	if (limit->rate == 0)
		return;
	int64_t slot = backend_slots(limit->rate_ms, clock_steady_ms()).last;
	size_t place = (size_t)(slot % BACKEND_SLOTS);
	if (queue->taken[place].slot != slot)
		queue->taken[place].tasks = 0;
	queue->taken[place].slot = slot;
	queue->taken[place].tasks++;
}
