#pragma once
/*
 * What a dead worker left running: every process that became ours (we are a subreaper) and is no
 * child that we forked. Workers are subreapers themselves, so such processes come from dead workers
 * only. A death is told, and its place filled again, when they are gone.
 */
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;
struct child;

struct orphans {
	pid_t *inherited; /* our children from before we started: a shell that exec'ed us had them
			   */
	size_t inherited_count;
	size_t hunts;        /* children whose leavings are still hunted */
	uint64_t since_tick; /* start of the oldest of these; what is older is left alone */
	int64_t began_at_ms; /* steady time of the first hunt of this series */
	ev_timer timer;
};

void orphans_init(struct supervisor *supervisor);
/* Whoever is our child by now was so before we began. */
void orphans_note_inherited(struct supervisor *supervisor);
void orphans_finish(struct supervisor *supervisor);
/* A process that we did not fork was reaped: its pid may be another's from now on. */
void orphans_forget(struct supervisor *supervisor, pid_t pid);

/* A child was reaped: hunts for what it left. The end comes as EVENT_CLEARED. */
void orphans_hunt(struct supervisor *supervisor, const struct child *child);
/* Kills and reaps until nothing is left or a short timer must go on. */
void orphans_sweep(struct supervisor *supervisor);
/* The kernel's start time of a process, in its ticks since boot; 0: no such process. */
uint64_t orphans_start_tick(pid_t pid);
