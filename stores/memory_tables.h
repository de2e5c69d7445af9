#pragma once
/*
 * The tables of the memory store. What keeps every act small is the bundle: tasks of one job that
 * become ready together stand in one line, and the line as a whole is unborn, waiting, delayed or
 * ready. So the birth of a million children, or the opening of a gate, moves a few lines and not a
 * million tasks; a task leaves its line only when it is leased or ended.
 */
#include "stores/backend.h"
#include "stores/memory_map.h"
#include "stores/store.h"

struct queue {
	char *name;
	struct heap ready;    /* bundles; higher priority first, then in the order of readiness */
	struct heap delayed;  /* bundles by wall time */
	struct heap timeouts; /* tasks that wait for a gate, by wall time; may have been woken */
	struct heap leases;   /* tasks by steady time */
	struct line pushed_queued, pushed_dead; /* pushed tasks, for purge */
	bool has_door;
	struct map unsent;   /* bundles in the order of leases, see memory_outbox.c */
	struct heap claimed; /* bundles of one task, by the steady time at which the claim lapses */
	struct heap sent[BACKEND_SENT_LEVELS]; /* the same, by when they were sent or due */
	int64_t ready_count, delayed_count, dead_count;
	int64_t unsent_count, sent_count; /* claimed ones are unsent */
	int64_t parked_count;
	int64_t completed, failed;
	int64_t paused_at_ms; /* wall; 0: it is not paused */
	bool has_max_working; /* the newest lease came with one */
	int64_t rate_ms;      /* of the newest rate; 0: none */
	struct {
		int64_t slot, tasks;
	} taken[BACKEND_SLOTS]; /* by slot modulo their number, see backend_slots */
	uint32_t rung;          /* the bell */
};

enum place {
	PLACE_UNBORN,
	PLACE_WAITING,
	PLACE_DELAYED,
	PLACE_READY,
	PLACE_UNSENT,
	PLACE_CLAIMED,
	PLACE_SENT,
	PLACE_PARKED /* in a line, behind another */
};
#define UNSENT_KEY_SIZE 64
struct bundle {
	enum place place;
	struct job *job; /* NULL: one pushed task */
	struct queue *queue;
	struct counter *counter; /* while waiting */
	struct census *census;   /* while waiting: all are of this name */
	int priority;
	int64_t delay_ms;      /* while unborn or waiting */
	int64_t due_at_ms;     /* delayed or ready */
	struct line tasks;     /* task.link */
	struct heap_node node; /* in queue->ready, ->delayed, ->claimed or ->sent */
	char unsent_key[UNSENT_KEY_SIZE];
	bool is_fresh; /* unsent: its next message gets another number */
	struct holder *claimer;
	struct link claim; /* among what its claimer has claimed */
};

/* How many unfinished tasks a gate still awaits, and who waits for it to fall to 0. */
struct counter {
	int64_t pending;
	uint64_t version; /* grows when pending falls to 0 */
	struct bundle **waiters;
	size_t waiters_count, room;
	bool is_touched, was_positive; /* within one commit */
};

/* The counts of one name in one scope. waiting and working are kept for scope 0 only. */
struct census {
	char *name;
	struct tally tally;
	int64_t waiting, working;
	bool is_listed;
};

/* The children of one step, in the order of their seq; they come to life as a whole. */
struct litter {
	int64_t first_seq; /* given at birth */
	int64_t born_at_ms;
	int64_t parent;
	uint32_t next_index; /* of the attempt's children: below it all are written */
	struct task **tasks;
	size_t count, room;
	struct bundle **bundles; /* until birth */
	size_t bundles_count, bundles_room;
	struct litter *next; /* in the list of litters to be dropped */
};

/* An attempt that has ended or was lost; entry is NULL where no trace is kept. */
struct attempt {
	struct token token;
	bool has_committed;
	char *entry, *output;
};

/* Where jobs and pushed tasks stand when they have ended, by the time of their end. */
struct remains {
	struct heap_node ended, results;
	struct job *job;
	struct pushed *pushed; /* the one that is not NULL */
};

struct task {
	struct job *job; /* NULL: a pushed task */
	struct litter *litter;
	size_t index; /* in its litter */
	char *name, *payload, *scopes, *result, *reason;
	struct queue *queue;
	struct census *census;
	int priority;

	struct bundle *bundle;  /* while unborn, waiting or queued; its place is the state */
	enum task_state state;  /* while working or ended */
	struct link link;       /* in its bundle, or among what its owner holds */
	struct heap_node clock; /* in queue->timeouts or queue->leases */
	struct holder *holder;
	struct token token;
	uint32_t attempt;
	int failures, crashes, losses;
	bool is_cancelled;
	bool fails_job; /* its end told a job_failure */
	int64_t created_at_ms, due_at_ms, finished_at_ms, leased_at_ms;

	char *wait_gate; /* NULL: waits for nothing */
	int64_t wait_scope, wait_timeout_ms, wait_until_ms;
	int64_t wait_delay_ms; /* once its counter is 0 */

	uint32_t dispatch; /* numbers its messages */
	char *group;       /* of the line that it is or was in; NULL: of none */
	struct fifo *fifo; /* while it is in the line */
	struct link turn;

	struct attempt *attempts;
	size_t attempts_count, attempts_room;
	struct litter *ahead; /* written by the attempt that runs */
};

struct pushed {
	struct task task; /* first */
	char *id, *key;
	struct link shelf; /* in queue->pushed_queued or ->pushed_dead */
	struct remains remains;
};

struct job {
	char *id, *workflow, *workflow_hash, *key, *payload, *reason;
	enum job_state state;
	int64_t created_at_ms, finished_at_ms;
	int64_t next_seq;
	int64_t queued, waiting, working;
	int64_t failing;         /* tasks whose end failed it */
	bool is_ending;          /* cancelled, and end_cancelled has not come to its end */
	struct litter **litters; /* born ones, by first_seq */
	size_t litters_count, litters_room;
	struct census **names; /* of scope 0, in the order of first birth */
	size_t names_count, names_room;
	struct map censuses; /* "SCOPE/NAME" */
	struct map counters; /* "SCOPE/GATE" */
	/* How far end_cancelled, the dropping of results and the deletion have come. */
	int64_t cancelled_seq, results_seq, deleted_seq;
	struct remains remains;
	struct job *next; /* in the list of jobs to be deleted */
};

struct workflow_text {
	char *name, *text;
};

/* What one owner holds. */
struct holder {
	char owner[IDS_OWNER_SIZE];
	struct line tasks;
	struct line claims; /* bundles of outboxes */
};

/* Tasks of one queue and group that have not ended; all but the first are parked or, where
 * somebody took them by name, working. */
struct fifo {
	char *key;
	struct line tasks; /* task.turn */
};

/* A supervisor's heartbeat. */
struct beat {
	char *text;
	int64_t at_ms, until_ms; /* steady */
};

/* What keepers remember of a schedule. */
struct schedule {
	uint64_t version;
	char *text;
};

/* A message that was adopted. */
struct known {
	char *key;
	struct heap_node age;
};

/* Jobs and pushed tasks that have ended, by the time of their end. */
enum retention { KEEP_COMPLETED, KEEP_FAILED, RETENTIONS };

struct memory {
	struct store store; /* first */
	struct map workflows, jobs, pushed, queues, holders;
	struct map job_keys;  /* "WORKFLOW\nKEY" → unfinished job */
	struct map task_keys; /* "QUEUE\nKEY" → unfinished pushed task */
	struct map fifos;     /* "QUEUE\nGROUP" */
	struct map known;     /* "QUEUE\nMESSAGE" */
	struct map beats;     /* by the supervisor's id */
	struct map schedules; /* by name */
	struct heap known_ages;
	struct heap ended[RETENTIONS], results;
	struct litter *dropped; /* of attempts that came to nothing */
	struct job *doomed;     /* being deleted, in pages */
	int64_t last_order, first_order;
	int interrupt_fd;
	struct bells outbox; /* of it the word of the outboxes */
};
