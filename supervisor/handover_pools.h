#pragma once
/* Pools and their children in the state that is handed over; a part of handover.c. */
#include "base/error.h"

#include <jansson.h>

struct supervisor;

/* [{…, "children": [{…}]}]. Owned. */
json_t *handover_write_pools(const struct supervisor *supervisor);
/* Into the pools of the configuration; those of queues that it no longer has come as removed ones.
 * What runs is to be replaced. */
bool handover_restore_pools(struct supervisor *supervisor, const json_t *list, struct error *err);
