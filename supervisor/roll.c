/* Rolling replacement; see roll.h. */
#include "supervisor/roll.h"

#include "base/clock.h"
#include "supervisor/state.h"

#define LOOK_AGAIN_S 0.02 /* while a roll is on: whether the new workers are ready */
/* A worker that is busy for longer than this after it was told is at work, not missing. */
#define LONG_TASK_MS 5000

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	roll_advance(timer->data);
}

void roll_init(struct supervisor *supervisor)
{
	ev_init(&supervisor->roll_timer, on_look);
	supervisor->roll_timer.repeat = LOOK_AGAIN_S;
	supervisor->roll_timer.data = supervisor;
}

static bool is_missing(const struct child *child)
{
	switch (child->state) {
	case CHILD_RUNNING:
		return !child->is_stale && !child_is_ready(child);
	case CHILD_ROLLING:
		return !child_is_busy(child) ||
		       clock_steady_ms() - child->told_at_ms < LONG_TASK_MS;
	case CHILD_WAITING:
	case CHILD_CLEARING:
		return true;
	default:
		return false;
	}
}

static int count_missing(const struct pool *pool)
{
	int missing = 0;
	for (size_t i = 0; i < pool->count; i++)
		missing += is_missing(pool->children[i]);
	return missing;
}

static int may_be_missing(const struct pool *pool)
{
	if (pool->max_unavailable > 0)
		return pool->max_unavailable;
	int share = pool->desired * pool->max_unavailable_percent / 100;
	return share > 1 ? share : 1;
}

/* Idle workers first. Answers how many more could have been told. */
static int tell_some(struct pool *pool, int room, bool is_busy)
{
	for (size_t i = 0; i < pool->count && room > 0; i++) {
		struct child *child = pool->children[i];
		if (child->state != CHILD_RUNNING || !child->is_stale ||
			child_is_busy(child) != is_busy)
			continue;
		child_handle(child, EVENT_ROLL);
		room--;
	}
	return room;
}

/* One that waits in its back-off loses nothing: the new configuration may be the cure. */
static void try_waiting(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (pool->children[i]->state == CHILD_WAITING && pool->children[i]->is_stale)
			child_handle(pool->children[i], EVENT_ROLL);
}

static bool has_stale(const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (pool->children[i]->is_stale &&
			(pool->children[i]->state == CHILD_RUNNING ||
				pool->children[i]->state == CHILD_WAITING))
			return true;
	return false;
}

static bool advance_pool(struct pool *pool)
{
	if (!has_stale(pool))
		return false;
	try_waiting(pool);
	int room = may_be_missing(pool) - count_missing(pool);
	room = tell_some(pool, room, false);
	tell_some(pool, room, true);
	return has_stale(pool);
}

void roll_advance(struct supervisor *supervisor)
{
	bool goes_on = false;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		goes_on |= advance_pool(supervisor->pools[i]);
	if (!goes_on)
		ev_timer_stop(supervisor->loop, &supervisor->roll_timer);
	else if (!ev_is_active(&supervisor->roll_timer))
		ev_timer_again(supervisor->loop, &supervisor->roll_timer);
}

void roll_pool(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		struct child *child = pool->children[i];
		if (child->state == CHILD_RUNNING || child->state == CHILD_WAITING)
			child->is_stale = true;
	}
}

void roll_processes(struct supervisor *supervisor)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		pool_raise(supervisor->processes[i], EVENT_ROLL);
}
