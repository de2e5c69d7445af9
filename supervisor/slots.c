/* Slots of the scoreboard; see slots.h. */
#include "supervisor/slots.h"

#include "base/clock.h"
#include "base/memory.h"
#include "supervisor/state.h"

#include <assert.h>
#include <stdio.h>

void slots_init(struct supervisor *supervisor)
{
	size_t count = supervisor->board->slot_count;
	supervisor->free_slots = xcalloc(count, sizeof *supervisor->free_slots);
	supervisor->free_slot_count = count;
	/* The lowest first: only pages that are used cost memory. */
	for (size_t i = 0; i < count; i++)
		supervisor->free_slots[i] = (int)(count - 1 - i);
}

static bool mark_used(const struct supervisor *supervisor, const struct pool *pool, bool *is_used)
{
	for (size_t i = 0; i < pool->count; i++) {
		const struct slot *slot = pool->children[i]->slot;
		if (slot && is_used[slot - supervisor->board->slots])
			return false;
		if (slot)
			is_used[slot - supervisor->board->slots] = true;
	}
	return true;
}

bool slots_recount(struct supervisor *supervisor)
{
	size_t count = supervisor->board->slot_count;
	OWNED(free) bool *is_used = xcalloc(count, sizeof *is_used);
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		if (!mark_used(supervisor, supervisor->processes[i], is_used))
			return false;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (!mark_used(supervisor, supervisor->pools[i], is_used))
			return false;
	supervisor->free_slot_count = 0;
	for (size_t i = count; i > 0; i--)
		if (!is_used[i - 1])
			supervisor->free_slots[supervisor->free_slot_count++] = (int)i - 1;
	return true;
}

struct slot *slots_take(struct supervisor *supervisor, const struct child *child)
{
	if (supervisor->free_slot_count == 0)
		return NULL;
	int index = supervisor->free_slots[--supervisor->free_slot_count];
	struct slot *slot = &supervisor->board->slots[index];
	memset(slot, 0, sizeof *slot);
	snprintf(slot->owner, sizeof slot->owner, "%s", child->owner);
	snprintf(slot->queue, sizeof slot->queue, "%s",
		child->pool->process ? "" : child->pool->name);
	atomic_store(&slot->command, COMMAND_RUN);
	atomic_store(&slot->is_paused, child->pool->is_paused);
	atomic_store(&slot->since_ms, clock_wall_ms());
	atomic_store(&slot->beat_ms, clock_steady_ms());
	atomic_store(&slot->state, SLOT_STARTING);
	return slot;
}

void slots_release(struct supervisor *supervisor, struct slot *slot)
{
	size_t index = (size_t)(slot - supervisor->board->slots);
	assert(supervisor->free_slot_count < supervisor->board->slot_count);
	atomic_store(&slot->state, SLOT_FREE);
	atomic_store(&slot->pid, 0);
	supervisor->free_slots[supervisor->free_slot_count++] = (int)index;
}
