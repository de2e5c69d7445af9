#pragma once
/*
 * The scoreboard: shared memory between the supervisor and its children, a memfd made before the
 * first fork. A child writes its own slot, the parent reads; the parent writes commands, the child
 * reads. It is for display, attribution and prompt wake-up, never for what is true about a task.
 *
 * Other versions of reeve read and write it too, when the binary is replaced (USR2). Adding a
 * field: at the end, inside the reserved bytes, and 0 means that nobody has said anything;
 * SCOREBOARD_VERSION stays, and older and newer programs use one board. Any other change of the
 * layout, or of what a field means, raises SCOREBOARD_VERSION, and a reader of another version
 * refuses to attach.
 */
#include "base/error.h"
#include "base/ids.h"

#include <stdatomic.h>
#include <stdint.h>

#define SCOREBOARD_VERSION 7
#define SCOREBOARD_SLOTS   10240
#define SCOREBOARD_QUEUES  1024
#define SCOREBOARD_DEATHS  256
#define SCOREBOARD_TEXT    96

enum slot_state { SLOT_FREE, SLOT_STARTING, SLOT_IDLE, SLOT_BUSY, SLOT_DRAINING, SLOT_STATES };
extern const char *const slot_state_names[SLOT_STATES];

/* What the parent asks of a child; read between tasks and after every signal. */
enum slot_command {
	COMMAND_RUN,
	COMMAND_DRAIN /* end after the task */,
	COMMAND_HALT /* stop the handler, give back, exit */
};

struct slot {
	_Atomic uint32_t sequence; /* odd while the child writes the text fields */
	_Atomic int32_t pid;
	_Atomic int32_t state;
	_Atomic int32_t command;       /* written by the parent */
	_Atomic int32_t is_paused;     /* written by the parent: take no new task */
	_Atomic int32_t handler_group; /* process group of the running handler; 0: none */
	_Atomic int64_t since_ms;      /* wall time of the last change of state */
	_Atomic int64_t beat_ms;       /* steady time at which the child last showed life */
	_Atomic int64_t ready_at_ms;   /* steady time at which it first became idle; 0: not yet */
	_Atomic uint64_t completed, failed, retried;
	_Atomic int64_t busy_ms; /* sum of service times */
	char owner[IDS_OWNER_SIZE + 7];
	char queue[SCOREBOARD_TEXT];
	char task_id[208];
	char task_name[SCOREBOARD_TEXT];
	_Atomic uint32_t attempt;
	_Atomic int32_t exit_cause; /* a child's own word on why it ends; enum worker_exit */
	_Atomic uint64_t served;    /* attempts whose time is in busy_ms by now */
	_Atomic uint64_t recycled;  /* handlers replaced as the queue's `recycle` says */
	/* Steady time at which the program that runs should have been killed by the child; 0: none
	 * runs, or it has no time-out. */
	_Atomic int64_t overdue_at_ms;
	/* Raised by the parent with each thing that it changes for the child. */
	_Atomic uint32_t told;
	char reserved[36];
};

/* How closely the parent follows the depth of a queue. */
enum attention {
	ATTENTION_NONE,
	ATTENTION_FOLLOWED, /* the number of workers depends on it */
	ATTENTION_AWAITED   /* no worker is there: the first task is to be seen at once */
};

/* Written by the keeper, once a second at most and only when the store has changed; more often
 * where the parent asks for it. */
struct queue_board {
	_Atomic uint32_t sequence;
	char name[SCOREBOARD_TEXT];
	_Atomic int64_t depth, delayed, working, dead, oldest_ms, completed, failed;
	_Atomic int64_t measured_at_ms; /* wall; 0: never */
	_Atomic int64_t known_at_ms;    /* steady time at which the numbers were last known to be
					   true: measured, or without a sign of change since */
	_Atomic int32_t attention;      /* written by the parent */
	_Atomic int64_t unsent, sent;   /* of the outbox */
	/* By the courier of this host, since the supervisor's start: requests to the broker;
	 * messages received, sent, and of those received the ones that lead to no task. */
	_Atomic uint64_t requests, received, sent_total, unknown;
	_Atomic int64_t paused_at_ms; /* wall time since when no host leases of it; 0: not */
	/* Written by the parent: what the queue lets in, see lease_limit. The rate's count in the
	 * upper half, its span in seconds in the lower one; 0: none. */
	_Atomic uint64_t rate;
	_Atomic int64_t max_working;
	/* By workers: the steady time at which one of those that wait for the rate looks. */
	_Atomic int64_t look_at_ms;
	char reserved[32];
};

/* What the other supervisors that share the store have for a queue: those with lower ids as one,
 * those with higher ids as one. `kept` is what is busy or kept whatever the load is. */
struct fleet_view {
	int32_t before_capacity, before_kept, behind_capacity, behind_kept;
	int32_t hosts, busy; /* how many of them serve it; their busy workers */
	uint64_t served;     /* attempts ended there while we looked, … */
	int64_t busy_ms;     /* … and their service times */
};

enum presence {
	PRESENCE_NONE, /* it is not served here */
	PRESENCE_SERVING,
	PRESENCE_PAUSED /* by a command to this supervisor */
};

/* One queue in the fleet; the row of a queue's number belongs to its row of the same number. */
struct fleet_row {
	/* By the parent: workers that may run here, so many of which are kept whatever the load is;
	 * and the sums of workers that have ended. */
	_Atomic int32_t presence, capacity, floor;
	_Atomic uint32_t sequence; /* of the view */
	_Atomic uint64_t past_served;
	_Atomic int64_t past_busy_ms;
	/* By the keeper, as one. */
	struct fleet_view view;
	char reserved[48];
};

/* One death of a worker, told by the supervisor after its handlers are gone. */
struct death {
	_Atomic uint64_t number; /* 0: empty; else the death's number, from 1 */
	char owner[IDS_OWNER_SIZE + 7];
	char task_id[208]; /* the task that was running, or "" */
	char queue[SCOREBOARD_TEXT];
	char worker[SCOREBOARD_TEXT]; /* "mail#1" */
	char cause[SCOREBOARD_TEXT];  /* "killed by signal 9 (SIGKILL)" */
	_Atomic int64_t at_ms;
};

struct scoreboard {
	uint32_t version, slot_size, slot_count, queue_count;
	_Atomic uint64_t deaths_told;    /* number of the newest death in the ring */
	_Atomic uint64_t deaths_handled; /* by the keeper */
	_Atomic uint32_t keeper_bell;    /* futex: the parent rings the keeper */
	_Atomic int32_t is_idle;         /* keeper's answer for --until-idle: 1 nothing is left */
	_Atomic int32_t any_failed;      /* a task failed for good since the start */
	_Atomic int64_t idle_checked_at_ms; /* steady */
	char fleet_id[IDS_OWNER_SIZE + 7];  /* of this supervisor; written before the first fork */
	int64_t started_at_ms;              /* wall, of this supervisor; as above */
	_Atomic int64_t fleet_known_at_ms;  /* steady time at which the views were true; 0: never */
	_Atomic int32_t is_ending; /* written by the parent: this host takes no more work */
	char reserved[196];
	struct queue_board queues[SCOREBOARD_QUEUES];
	struct death deaths[SCOREBOARD_DEATHS];
	struct slot slots[SCOREBOARD_SLOTS];
	struct fleet_row fleet[SCOREBOARD_QUEUES];
};

/* Makes the shared memory; untouched slots cost nothing. The fd is close-on-exec. */
bool scoreboard_create(struct scoreboard **out, int *fd, struct error *err);
/* One that another program has made: INVALID where its version or layout is not this one's.
 * is_copy: what is written stays here. */
bool scoreboard_attach(int fd, bool is_copy, struct scoreboard **out, struct error *err);
void scoreboard_destroy(struct scoreboard *board, int fd);

/* Child: its text fields change as one. NULL leaves a field; "" clears it. */
void scoreboard_set_task(
	struct slot *slot, const char *task_id, const char *name, uint32_t attempt);
void scoreboard_set_state(struct slot *slot, enum slot_state state);

/* Parent: a consistent copy of a slot (tries a bounded number of times). */
void scoreboard_read_slot(const struct slot *slot, struct slot *copy);
void scoreboard_read_queue(const struct queue_board *row, struct queue_board *copy);
/* The row of a queue, made where it is missing; NULL where the table is full. */
struct queue_board *scoreboard_find_queue(struct scoreboard *board, const char *name);

struct fleet_row *scoreboard_fleet_row(struct scoreboard *board, const struct queue_board *queue);
/* Keeper; parent: a consistent copy. */
void scoreboard_set_view(struct fleet_row *row, const struct fleet_view *view);
void scoreboard_read_view(const struct fleet_row *row, struct fleet_view *copy);

/* Parent: tells a death. The ring holds SCOREBOARD_DEATHS; false where the keeper is that far
 * behind (the leases then end by themselves). */
bool scoreboard_tell_death(struct scoreboard *board, const char *owner, const char *task_id,
	const char *queue, const char *worker, const char *cause);
/* Keeper: the next death that is not handled; false where there is none. Handled with the second
 * call, after the store has released: a keeper that dies in between does it again. */
bool scoreboard_next_death(struct scoreboard *board, struct death *copy, uint64_t *number);
void scoreboard_death_handled(struct scoreboard *board, uint64_t number);
void scoreboard_ring_keeper(struct scoreboard *board);
