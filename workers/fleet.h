#pragma once
/*
 * Heartbeats of supervisors as JSON: {"host","pid","version","config","started_at","queues":
 * {NAME: {"workers","busy","min","max","capacity","floor","served","busy_ms","paused"}}}. Members
 * are only added; a reader does without what it does not find, and takes no number as it comes.
 */
#include "workers/scoreboard.h"

#include <jansson.h>
#include <sys/types.h>

struct fleet_queue {
	int workers, busy, min, max;
	int capacity;    /* workers that may run there; 0: it is paused or ending */
	int floor;       /* of these, so many are kept whatever the load is */
	uint64_t served; /* attempts ended since its start, … */
	int64_t busy_ms; /* … and the sum of their service times */
	bool is_paused;  /* there alone, by its own command */
};

/* Without its queues. Owned. */
json_t *fleet_print_host(const struct scoreboard *board, pid_t supervisor, const char *config_path);
json_t *fleet_print_queue(const struct fleet_queue *queue);
/* False where the host (NULL: none) does not serve the queue. */
bool fleet_read_queue(const json_t *host, const char *name, struct fleet_queue *out);
