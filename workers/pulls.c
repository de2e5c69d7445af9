/* Sums over the queues of a pool; see pulls.h. */
#include "workers/pulls.h"

static void add(struct queue_stats *sum, const struct queue_stats *one)
{
	sum->depth += one->depth;
	sum->delayed += one->delayed;
	sum->working += one->working;
	sum->dead += one->dead;
	sum->unsent += one->unsent;
	sum->sent += one->sent;
	sum->completed += one->completed;
	sum->failed += one->failed;
	if (one->oldest_ms > sum->oldest_ms)
		sum->oldest_ms = one->oldest_ms;
	if (one->paused_at_ms == 0 || sum->paused_at_ms == 0)
		sum->paused_at_ms = 0;
	else if (one->paused_at_ms > sum->paused_at_ms)
		sum->paused_at_ms = one->paused_at_ms;
}

bool pulls_get_stats(struct store *store, const struct config_queue *pool,
	struct queue_stats *stats, struct error *err)
{
	struct queue_stats sum;
	if (!store->ops->get_queue(store, config_pull_name(pool, 0), &sum, err))
		return false;
	for (size_t i = 1; i < config_pull_count(pool); i++) {
		struct queue_stats one;
		if (!store->ops->get_queue(store, config_pull_name(pool, i), &one, err))
			return false;
		add(&sum, &one);
		sum.rate_ms = sum.rate_taken = sum.rate_next_ms = 0;
	}
	*stats = sum;
	return true;
}
