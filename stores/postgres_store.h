#pragma once
/*
 * What the files of the PostgreSQL backend share. The acts are functions in the database
 * (stores/postgres); here they are called, several transactions in one round trip where
 * that is right, and what they answer is read. docs/stores.md explains the tables.
 */
#include "base/jsontext.h"
#include "stores/postgres_library.h"
#include "stores/preflight.h"
#include "stores/store.h"

#define POSTGRES_REPLY_MS  10000 /* an act that has no answer by then has lost its server */
#define POSTGRES_NO_ANSWER "the server does not answer"

/* clang-format off */
#define POSTGRES_STATEMENTS(X) \
	X(PUT_WORKFLOW, "SELECT act_put_workflow($1, $2, $3)") \
	X(GET_WORKFLOW, "SELECT text FROM workflow WHERE hash = $1") \
	X(SUBMIT, "SELECT * FROM act_submit($1, $2, $3, $4, $5, $6)") \
	X(SUBMIT_IN, "SELECT * FROM act_submit_in($1, $2, $3, $4, $5, $6, $7)") \
	X(PUSH, "SELECT * FROM act_push($1)") \
	X(LEASE, "SELECT * FROM act_lease($1, $2, $3, $4, $5)") \
	X(LEASE_TASK, "SELECT * FROM act_lease_task($1, $2, $3, $4)") \
	X(RENEW, "SELECT act_renew($1, $2, $3, $4, $5)") \
	X(SPAWN, "SELECT act_spawn($1, $2, $3, $4, $5, $6)") \
	X(COMMIT, "SELECT * FROM act_commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, " \
		"$14, $15)") \
	X(MARK, "SELECT set_config('reeve.mark', $1, false)") \
	X(SETTLE, "SELECT settle()") \
	X(NEXT, "SELECT * FROM act_next($1, $2, $3, $4, $5, $6)") \
	X(AGAIN, "SELECT n.* FROM settle(), notes() n") \
	X(FLUSH, "SELECT set_config('synchronous_commit', $1, true), " \
		"pg_logical_emit_message(true, 'reeve', '')") \
	X(RELEASE, "SELECT * FROM act_release($1, $2, $3)") \
	X(HELD, "SELECT * FROM act_held($1)") \
	X(HELD_UNDER, "SELECT (leased(l)).* FROM lease l WHERE owner = $1 " \
		"AND nonce = ANY ($2::bigint[]) ORDER BY task") \
	X(END_SESSION, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity " \
		"WHERE pid = $1 AND backend_start = $2::timestamptz AND pid <> pg_backend_pid() " \
		"AND usename = session_user AND ($3::boolean OR state <> 'idle')") \
	X(SWEEP, "SELECT * FROM act_sweep($1)") \
	X(SET_DOOR, "SELECT act_set_door($1, $2)") \
	X(CLAIM, "SELECT * FROM act_claim($1, $2, $3, $4, $5, $6, $7)") \
	X(MARK_SENT, "SELECT act_mark($1, $2)") \
	X(RESEND, "SELECT * FROM act_resend($1, $2, $3)") \
	X(ADOPT, "SELECT * FROM act_adopt($1, $2, $3, $4, $5, $6, $7, $8, $9)") \
	X(GET_GATE, "SELECT * FROM get_gate($1, $2, $3, $4)") \
	X(GET_JOB, "SELECT * FROM get_job($1)") \
	X(LIST_JOBS, "SELECT * FROM list_jobs($1, $2, $3, $4, $5)") \
	X(LIST_ENDING, "SELECT * FROM list_ending($1)") \
	X(GET_TASK, "SELECT t.*, (SELECT text FROM payload WHERE task = t.number), " \
		"(SELECT text FROM result WHERE task = t.number) FROM get_task($1) t") \
	X(LIST_TASKS, "SELECT * FROM list_tasks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)") \
	X(LIST_ATTEMPTS, "SELECT * FROM list_attempts($1)") \
	X(GET_QUEUE, "SELECT s.*, (SELECT paused FROM queue WHERE name = $1), r.* " \
		"FROM get_queue($1) s, get_rate($1) r") \
	X(FIRE, "SELECT * FROM act_fire($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)") \
	X(GET_SCHEDULES, "SELECT coalesce(s.version, 0), s.text FROM unnest($1::text[]) " \
		"WITH ORDINALITY n (name, place) LEFT JOIN schedule s USING (name) ORDER BY n.place") \
	X(BEAT, "SELECT * FROM act_beat($1, $2, $3, $4, $5)") \
	X(SET_PAUSE, "SELECT * FROM act_set_pause($1, $2)") \
	X(CANCEL_JOB, "SELECT * FROM act_cancel_job($1)") \
	X(END_CANCELLED, "SELECT * FROM act_end_cancelled($1, $2)") \
	X(CANCEL_TASK, "SELECT * FROM act_cancel_task($1)") \
	X(REVIVE, "SELECT * FROM act_revive($1, $2)") \
	X(PURGE, "SELECT act_purge($1, $2, $3)") \
	X(GC, "SELECT * FROM act_gc($1, $2, $3, $4)") \
	X(LIST_GATES, "SELECT * FROM list_gates($1, $2, $3, $4)") \
	X(MEND_GATE, "SELECT * FROM act_mend_gate($1, $2, $3, $4)") \
	X(LIST_STARTS, "SELECT s.id, s.workflow, s.payload, s.key, (SELECT w.hash FROM workflow w " \
		"WHERE w.name = s.workflow ORDER BY w.put DESC LIMIT 1), s.created FROM start s " \
		"WHERE s.failed IS NULL ORDER BY s.id LIMIT $1") \
	X(REFUSE_START, "UPDATE start SET failed = $2 WHERE id = $1") \
	X(LIMITS, "SELECT current_setting('max_connections')::bigint, " \
		"current_setting('superuser_reserved_connections')::bigint " \
		"+ coalesce(current_setting('reserved_connections', true), '0')::bigint, " \
		"(SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user), " \
		"(SELECT datconnlimit FROM pg_database WHERE datname = current_database()), " \
		"current_setting('fsync')") \
	X(AHEAD, "SELECT set_config('reeve.ahead_ms', $1, false)") \
	X(TELL, "SELECT pg_notify(current_schema(), $1)") \
	X(LISTENING, "INSERT INTO listener VALUES ($1, server_ms() + 10000) " \
		"ON CONFLICT (id) DO UPDATE SET until = excluded.until") \
	X(NOT_LISTENING, "DELETE FROM listener WHERE id = $1")
/* clang-format on */
#define POSTGRES_ENUM(name, text) POSTGRES_##name,
enum postgres_statement { POSTGRES_STATEMENTS(POSTGRES_ENUM) POSTGRES_STATEMENT_COUNT };

#define POSTGRES_PARAMETERS_MAX 16
struct postgres_call {
	enum postgres_statement statement;
	const char *values[POSTGRES_PARAMETERS_MAX];
	char numbers[POSTGRES_PARAMETERS_MAX][24];
	int count;
	bool ends; /* the last one of its transaction */
	PGresult *result;
};

/* Calls that go to the server together and come back together. */
struct postgres_batch {
	struct postgres_call **calls;
	size_t count, room;
};

struct postgres_ring {
	char *queue; /* "": all outboxes */
	int64_t count;
};

/* A session of the server: its process, and when that began. */
struct postgres_session {
	int64_t pid;
	char since[40];
};

/* See postgres_doubt.c. */
struct postgres_doubts {
	char owner[IDS_OWNER_SIZE];
	char *nonces; /* NULL: none */
	struct postgres_session session;
	int64_t until_ms; /* by then they have ended */
};

struct postgres_store {
	struct store base;
	char *url;                       /* for libpq */
	char *secret;                    /* what no text may show; NULL: none */
	char *hosts, *addresses, *ports; /* lists of the URL; NULL: not there */
	size_t host_count, host_turn;
	char *schema;
	char durability[16]; /* the synchronous_commit that the server or the URL chose */
	PGconn *connection;
	struct postgres_session session; /* the last one */
	struct postgres_doubts doubts;
	bool has_sent;      /* the last act has got as far as the connection */
	bool has_schema;    /* seen once */
	bool has_no_pooler; /* or one in session mode: seen once */
	bool is_pooled;
	bool is_prepared[POSTGRES_STATEMENT_COUNT];
	int64_t ahead_ms; /* told to the session */
	uint64_t mark;
	struct bells bells;  /* ours or, where is_shared, those of this host's processes */
	struct bells outbox; /* the same page, for the thread that waits for outboxes */
	bool is_shared;
	char host[24]; /* tells the listener of this host from others'; "": none */

	/* What the last act has noted, see reply in tables.sql. */
	struct postgres_ring *rings;
	size_t ring_count, ring_room;
	int64_t *ended;
	size_t ended_count, ended_room;
	bool has_jobs, has_to_tell;
};

static inline struct postgres_store *postgres_of(struct store *store)
{
	return (struct postgres_store *)store;
}

/* postgres.c: a store that has not connected; its `close` drops it. */
bool postgres_create(const char *path, struct postgres_store **out, struct error *err);

/* postgres_session.c */
/* Adds a call; `types` has a letter for each value: i int64_t (INT() casts), b int, t text (NULL
 * allowed; must outlive the batch). */
#define INT(value) ((int64_t)(value))
struct postgres_call *postgres_call(
	struct postgres_batch *batch, enum postgres_statement statement, const char *types, ...);
/* The last call ends its transaction. */
void postgres_end(struct postgres_batch *batch);
void postgres_batch_finish(struct postgres_batch *batch);
/* Connects where need be, and runs the batch: one round trip. False: the first failure. */
bool postgres_run(struct postgres_store *store, struct postgres_batch *batch, struct error *err);
/* CLOCK_BOOTTIME: what is waited for here passes in real time, whatever a test pretends. */
int64_t postgres_now_ms(void);
/* Waits for the socket until the steady time; false: it has passed, or a signal has come where
 * is_interruptible. */
bool postgres_poll(
	struct postgres_store *store, short events, int64_t until_ms, bool is_interruptible);
/* One or several statements without parameters, out of the pipeline; the last result is the
 * caller's, NULL on failure. */
PGresult *postgres_simple(
	struct postgres_store *store, const char *sql, int64_t most_ms, struct error *err);
/* One line of it, without what is secret. Owned. */
char *postgres_shown(const struct postgres_store *store, const char *text);
/* The connection's own failure as UNAVAILABLE, and it is closed. */
bool postgres_lost(struct postgres_store *store, const char *what, struct error *err);

/* postgres_connect.c */
bool postgres_connect(struct postgres_store *store, struct error *err);
void postgres_disconnect(struct postgres_store *store);
/* Another connection to the host whose turn it is, not set up. */
bool postgres_start(struct postgres_store *store, PGconn **out, struct error *err);

/* postgres_pooler.c: INVALID behind one that is not in session mode. */
bool postgres_check_pooler(struct postgres_store *store, struct error *err);

/* postgres_doubt.c */
/* The last act, a lease of these nonces, has failed: it may have been done all the same. */
void postgres_doubt(
	struct postgres_store *store, const char *owner, int64_t lease_ms, const char *nonces);
bool postgres_has_doubts(const struct postgres_store *store, const char *owner);
/* What was leased by those requests. */
bool postgres_settle_doubts(
	struct postgres_store *store, struct lease_batch *out, struct error *err);
void postgres_doubts_finish(struct postgres_store *store);

/* postgres_schema.c: finds or makes the tables, and reads the store's tag. */
bool postgres_prepare_schema(struct postgres_store *store, struct error *err);

/* postgres_reply.c: reading rows. */
char *postgres_text(const PGresult *rows, int row, int column); /* owned; NULL stays NULL */
int64_t postgres_int(const PGresult *rows, int row, int column);
bool postgres_bool(const PGresult *rows, int row, int column);
enum reply_column {
	REPLY_KIND,
	REPLY_N,
	REPLY_ID,
	REPLY_JOB,
	REPLY_PARENT,
	REPLY_NAME,
	REPLY_QUEUE,
	REPLY_PAYLOAD,
	REPLY_SCOPES,
	REPLY_OWNER,
	REPLY_ATTEMPT,
	REPLY_NONCE,
	REPLY_FAILURES,
	REPLY_CRASHES,
	REPLY_LOSSES,
	REPLY_DUE,
	REPLY_WAIT_SCOPE,
	REPLY_WAIT_GATE,
	REPLY_WAIT_UNTIL,
	REPLY_IS_CANCELLED,
};
/* Reads lines of leases and of what was noted into the batch (may be NULL) and the store. */
void postgres_read_reply(
	struct postgres_store *store, const PGresult *rows, struct lease_batch *batch);
/* The row of that kind, or −1. */
int postgres_find_line(const PGresult *rows, const char *kind);
/*
 * What has to be done after each act that may have noted something: folds the jobs until nothing
 * is left for us to fold, and rings. The act has happened: failures here are sweep's to mend.
 */
void postgres_follow(struct postgres_store *store);
/* Runs the batch, reads its first result as lines, and follows. */
bool postgres_act(struct postgres_store *store, struct postgres_batch *batch,
	struct lease_batch *leases, struct error *err);

/* Adds to the batch an empty transaction that waits for the disk, and for all before it. */
void postgres_flush(const struct postgres_store *store, struct postgres_batch *batch);

/* postgres_json.c: parameters that are lists. Owned. */
char *postgres_array(const char *const *items, size_t count);
char *postgres_nonces(size_t count);
/* NULL where the request has none. */
char *postgres_limits(const struct lease_request *request);
/* INVALID where a text is not UTF-8. */
bool postgres_children(
	const struct new_task *children, size_t count, char **out, struct error *err);
/* NULL: nothing changes. */
bool postgres_effects(const struct effects *effects, char **out, struct error *err);
bool postgres_pushes(const struct push *pushes, size_t count, char **out, struct error *err);
/* The text with what is not UTF-8 replaced. */
char *postgres_clean(const char *text);

/* postgres_bell.c */
uint32_t postgres_bell(struct store *, const char *);
void postgres_wait(struct store *, const char *, uint32_t, int64_t);
uint32_t postgres_cancel_bell(struct store *);
void postgres_wait_any(struct store *, const char *const *, const uint32_t *, size_t, int64_t);
void postgres_interrupt(struct store *);
void postgres_listen(struct store *, bool (*goes_on)(void *context), void *context);
void postgres_ring(struct postgres_store *store);

/* The acts, in the order of struct store_ops. */
bool postgres_put_workflow(
	struct store *, const char *, const char *, const char *, struct error *);
bool postgres_get_workflow(struct store *, const char *, char **, struct error *);
bool postgres_submit(
	struct store *, const struct submission *, char id_out[STORE_ID_SIZE], struct error *);
bool postgres_push(
	struct store *, const struct push *, size_t, char (*)[STORE_ID_SIZE], struct error *);
bool postgres_lease(
	struct store *, const struct lease_request *, struct lease_batch *, struct error *);
bool postgres_lease_task(
	struct store *, const char *, const char *, int64_t, struct lease_batch *, struct error *);
bool postgres_renew(struct store *, const char *, const struct token *, int64_t, enum renewal *,
	struct error *);
bool postgres_spawn(struct store *, const char *, const struct token *, uint32_t,
	const struct new_task *, size_t, struct error *);
bool postgres_commit(struct store *, const struct commit *, size_t, struct commit_result *,
	const struct lease_request *, struct lease_batch *, struct error *);
bool postgres_release_owner(
	struct store *, const char *, const char *, const char *, size_t *, struct error *);
bool postgres_held(struct store *, const char *, struct lease_batch *, struct error *);
bool postgres_sweep(struct store *, size_t, struct sweep_report *, struct error *);
bool postgres_set_door(struct store *, const char *const *, size_t, bool, struct error *);
bool postgres_claim_unsent(
	struct store *, const struct claim_request *, struct outgoing_list *, struct error *);
bool postgres_mark_sent(struct store *, const struct sent *, size_t, struct error *);
bool postgres_resend(struct store *, const char *, int64_t, size_t, size_t *, struct error *);
bool postgres_adopt(
	struct store *, const struct arrival *, size_t, enum adoption *, struct error *);
bool postgres_get_gate(struct store *, const char *, int64_t, const char *, const char *const *,
	size_t, struct gate_view *, struct error *);
bool postgres_get_job(struct store *, const char *, struct job_record *, struct error *);
bool postgres_list_jobs(
	struct store *, const struct job_filter *, struct job_list *, struct error *);
bool postgres_get_task(struct store *, const char *, struct task_record *, struct error *);
bool postgres_list_tasks(
	struct store *, const struct task_filter *, struct task_list *, struct error *);
bool postgres_list_attempts(struct store *, const char *, struct attempt_list *, struct error *);
bool postgres_get_queue(struct store *, const char *, struct queue_stats *, struct error *);
bool postgres_cancel_job(struct store *, const char *, struct error *);
bool postgres_end_cancelled(struct store *, const char *, size_t, bool *, struct error *);
bool postgres_cancel_task(struct store *, const char *, struct error *);
bool postgres_revive(struct store *, const char *, const struct effects *, struct error *);
bool postgres_purge(struct store *, const char *, bool, size_t, size_t *, struct error *);
bool postgres_gc(
	struct store *, int64_t, int64_t, int64_t, size_t, size_t *, bool *, struct error *);
bool postgres_fire(struct store *, const struct firing *, bool *, struct error *);
bool postgres_get_schedules(
	struct store *, const char *const *, size_t, struct schedule_list *, struct error *);
bool postgres_beat(struct store *, const struct heartbeat *, struct beat_list *, struct error *);
bool postgres_set_pause(struct store *, const char *, bool, struct error *);
bool postgres_list_gates(
	struct store *, const struct waiting_gate *, size_t, struct gate_list *, struct error *);
bool postgres_list_starts(struct store *, size_t, struct start_list *, struct error *);
bool postgres_refuse_start(struct store *, const char *, const char *, struct error *);
bool postgres_mend_gate(
	struct store *, const char *, int64_t, const char *, int64_t, struct error *);
