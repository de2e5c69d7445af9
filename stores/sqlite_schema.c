/*
 * The tables of a store file and their version; docs/stores.md says what each is for. A change
 * needs a new SCHEMA_VERSION, statements that lead there from the version before, and that page.
 */
#include "stores/sqlite_store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION_ID 0x72656576 /* "reev" */
#define SCHEMA_VERSION 5
#define SERVES         3 /* the oldest version whose reeve can use this one */

/* Each of these is a few statements; together they are version 1. */
static const char *const first_schema[] = {
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
	"CREATE TABLE workflow (hash TEXT PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL) "
	"STRICT;"
	"CREATE TABLE queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" depth INTEGER NOT NULL DEFAULT 0, delayed INTEGER NOT NULL DEFAULT 0,"
	" dead INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0,"
	" failed INTEGER NOT NULL DEFAULT 0) STRICT;",

	"CREATE TABLE job (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, workflow TEXT NOT "
	"NULL,"
	" hash TEXT NOT NULL, key TEXT, status INTEGER NOT NULL, active INTEGER NOT NULL,"
	" waiting INTEGER NOT NULL, failing INTEGER NOT NULL, next_seq INTEGER NOT NULL,"
	" swept INTEGER NOT NULL DEFAULT 0, is_ending INTEGER NOT NULL DEFAULT 0,"
	" has_results INTEGER NOT NULL DEFAULT 1,"
	" created INTEGER NOT NULL, finished INTEGER, reason TEXT) STRICT;"
	"CREATE UNIQUE INDEX job_key ON job (workflow, key)"
	" WHERE key IS NOT NULL AND finished IS NULL;"
	"CREATE INDEX job_open ON job (uuid) WHERE finished IS NULL;"
	"CREATE INDEX job_ended ON job (status, finished) WHERE finished IS NOT NULL;"
	"CREATE INDEX job_results ON job (finished) WHERE finished IS NOT NULL AND has_results = 1;"
	"CREATE INDEX job_ending ON job (id) WHERE is_ending = 1;",

	"CREATE TABLE pushed (task INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" queue INTEGER NOT NULL, key TEXT, state INTEGER, has_result INTEGER NOT NULL DEFAULT 1,"
	" finished INTEGER) STRICT;"
	"CREATE UNIQUE INDEX pushed_key ON pushed (queue, key)"
	" WHERE key IS NOT NULL AND finished IS NULL;"
	"CREATE INDEX pushed_open ON pushed (queue) WHERE finished IS NULL;"
	"CREATE INDEX pushed_ended ON pushed (state, finished) WHERE finished IS NOT NULL;"
	"CREATE INDEX pushed_results ON pushed (finished)"
	" WHERE finished IS NOT NULL AND has_result = 1;",

	"CREATE TABLE task (id INTEGER PRIMARY KEY, parent INTEGER, name TEXT NOT NULL,"
	" queue INTEGER NOT NULL, rank INTEGER NOT NULL, scopes TEXT, state INTEGER NOT NULL,"
	" due INTEGER NOT NULL, bundle INTEGER, attempt INTEGER NOT NULL DEFAULT 0,"
	" failures INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,"
	" losses INTEGER NOT NULL DEFAULT 0,"
	" fails_job INTEGER NOT NULL DEFAULT 0, is_cancelled INTEGER NOT NULL DEFAULT 0,"
	" created INTEGER NOT NULL, finished INTEGER, wait_scope INTEGER, wait_gate TEXT,"
	" wait_until INTEGER, wait_timeout INTEGER, delay INTEGER, reason TEXT, result TEXT) "
	"STRICT;"
	"CREATE INDEX task_parent ON task (parent) WHERE parent IS NOT NULL;"
	"CREATE INDEX task_dead ON task (id) WHERE state IN (4, 5);"
	"CREATE INDEX task_dead_queue ON task (queue) WHERE state IN (4, 5);"
	"CREATE TABLE body (task INTEGER PRIMARY KEY, payload TEXT NOT NULL) STRICT;"
	"CREATE TABLE attempt (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, n INTEGER NOT NULL,"
	" nonce INTEGER, entry TEXT, output TEXT) STRICT;"
	"CREATE INDEX attempt_task ON attempt (task);",

	"CREATE TABLE ready (queue INTEGER NOT NULL, rank INTEGER NOT NULL, due INTEGER NOT NULL,"
	" entry INTEGER NOT NULL, tasks INTEGER NOT NULL,"
	" PRIMARY KEY (queue, rank, due, entry)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE delayed (queue INTEGER NOT NULL, due INTEGER NOT NULL,"
	" entry INTEGER NOT NULL, tasks INTEGER NOT NULL,"
	" PRIMARY KEY (queue, due, entry)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE bundle (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,"
	" queue INTEGER NOT NULL, rank INTEGER NOT NULL, delay INTEGER NOT NULL,"
	" state INTEGER NOT NULL, due INTEGER NOT NULL, tasks INTEGER NOT NULL,"
	" next INTEGER NOT NULL, stop INTEGER NOT NULL) STRICT;"
	"CREATE INDEX bundle_parent ON bundle (parent);"
	"CREATE INDEX bundle_dropped ON bundle (id) WHERE state = 2;"
	"CREATE TABLE chunk (bundle INTEGER NOT NULL, first INTEGER NOT NULL,"
	" count INTEGER NOT NULL, PRIMARY KEY (bundle, first)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE lease (task INTEGER PRIMARY KEY, queue INTEGER NOT NULL, owner TEXT NOT NULL,"
	" attempt INTEGER NOT NULL, nonce INTEGER NOT NULL, until INTEGER NOT NULL,"
	" length INTEGER NOT NULL, due INTEGER NOT NULL, since INTEGER NOT NULL,"
	" spawned INTEGER NOT NULL DEFAULT 0, is_cancelled INTEGER NOT NULL) STRICT;"
	"CREATE INDEX lease_owner ON lease (owner);"
	"CREATE INDEX lease_until ON lease (queue, until);",

	"CREATE TABLE counter (job INTEGER NOT NULL, scope INTEGER NOT NULL, gate TEXT NOT NULL,"
	" pending INTEGER NOT NULL, version INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (job, scope, gate)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE waiter (job INTEGER NOT NULL, scope INTEGER NOT NULL, gate TEXT NOT NULL,"
	" task INTEGER NOT NULL, PRIMARY KEY (job, scope, gate, task)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE waking (job INTEGER NOT NULL, scope INTEGER NOT NULL, gate TEXT NOT NULL,"
	" PRIMARY KEY (job, scope, gate)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE tally (job INTEGER NOT NULL, scope INTEGER NOT NULL, name TEXT NOT NULL,"
	" place INTEGER NOT NULL, born INTEGER NOT NULL DEFAULT 0,"
	" completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
	" invalid INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0,"
	" cancelled INTEGER NOT NULL DEFAULT 0, excused INTEGER NOT NULL DEFAULT 0,"
	" waiting INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (job, scope, name)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE doomed (job INTEGER PRIMARY KEY) STRICT;",

	/* A queue's numbers are kept by triggers, so that no act can forget them. */
	"CREATE TRIGGER ready_added AFTER INSERT ON ready BEGIN"
	" UPDATE queue SET depth = depth + NEW.tasks WHERE id = NEW.queue; END;"
	"CREATE TRIGGER ready_dropped AFTER DELETE ON ready BEGIN"
	" UPDATE queue SET depth = depth - OLD.tasks WHERE id = OLD.queue; END;"
	"CREATE TRIGGER ready_taken AFTER UPDATE OF tasks ON ready BEGIN"
	" UPDATE queue SET depth = depth + NEW.tasks - OLD.tasks WHERE id = NEW.queue; END;"
	"CREATE TRIGGER delayed_added AFTER INSERT ON delayed BEGIN"
	" UPDATE queue SET delayed = delayed + NEW.tasks WHERE id = NEW.queue; END;"
	"CREATE TRIGGER delayed_dropped AFTER DELETE ON delayed BEGIN"
	" UPDATE queue SET delayed = delayed - OLD.tasks WHERE id = OLD.queue; END;"
	"CREATE TRIGGER delayed_taken AFTER UPDATE OF tasks ON delayed BEGIN"
	" UPDATE queue SET delayed = delayed + NEW.tasks - OLD.tasks WHERE id = NEW.queue; END;"
	"CREATE TRIGGER task_ended AFTER UPDATE OF state ON task"
	" WHEN OLD.state <> NEW.state AND (NEW.state IN (3, 4, 5) OR OLD.state IN (4, 5)) BEGIN"
	" UPDATE queue SET completed = completed + (NEW.state = 3),"
	" failed = failed + (NEW.state IN (4, 5)),"
	" dead = dead + (NEW.state IN (4, 5)) - (OLD.state IN (4, 5)) WHERE id = NEW.queue; END;"
	"CREATE TRIGGER task_deleted AFTER DELETE ON task WHEN OLD.state IN (4, 5) BEGIN"
	" UPDATE queue SET dead = dead - 1 WHERE id = OLD.queue; END;"
	"INSERT INTO meta VALUES ('number', 1);",
};

/* From version 1 to 2: outboxes, lines of groups, messages that are known. */
static const char *const second_schema[] = {
	"ALTER TABLE queue ADD COLUMN has_door INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN parked INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE task ADD COLUMN dispatch INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE task ADD COLUMN line TEXT;"
	"ALTER TABLE task ADD COLUMN turn INTEGER;",

	"CREATE TABLE unsent (queue INTEGER NOT NULL, rank INTEGER NOT NULL, due INTEGER NOT NULL,"
	" entry INTEGER NOT NULL, tasks INTEGER NOT NULL, dispatch INTEGER NOT NULL,"
	" PRIMARY KEY (queue, rank, due, entry)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX unsent_due ON unsent (queue, due, tasks);"
	"CREATE TABLE claim (task INTEGER PRIMARY KEY, queue INTEGER NOT NULL, owner TEXT NOT NULL,"
	" until INTEGER NOT NULL, due INTEGER NOT NULL) STRICT;"
	"CREATE INDEX claim_owner ON claim (owner);"
	"CREATE INDEX claim_until ON claim (queue, until);"
	"CREATE TABLE sent (task INTEGER PRIMARY KEY, queue INTEGER NOT NULL,"
	" level INTEGER NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL) STRICT;"
	"CREATE INDEX sent_since ON sent (queue, level, since);"
	"CREATE INDEX sent_due ON sent (queue, due);"
	"CREATE TABLE turn (queue INTEGER NOT NULL, line TEXT NOT NULL, place INTEGER NOT NULL,"
	" task INTEGER NOT NULL, is_parked INTEGER NOT NULL,"
	" PRIMARY KEY (queue, line, place)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE adopted (queue INTEGER NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL,"
	" PRIMARY KEY (queue, message)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX adopted_at ON adopted (at);",

	"CREATE TRIGGER unsent_added AFTER INSERT ON unsent BEGIN"
	" UPDATE queue SET unsent = unsent + NEW.tasks WHERE id = NEW.queue; END;"
	"CREATE TRIGGER unsent_dropped AFTER DELETE ON unsent BEGIN"
	" UPDATE queue SET unsent = unsent - OLD.tasks WHERE id = OLD.queue; END;"
	"CREATE TRIGGER unsent_taken AFTER UPDATE OF tasks ON unsent BEGIN"
	" UPDATE queue SET unsent = unsent + NEW.tasks - OLD.tasks WHERE id = NEW.queue; END;"
	"CREATE TRIGGER claim_added AFTER INSERT ON claim BEGIN"
	" UPDATE queue SET unsent = unsent + 1 WHERE id = NEW.queue; END;"
	"CREATE TRIGGER claim_dropped AFTER DELETE ON claim BEGIN"
	" UPDATE queue SET unsent = unsent - 1 WHERE id = OLD.queue; END;"
	"CREATE TRIGGER sent_added AFTER INSERT ON sent BEGIN"
	" UPDATE queue SET sent = sent + 1 WHERE id = NEW.queue; END;"
	"CREATE TRIGGER sent_dropped AFTER DELETE ON sent BEGIN"
	" UPDATE queue SET sent = sent - 1 WHERE id = OLD.queue; END;"
	"CREATE TRIGGER turn_dropped AFTER DELETE ON turn WHEN OLD.is_parked BEGIN"
	" UPDATE queue SET parked = parked - 1 WHERE id = OLD.queue; END;"
	"CREATE TRIGGER turn_parked AFTER UPDATE OF is_parked ON turn BEGIN"
	" UPDATE queue SET parked = parked + NEW.is_parked - OLD.is_parked"
	" WHERE id = NEW.queue; END;"
	"INSERT INTO meta VALUES ('tag', random() & 4294967295);",
};

/* From version 2 to 3: heartbeats, and queues that are paused for all hosts. */
static const char *const third_schema[] = {
	"ALTER TABLE queue ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE beat (id TEXT PRIMARY KEY, at INTEGER NOT NULL, until INTEGER NOT NULL,"
	" text TEXT NOT NULL) STRICT;",
};

/* From version 3 to 4: what queues let in. */
static const char *const fourth_schema[] = {
	"ALTER TABLE queue ADD COLUMN has_max_working INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN rate_ms INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE taken (queue INTEGER NOT NULL, slot INTEGER NOT NULL, tasks INTEGER NOT NULL,"
	" PRIMARY KEY (queue, slot)) STRICT, WITHOUT ROWID;",
};

/* From version 4 to 5: what keepers remember of schedules. */
static const char *const fifth_schema[] = {
	"CREATE TABLE schedule (name TEXT PRIMARY KEY, version INTEGER NOT NULL,"
	" text TEXT NOT NULL) STRICT, WITHOUT ROWID;",
};

/* What leads to each version from the one before. */
static const struct {
	const char *const *texts;
	size_t count;
} steps[SCHEMA_VERSION] = {
	{ first_schema, ARRAY_SIZE(first_schema) },
	{ second_schema, ARRAY_SIZE(second_schema) },
	{ third_schema, ARRAY_SIZE(third_schema) },
	{ fourth_schema, ARRAY_SIZE(fourth_schema) },
	{ fifth_schema, ARRAY_SIZE(fifth_schema) },
};

static_assert(TASK_COMPLETED == 3 && TASK_FAILED == 4 && TASK_INVALID == 5,
	"the schema spells these states as numbers");

static int64_t read_pragma(struct sqlite_store *store, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = 0;
	int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW)
			value = sqlite3_column_int64(statement, 0);
	}
	if (code != SQLITE_OK && code != SQLITE_ROW)
		sqlite_fail(store, code);
	sqlite3_finalize(statement);
	return value;
}

/* Whether the newer reeve that made the file says that we can use it, as while one binary replaces
 * another. */
static bool serves_us(struct sqlite_store *store)
{
	int64_t serves = read_pragma(store, "SELECT value FROM meta WHERE name = 'serves'");
	return serves > 0 && serves <= SCHEMA_VERSION;
}

static bool check_version(struct sqlite_store *store, int64_t *found, struct error *err)
{
	/* Three moments: the tables first, since whoever makes them writes the other two with them.
	 */
	int64_t tables = read_pragma(store, "SELECT count(*) FROM sqlite_schema");
	int64_t application = read_pragma(store, "PRAGMA application_id");
	int64_t version = read_pragma(store, "PRAGMA user_version");
	if (store->failure)
		return sqlite_report(store, err);
	if (application != APPLICATION_ID && (application != 0 || tables != 0))
		return error_set(err, ERROR_INVALID,
			"store %s: the file belongs to another program", store->path);
	if (version > SCHEMA_VERSION && !serves_us(store))
		return error_set(err, ERROR_INVALID,
			"store %s: made by a newer reeve (schema %lld, this one knows %d)",
			store->path, (long long)version, SCHEMA_VERSION);
	*found = tables == 0 ? 0 : version;
	return true;
}

/* New tables, or those of an older reeve brought up to this version with all that is in them. */
static bool make_tables(struct sqlite_store *store, struct error *err)
{
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	int64_t version;
	if (!check_version(store, &version, err))
		return sqlite_cancel(store);
	if (version >= SCHEMA_VERSION) /* another process was faster */
		return sqlite_end(store, err);
	OWNED(free)
	char *marks =
		xprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; INSERT INTO meta "
			"VALUES ('serves', %d) ON CONFLICT (name) DO UPDATE SET value = "
			"excluded.value",
			APPLICATION_ID, SCHEMA_VERSION, SERVES);
	int code = SQLITE_OK;
	for (; version < SCHEMA_VERSION; version++)
		for (size_t i = 0; code == SQLITE_OK && i < steps[version].count; i++)
			code = sqlite3_exec(store->db, steps[version].texts[i], NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->db, marks, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		sqlite_fail(store, code);
	return sqlite_end(store, err);
}

#define BOOT_SIZE 40

static void read_boot(char out[BOOT_SIZE])
{
	OWNED_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, BOOT_SIZE - 1);
	out[got < 0 ? 0 : got] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static bool is_this_boot(struct sqlite_store *store, const char *boot)
{
	return sqlite_read(store, SQL_COMPARE_BOOT, 0, "t", boot) == 1;
}

/* Leases count on a clock that starts at boot: after another boot none of them means anything. */
static bool check_boot(struct sqlite_store *store, struct error *err)
{
	char boot[BOOT_SIZE];
	read_boot(boot);
	bool is_same = is_this_boot(store, boot);
	if (store->failure)
		return sqlite_report(store, err);
	if (is_same)
		return true;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	if (!is_this_boot(store, boot)) {
		sqlite_put_back_all(store);
		sqlite_run(store, SQL_LAPSE_CLAIMS, "");
		sqlite_run(store, SQL_DROP_BEATS, "i", INT64_MAX);
		sqlite_run(store, SQL_FORGET_TAKEN, "");
		sqlite_run(store, SQL_SET_BOOT, "t", boot);
	}
	return sqlite_end(store, err);
}

bool sqlite_check_file(struct sqlite_store *store, struct error *err)
{
	int64_t version;
	/* At one moment: another process may be making the tables right now. */
	if (!sqlite_begin_read(store, err))
		return false;
	if (!check_version(store, &version, err))
		return sqlite_cancel(store);
	return sqlite_end(store, err);
}

bool sqlite_prepare_schema(struct sqlite_store *store, struct error *err)
{
	store->failure = 0;
	bool is_current = read_pragma(store, "PRAGMA user_version") >= SCHEMA_VERSION;
	if (store->failure)
		return sqlite_report(store, err);
	if (!is_current && !make_tables(store, err))
		return false;
	store->base.tag = (uint32_t)sqlite_read(store, SQL_GET_TAG, 0, "");
	return check_boot(store, err);
}
