/* Wanted against actual workers of a queue; see pool.h. */
#include "supervisor/pool.h"

#include "base/clock.h"
#include "base/memory.h"
#include "supervisor/acts.h"
#include "supervisor/fatal.h"
#include "supervisor/fleet.h"
#include "supervisor/state.h"

#include <stdio.h>

#define PROCESS_WAIT_MAX_MS 1000

static const struct config_restart process_restart = {
	.delay_ms = 0,
	.max_delay_ms = PROCESS_WAIT_MAX_MS,
	.good_after_ms = 10000,
	.probe_ms = PROCESS_WAIT_MAX_MS,
};

static struct pool *create(struct supervisor *supervisor, const char *name)
{
	struct pool *pool = xcalloc(1, sizeof *pool);
	pool->supervisor = supervisor;
	pool->name = xstrdup(name);
	pool->restart = process_restart;
	pool->desired = 1;
	pool->base.at_ms = pool->latest.at_ms = clock_steady_ms();
	fatal_init(pool);
	return pool;
}

struct pool *pool_create(struct supervisor *supervisor, const struct config_queue *queue)
{
	struct pool *pool = create(supervisor, queue->name);
	pool->desired = queue->workers_min;
	pool_configure(pool, queue);
	return pool;
}

struct pool *pool_create_process(struct supervisor *supervisor, const struct process_row *process)
{
	struct pool *pool = create(supervisor, process->name);
	pool->process = process;
	return pool;
}

struct pool *pool_create_removed(struct supervisor *supervisor, const char *name)
{
	struct pool *pool = create(supervisor, name);
	pool->is_removed = true;
	pool->desired = 0;
	return pool;
}

void pool_destroy(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		ev_timer_stop(pool->supervisor->loop, &pool->children[i]->timer);
		free(pool->children[i]);
	}
	ev_timer_stop(pool->supervisor->loop, &pool->fatal);
	free(pool->children);
	free(pool->name);
	free(pool);
}

static int count_by_file(const struct pool *pool, const struct config_queue *queue)
{
	if (!config_scales(queue) || pool->desired < queue->workers_min)
		return queue->workers_min;
	return pool->desired < queue->workers_max ? pool->desired : queue->workers_max;
}

/* They look again: idle ones at once, busy ones after their task. */
void pool_wake(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (pool->children[i]->slot)
			acts_wake_idle(pool->children[i]);
}

/* True where it is another limit than before. */
static bool tell_limit(
	struct supervisor *supervisor, const char *name, const struct config_queue *queue)
{
	struct queue_board *row = scoreboard_find_queue(supervisor->board, name);
	if (!row)
		return false;
	uint64_t rate = (uint64_t)queue->rate.count << 32 | (uint64_t)(queue->rate.ms / 1000);
	bool is_other = atomic_exchange(&row->rate, rate) != rate;
	return atomic_exchange(&row->max_working, queue->max_working) != queue->max_working ||
	       is_other;
}

bool pool_tell_limits(struct pool *pool, const struct config *config)
{
	bool is_other = false;
	for (size_t i = 0; i < config_pull_count(pool->queue); i++) {
		const char *name = config_pull_name(pool->queue, i);
		is_other |= tell_limit(pool->supervisor, name, config_find_served(config, name));
	}
	return is_other;
}

void pool_configure(struct pool *pool, const struct config_queue *queue)
{
	pool->queue = queue;
	pool->restart = queue->restart;
	pool->kill_after_ms = queue->kill_after_ms;
	pool->max_unavailable = queue->max_unavailable;
	pool->max_unavailable_percent = queue->max_unavailable_percent;
	pool->desired = count_by_file(pool, queue);
	pool->scaling.is_overridden = false;
}

/* Where a place with the smallest free number belongs, at or after `from`. */
static size_t find_gap(const struct pool *pool, size_t from)
{
	size_t at = from;
	while (at < pool->count && pool->children[at]->number == (int)at + 1)
		at++;
	return at;
}

static struct child *insert_child(struct pool *pool, size_t at, int number)
{
	struct child *child = xcalloc(1, sizeof *child);
	child->acts = acts_of_children;
	child->pool = pool;
	child->number = number;
	if (pool->process)
		snprintf(child->name, sizeof child->name, "%s", pool->name);
	else
		snprintf(child->name, sizeof child->name, "%.80s#%d", pool->name, child->number);
	ev_init(&child->timer, acts_on_due);
	child->timer.data = child;
	pool->children = xgrow(pool->children, pool->count, &pool->room, sizeof *pool->children);
	memmove(pool->children + at + 1, pool->children + at,
		(pool->count - at) * sizeof *pool->children);
	pool->children[at] = child;
	pool->count++;
	return child;
}

struct child *pool_append_child(struct pool *pool, int number)
{
	return insert_child(pool, pool->count, number);
}

static int count_wanted(const struct pool *pool)
{
	int wanted = 0;
	for (size_t i = 0; i < pool->count; i++)
		wanted += child_is_wanted(pool->children[i]);
	return wanted;
}

/* Those that were told to end are wanted again: each is replaced when it has ended. */
static int revive_some(struct pool *pool, int missing)
{
	for (size_t i = 0; i < pool->count && missing > 0; i++)
		if (!child_is_wanted(pool->children[i])) {
			child_handle(pool->children[i], EVENT_START);
			missing -= child_is_wanted(pool->children[i]);
		}
	return missing;
}

static void start_more(struct pool *pool, int missing)
{
	missing = revive_some(pool, missing);
	for (size_t at = 0; missing > 0; missing--) {
		at = find_gap(pool, at);
		child_handle(insert_child(pool, at, (int)at + 1), EVENT_START);
	}
}

/* How little is lost by ending this one: no process, one on its way out, idle, busy. */
static int cost_of_ending(const struct child *child)
{
	if (!child_is_alive(child))
		return 0;
	if (child->state == CHILD_ROLLING)
		return 1;
	return child_is_busy(child) ? 3 : 2;
}

static void retire_some(struct pool *pool, int surplus)
{
	for (int cost = 0; cost <= 3; cost++)
		for (size_t i = pool->count; i > 0 && surplus > 0; i--) {
			struct child *child = pool->children[i - 1];
			if (!child_is_wanted(child) || cost_of_ending(child) != cost)
				continue;
			child_handle(child, EVENT_RETIRE);
			surplus--;
		}
}

void pool_settle(struct pool *pool)
{
	int difference = (pool->closed_until_s ? 0 : pool->desired) - count_wanted(pool);
	if (difference > 0)
		start_more(pool, difference);
	else
		retire_some(pool, -difference);
	fleet_tell(pool);
}

void pool_scale(struct pool *pool, int desired)
{
	pool->desired = desired < 0 ? 0 : desired > POOL_MAX ? POOL_MAX : desired;
	pool_settle(pool);
}

void pool_override(struct pool *pool, int desired)
{
	pool->scaling.is_overridden = true;
	pool_scale(pool, desired);
}

void pool_pause(struct pool *pool, bool is_paused)
{
	pool->is_paused = is_paused;
	for (size_t i = 0; i < pool->count; i++) {
		struct child *child = pool->children[i];
		if (!child->slot)
			continue;
		atomic_store(&child->slot->is_paused, is_paused);
		acts_wake_idle(child);
	}
	fleet_tell(pool);
}

void pool_raise(struct pool *pool, enum child_event event)
{
	for (size_t i = 0; i < pool->count; i++)
		child_handle(pool->children[i], event);
}

void pool_prune(struct pool *pool)
{
	size_t kept = 0;
	for (size_t i = 0; i < pool->count; i++) {
		struct child *child = pool->children[i];
		if (child->state == CHILD_FREE)
			free(child);
		else
			pool->children[kept++] = child;
	}
	pool->count = kept;
}

size_t pool_alive(const struct pool *pool)
{
	size_t alive = 0;
	for (size_t i = 0; i < pool->count; i++)
		alive += child_is_alive(pool->children[i]);
	return alive;
}

size_t pool_busy(const struct pool *pool)
{
	size_t busy = 0;
	for (size_t i = 0; i < pool->count; i++)
		busy += child_is_alive(pool->children[i]) && child_is_busy(pool->children[i]);
	return busy;
}

uint64_t pool_ended(const struct pool *pool)
{
	uint64_t ended = pool->completed + pool->failed + pool->retried;
	for (size_t i = 0; i < pool->count; i++) {
		const struct slot *slot = pool->children[i]->slot;
		if (slot)
			ended += atomic_load(&slot->completed) + atomic_load(&slot->failed) +
				 atomic_load(&slot->retried);
	}
	return ended;
}

struct pool *pool_find(const struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (!supervisor->pools[i]->is_removed &&
			strcmp(supervisor->pools[i]->name, name) == 0)
			return supervisor->pools[i];
	return NULL;
}
