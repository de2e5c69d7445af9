#pragma once
/*
 * Applies scaling.h to the queues of this supervisor: once a second it reads the scoreboard, steps
 * each queue whose count is a range, and settles its pool. The keeper rings where a queue's first
 * task comes, so that a queue without workers wakes at once.
 */
#include "supervisor/scaling.h"

#include <ev.h>
#include <jansson.h>

struct supervisor;
struct pool;

/* What is kept per pool. */
struct pool_scaling {
	bool is_overridden; /* the count was set by a command or a signal */
	struct scaling_state state;
	struct scaling_advice advice;
	uint64_t served; /* of workers that have ended */
	int64_t busy_ms;
	bool has_room_limit; /* room_limit: so many workers memory has room for */
	int room_limit;
	int64_t worker_bytes;  /* of a worker with its handler, as last weighed; 0: never was */
	int64_t weighed_at_ms; /* steady */
	int64_t told_short_ms; /* steady time of the last line about memory; 0: none */
};

/* bell_fd: of a program that was in our place; −1: a new one is made. */
bool scaler_init(struct supervisor *supervisor, int bell_fd);
void scaler_finish(struct supervisor *supervisor);
/* Takes up which queues are followed; after the start and each reload. */
void scaler_follow(struct supervisor *supervisor);
/* No count changes by itself any more. */
void scaler_stop(struct supervisor *supervisor);

/* {QUEUE: {"strategy", "needed", "needed_by_all", "other_hosts", "limit", "overridden", "window_s",
 * "service_s", "arrivals_per_s", "worker_bytes"}} of the queues whose count is a range, or was set
 * by hand. Owned. */
json_t *scaler_describe(const struct supervisor *supervisor);
