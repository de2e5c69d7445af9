#pragma once
/*
 * What is handed to the acts of a store and what they tell: see store.h. Outputs are owned by the
 * caller and dropped with the *_finish functions.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"

#include <stdint.h>

#define STORE_ID_SIZE      200 /* a task's id: JOB.SEQ, or a pushed task's own id */
#define STORE_DELAY_MAX_MS (INT64_C(365000) * 24 * 3600 * 1000) /* a thousand years */
#define STORE_SPAWN_MAX    500          /* children in one chunk written ahead */
#define STORE_LOST_MAX     20           /* lost leases after which a task is set aside */
#define STORE_BEAT_MAX     (512 * 1024) /* bytes of a heartbeat's text */
#define STORE_BEATS_MAX    1000         /* heartbeats that one act lists */
#define STORE_SCHEDULE_MAX 120          /* bytes of a schedule's name */
#define STORE_KNOWN_MS     (INT64_C(15) * 24 * 3600 * 1000) /* message ids; SQS keeps for 14 days */

enum task_state {
	TASK_WAITING, /* for its gate, its parents */
	TASK_QUEUED,  /* delayed ones too */
	TASK_WORKING,
	TASK_COMPLETED,
	TASK_FAILED,
	TASK_INVALID, /* invalid_payload */
	TASK_SKIPPED,
	TASK_CANCELLED,
	TASK_STATES
};
enum job_state { JOB_RUNNING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED, JOB_STATES };

/* "waiting", "queued", …, "invalid_payload"; "running", …. */
extern const char *const task_state_names[TASK_STATES];
extern const char *const job_state_names[JOB_STATES];

/*
 * What a lease is held by; compared whole by every act. It stays valid until its task is leased
 * again, released or ended: expiry alone does not void it.
 */
struct token {
	uint32_t attempt; /* numbers leases, from 1 */
	char owner[IDS_OWNER_SIZE];
	uint64_t nonce;
};

/*
 * A task to be born. Where waits is true it waits for the counter (wait_scope, wait_gate): it is
 * queued when that counter is 0 at its birth (no such counter is 0), else it is `waiting` until the
 * counter falls to 0 or wait_timeout_ms passes.
 */
struct new_task {
	const char *name, *queue;
	const char *payload; /* JSON text */
	int priority;        /* −100…100, higher first */
	int64_t delay_ms;    /* from its birth, or where it waits from when its counter is 0 */
	const char *scopes;  /* its line of scopes, opaque to the store: "0", "0/17" */
	bool waits;
	int64_t wait_scope; /* a task's seq, or 0 for the job */
	const char *wait_gate;
	int64_t wait_timeout_ms; /* 0: none */
};

/* Adds to the number of unfinished producers of what the gate awaits in the scope. */
struct counter_change {
	int64_t scope;
	const char *gate;
	int64_t pending;
};

/*
 * Adds to the counts of one name in one scope; scope 0 is the whole job and feeds job status.
 * `excused` counts ended tasks whose failure the descriptor forgives (if_failed: continue): for
 * gates they count as completed.
 */
struct tally {
	int64_t born, completed, failed, invalid, skipped, cancelled, excused;
};
struct tally_change {
	int64_t scope;
	const char *name;
	struct tally add;
};

/* Everything that one step of a job changes beside the task itself, worked out by advance. */
struct effects {
	struct new_task *children;
	size_t children_count;
	struct counter_change *counters;
	size_t counters_count;
	struct tally_change *tallies;
	size_t tallies_count;
	const char *job_failure; /* the job is failed from now on, for this reason; or NULL */
};

/* A new job with its entry tasks; seq numbers are given in the order of effects.children, from 1.
 */
struct submission {
	const char *id; /* a UUIDv7 of the caller: submitting twice is submitting once */
	const char *workflow;
	const char *workflow_hash; /* put with store_put_workflow before */
	const char *payload;
	const char *key;   /* NULL, or at most one running job of this workflow has it */
	const char *place; /* NULL, or the task in whose place it runs: see submit */
	struct effects effects;
};

/* A pushed task: no job. id is the caller's (UUIDv7) or a foreign message's. */
struct push {
	const char *id;
	const char *name, *queue, *payload;
	const char *key; /* NULL, or at most one unfinished task of this queue has it */
	int priority;
	int64_t delay_ms;
};

/*
 * What a queue lets in, whoever asks; 0: no bound. At most `rate` tasks are leased of it within any
 * span of rate_ms, and at most max_working leases of it stand at a time. lease_task does not count
 * for the rate. The bounds come with each request, so that those of the newest one hold.
 */
struct lease_limit {
	int64_t rate, rate_ms;
	int64_t max_working;
};
struct lease_request {
	const char *const *queues; /* asked in this order */
	size_t queue_count;
	const char *owner;
	int64_t lease_ms;
	size_t max;
	const struct lease_limit *limits; /* one for each queue; NULL: none has any */
};

/* One leased task. All text is owned by the batch. */
struct leased {
	char id[STORE_ID_SIZE];
	char *job_id;        /* NULL for a pushed task */
	int64_t seq, parent; /* within the job; parent 0: an entry task */
	char *name, *queue, *payload, *scopes;
	struct token token;
	int failures, crashes;   /* spent of its budgets */
	int losses;              /* STORE_LOST_MAX: to be set aside, not run */
	int64_t scheduled_at_ms; /* wall time at which it became due */
	int64_t wait_scope;
	char *wait_gate;       /* NULL unless it waits for a gate */
	int64_t wait_until_ms; /* wall time at which its gate's timeout passes; 0: none */
	bool is_cancelled;
};
struct lease_batch {
	struct leased *tasks;
	size_t count;
	int64_t next_ms; /* count 0: time until a delayed task or an expired lease is due, or a
			    rate lets more in; −1: none */
	bool is_limited; /* count 0: something is ready, and a limit keeps it */
};

enum outcome {
	OUTCOME_COMPLETED,
	OUTCOME_FAILED,
	OUTCOME_INVALID,
	OUTCOME_SKIPPED,
	OUTCOME_CANCELLED,
	OUTCOME_RETRY,     /* queued again after delay_ms; children written ahead are dropped */
	OUTCOME_WAIT,      /* a gate that may not open: waiting again, the attempt is not counted */
	OUTCOME_GIVE_BACK, /* queued again at once; counts against no budget, but adds `losses` */
};

struct commit {
	const char *id;
	struct token token;
	enum outcome outcome;
	const char *result;    /* JSON text or NULL */
	const char *reason;    /* why it failed; or NULL */
	int failures, crashes; /* spent, this attempt included */
	int losses;            /* GIVE_BACK: added to the task's losses */
	int64_t delay_ms;      /* RETRY */
	uint64_t gate_version; /* WAIT: as read with store_get_gate */
	const char *entry;     /* trace entry, JSON text; NULL keeps no entry */
	const char *output;    /* the last of stdout and stderr; may be NULL */
	/*
	 * Beside effects.children, the children written ahead by this attempt are born by an
	 * outcome that ends the task as COMPLETED; effects' counters and tallies include them.
	 */
	struct effects effects;
};

enum commit_answer {
	COMMIT_DONE,
	COMMIT_REPEATED, /* this token has committed before: nothing was done again */
	COMMIT_STALE,    /* the token holds nothing: somebody else has or had the task */
};
struct commit_result {
	enum commit_answer answer;
	bool may_have_woken; /* tasks of other queues may have become ready */
	bool job_ended;
};

enum renewal {
	RENEWED,
	RENEW_STALE,
	RENEW_CANCELLED /* still held; its job or itself is cancelled */
};

struct gate_view {
	int64_t pending;
	uint64_t version;      /* changes each time pending falls to 0 */
	struct tally *tallies; /* one per name asked */
	size_t count;
};

struct name_count {
	char *name;
	int64_t states[TASK_STATES];
};
struct job_record {
	char *id, *workflow, *workflow_hash, *key, *payload, *reason;
	enum job_state state;
	int64_t created_at_ms, finished_at_ms; /* wall; 0: not yet */
	struct name_count *names;              /* in the order of first birth */
	size_t name_count;
};
struct task_record {
	char id[STORE_ID_SIZE];
	char *job_id, *name, *queue, *payload, *result, *reason, *scopes;
	int64_t seq, parent;
	enum task_state state;
	uint32_t attempt;
	int failures, crashes, losses;
	int64_t created_at_ms, due_at_ms, finished_at_ms;
	char *wait_gate;
	int64_t wait_scope;
};
struct attempt_record {
	uint32_t attempt;
	char *entry, *output;
};
struct job_list {
	struct job_record *rows;
	size_t count;
};
struct task_list {
	struct task_record *rows;
	size_t count;
};
struct attempt_list {
	struct attempt_record *rows;
	size_t count;
};

struct job_filter {
	const char *workflow; /* NULL: any */
	int state;            /* enum job_state, or −1: any */
	bool unfinished;      /* only those in which something can still run */
	bool ending; /* only cancelled ones whose end_cancelled has not come to its end: up to
			`limit` of them, the rest of the filter says nothing */
	const char *before; /* page: jobs older than this id; NULL: from the newest */
	size_t limit;
};
struct task_filter {
	const char *job;   /* NULL: of all jobs and pushed ones, in one order that never changes */
	const char *queue; /* NULL: any */
	const char *name;  /* NULL: any */
	int64_t parent;    /* −1: any */
	int state;         /* enum task_state, or −1: any */
	bool is_dead;      /* only failed and invalid ones */
	bool with_bodies;  /* payload and result too */
	const char *after; /* page: tasks after this id; NULL: from the first */
	size_t limit;      /* at most 1,000 */
};

struct queue_stats {
	/* depth: what may run now, unsent and sent ones included; delayed: what is due later, in
	 * the outbox too. */
	int64_t depth, delayed, working, dead;
	int64_t unsent, sent;      /* of the outbox, delayed ones included */
	int64_t oldest_ms;         /* age of the first ready task; 0: none */
	int64_t completed, failed; /* since the store exists */
	int64_t paused_at_ms;      /* wall time since which no host leases of it; 0: not paused */
	/* Of the newest rate that leases came with: its span, what was leased within it, and the
	 * time until the first of that is out of it. 0: there was no rate. */
	int64_t rate_ms, rate_taken, rate_next_ms;
};

/*
 * The outbox of a queue with a door. What would be queued there is `unsent` instead: a courier
 * claims it, sends a message that names it, and marks it `sent`; when some courier receives that
 * message, adopt makes the task ready. All of these are TASK_QUEUED. What a worker gives back, what
 * is released, and tasks that stand in a line (see struct arrival) never go there.
 */
struct claim_request {
	const char *queue;
	const char *owner;  /* release_owner gives its claims back */
	int64_t claim_ms;   /* then another courier may claim it */
	int64_t horizon_ms; /* also what is due within this time: the broker delays it */
	size_t max;
	bool with_payloads;
};
struct outgoing {
	char id[STORE_ID_SIZE];
	char *job_id;      /* NULL for a pushed task */
	char *payload;     /* NULL unless asked for */
	uint32_t dispatch; /* numbers the messages for this task, from 1 */
	int64_t delay_ms;  /* 0: due now */
};
struct outgoing_list {
	struct outgoing *rows;
	size_t count;
	int64_t next_ms; /* until a row comes within the horizon or a claim lapses; −1: none */
};
struct sent {
	const char *id;
	uint32_t dispatch;
};

/* A message that a courier has received. */
struct arrival {
	const char *queue;
	const char *message_id; /* the broker's; known again for STORE_KNOWN_MS */
	const char *task_id;    /* a reference to a task; or NULL, then: */
	const char *id;         /* the new task's; NULL: the store makes one with its tag */
	const char *name, *payload;
	int priority;
	const char *reason; /* it can't be understood: the task is born TASK_INVALID, and why */
	/* Both kinds: NULL, or the task joins the line of this group of its queue. Only the first
	 * task of a line that has not ended is ever leased; retries keep it first. */
	const char *group;
};
enum adoption {
	ADOPT_DONE,    /* it is ready, delayed, in its line, or dead, by this act */
	ADOPT_KNOWN,   /* it was before: nothing was done */
	ADOPT_UNKNOWN, /* a reference to no task: nothing was done */
};

/* A counter above 0 that tasks wait for. */
struct waiting_gate {
	char *job;
	int64_t scope;
	char *gate;
	int64_t pending;
};
struct gate_list {
	struct waiting_gate *rows;
	size_t count;
};

/* A job that an application has asked for in a transaction of its own. */
struct start_request {
	char *id; /* the job's, told already */
	char *workflow, *payload, *key;
	char *hash; /* of the text of this name that was put last; NULL: none */
	int64_t created_at_ms;
};
struct start_list {
	struct start_request *rows;
	size_t count;
};

/* What a supervisor tells the others of itself. It lapses by itself, on the store's clock. */
struct heartbeat {
	const char *id;   /* the supervisor's, random: of at most IDS_OWNER_SIZE − 1 characters */
	const char *text; /* opaque, at most STORE_BEAT_MAX bytes */
	int64_t hold_ms;  /* until it lapses; 0: it is taken back */
};
struct beat_record {
	char id[IDS_OWNER_SIZE];
	char *text;
	int64_t age_ms;
};
struct beat_list {
	struct beat_record *rows;
	size_t count;
};

/* What keepers remember of a schedule (workers/keeper_schedules.c); it is there until the store is
 * not, whatever becomes of the jobs that were started. */
struct schedule_record {
	uint64_t version; /* grows with each change; 0: there is none */
	char *text;       /* opaque; NULL: there is none */
};
struct schedule_list {
	struct schedule_record *rows;
	size_t count;
};
struct firing {
	const char *name;             /* of the schedule: 1 to STORE_SCHEDULE_MAX bytes */
	uint64_t version;             /* of the record as it was read */
	const char *text;             /* what it becomes */
	const struct submission *job; /* what is started with it; both may be NULL */
	const struct push *task;
};

struct sweep_report {
	size_t released; /* expired leases put back */
	size_t due;      /* delayed tasks and gate time-outs made ready */
	size_t dropped; /* rows of attempts that came to nothing, message ids that were forgotten */
	int64_t next_ms; /* until the next of them; −1: none */
};

void lease_batch_finish(struct lease_batch *batch);
void gate_view_finish(struct gate_view *view);
void job_record_finish(struct job_record *record);
void task_record_finish(struct task_record *record);
void job_list_finish(struct job_list *list);
void task_list_finish(struct task_list *list);
void attempt_list_finish(struct attempt_list *list);
void outgoing_list_finish(struct outgoing_list *list);
void gate_list_finish(struct gate_list *list);
void beat_list_finish(struct beat_list *list);
void start_list_finish(struct start_list *list);
void schedule_list_finish(struct schedule_list *list);
