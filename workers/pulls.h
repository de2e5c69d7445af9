#pragma once
/* A pool and the queues that it pulls, as one. */
#include "config/config.h"
#include "stores/store.h"

/* The numbers of all its queues added up; the age of the oldest. It is paused where all of them
 * are. Those of a rate stay 0 unless it pulls one queue. */
bool pulls_get_stats(struct store *store, const struct config_queue *pool,
	struct queue_stats *stats, struct error *err);
