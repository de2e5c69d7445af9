#pragma once
/*
 * What a worker leases from, with the limits that the supervisor tells, and the sleep until there
 * is something. Of the workers of a pool that wait for a rate to let more in one looks at the time;
 * the others sleep on, and are rung one after the other (see `lease` in stores/store.h).
 */
#include "workers/worker.h"

#include "stores/store.h"

struct source {
	const char *name;
	struct queue_board *row; /* NULL: no limits */
	int weight;              /* 0: strict order */
	int64_t credit;
	uint32_t ticket;
};

struct sources {
	struct source *list; /* in the order of the configuration */
	size_t count;
	/* In the order of the next lease. */
	struct source **order;
	const char **names;
	struct lease_limit *limits;
	bool had_limits;
	struct queue_board *pool; /* the row of the pool's name */
	int64_t look_at_ms; /* steady: this worker looks then for all that wait; 0: it does not */
};

void sources_open(struct sources *sources, const struct worker_setup *setup);
void sources_finish(struct sources *sources);
/* Queues and limits as they are now: by weights, so that over time each of several queues with
 * work gets its share. Valid until the next call. */
void sources_request(struct sources *sources, struct lease_request *request);
/* Whether more than one task may be leased at a time. */
bool sources_allow_ahead(const struct sources *sources);
/* What was leased; nothing where the batch is empty. */
void sources_note(struct sources *sources, const struct lease_batch *batch);
/* Reads the tickets: what is rung from now on ends the next wait at once. */
void sources_listen(struct sources *sources, struct store *store);
/* Until one of the queues is rung, something becomes due, or most_ms pass; batch is the answer to a
 * lease that found nothing. */
void sources_wait(struct sources *sources, struct store *store, const struct lease_batch *batch,
	int64_t most_ms);
