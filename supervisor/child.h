#pragma once
/*
 * One place for a process ("mail#1", "keeper") and its life as a table [state][event] = {action,
 * next}. child_handle is the only writer of a state; what an action does is given from outside.
 */
#include "base/ids.h"
#include "supervisor/backoff.h"
#include "workers/scoreboard.h"

#include <ev.h>
#include <sys/types.h>

enum child_state {
	CHILD_FREE,     /* no process, none wanted: the place is given up at the next chance */
	CHILD_WAITING,  /* no process, one wanted: back-off */
	CHILD_RUNNING,  /* forked, and meant to go on */
	CHILD_ROLLING,  /* told to end after its task; will be replaced */
	CHILD_RETIRING, /* told to end after its task; will not be replaced */
	CHILD_HALTING,  /* told to give its task back and end */
	CHILD_KILLED,
	CHILD_CLEARING, /* reaped; its handlers are being killed; will be replaced */
	CHILD_CLOSING,  /* reaped; its handlers are being killed; will not be replaced */
	CHILD_STATES
};

enum child_event {
	EVENT_START,
	EVENT_FORK_FAILED,
	EVENT_DIED,    /* reaped */
	EVENT_CLEARED, /* nothing that it had started is left */
	EVENT_DUE,     /* the back-off is over */
	EVENT_ROLL,
	EVENT_RETIRE,
	EVENT_HALT,
	EVENT_KILL,
	CHILD_EVENTS
};

enum child_action {
	ACTION_IGNORE, /* the absent cell: the event means nothing in this state */
	ACTION_NOTE,   /* the state changes, nothing else */
	ACTION_FORK,
	ACTION_FORK_AFRESH, /* without the rest of the back-off */
	ACTION_RETRY,       /* arms the back-off after a failed fork */
	ACTION_DISARM,
	ACTION_DRAIN,
	ACTION_HALT,
	ACTION_KILL,
	ACTION_BURY,    /* notes how it ended, starts the hunt for what it left */
	ACTION_RESTART, /* tells the death, then arms the back-off */
	ACTION_RELEASE, /* tells the death */
	CHILD_ACTIONS
};

struct child_rule {
	enum child_action action;
	enum child_state next;
};

extern const char *const child_state_names[CHILD_STATES];

/* The cell of the table. */
struct child_rule child_rule(enum child_state state, enum child_event event);

struct child;
typedef void (*child_act)(struct child *child);

struct pool;
struct child {
	const child_act *acts; /* one per action; NULL where there is nothing to do */
	struct pool *pool;
	int number; /* in its pool, from 1 */
	char name[SCOREBOARD_TEXT];
	enum child_state state;
	struct backoff backoff;
	ev_timer timer;    /* of the back-off */
	bool is_stale;     /* runs on an older configuration than the pool's */
	pid_t pid;         /* 0: no process */
	struct slot *slot; /* NULL: no process, and the last one's death is told */
	char owner[IDS_OWNER_SIZE];
	uint64_t start_tick;  /* /proc/PID/stat field 22: what is older is not of this worker */
	int64_t forked_at_ms; /* steady */
	int64_t told_at_ms;   /* steady time at which it was told to end; 0: not */
	int exit_status;      /* as waitpid gave it */
	int64_t seen_beat_ms; /* of its slot, at the last look; see hung.h */
	uint64_t seen_ticks;  /* of its CPU time, too */
	int quiet_looks;      /* in a row that saw no life */
	int late_looks;       /* in a row that saw it past its task's time */
	bool is_hung;         /* killed for one of both */
	bool was_stopped;     /* it was told to end, or killed, before it died */
};

void child_handle(struct child *child, enum child_event event);

/* True where it has a process that is not yet reaped. */
bool child_is_alive(const struct child *child);
/* True where it counts as one of the pool's wanted workers. */
bool child_is_wanted(const struct child *child);
/* True where it has become ready since its start. */
bool child_is_ready(const struct child *child);
/* True where it has a task, by its own word. */
bool child_is_busy(const struct child *child);
