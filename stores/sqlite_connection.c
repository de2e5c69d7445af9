/* The connection: statements, transactions, locks, and SQLite's result codes as our errors. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BUSY_LIMIT_MS 30000
#define BUSY_STEP_MS  64

const char *const sqlite_statement_texts[SQL_STATEMENTS] = {
#define STATEMENT_TEXT(name, text) [SQL_##name] = text,
	SQLITE_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};

/*
 * Our own writers queue for the bell's lock; this is for programs that don't know it (a backup, a
 * shell), for recovery after a death, and for a reader while the last writer closes the file.
 */
static int on_busy(void *context, int times)
{
	struct sqlite_store *store = context;
	int64_t now = clock_steady_ms();
	if (store->busy_since_ms == 0)
		store->busy_since_ms = now;
	if (now - store->busy_since_ms >= BUSY_LIMIT_MS)
		return 0;
	int64_t step = times < 6 ? (int64_t)1 << times : BUSY_STEP_MS;
	int64_t ns = (int64_t)(ids_random64() % (uint64_t)(step * 1000000)) + 200000;
	struct timespec pause = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	nanosleep(&pause, NULL);
	return 1;
}

/* SQLite asks no busy handler while another process changes the mode or reads in the old one. */
int sqlite_use_wal(struct sqlite_store *store)
{
	int code, times = 0;
	store->busy_since_ms = 0;
	do
		code = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	while ((code & 0xff) == SQLITE_BUSY && on_busy(store, times++));
	return code;
}

void sqlite_set_busy(struct sqlite_store *store)
{
	sqlite3_busy_handler(store->db, on_busy, store);
}

void sqlite_fail(struct sqlite_store *store, int code)
{
	if (store->failure)
		return;
	store->failure = code;
	snprintf(store->failure_text, sizeof store->failure_text, "%s",
		sqlite3_errcode(store->db) != SQLITE_OK ? sqlite3_errmsg(store->db)
							: sqlite3_errstr(code));
	int kind = code & 0xff;
	if (kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_BUSY)
		store->outage_ms = clock_steady_ms();
}

static const struct {
	int code;
	enum error_kind kind;
	const char *text; /* NULL: SQLite's own */
} failures[] = {
	{ SQLITE_BUSY, ERROR_UNAVAILABLE, "another program has kept it locked for 30 s" },
	{ SQLITE_LOCKED, ERROR_UNAVAILABLE, "another program has kept it locked" },
	{ SQLITE_FULL, ERROR_UNAVAILABLE, "no space left on its disk" },
	{ SQLITE_IOERR, ERROR_UNAVAILABLE, NULL },
	{ SQLITE_CANTOPEN, ERROR_UNAVAILABLE, NULL },
	{ SQLITE_PROTOCOL, ERROR_UNAVAILABLE, NULL },
	{ SQLITE_NOMEM, ERROR_UNAVAILABLE, NULL },
	{ SQLITE_READONLY, ERROR_UNAVAILABLE, "it can't be written" },
	{ SQLITE_PERM, ERROR_UNAVAILABLE, NULL },
	{ SQLITE_AUTH, ERROR_UNAVAILABLE, NULL },
	{ SQLITE_NOTADB, ERROR_INVALID, "the file is not a database" },
	{ SQLITE_CORRUPT, ERROR_UNAVAILABLE, "the file is damaged" },
	{ SQLITE_TOOBIG, ERROR_INVALID, "a text is too long, or a job has too many tasks" },
	{ SQLITE_INTERNAL, ERROR_INTERNAL, "an entry, lease or waiter stands without its task" },
};

/* Reports the sticky failure and forgets it. */
bool sqlite_report(struct sqlite_store *store, struct error *err)
{
	int code = store->failure & 0xff;
	store->failure = 0;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].code == code)
			return error_set(err, failures[i].kind, "store %s: %s", store->path,
				failures[i].text ? failures[i].text : store->failure_text);
	return error_set(err, ERROR_INTERNAL, "store %s: %s", store->path, store->failure_text);
}

static sqlite3_stmt *prepare(struct sqlite_store *store, enum sqlite_statement id)
{
	if (!store->statements[id]) {
		int code = sqlite3_prepare_v3(store->db, sqlite_statement_texts[id], -1,
			SQLITE_PREPARE_PERSISTENT, &store->statements[id], NULL);
		if (code != SQLITE_OK)
			sqlite_fail(store, code);
	}
	return store->statements[id];
}

static void bind_number(sqlite3_stmt *statement, int index, int64_t number, bool zero_is_null)
{
	if (zero_is_null && number == 0)
		sqlite3_bind_null(statement, index);
	else
		sqlite3_bind_int64(statement, index, number);
}

static void bind(sqlite3_stmt *statement, const char *types, va_list args)
{
	for (int i = 1; *types; types++, i++) {
		/* Text is not copied: the caller's outlives the statement's run. */
		if (*types == 't')
			sqlite3_bind_text(
				statement, i, va_arg(args, const char *), -1, SQLITE_STATIC);
		else
			bind_number(statement, i, va_arg(args, int64_t), *types == 'z');
	}
}

static sqlite3_stmt *start(
	struct sqlite_store *store, enum sqlite_statement id, const char *types, va_list args)
{
	if (store->failure)
		return NULL;
	sqlite3_stmt *statement = prepare(store, id);
	if (statement)
		bind(statement, types, args);
	return statement;
}

sqlite3_stmt *sqlite_query(
	struct sqlite_store *store, enum sqlite_statement id, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *statement = start(store, id, types, args);
	va_end(args);
	return statement;
}

bool sqlite_row(struct sqlite_store *store, sqlite3_stmt *statement)
{
	if (!statement || store->failure)
		return false;
	int code = sqlite3_step(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		sqlite_fail(store, code);
	return code == SQLITE_ROW;
}

void sqlite_done(sqlite3_stmt *statement)
{
	if (!statement)
		return;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int64_t sqlite_run(struct sqlite_store *store, enum sqlite_statement id, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *statement = start(store, id, types, args);
	va_end(args);
	sqlite_row(store, statement);
	sqlite_done(statement);
	return store->failure ? 0 : sqlite3_changes64(store->db);
}

int64_t sqlite_read(struct sqlite_store *store, enum sqlite_statement id, int64_t missing,
	const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *statement = start(store, id, types, args);
	va_end(args);
	int64_t value = missing;
	if (sqlite_row(store, statement) && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		value = sqlite3_column_int64(statement, 0);
	sqlite_done(statement);
	return value;
}

char *sqlite_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);
	return text ? xstrndup((const char *)text, (size_t)sqlite3_column_bytes(statement, column))
		    : NULL;
}

/* The pragma can't change within a transaction, and costs a parse: only where it differs. */
static void set_sync(struct sqlite_store *store, enum sqlite_sync sync)
{
	if (store->sync == sync)
		return;
	int code = sqlite3_exec(store->db,
		sync == SYNC_FULL ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
		NULL, NULL, NULL);
	if (code == SQLITE_OK)
		store->sync = sync;
	else
		sqlite_fail(store, code);
}

bool sqlite_begin(struct sqlite_store *store, enum sqlite_sync sync, struct error *err)
{
	store->failure = 0;
	store->ring_count = 0;
	store->has_new_queue = store->has_new_unsent = store->has_cancelled = false;
	store->door_count = 0;
	store->busy_since_ms = clock_steady_ms();
	if (!bell_lock(&store->bell))
		return error_set(err, ERROR_UNAVAILABLE, "store %s: %s-bell can't be locked",
			store->path, store->path);
	set_sync(store, sync);
	sqlite_run(store, SQL_BEGIN_WRITE, "");
	if (!store->failure)
		return true;
	bell_unlock(&store->bell);
	return sqlite_report(store, err);
}

bool sqlite_begin_read(struct sqlite_store *store, struct error *err)
{
	store->failure = 0;
	store->ring_count = 0;
	store->has_new_queue = store->has_new_unsent = store->has_cancelled = false;
	store->door_count = 0;
	store->busy_since_ms = 0;
	sqlite_run(store, SQL_BEGIN_READ, "");
	return store->failure ? sqlite_report(store, err) : true;
}

/* Some failures have rolled back by themselves (https://www.sqlite.org/lang_transaction.html). */
static void roll_back(struct sqlite_store *store)
{
	int failure = store->failure;
	store->failure = 0;
	if (!sqlite3_get_autocommit(store->db))
		sqlite_run(store, SQL_ROLLBACK, "");
	store->failure = failure;
	store->has_rest = false;
}

static void ring(struct sqlite_store *store)
{
	if (store->has_new_queue)
		bells_ring(&store->bell.bells, BELLS_NURSERY, INT64_MAX);
	if (store->has_cancelled)
		bells_ring(&store->bell.bells, BELLS_CANCELLED, 0);
	if (store->has_new_unsent)
		bells_ring(&store->bell.bells, BELLS_OUTBOX, INT64_MAX);
	for (size_t i = 0; i < store->ring_count; i++)
		bells_ring(&store->bell.bells, bell_index(store->rings[i].queue),
			store->rings[i].count);
}

bool sqlite_end(struct sqlite_store *store, struct error *err)
{
	bool is_write = sqlite3_txn_state(store->db, NULL) == SQLITE_TXN_WRITE;
	if (!store->failure) {
		if (is_write)
			fault_step("store-commit");
		sqlite_run(store, SQL_COMMIT, "");
		if (is_write && !store->failure)
			fault_step("store-committed");
	}
	if (store->failure)
		roll_back(store);
	bell_unlock(&store->bell);
	if (store->failure)
		return sqlite_report(store, err);
	ring(store);
	return true;
}

bool sqlite_cancel(struct sqlite_store *store)
{
	roll_back(store);
	bell_unlock(&store->bell);
	store->failure = 0;
	return false;
}
