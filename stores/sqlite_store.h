#pragma once
/*
 * What the files of the SQLite backend share: the connection, its statements, transactions that
 * remember their first failure, and the acts' common parts. docs/stores.md explains the tables.
 *
 * Failures are sticky: after one, every call below does nothing (reads find no row) until
 * sqlite_end rolls the transaction back and reports it. So acts read as a straight line.
 */
#include "stores/sqlite_bell.h"
#include "stores/sqlite_statements.h"
#include "stores/store.h"

#include <sqlite3.h>

#define SQLITE_SEQ_BITS 27 /* a task's number is its job's number, then this many bits of seq */
#define SQLITE_SEQ_MAX  (((int64_t)1 << SQLITE_SEQ_BITS) - 1)
#define SQLITE_PAGE     1000 /* rows looked at in one read transaction */

enum sqlite_sync { SYNC_NORMAL, SYNC_FULL };

struct sqlite_ring {
	int64_t queue, count;
};
struct sqlite_queue {
	char *name;
	int64_t id;
};
struct sqlite_door {
	int64_t queue;
	bool is_there;
};

struct sqlite_store {
	struct store base;
	sqlite3 *db;
	char *path; /* real path, for messages */
	struct bell bell;
	sqlite3_stmt *statements[SQL_STATEMENTS];

	int failure; /* SQLite's result code, 0 while all is well */
	char failure_text[160];
	enum sqlite_sync sync;
	int64_t busy_since_ms; /* steady; when this act began to wait for locks */
	int64_t outage_ms;     /* steady; when this process last saw the store fail; 0: never */

	struct sqlite_ring *rings; /* what becomes ready with this transaction */
	size_t ring_count, ring_room;
	bool has_new_queue;  /* this transaction made a queue */
	bool has_new_unsent; /* this transaction added to an outbox */
	bool has_cancelled;  /* … cancelled what may be worked on */

	struct sqlite_door *doors; /* of the queues that this transaction has asked about */
	size_t door_count, door_room;
	struct bells outbox; /* of the bell's page: it may be waited for in another thread */

	struct sqlite_queue *queues; /* names already looked up; queues are never deleted */
	size_t queue_count, queue_room;
	struct sqlite_queue *heard; /* queues whose bell was asked for; id 0: not made yet */
	size_t heard_count, heard_room;
	bool has_rest; /* a gate opened for more waiters than one transaction wakes */
};

static inline struct sqlite_store *sqlite_of(struct store *store)
{
	return (struct sqlite_store *)store;
}
static inline int64_t sqlite_number(int64_t job, int64_t seq)
{
	return job << SQLITE_SEQ_BITS | seq;
}
static inline int64_t sqlite_job_of(int64_t number)
{
	return number >> SQLITE_SEQ_BITS;
}
static inline int64_t sqlite_seq_of(int64_t number)
{
	return number & SQLITE_SEQ_MAX;
}
/* Tasks of jobs are numbered from 1; a pushed task has a number of its own and no seq. */
static inline bool sqlite_is_pushed(int64_t number)
{
	return sqlite_seq_of(number) == 0;
}

/* sqlite_schema.c: refuses a file that is not ours; nothing has been written to it. */
bool sqlite_check_file(struct sqlite_store *store, struct error *err);
/* Makes or checks the tables, and frees the leases of an earlier boot. */
bool sqlite_prepare_schema(struct sqlite_store *store, struct error *err);

/* sqlite_submit.c: within a transaction; id gets that of the job or task that it is. */
void sqlite_submit_one(
	struct sqlite_store *store, const struct submission *submission, char id[STORE_ID_SIZE]);
void sqlite_push_one(struct sqlite_store *store, const struct push *push, char id[STORE_ID_SIZE]);

/* sqlite_connection.c */

/* Takes the writers' lock and begins; false: err says why nothing can be written now. */
bool sqlite_begin(struct sqlite_store *store, enum sqlite_sync sync, struct error *err);
/* A read transaction: all reads see one moment. */
bool sqlite_begin_read(struct sqlite_store *store, struct error *err);
/* Commits and rings, or rolls back and reports the first failure. Ends a read too. */
bool sqlite_end(struct sqlite_store *store, struct error *err);
/* Rolls back and answers false; err is the caller's. */
bool sqlite_cancel(struct sqlite_store *store);
/* Our back-off in place of SQLite's. */
void sqlite_set_busy(struct sqlite_store *store);
/* Kept in the file: only the first one changes it. */
int sqlite_use_wal(struct sqlite_store *store);
/* Makes the running transaction fail, e.g. with SQLITE_INTERNAL. */
void sqlite_fail(struct sqlite_store *store, int code);
/* The sticky failure as an error; it is forgotten. */
bool sqlite_report(struct sqlite_store *store, struct error *err);

/*
 * Binds from ?1 on: `types` has one letter for each value: i int64_t (INT() casts), z the same
 * with 0 as NULL, t text (NULL allowed). The statement runs with sqlite_row (true: a row is there)
 * and must be given back with sqlite_done.
 */
#define INT(value) ((int64_t)(value))
sqlite3_stmt *sqlite_query(
	struct sqlite_store *store, enum sqlite_statement id, const char *types, ...);
bool sqlite_row(struct sqlite_store *store, sqlite3_stmt *statement);
void sqlite_done(sqlite3_stmt *statement);
/* Runs a statement without rows; answers how many rows it changed. */
int64_t sqlite_run(struct sqlite_store *store, enum sqlite_statement id, const char *types, ...);
/* The first column of the first row, or `missing`. */
int64_t sqlite_read(struct sqlite_store *store, enum sqlite_statement id, int64_t missing,
	const char *types, ...);
/* Columns: text owned (NULL stays NULL), integers. */
char *sqlite_text(sqlite3_stmt *statement, int column);
static inline int64_t sqlite_int(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_int64(statement, column);
}

/* sqlite_names.c: text ids and queue names to numbers, 0 where there is none. */
int64_t sqlite_find_queue(struct sqlite_store *store, const char *name);
int64_t sqlite_get_queue(struct sqlite_store *store, const char *name); /* made where missing */
int64_t sqlite_find_job(struct sqlite_store *store, const char *uuid);
int64_t sqlite_find_task(struct sqlite_store *store, const char *id);
/* A task's text id from its job's UUID, or its own text where it was pushed. */
void sqlite_write_id(const char *text, int64_t number, char out[STORE_ID_SIZE]);
/* `count` new numbers in a row; the first. */
int64_t sqlite_new_numbers(struct sqlite_store *store, int64_t count);

/* sqlite_entries.c: where a task stands: ready, delayed, in a bundle, waiting. */

/* One task (entry > 0) or a bundle of children (entry < 0: its number) on a queue. */
struct sqlite_entry {
	int64_t queue, rank, due, entry, tasks;
	int64_t dispatch; /* the number of the message that it gets in an outbox */
};
void sqlite_add_ready(struct sqlite_store *store, const struct sqlite_entry *entry);
/* rank is not used; tasks 0: a gate's time-out. */
void sqlite_add_delayed(struct sqlite_store *store, const struct sqlite_entry *entry);
/* Ready or delayed by its due time. */
void sqlite_keep(struct sqlite_store *store, const struct sqlite_entry *entry, int64_t now);
/* The same, or in the outbox where the queue has a door. */
void sqlite_place(struct sqlite_store *store, const struct sqlite_entry *entry, int64_t now);
/* Makes up to limit due entries of the queue ready; answers how many. */
size_t sqlite_make_due(struct sqlite_store *store, int64_t queue, int64_t now, size_t limit);
/* Takes the next task of the queue: its number and due time; false where there is none. */
bool sqlite_take(struct sqlite_store *store, int64_t queue, int64_t *number, int64_t *due);
void sqlite_note_ready(struct sqlite_store *store, int64_t queue, int64_t count);

/* The small fields of a task. */
struct sqlite_task {
	int64_t number, parent, queue, rank, bundle, delay;
	int64_t wait_scope, wait_until, wait_timeout;
	int64_t due;           /* of a waiting task: its time-out, 0 where it has none */
	enum task_state state; /* as stored: queued also while it works */
	uint32_t attempt;
	int failures, crashes, losses;
	bool fails_job, is_cancelled;
	int64_t dispatch; /* the number of its last message */
	int64_t turn;     /* its place in its line; 0: it is in none */
	char *name, *wait_gate, *line;
};
/* False where there is none, or where it is not born. */
bool sqlite_load_task(struct sqlite_store *store, int64_t number, struct sqlite_task *task);
/* Writes state, due, attempt, budgets and flag back; the task has left its bundle. */
void sqlite_store_task(struct sqlite_store *store, const struct sqlite_task *task);
/* Writes it back as queued, and enters it in its queue: ready, delayed by task->due, or in the
 * outbox where the queue has a door. One in a line never leaves the store, nor does it HERE. */
enum sqlite_way { SQLITE_HERE, SQLITE_BY_DOOR };
void sqlite_queue_task(struct sqlite_store *store, struct sqlite_task *task, enum sqlite_way way);
/* The entry of one task. */
struct sqlite_entry sqlite_entry_of(const struct sqlite_task *task);
void sqlite_task_finish(struct sqlite_task *task);
/* Takes a queued or waiting task out of wherever it stands. */
void sqlite_detach(struct sqlite_store *store, const struct sqlite_task *task);

/* sqlite_lines.c: of the tasks of a group only the first is ever ready. */
void sqlite_join_line(struct sqlite_store *store, struct sqlite_task *task, const char *line);
/* Ready or delayed where it is the first of its line, else parked in it. */
void sqlite_take_turn(struct sqlite_store *store, const struct sqlite_task *task);
/* It has ended, or waits (then it forgets its line): the next one's turn comes. Nothing where it
 * is in no line. */
void sqlite_leave_line(struct sqlite_store *store, struct sqlite_task *task, bool forgets);

/* sqlite_outbox.c */
/* As this transaction sees it: another process may have given it one since the last. */
bool sqlite_has_door(struct sqlite_store *store, int64_t queue);
void sqlite_add_unsent(struct sqlite_store *store, const struct sqlite_entry *entry);
/* Gives back what the owner has claimed. */
void sqlite_lapse_of(struct sqlite_store *store, const char *owner);
/* Makes up to limit rows ready that stand in outboxes of queues without a door. */
size_t sqlite_empty_outboxes(struct sqlite_store *store, size_t limit);

/* sqlite_bundles.c: children written ahead, born by one entry for each queue and priority. */

/* Moves the bundle at the head of a queue on by one child; false where none is left in it. Sets
 * head->tasks to what was left. */
bool sqlite_take_child(struct sqlite_store *store, struct sqlite_entry *head, int64_t *number);
/* A queued child is taken out of turn. */
void sqlite_leave_bundle(struct sqlite_store *store, const struct sqlite_task *task);
/* No lease comes to it any more: its job is cancelled. */
void sqlite_put_off_bundle(struct sqlite_store *store, int64_t bundle);
/* Born with the commit of their parent; answers how many children. */
int64_t sqlite_bear_bundles(struct sqlite_store *store, int64_t parent, int64_t now);
/* The attempt came to nothing: sweep deletes the children in pages. */
void sqlite_drop_bundles(struct sqlite_store *store, int64_t parent);
/* Deletes up to limit children of attempts that came to nothing. */
size_t sqlite_sweep_bundles(struct sqlite_store *store, size_t limit);

/* sqlite_jobs.c: the hot row of a job, read, changed and written within one transaction. */
struct sqlite_job {
	int64_t id, active, waiting, failing, next_seq, swept;
	enum job_state status;
	bool is_finished;
	bool is_ending;     /* written by SQL_SET_ENDING alone */
	const char *reason; /* set: replaces the row's */
};
bool sqlite_load_job(struct sqlite_store *store, int64_t id, struct sqlite_job *job);
/* Ends the job where nothing can run any more, and writes the row; answers whether it ended now. */
bool sqlite_store_job(struct sqlite_store *store, struct sqlite_job *job);
void sqlite_add_tally(struct sqlite_store *store, const struct sqlite_job *job,
	const struct tally_change *change, size_t order);
void sqlite_add_waiting(
	struct sqlite_store *store, const struct sqlite_job *job, const char *name, int64_t add);
/* One that has ended runs again; it stays failed while a task that failed it is failed. */
void sqlite_resume_job(struct sqlite_store *store, struct sqlite_job *job);
/* A task leaves the waiting ones of its job. */
void sqlite_stop_waiting(
	struct sqlite_store *store, struct sqlite_job *job, const struct sqlite_task *task);
/* Ends a task of a cancelled job that nobody holds; the caller has detached it. */
void sqlite_end_cancelled_task(
	struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task);

/* sqlite_effects.c */

/* A waiting task becomes due: its gate opens or times out. Its waiter row is gone already or goes
 * here; the job's row is the caller's to write. */
void sqlite_wake(
	struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task, int64_t due);
/* A task that was leased waits for its gate again. */
void sqlite_suspend(struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task);
/* The row and body of a new task; nothing else. */
void sqlite_write_task(
	struct sqlite_store *store, const struct sqlite_task *task, const struct new_task *text);
/* Makes a task of the job: it is queued, delayed, or waits for its counter. */
void sqlite_bear(struct sqlite_store *store, struct sqlite_job *job, const struct new_task *child,
	int64_t parent);
/* Applies counters and tallies, bears the children, wakes who waits for a counter that is now 0. */
void sqlite_apply(struct sqlite_store *store, struct sqlite_job *job, const struct effects *effects,
	int64_t parent);
/* Sets the counter that is `pending` to 0, and wakes who waits for it. */
void sqlite_mend(struct sqlite_store *store, struct sqlite_job *job, int64_t scope,
	const char *gate, int64_t pending);
/* Goes on with gates whose waiters did not fit into one transaction, in transactions of its own. */
bool sqlite_wake_rest(struct sqlite_store *store, struct error *err);

/* sqlite_lease.c, sqlite_release.c */
struct sqlite_held {
	int64_t queue, due, length, since, spawned;
	struct token token;
	bool is_cancelled;
};
bool sqlite_load_held(struct sqlite_store *store, int64_t number, struct sqlite_held *held);
bool sqlite_token_is(const struct token *one, const struct token *other);
/* Leases into the batch within the running transaction. */
/* sqlite_limits.c: what the queue's limits leave of `most`; the limit as the newest one, and
 * whether it is that already; what was leased under it. */
struct sqlite_room {
	size_t tasks;
	int64_t wait_ms; /* 0 tasks: until the rate lets more in; −1: a lease has to end */
};
struct sqlite_room sqlite_room(
	struct sqlite_store *store, int64_t queue, const struct lease_limit *limit, size_t most);
void sqlite_note_limit(struct sqlite_store *store, int64_t queue, const struct lease_limit *limit);
bool sqlite_is_limit_noted(
	struct sqlite_store *store, int64_t queue, const struct lease_limit *limit);
void sqlite_count_taken(
	struct sqlite_store *store, int64_t queue, const struct lease_limit *limit, size_t tasks);
int64_t sqlite_taken(struct sqlite_store *store, int64_t queue, int64_t rate_ms, int64_t *next_ms);
/* Rings what has limits and more that is ready; and a queue whose lease has ended, unless the batch
 * has some of it. */
void sqlite_ring_more(struct sqlite_store *store, const struct lease_request *request);
void sqlite_ring_freed(struct sqlite_store *store, int64_t queue, const struct lease_batch *batch);
void sqlite_lease_queues(
	struct sqlite_store *store, const struct lease_request *request, struct lease_batch *batch);
/* True where a lease of these queues would find something; batch gets the time until it will, or
 * −1, and whether a limit keeps it. */
bool sqlite_has_work(
	struct sqlite_store *store, const struct lease_request *request, struct lease_batch *batch);
/* True where the task's job is cancelled: it has ended here and is not leased. */
bool sqlite_end_if_cancelled(struct sqlite_store *store, struct sqlite_task *task);
/* The time until something of these queues is due, or −1. */
int64_t sqlite_next_ms(struct sqlite_store *store, const int64_t *queues, size_t count);
/* The lease goes, the task is ready again (or ends, where its job is cancelled); children that the
 * attempt wrote ahead are dropped. */
struct sqlite_return {
	int losses;       /* added */
	bool is_recorded; /* a lost lease: the store adds an entry to the trace */
};
void sqlite_put_back(struct sqlite_store *store, int64_t number, const struct sqlite_return *with);
size_t sqlite_put_back_expired(struct sqlite_store *store, int64_t queue, size_t limit);
/* Every lease: another boot. */
void sqlite_put_back_all(struct sqlite_store *store);
/* What an attempt leaves behind: its trace entry, and the nonce of the token that committed. */
struct sqlite_record {
	uint64_t nonce; /* 0: nobody committed */
	const char *entry, *output;
};
void sqlite_add_attempt(struct sqlite_store *store, int64_t number, uint32_t attempt,
	const struct sqlite_record *record);

/* sqlite_control.c */
void sqlite_delete_pushed(struct sqlite_store *store, int64_t number);
/* sqlite_gc.c: deletes up to limit rows of deleted jobs; answers how many. */
size_t sqlite_sweep_doomed(struct sqlite_store *store, size_t limit);

/* The acts, in the order of struct store_ops. */
bool sqlite_put_workflow(struct store *, const char *, const char *, const char *, struct error *);
bool sqlite_get_workflow(struct store *, const char *, char **, struct error *);
bool sqlite_submit(
	struct store *, const struct submission *, char id_out[STORE_ID_SIZE], struct error *);
bool sqlite_push(
	struct store *, const struct push *, size_t, char (*)[STORE_ID_SIZE], struct error *);
bool sqlite_lease(
	struct store *, const struct lease_request *, struct lease_batch *, struct error *);
bool sqlite_lease_task(
	struct store *, const char *, const char *, int64_t, struct lease_batch *, struct error *);
bool sqlite_renew(struct store *, const char *, const struct token *, int64_t, enum renewal *,
	struct error *);
bool sqlite_spawn(struct store *, const char *, const struct token *, uint32_t,
	const struct new_task *, size_t, struct error *);
bool sqlite_commit(struct store *, const struct commit *, size_t, struct commit_result *,
	const struct lease_request *, struct lease_batch *, struct error *);
bool sqlite_release_owner(
	struct store *, const char *, const char *, const char *, size_t *, struct error *);
bool sqlite_list_held(struct store *, const char *, struct lease_batch *, struct error *);
bool sqlite_sweep(struct store *, size_t, struct sweep_report *, struct error *);
bool sqlite_set_door(struct store *, const char *const *, size_t, bool, struct error *);
bool sqlite_claim_unsent(
	struct store *, const struct claim_request *, struct outgoing_list *, struct error *);
bool sqlite_mark_sent(struct store *, const struct sent *, size_t, struct error *);
bool sqlite_resend(struct store *, const char *, int64_t, size_t, size_t *, struct error *);
bool sqlite_adopt(struct store *, const struct arrival *, size_t, enum adoption *, struct error *);
bool sqlite_fire(struct store *, const struct firing *, bool *, struct error *);
bool sqlite_get_schedules(
	struct store *, const char *const *, size_t, struct schedule_list *, struct error *);
bool sqlite_beat(struct store *, const struct heartbeat *, struct beat_list *, struct error *);
bool sqlite_set_pause(struct store *, const char *, bool, struct error *);
bool sqlite_list_gates(
	struct store *, const struct waiting_gate *, size_t, struct gate_list *, struct error *);
bool sqlite_mend_gate(struct store *, const char *, int64_t, const char *, int64_t, struct error *);
bool sqlite_get_gate(struct store *, const char *, int64_t, const char *, const char *const *,
	size_t, struct gate_view *, struct error *);
bool sqlite_get_job(struct store *, const char *, struct job_record *, struct error *);
bool sqlite_list_jobs(struct store *, const struct job_filter *, struct job_list *, struct error *);
bool sqlite_get_task(struct store *, const char *, struct task_record *, struct error *);
bool sqlite_list_tasks(
	struct store *, const struct task_filter *, struct task_list *, struct error *);
bool sqlite_list_attempts(struct store *, const char *, struct attempt_list *, struct error *);
bool sqlite_get_queue_stats(struct store *, const char *, struct queue_stats *, struct error *);
bool sqlite_cancel_job(struct store *, const char *, struct error *);
bool sqlite_end_cancelled(struct store *, const char *, size_t, bool *, struct error *);
bool sqlite_cancel_task(struct store *, const char *, struct error *);
bool sqlite_revive(struct store *, const char *, const struct effects *, struct error *);
bool sqlite_purge(struct store *, const char *, bool, size_t, size_t *, struct error *);
bool sqlite_gc(struct store *, int64_t, int64_t, int64_t, size_t, size_t *, bool *, struct error *);
