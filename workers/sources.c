/* Where a worker's tasks come from; see sources.h. */
#include "workers/sources.h"

#include "base/clock.h"

#define LATE_MS 1000 /* after it the others look too: whoever meant to may have died */
#define NEAR_MS 5

void sources_open(struct sources *sources, const struct worker_setup *setup)
{
	*sources = (struct sources){ .count = 1 };
	sources->names = xcalloc(sources->count, sizeof *sources->names);
	sources->rows = xcalloc(sources->count, sizeof(struct queue_board *));
	sources->limits = xcalloc(sources->count, sizeof *sources->limits);
	sources->tickets = xcalloc(sources->count, sizeof *sources->tickets);
	sources->names[0] = setup->queue->name;
	sources->rows[0] = scoreboard_find_queue(setup->board, setup->queue->name);
}

void sources_finish(struct sources *sources)
{
	free(sources->names);
	free(sources->rows);
	free(sources->limits);
	free(sources->tickets);
	*sources = (struct sources){ 0 };
}

static struct lease_limit read_limit(struct queue_board *row)
{
	uint64_t rate = row ? atomic_load(&row->rate) : 0;
	return (struct lease_limit){ .rate = (int64_t)(rate >> 32),
		.rate_ms = (int64_t)(rate & UINT32_MAX) * 1000,
		.max_working = row ? atomic_load(&row->max_working) : 0 };
}

static bool is_limit(const struct lease_limit *limit)
{
	return limit->rate > 0 || limit->max_working > 0;
}

bool sources_have_limits(const struct sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		if (is_limit(&sources->limits[i]))
			return true;
	return false;
}

void sources_request(struct sources *sources, struct lease_request *request)
{
	bool had_limits = sources_have_limits(sources);
	for (size_t i = 0; i < sources->count; i++)
		sources->limits[i] = read_limit(sources->rows[i]);
	/* Once more without them, so that the store knows that they are gone. */
	bool tells = had_limits || sources_have_limits(sources);
	request->queues = sources->names;
	request->queue_count = sources->count;
	request->limits = tells ? sources->limits : NULL;
}

void sources_note(struct sources *sources)
{
	int64_t own = sources->look_at_ms;
	sources->look_at_ms = 0;
	if (own && sources->rows[0])
		atomic_compare_exchange_strong(&sources->rows[0]->look_at_ms, &own, 0);
}

void sources_listen(struct sources *sources, struct store *store)
{
	for (size_t i = 0; i < sources->count; i++)
		sources->tickets[i] = store->ops->bell(store, sources->names[i]);
}

/* Whether another worker of the pool looks at about that time. */
static bool is_looked_after(const struct sources *sources, int64_t now, int64_t at_ms)
{
	int64_t look_at = atomic_load(&sources->rows[0]->look_at_ms);
	return look_at > now && look_at <= at_ms + NEAR_MS && look_at != sources->look_at_ms;
}

static int64_t next_look(struct sources *sources, const struct lease_batch *batch)
{
	int64_t now = clock_steady_ms(), at_ms = now + batch->next_ms;
	if (!batch->is_limited || !sources->rows[0])
		return batch->next_ms;
	if (is_looked_after(sources, now, at_ms))
		return batch->next_ms + LATE_MS + (int64_t)(ids_random64() % LATE_MS);
	sources->look_at_ms = at_ms;
	atomic_store(&sources->rows[0]->look_at_ms, at_ms);
	return batch->next_ms;
}

void sources_wait(struct sources *sources, struct store *store, const struct lease_batch *batch,
	int64_t most_ms)
{
	int64_t next_ms = batch->next_ms < 0 ? most_ms : next_look(sources, batch);
	store->ops->wait(store, sources->names[0], sources->tickets[0],
		next_ms < most_ms ? next_ms : most_ms);
}
