#pragma once
/*
 * The port to a store: where the truth about jobs and tasks lives, ready queues included. Each act
 * below is safe to repeat, and atomic: one Redis script or one transaction. Of a batch each item
 * is, and a backend may do a large one in pages. No act's work grows with the number of a task's
 * siblings. A store knows nothing of workflow rules: advance (workflow/) has worked out every
 * change before it is handed in. JSON is opaque text here.
 *
 * Kinds of error: UNAVAILABLE when the backend can't be reached or written (try again, nothing has
 * changed or the act can be repeated), NOT_FOUND, CONFLICT for a stale token, INVALID for what the
 * backend can never take. Outputs are owned by the caller and dropped with the *_finish functions.
 */
#include "base/bells.h"
#include "base/error.h"
#include "stores/records.h"

struct store;
struct store_ops {
	/* Workflows by content hash; putting one twice changes nothing. */
	bool (*put_workflow)(struct store *, const char *hash, const char *name, const char *text,
		struct error *);
	bool (*get_workflow)(struct store *, const char *hash, char **text, struct error *);

	/* Durable before it answers. id_out gets the id of the job: the submission's own, or that
	 * of the unfinished job that has the key. A job without anything to run ends at once. A new
	 * one with a place is refused, CONFLICT, where that task has ended, or it or its job is
	 * cancelled: so nothing begins below what is cancelled. */
	bool (*submit)(struct store *, const struct submission *, char id_out[STORE_ID_SIZE],
		struct error *);
	/* Durable before it answers; ids_out (may be NULL) as above for keys. */
	bool (*push)(struct store *, const struct push *, size_t count,
		char (*ids_out)[STORE_ID_SIZE], struct error *);

	/* Takes up to max due tasks of the queues; also puts back up to 16 expired leases and due
	 * rows of them. An empty batch is success. A cancelled job's tasks are ended on the way,
	 * never leased. A queue with limits is rung once more where it was leased from and has more
	 * that is ready: so one sleeper after the other is woken, and never all. */
	bool (*lease)(
		struct store *, const struct lease_request *, struct lease_batch *, struct error *);
	/* Takes one named task that is queued, delayed or waiting (for cancel and purge). CONFLICT
	 * where it is working or ended, or its job is cancelled. Put back uncommitted it is
	 * delayed or waiting again. */
	bool (*lease_task)(struct store *, const char *id, const char *owner, int64_t lease_ms,
		struct lease_batch *, struct error *);
	bool (*renew)(struct store *, const char *id, const struct token *, int64_t lease_ms,
		enum renewal *, struct error *);
	/* Writes a chunk of at most STORE_SPAWN_MAX children ahead (none of them waits).
	 * first_index numbers the attempt's children from 0 and grows from chunk to chunk; a repeat
	 * of a chunk changes nothing. CONFLICT: stale. INVALID: a pushed task. They are seen by
	 * nothing before their birth. Their seqs are in this order; whether before or after those
	 * of effects.children is the backend's matter. */
	bool (*spawn)(struct store *, const char *id, const struct token *, uint32_t first_index,
		const struct new_task *, size_t count, struct error *);
	/*
	 * Commits up to count tasks and, where next is given, leases more in the same transaction
	 * (as the last of a batch). In this order: the token is checked, the lease ends, counters
	 * and tallies change (rows that are missing begin at 0), effects.children are born, then
	 * those written ahead, then each counter that fell from above 0 to 0 gets the next version
	 * and wakes all who wait for it, then the job is judged. A job ends when nothing of it is
	 * queued or working: it is `failed` where a job_failure was told or something still waits,
	 * else `completed`. Time-outs of gates do not wake an ended job. In a cancelled job effects
	 * and children are left out, and what would be queued or wait again ends as cancelled; the
	 * store itself counts the end in the tally of (0, name). INVALID, and nothing of the batch
	 * is done: OUTCOME_WAIT of a task that waits for nothing. Where a lease of a queue with
	 * max_working ends and none of it is taken here, the queue is rung.
	 */
	bool (*commit)(struct store *, const struct commit *, size_t count, struct commit_result *,
		const struct lease_request *next, struct lease_batch *batch, struct error *);
	/* Puts back every task that the owner holds. `running` names the one that it was running
	 * (may be NULL): its losses grow by one and `entry` (JSON text, may be NULL) joins its
	 * trace. Idempotent. */
	bool (*release_owner)(struct store *, const char *owner, const char *running,
		const char *entry, size_t *released, struct error *);
	/* The tokens that the owner holds. */
	bool (*held)(struct store *, const char *owner, struct lease_batch *, struct error *);
	/* Housekeeping for all queues, at most `limit` rows of each kind. */
	bool (*sweep)(struct store *, size_t limit, struct sweep_report *, struct error *);

	/* Queues get a door, or lose it: then sweep makes ready, in pages, what is in their outbox.
	 * A repeat changes nothing. */
	bool (*set_door)(struct store *, const char *const *queues, size_t count, bool has_door,
		struct error *);
	/* Claims unsent rows in the order they would be leased in. Of a queue whose name ends in
	 * ".fifo" nothing is claimed while any claim of it stands, and what is given back is the
	 * first again: so the order of messages is that of tasks, with several couriers too. */
	bool (*claim_unsent)(struct store *, const struct claim_request *, struct outgoing_list *,
		struct error *);
	/* Marks rows as sent. One that has gone on since, or has another dispatch, is left alone.
	 */
	bool (*mark_sent)(struct store *, const struct sent *, size_t count, struct error *);
	/* Makes up to max sent rows unsent again, oldest first: those sent longer ago than
	 * after_ms × 2^(dispatch − 1), and not before they were due for that long. */
	bool (*resend)(struct store *, const char *queue, int64_t after_ms, size_t max,
		size_t *count, struct error *);
	/* Durable before it answers: then all but ADOPT_UNKNOWN may be acked. One answer for each.
	 */
	bool (*adopt)(struct store *, const struct arrival *, size_t count, enum adoption *answers,
		struct error *);

	/* Counters above 0 with waiters, of jobs in which something can still run or wait, in one
	 * order that never changes; after: NULL or the last one of the page before. */
	bool (*list_gates)(struct store *, const struct waiting_gate *after, size_t limit,
		struct gate_list *, struct error *);
	/* Sets a counter that still is `pending` to 0 as if it had fallen there. CONFLICT: it has
	 * another value now. */
	bool (*mend_gate)(struct store *, const char *job, int64_t scope, const char *gate,
		int64_t pending, struct error *);

	/* Jobs asked for that are not there yet, oldest first; submit with the id of one consumes
	 * it in the same transaction. NULL where the backend has no such way in. */
	bool (*list_starts)(struct store *, size_t limit, struct start_list *, struct error *);
	/* Sets one aside: it is listed no more and stays to be seen, with the reason. */
	bool (*refuse_start)(struct store *, const char *id, const char *reason, struct error *);

	/* Writes what is remembered of a schedule and, in the same transaction, starts what goes
	 * with it: durable before it answers. *is_done is false, and nothing is done, where the
	 * record has another version than the one that was read: so each is started once. */
	bool (*fire)(struct store *, const struct firing *, bool *is_done, struct error *);
	/* What is remembered of these schedules, in their order. */
	bool (*get_schedules)(struct store *, const char *const *names, size_t count,
		struct schedule_list *, struct error *);

	/* Keeps the heartbeat (own may be NULL) and lists all that have not lapsed in the order of
	 * their ids (list may be NULL): one step for both. */
	bool (*beat)(struct store *, const struct heartbeat *own, struct beat_list *list,
		struct error *);
	/* From now on no act but lease_task takes tasks of the queue, on any host. What is held
	 * goes on, what expires or becomes due is put back as ever. Rings the queue. A repeat
	 * changes nothing. */
	bool (*set_pause)(struct store *, const char *queue, bool is_paused, struct error *);

	/* The counter of a gate and the tallies of the names it awaits, read at one moment. */
	bool (*get_gate)(struct store *, const char *job, int64_t scope, const char *gate,
		const char *const *names, size_t count, struct gate_view *, struct error *);
	bool (*get_job)(struct store *, const char *id, struct job_record *, struct error *);
	bool (*list_jobs)(
		struct store *, const struct job_filter *, struct job_list *, struct error *);
	bool (*get_task)(struct store *, const char *id, struct task_record *, struct error *);
	bool (*list_tasks)(
		struct store *, const struct task_filter *, struct task_list *, struct error *);
	/* The attempts of a task, oldest first. */
	bool (*list_attempts)(
		struct store *, const char *id, struct attempt_list *, struct error *);
	bool (*get_queue)(struct store *, const char *queue, struct queue_stats *, struct error *);

	/* Sets the flag that lease, renew and commit read; the job is `cancelled` at once.
	 * NOT_FOUND, or CONFLICT where it has completed or failed; a repeat is success. Its queued
	 * and waiting tasks end in pages: call end_cancelled until *left is false. Only then, and
	 * when nothing of it works, the job is finished: whoever has to cancel other jobs with this
	 * one does so in between, and where he dies list_jobs still finds it by `ending`. */
	bool (*cancel_job)(struct store *, const char *id, struct error *);
	bool (*end_cancelled)(
		struct store *, const char *job, size_t limit, bool *left, struct error *);
	/* Flags a working task: its next renew answers RENEW_CANCELLED. This and cancel_job change
	 * the number of cancel_bell on all hosts. */
	bool (*cancel_task)(struct store *, const char *id, struct error *);
	/* Queues a failed, invalid or cancelled task again with fresh budgets and a fresh time-out
	 * of its gate; its job runs again, and is `running` unless another task that failed it is
	 * still failed. CONFLICT where it is in another state, in a cancelled
	 * job, or where its key or its job's is taken by another. */
	bool (*revive)(struct store *, const char *id, const struct effects *, struct error *);
	/* Deletes the queue's pushed tasks that are queued (or dead ones), at most limit. */
	bool (*purge)(struct store *, const char *queue, bool dead, size_t limit, size_t *deleted,
		struct error *);
	/* Deletes jobs and pushed tasks that ended before the wall times given (−1: never), in
	 * pages: *deleted counts both, *left is true where there is more to do. `completed` is for
	 * what completed or was skipped, `failed` for all other ends. Of what ended before
	 * results_before_ms the results are dropped and the rows stay. A job whose key is the id of
	 * an unfinished task is left alone: that task has still to read what has become of it. */
	bool (*gc)(struct store *, int64_t completed_before_ms, int64_t failed_before_ms,
		int64_t results_before_ms, size_t limit, size_t *deleted, bool *left,
		struct error *);

	/*
	 * The bell. Read a ticket, look for work, and where there is none wait with the ticket:
	 * wait returns at once if the queue was rung since. Acts ring by themselves. interrupt is
	 * safe in a signal handler and ends a wait of this process, now or about to begin.
	 */
	uint32_t (*bell)(struct store *, const char *queue);
	void (*wait)(struct store *, const char *queue, uint32_t ticket, int64_t timeout_ms);
	/* For several queues: until one of them is rung. At most BELLS_WAIT_MAX, none of them NULL.
	 */
	void (*wait_any)(struct store *, const char *const *queues, const uint32_t *tickets,
		size_t count, int64_t timeout_ms);
	void (*interrupt)(struct store *);
	/* The queue NULL is the bell of all outboxes, rung where an unsent row is added; for it
	 * bell and wait touch shared memory alone, and may be called in another thread. */
	/* A number in shared memory that changes when something that is worked on may have been
	 * cancelled: whoever works renews then to hear whether it is his. */
	uint32_t (*cancel_bell)(struct store *);
	/* Carries rings that come from other hosts to the bells of this one until goes_on answers
	 * false, asked at least once a second; reconnects by itself. NULL where no process has to
	 * do that. One process of a host does, see workers/listener.c. */
	void (*listen)(struct store *, bool (*goes_on)(void *context), void *context);
	/* Gives caches back while idle. */
	void (*relax)(struct store *);
	void (*close)(struct store *);
};

/* Embedded first in each backend's struct. */
struct store {
	const struct store_ops *ops;
	uint32_t tag; /* drawn when the store was made: ids of its jobs and tasks end in it */
};

/* Opens by URL scheme. UNAVAILABLE names the place and why. bells is what the processes of this
 * host share, for backends that are reached over a network; NULL: this process listens for itself.
 */
bool store_open(const char *url, struct bells *bells, struct store **out, struct error *err);
void store_close(struct store *store);
/* A UUIDv7 for a new job or pushed task: its last 8 digits are the store's tag. */
void store_new_id(const struct store *store, char out[IDS_UUID_SIZE]);
/* Whether an id (a job's, JOB.SEQ, a pushed task's) carries this store's tag. */
bool store_has_tag(const struct store *store, const char *id);
/* INVALID, with the sentence to show, where the URL has no known scheme or a bad form. */
bool store_check_url(const char *url, struct error *err);

/* Splits "JOB.SEQ"; false where it is not of that form (a pushed task). */
bool store_split_id(const char *id, char job[IDS_UUID_SIZE], int64_t *seq);

MEMORY_DROP(store, struct store *, store_close)
