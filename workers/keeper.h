#pragma once
/* Parts of the keeper; keeper.c has the loop. Nothing stops where it dies: it makes things prompt.
 */
#include "workers/acts.h"
#include "workers/attempt.h"
#include "workers/jobs.h"
#include "workers/keeper_recount.h"
#include "workers/schedules.h"
#include "workers/self.h"

#include <jansson.h>

/* What is known of one queue without asking the store. */
struct gauge {
	const char *queue;                 /* the pool's name */
	const struct config_queue *config; /* what it pulls is measured as one */
	struct queue_board *row;
	uint64_t seen, signs;   /* signs of change at the last measurement, and now */
	int64_t measured_at_ms; /* steady */
	bool has_door;
	bool is_brokers;   /* its depth is not of the store; see courier_depth.c */
	int workers, busy; /* of it here, at the last look, … */
	uint64_t served;   /* … and what these have done */
	int64_t busy_ms;
};

/* The heartbeats of this supervisor and of others; see keeper_fleet.c. */
struct keeper_beats {
	char *said;           /* the last one; NULL: none yet */
	int64_t at_ms;        /* steady */
	int64_t failed_at_ms; /* steady; 0: the last one did not */
	json_t *heard;        /* {ID: what it told}, of the others; NULL: nobody was heard yet */
};

/* The worker of tasks with jobs in their place; see keeper_nested.c. */
struct keeper_nested {
	struct worker_setup setup;
	struct config_queue queue;
	struct worker worker;
	uint32_t seen; /* the bell at the last look */
	int64_t at_ms; /* steady: looked at then, rung or not */
};

/* Cancels that were cut short; see keeper_cancels.c. */
struct keeper_cancels {
	struct acts_cancel cancel; /* the one that is under way */
	uint32_t seen;             /* the bell at the last look */
	int64_t at_ms;             /* steady: looked for then */
};

struct keeper {
	struct self self;
	struct keeper_nested nested;
	struct keeper_cancels cancels;
	struct jobs *jobs;
	struct gauge *gauges;
	size_t gauge_count;
	const char **watched; /* queues of --until-idle */
	size_t watched_count;
	struct recount recount;
	struct schedules *schedules;
	struct keeper_beats beats;
	int64_t sweep_at_ms, gc_at_ms, idle_at_ms, schedules_at_ms; /* steady: due then */
};

void keeper_open_gauges(struct keeper *keeper);
/* Reads the signs of change in memory; true where something may have changed in the store. */
bool keeper_sees_change(struct keeper *keeper);
/* True where a queue's first task is waited for, and memory is to be read more often. */
bool keeper_is_awaiting(const struct keeper *keeper);
/* Measures the queues that show a change, or were not measured for a while. */
void keeper_measure(struct keeper *keeper);
/* Tells the other supervisors of this one, and hears them where counts here depend on it. */
void keeper_beat(struct keeper *keeper);
/* Takes the heartbeat back where the supervisor ends. */
void keeper_end_beats(struct keeper *keeper);
void keeper_open_watch(struct keeper *keeper);
/* For --until-idle: whether anything is left for the queues that are watched. */
void keeper_judge_idle(struct keeper *keeper);
/* Makes the jobs that applications have asked for. */
void keeper_adopt_starts(struct keeper *keeper);
void keeper_open_nested(struct keeper *keeper);
void keeper_close_nested(struct keeper *keeper);
/* Starts and ends what has a job in its place. */
void keeper_nest(struct keeper *keeper);
void keeper_follow_cancels(struct keeper *keeper);
/* Logs an act that failed; true where it went well. */
bool keeper_note(struct keeper *keeper, bool ok, const char *what, const struct error *err);
