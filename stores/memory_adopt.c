/* Messages that couriers have received become tasks, or make the task ready that they name. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_tasks.h"

/* False where this message was adopted before. */
static bool get_to_know(struct memory *memory, const struct arrival *arrival)
{
	OWNED(free) char *key = xprintf("%s\n%s", arrival->queue, arrival->message_id);
	if (map_find(&memory->known, key))
		return false;
	struct known *known = xcalloc(1, sizeof *known);
	known->key = GIVE(key);
	known->age.self = known;
	map_add(&memory->known, known->key, known);
	heap_add(&memory->known_ages, &known->age, clock_wall_ms(), 0);
	return true;
}

size_t memory_forget_messages(struct memory *memory, int64_t before_ms, size_t limit)
{
	struct heap_node *node;
	size_t count = 0;
	for (; count < limit && (node = heap_first(&memory->known_ages)) && node->rank < before_ms;
		count++) {
		struct known *known = node->self;
		heap_leave(node);
		map_drop(&memory->known, known->key);
		free(known->key);
		free(known);
	}
	return count;
}

static void join(struct memory *memory, struct task *task, const char *group)
{
	if (!group)
		return;
	free(task->group);
	task->group = xstrdup(group);
	memory_join_line(memory, task);
}

static bool is_in_outbox(const struct task *task)
{
	return task->bundle &&
	       (task->bundle->place == PLACE_UNSENT || task->bundle->place == PLACE_CLAIMED ||
		       task->bundle->place == PLACE_SENT);
}

/* What it names is known by where that stands: only what is in the outbox waits for a message. */
static enum adoption adopt_reference(struct memory *memory, const struct arrival *arrival)
{
	struct task *task = memory_find_task(memory, arrival->task_id);
	if (!task)
		return ADOPT_UNKNOWN;
	if (!is_in_outbox(task))
		return ADOPT_KNOWN;
	memory_leave(memory, task);
	join(memory, task, arrival->group);
	memory_keep(memory, task, task->due_at_ms);
	return ADOPT_DONE;
}

static void bury(struct memory *memory, struct task *task, const char *reason)
{
	memory_leave(memory, task);
	task->reason = xstrdup(reason);
	memory_end(memory, task, TASK_INVALID);
}

static enum adoption adopt_foreign(struct memory *memory, const struct arrival *arrival)
{
	char made[IDS_UUID_SIZE];
	store_new_id(&memory->store, made);
	const struct push push = { .id = arrival->id ? arrival->id : made,
		.name = arrival->name,
		.queue = arrival->queue,
		.payload = arrival->payload,
		.priority = arrival->priority };
	if (!get_to_know(memory, arrival) || memory_find_task(memory, push.id))
		return ADOPT_KNOWN;
	struct task *task = &memory_create_pushed(memory, &push)->task;
	if (arrival->reason) {
		bury(memory, task, arrival->reason);
		return ADOPT_DONE;
	}
	memory_leave(memory, task);
	join(memory, task, arrival->group);
	memory_keep(memory, task, clock_wall_ms());
	return ADOPT_DONE;
}

bool memory_adopt(struct store *store, const struct arrival *arrivals, size_t count,
	enum adoption *answers, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!backend_check_arrival(&arrivals[i], err))
			return false;
	for (size_t i = 0; i < count; i++)
		answers[i] = arrivals[i].task_id ? adopt_reference(memory_of(store), &arrivals[i])
						 : adopt_foreign(memory_of(store), &arrivals[i]);
	return true;
}
