/* All pools; see pools.h. */
#include "supervisor/pools.h"

#include "supervisor/opening.h"
#include "supervisor/roll.h"
#include "supervisor/state.h"

static void append(struct supervisor *supervisor, struct pool *pool)
{
	supervisor->pools = xgrow(supervisor->pools, supervisor->pool_count, &supervisor->pool_room,
		sizeof(struct pool *));
	supervisor->pools[supervisor->pool_count++] = pool;
}

static void find_rows(struct pool *pool)
{
	struct scoreboard *board = pool->supervisor->board;
	pool->board = scoreboard_find_queue(board, pool->name);
	if (pool->board)
		pool->fleet = scoreboard_fleet_row(board, pool->board);
}

static struct pool *add_pool(struct supervisor *supervisor, const struct config_queue *queue)
{
	struct pool *pool = pool_create(supervisor, queue);
	append(supervisor, pool);
	find_rows(pool);
	return pool;
}

void pools_create(struct supervisor *supervisor)
{
	const struct supervisor_options *options = &supervisor->options;
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		supervisor->processes[i] = pool_create_process(supervisor, &processes[i]);
	for (size_t i = 0; i < supervisor->config->queue_count; i++) {
		const struct config_queue *queue = &supervisor->config->queues[i];
		if (plan_names(options->only, options->only_count, queue->name))
			add_pool(supervisor, queue);
	}
}

void pools_destroy(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_destroy(supervisor->pools[i]);
	free(supervisor->pools);
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		if (supervisor->processes[i])
			pool_destroy(supervisor->processes[i]);
}

static void settle_processes(struct supervisor *supervisor)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++) {
		struct pool *pool = supervisor->processes[i];
		pool_scale(pool, pool->process->is_wanted(supervisor->config));
	}
}

/* A pool's limits may stand at the queue that it pulls. */
static void tell_limits(struct supervisor *supervisor)
{
	bool is_other = false;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (supervisor->pools[i]->queue)
			is_other |= pool_tell_limits(supervisor->pools[i], supervisor->config);
	for (size_t i = 0; is_other && i < supervisor->pool_count; i++)
		pool_wake(supervisor->pools[i]);
}

void pools_start(struct supervisor *supervisor)
{
	tell_limits(supervisor);
	opening_look(supervisor);
	settle_processes(supervisor);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_settle(supervisor->pools[i]);
	scaler_follow(supervisor);
}

static struct pool *find_any(const struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (strcmp(supervisor->pools[i]->name, name) == 0)
			return supervisor->pools[i];
	return NULL;
}

/* A queue that comes back while its old workers still end takes its old pool up again. */
static void revive(struct supervisor *supervisor, const struct config_queue *queue)
{
	struct pool *pool = find_any(supervisor, queue->name);
	if (!pool)
		pool = add_pool(supervisor, queue);
	pool->is_removed = false;
	pool_configure(pool, queue);
	roll_pool(pool);
}

static void remove_queue(struct pool *pool)
{
	pool->queue = NULL;
	pool->is_removed = true;
	pool->desired = 0;
}

static struct pool *find_process(const struct supervisor *supervisor, const char *name)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		if (strcmp(processes[i].name, name) == 0)
			return supervisor->processes[i];
	return NULL;
}

struct pool *pools_find_or_remove(struct supervisor *supervisor, const char *name, bool is_process)
{
	struct pool *pool =
		is_process ? find_process(supervisor, name) : find_any(supervisor, name);
	if (pool)
		return pool;
	pool = pool_create_removed(supervisor, name);
	append(supervisor, pool);
	if (!is_process)
		find_rows(pool);
	return pool;
}

static void apply_change(struct supervisor *supervisor, const struct change *change)
{
	if (change->kind == CHANGE_ADD) {
		revive(supervisor, change->after);
		return;
	}
	struct pool *pool = pool_find(supervisor, change->before->name);
	if (change->kind == CHANGE_REMOVE) {
		remove_queue(pool);
		return;
	}
	pool_configure(pool, change->after);
	if (change->kind == CHANGE_ROLL)
		roll_pool(pool);
}

static bool concerns_processes(const struct plan *plan)
{
	bool concerns = plan->rolls_all;
	for (size_t i = 0; i < plan->count; i++)
		concerns |= plan->changes[i].kind > CHANGE_LIVE;
	return concerns;
}

void pools_apply(struct supervisor *supervisor, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		apply_change(supervisor, &plan->changes[i]);
	if (concerns_processes(plan))
		roll_processes(supervisor);
	else if (plan->has_new_schedules)
		pool_raise(supervisor->processes[PROCESS_KEEPER], EVENT_ROLL);
	tell_limits(supervisor);
	opening_look(supervisor);
	/* Fork only now, when every pool has its new configuration. */
	settle_processes(supervisor);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_settle(supervisor->pools[i]);
	roll_advance(supervisor);
	scaler_follow(supervisor);
	supervisor->is_untidy = true;
}

void pools_tidy(struct supervisor *supervisor)
{
	size_t kept = 0;
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		pool_prune(supervisor->processes[i]);
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		struct pool *pool = supervisor->pools[i];
		pool_prune(pool);
		if (pool->is_removed && pool->count == 0)
			pool_destroy(pool);
		else
			supervisor->pools[kept++] = pool;
	}
	supervisor->pool_count = kept;
}
