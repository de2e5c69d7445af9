#pragma once
/* What is asked of the store's server before anything depends on it. */
#include "config/config.h"
#include "stores/preflight.h"

/* Connections that this host's processes hold at their most; queues: those of --only, count 0: all.
 */
size_t preflight_connections(const struct config *config, const char *const *queues, size_t count);
/* Logs what the server should be changed in. That it can't be reached is for others to say. */
void preflight_tell(const struct config *config, const char *const *queues, size_t count);
