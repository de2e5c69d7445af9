#pragma once
/* What this supervisor has for a queue, told to the others by the keeper's heartbeats. */

struct pool;

/* Tells it anew: after every change of a count, a pause, or the death of a worker. */
void fleet_tell(const struct pool *pool);
