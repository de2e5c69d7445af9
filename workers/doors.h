#pragma once
/* Which queues have a door: their tasks travel through the broker. */
#include "config/config.h"
#include "stores/store.h"

/* Tasks of gates stay in the store; on queues with foreign messages nothing is ever sent. */
bool doors_has(const struct config *config, const struct config_queue *queue);

/* Tells the store of the doors of all queues of the configuration, or of the one named (NULL: all;
 * one that is not configured: nothing). A repeat changes nothing. */
bool doors_set(
	struct store *store, const struct config *config, const char *queue, struct error *err);
