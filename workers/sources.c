/* Where a worker's tasks come from; see sources.h. */
#include "workers/sources.h"

#include "base/clock.h"

#define LATE_MS 1000 /* after it the others look too: whoever meant to may have died */
#define NEAR_MS 5

void sources_open(struct sources *sources, const struct worker_setup *setup)
{
	const struct config_queue *pool = setup->queue;
	size_t count = config_pull_count(pool);
	*sources = (struct sources){ .count = count,
		.list = xcalloc(count, sizeof *sources->list),
		.order = xcalloc(count, sizeof(struct source *)),
		.names = xcalloc(count, sizeof *sources->names),
		.limits = xcalloc(count, sizeof *sources->limits),
		.pool = scoreboard_find_queue(setup->board, pool->name) };
	for (size_t i = 0; i < count; i++) {
		const char *name = config_pull_name(pool, i);
		sources->list[i] = (struct source){ .name = name,
			.row = scoreboard_find_queue(setup->board, name),
			.weight = pool->pull.weights ? pool->pull.weights[i] : 0 };
		sources->order[i] = &sources->list[i];
	}
}

void sources_finish(struct sources *sources)
{
	free(sources->list);
	free(sources->order);
	free(sources->names);
	free(sources->limits);
	*sources = (struct sources){ 0 };
}

static struct lease_limit read_limit(struct queue_board *row)
{
	uint64_t rate = row ? atomic_load(&row->rate) : 0;
	return (struct lease_limit){ .rate = (int64_t)(rate >> 32),
		.rate_ms = (int64_t)(rate & UINT32_MAX) * 1000,
		.max_working = row ? atomic_load(&row->max_working) : 0 };
}

static bool have_limits(const struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		if (sources->limits[i].rate > 0 || sources->limits[i].max_working > 0)
			return true;
	return false;
}

bool sources_allow_ahead(const struct sources *sources)
{
	return !have_limits(sources) && sources->list[0].weight == 0;
}

/*
 * Smooth weighted round robin (as in nginx, ngx_http_upstream_round_robin.c): each queue's credit
 * grows by its weight with each task, and what is taken of it costs the sum of all weights.
 */
static void sort_by_credit(struct sources *sources)
{
	for (size_t i = 1; i < sources->count; i++) {
		struct source *one = sources->order[i];
		size_t at = i;
		for (; at > 0; at--) {
			const struct source *other = sources->order[at - 1];
			int64_t ahead = one->credit + one->weight - other->credit - other->weight;
			if (ahead < 0 || (ahead == 0 && one > other))
				break;
			sources->order[at] = sources->order[at - 1];
		}
		sources->order[at] = one;
	}
}

void sources_request(struct sources *sources, struct lease_request *request)
{
	if (sources->list[0].weight > 0)
		sort_by_credit(sources);
	for (size_t i = 0; i < sources->count; i++) {
		sources->names[i] = sources->order[i]->name;
		sources->limits[i] = read_limit(sources->order[i]->row);
	}
	/* Once more without them, so that the store knows that they are gone. */
	bool tells = sources->had_limits || have_limits(sources);
	sources->had_limits = have_limits(sources);
	request->queues = sources->names;
	request->queue_count = sources->count;
	request->limits = tells ? sources->limits : NULL;
}

/* Those that were asked before and had nothing take no part, and save nothing up. */
static void settle_credits(struct sources *sources, const char *taken)
{
	int64_t sum = 0;
	size_t at = 0;
	for (; at < sources->count && strcmp(sources->order[at]->name, taken) != 0; at++)
		if (sources->order[at]->credit > 0)
			sources->order[at]->credit = 0;
	for (size_t i = at; i < sources->count; i++) {
		sources->order[i]->credit += sources->order[i]->weight;
		sum += sources->order[i]->weight;
	}
	if (at < sources->count)
		sources->order[at]->credit -= sum;
}

void sources_note(struct sources *sources, const struct lease_batch *batch)
{
	int64_t own = sources->look_at_ms;
	if (batch->count == 0)
		return;
	sources->look_at_ms = 0;
	if (own && sources->pool)
		atomic_compare_exchange_strong(&sources->pool->look_at_ms, &own, 0);
	if (sources->list[0].weight > 0)
		settle_credits(sources, batch->tasks[0].queue);
}

void sources_listen(struct sources *sources, struct store *store)
{
	for (size_t i = 0; i < sources->count; i++)
		sources->list[i].ticket = store->ops->bell(store, sources->list[i].name);
}

/* Whether another worker of the pool looks at about that time. */
static bool is_looked_after(const struct sources *sources, int64_t now, int64_t at_ms)
{
	int64_t look_at = atomic_load(&sources->pool->look_at_ms);
	return look_at > now && look_at <= at_ms + NEAR_MS && look_at != sources->look_at_ms;
}

static int64_t next_look(struct sources *sources, const struct lease_batch *batch)
{
	int64_t now = clock_steady_ms(), at_ms = now + batch->next_ms;
	if (!batch->is_limited || !sources->pool)
		return batch->next_ms;
	if (is_looked_after(sources, now, at_ms))
		return batch->next_ms + LATE_MS + (int64_t)(ids_random64() % LATE_MS);
	sources->look_at_ms = at_ms;
	atomic_store(&sources->pool->look_at_ms, at_ms);
	return batch->next_ms;
}

static void wait_for_any(const struct sources *sources, struct store *store, int64_t ms)
{
	const char *names[BELLS_WAIT_MAX];
	uint32_t tickets[BELLS_WAIT_MAX];
	for (size_t i = 0; i < sources->count; i++) {
		names[i] = sources->list[i].name;
		tickets[i] = sources->list[i].ticket;
	}
	store->ops->wait_any(store, names, tickets, sources->count, ms);
}

void sources_wait(struct sources *sources, struct store *store, const struct lease_batch *batch,
	int64_t most_ms)
{
	int64_t next_ms = batch->next_ms < 0 ? most_ms : next_look(sources, batch);
	int64_t ms = next_ms < most_ms ? next_ms : most_ms;
	if (sources->count == 1)
		store->ops->wait(store, sources->list[0].name, sources->list[0].ticket, ms);
	else
		wait_for_any(sources, store, ms);
}
