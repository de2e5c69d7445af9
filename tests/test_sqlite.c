/* The SQLite store on one file: its plans, its file, another boot, and how many rows a birth is. */
#include "stores/sqlite.h"
#include "stores/sqlite_store.h"
#include "tests/sqlite_ground.h"

#include "base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static sqlite3 *raw;

/* A second connection, as a program that is not reeve has it. */
static void open_raw(void)
{
	if (sqlite3_open(ground_path("store.db"), &raw) != SQLITE_OK)
		abort();
	sqlite3_busy_timeout(raw, 5000);
}

static void run_raw(const char *sql)
{
	char *failure = NULL;
	if (sqlite3_exec(raw, sql, NULL, NULL, &failure) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, failure);
		abort();
	}
}

/* Work lists, read from their first row, and the names of one workflow. */
static bool is_small(const char *detail, const char *text)
{
	static const char *const lists[] = { "SCAN doomed", "SCAN waking",
		"SCAN job USING INDEX job_ending", "SCAN job USING COVERING INDEX job_ending",
		"SCAN bundle USING INDEX bundle_dropped",
		"SCAN bundle USING COVERING INDEX bundle_dropped", "SCAN (subquery" };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strncmp(detail, lists[i], strlen(lists[i])) == 0)
			return true;
	return text == sqlite_statement_texts[SQL_LIST_JOB_NAMES];
}

static void check_plan(const char *text)
{
	OWNED(free) char *sql = xprintf("EXPLAIN QUERY PLAN %s", text);
	sqlite3_stmt *plan;
	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(raw, sql, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(plan, 3);
		bool is_fine = (strncmp(detail, "SCAN", 4) != 0 && !strstr(detail, "TEMP")) ||
			       is_small(detail, text);
		CU_ASSERT_TRUE(is_fine);
		if (!is_fine)
			fprintf(stderr, "%s\n  %s\n", detail, text);
	}
	sqlite3_finalize(plan);
}

static void no_statement_scans_or_sorts_a_table_that_grows(void)
{
	ground_begin();
	struct store *store = ground_open();
	open_raw();
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		check_plan(sqlite_statement_texts[i]);
	sqlite3_close(raw);
	store_close(store);
	ground_end();
}

static void another_boot_frees_every_lease(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "one");
	struct lease_batch held = ground_lease(store, "mail", "owner");
	CU_ASSERT_EQUAL_FATAL(held.count, 1);
	store_close(store);
	open_raw();
	run_raw("UPDATE meta SET value = 'another' WHERE name = 'boot'");
	sqlite3_close(raw);
	store = ground_open();
	CU_ASSERT_EQUAL(ground_state(store, "one"), TASK_QUEUED);
	CU_ASSERT_EQUAL(ground_commit(store, held.tasks, OUTCOME_COMPLETED).answer, COMMIT_STALE);
	struct lease_batch again = ground_lease(store, "mail", "owner");
	CU_ASSERT_EQUAL_FATAL(again.count, 1);
	CU_ASSERT_EQUAL(again.tasks[0].losses, 1);
	struct store *other = ground_open(); /* the same boot: the lease stands */
	CU_ASSERT_EQUAL(ground_state(other, "one"), TASK_WORKING);
	store_close(other);
	lease_batch_finish(&held);
	lease_batch_finish(&again);
	store_close(store);
	ground_end();
}

static size_t count_beats(struct store *store, const struct heartbeat *own)
{
	struct beat_list list;
	struct error err;
	ground_check(store->ops->beat(store, own, &list, &err), &err);
	size_t count = list.count;
	beat_list_finish(&list);
	return count;
}

/* They count on its clock. */
static void another_boot_ends_every_heartbeat(void)
{
	ground_begin();
	struct store *store = ground_open();
	const struct heartbeat own = { "aaa", "text", 600000 };
	CU_ASSERT_EQUAL(count_beats(store, &own), 1);
	store_close(store);
	store = ground_open();
	CU_ASSERT_EQUAL(count_beats(store, NULL), 1);
	store_close(store);
	open_raw();
	run_raw("UPDATE meta SET value = 'another' WHERE name = 'boot'");
	sqlite3_close(raw);
	store = ground_open();
	CU_ASSERT_EQUAL(count_beats(store, NULL), 0);
	store_close(store);
	ground_end();
}

static void files_have_the_owner_and_mode_of_their_folder(void)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm",
		"store.db-bell" };
	ground_begin();
	bool is_root = geteuid() == 0;
	CU_ASSERT_EQUAL_FATAL(chmod(ground_path("."), 0770), 0);
	if (is_root)
		CU_ASSERT_EQUAL_FATAL(chown(ground_path("."), 1234, 1235), 0);
	struct store *store = ground_open();
	ground_push(store, "mail", "one");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat status;
		CU_ASSERT_EQUAL_FATAL(stat(ground_path(names[i]), &status), 0);
		CU_ASSERT_EQUAL(status.st_mode & 0777, 0660);
		CU_ASSERT_EQUAL(status.st_uid, is_root ? 1234 : geteuid());
		if (is_root)
			CU_ASSERT_EQUAL(status.st_gid, 1235);
	}
	store_close(store);
	ground_end();
}

static void refuse(const char *path, enum error_kind kind, const char *wanted)
{
	struct store *store;
	struct error err = { 0 };
	CU_ASSERT_FALSE_FATAL(sqlite_store_open(path, NULL, &store, &err));
	CU_ASSERT_EQUAL(err.kind, kind);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, wanted));
	if (!strstr(err.text, wanted))
		fprintf(stderr, "%s\n", err.text);
}

static void a_missing_folder_is_named(void)
{
	ground_begin();
	OWNED(free) char *path = xstrdup(ground_path("nowhere/store.db"));
	refuse(path, ERROR_UNAVAILABLE, "/nowhere does not exist");
	ground_end();
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(ground_path(name), "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
}

static void files_of_other_programs_are_refused_and_left_alone(void)
{
	ground_begin();
	write_file("store.db", "this is a letter to my grandmother, long enough for a header\n"
			       "of a database, which has a hundred bytes at its beginning.\n");
	refuse(ground_path("store.db"), ERROR_INVALID, "is not a database");
	CU_ASSERT_EQUAL(unlink(ground_path("store.db")), 0);
	open_raw();
	run_raw("CREATE TABLE recipe (name TEXT)");
	sqlite3_close(raw);
	refuse(ground_path("store.db"), ERROR_INVALID, "belongs to another program");
	open_raw();
	run_raw("INSERT INTO recipe VALUES ('soup')"); /* its table is still there */
	sqlite3_close(raw);
	ground_end();
}

static void change_raw(const char *sql)
{
	open_raw();
	run_raw(sql);
	sqlite3_close(raw);
}

static void a_store_of_a_newer_reeve_is_refused_unless_it_serves_this_version(void)
{
	ground_begin();
	store_close(ground_open());
	change_raw("PRAGMA user_version = 99; UPDATE meta SET value = 99 WHERE name = 'serves'");
	refuse(ground_path("store.db"), ERROR_INVALID, "made by a newer reeve (schema 99");
	change_raw("UPDATE meta SET value = 3 WHERE name = 'serves'");
	store_close(ground_open());
	change_raw("DELETE FROM meta WHERE name = 'serves'");
	refuse(ground_path("store.db"), ERROR_INVALID, "made by a newer reeve (schema 99");
	ground_end();
}

static int64_t read_sync(struct store *store)
{
	sqlite3_stmt *row;
	sqlite3_prepare_v2(sqlite_of(store)->db, "PRAGMA synchronous", -1, &row, NULL);
	sqlite3_step(row);
	int64_t value = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return value;
}

static void what_is_accepted_is_synced_and_a_workers_act_is_not(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "one");
	CU_ASSERT_EQUAL(read_sync(store), 2); /* FULL */
	struct lease_batch held = ground_lease(store, "mail", "owner");
	CU_ASSERT_EQUAL(read_sync(store), 1); /* NORMAL */
	lease_batch_finish(&held);
	store_close(store);
	ground_end();
}

static void expired_leases_stay_for_a_period_after_an_outage(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "one");
	struct lease_batch held = ground_lease(store, "mail", "owner");
	clock_set_offset_ms(40000);
	sqlite_of(store)->outage_ms = clock_steady_ms();
	struct lease_batch none = ground_lease(store, "mail", "other");
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_TRUE(none.next_ms > 0 && none.next_ms <= 30000);
	clock_set_offset_ms(75000);
	struct lease_batch again = ground_lease(store, "mail", "other");
	CU_ASSERT_EQUAL(again.count, 1);
	clock_set_offset_ms(0);
	lease_batch_finish(&held);
	lease_batch_finish(&again);
	store_close(store);
	ground_end();
}

static void submit(struct store *store, const char *id, const struct effects *effects)
{
	struct submission submission = { .id = id,
		.workflow = "w",
		.workflow_hash = "h",
		.payload = "{}",
		.effects = *effects };
	char out[STORE_ID_SIZE];
	struct error err;
	ground_check(store->ops->submit(store, &submission, out, &err), &err);
}

static struct new_task named(const char *name)
{
	return (struct new_task){ .name = name, .queue = name, .payload = "{}", .scopes = "0" };
}

/* How many rows the commit changes that bears `count` children written ahead. */
static int64_t count_changes_of_birth(struct store *store, uint32_t count)
{
	char id[IDS_UUID_SIZE];
	ids_uuid7(id);
	struct new_task split = named("split");
	struct new_task rows[STORE_SPAWN_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = named("row");
	submit(store, id, &(struct effects){ .children = &split, .children_count = 1 });
	struct lease_batch held = ground_lease(store, "split", "owner");
	for (uint32_t first = 0; first < count; first += STORE_SPAWN_MAX) {
		struct error err;
		ground_check(store->ops->spawn(store, held.tasks[0].id, &held.tasks[0].token, first,
				     rows, ARRAY_SIZE(rows), &err),
			&err);
	}
	int64_t before = sqlite3_total_changes64(sqlite_of(store)->db);
	CU_ASSERT_EQUAL(ground_commit(store, held.tasks, OUTCOME_COMPLETED).answer, COMMIT_DONE);
	lease_batch_finish(&held);
	return sqlite3_total_changes64(sqlite_of(store)->db) - before;
}

static void the_birth_of_many_children_changes_as_many_rows_as_that_of_few(void)
{
	ground_begin();
	struct store *store = ground_open();
	int64_t few = count_changes_of_birth(store, 500);
	CU_ASSERT_EQUAL(ground_queue(store, "row").depth, 500);
	int64_t many = count_changes_of_birth(store, 20000);
	CU_ASSERT_EQUAL(ground_queue(store, "row").depth, 20500);
	CU_ASSERT_EQUAL(few, many);
	CU_ASSERT_TRUE(few < 30);
	store_close(store);
	ground_end();
}

/* More waiters than one transaction wakes: the others follow, and the job goes on meanwhile. */
static void a_gate_with_a_thousand_waiters_wakes_them_all(void)
{
	enum { WAITERS = 1000 };
	char id[IDS_UUID_SIZE];
	ids_uuid7(id);
	struct new_task *children = xcalloc(WAITERS + 1, sizeof *children);
	children[0] = named("first");
	for (size_t i = 1; i <= WAITERS; i++) {
		children[i] = named("gate");
		children[i].waits = true;
		children[i].wait_gate = "gate";
	}
	struct counter_change up = { .gate = "gate", .pending = 1 };
	struct counter_change down = { .gate = "gate", .pending = -1 };
	ground_begin();
	struct store *store = ground_open();
	submit(store, id,
		&(struct effects){ .children = children,
			.children_count = WAITERS + 1,
			.counters = &up,
			.counters_count = 1 });
	free(children);
	CU_ASSERT_EQUAL(ground_queue(store, "gate").depth, 0);
	struct lease_batch held = ground_lease(store, "first", "owner");
	struct commit commit = { .id = held.tasks[0].id,
		.token = held.tasks[0].token,
		.effects = { .counters = &down, .counters_count = 1 } };
	struct commit_result result;
	struct error err;
	ground_check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	CU_ASSERT_FALSE(result.job_ended);
	CU_ASSERT_EQUAL(ground_queue(store, "gate").depth, WAITERS);
	lease_batch_finish(&held);
	store_close(store);
	ground_end();
}

static void on_alarm(int number)
{
	(void)number;
	clock_set_offset_ms(31000);
}

static void a_foreign_lock_is_waited_for_and_then_said_plainly(void)
{
	ground_begin();
	struct store *store = ground_open();
	struct push push = { .id = "one", .name = "n", .queue = "mail", .payload = "{}" };
	struct error err = { 0 };
	open_raw();
	run_raw("BEGIN IMMEDIATE");
	signal(SIGALRM, on_alarm);
	ualarm(20000, 0);
	CU_ASSERT_FALSE(store->ops->push(store, &push, 1, NULL, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NULL(strstr(err.text, "database is locked"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "store.db"));
	signal(SIGALRM, SIG_DFL);
	clock_set_offset_ms(0);
	run_raw("COMMIT");
	CU_ASSERT_TRUE(store->ops->push(store, &push, 1, NULL, &err));
	sqlite3_close(raw);
	store_close(store);
	ground_end();
}

static void fill(const char *name)
{
	OWNED_FD int fd = open(ground_path(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	char block[4096] = "";
	while (write(fd, block, sizeof block) > 0)
		;
}

/* Pushes until the disk is full; answers how many were accepted. */
static int push_until_full(struct store *store, struct error *err)
{
	OWNED(free) char *payload = xcalloc(20001, 1);
	memset(payload, ' ', 20000);
	for (int i = 0;; i++) {
		char id[16];
		snprintf(id, sizeof id, "task-%d", i);
		struct push push = { .id = id, .name = "n", .queue = "mail", .payload = payload };
		if (!store->ops->push(store, &push, 1, NULL, err))
			return i;
	}
}

static void a_full_disk_is_unavailable_and_work_goes_on_after(void)
{
	if (geteuid() != 0)
		return;
	ground_begin();
	OWNED(free) char *folder = xstrdup(ground_path("."));
	if (mount("tmpfs", folder, "tmpfs", 0, "size=4m")) {
		ground_end(); /* a container that may not mount */
		return;
	}
	struct store *store = ground_open();
	struct error err = { 0 };
	ground_push(store, "mail", "before");
	struct lease_batch held = ground_lease(store, "mail", "owner");
	fill("ballast");
	int accepted = push_until_full(store, &err);
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth, accepted);
	struct store *another;
	if (sqlite_store_open(ground_path("store.db"), NULL, &another, &err))
		store_close(another);
	CU_ASSERT_EQUAL(unlink(ground_path("ballast")), 0);
	ground_push(store, "mail", "after");
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth, accepted + 1);
	CU_ASSERT_EQUAL(ground_commit(store, held.tasks, OUTCOME_COMPLETED).answer, COMMIT_DONE);
	lease_batch_finish(&held);
	store_close(store);
	CU_ASSERT_EQUAL(umount2(folder, MNT_DETACH), 0);
	ground_end();
}

static const struct suite_test tests[] = {
	SUITE_TEST(no_statement_scans_or_sorts_a_table_that_grows),
	SUITE_TEST(another_boot_frees_every_lease),
	SUITE_TEST(another_boot_ends_every_heartbeat),
	SUITE_TEST(files_have_the_owner_and_mode_of_their_folder),
	SUITE_TEST(a_missing_folder_is_named),
	SUITE_TEST(files_of_other_programs_are_refused_and_left_alone),
	SUITE_TEST(a_store_of_a_newer_reeve_is_refused_unless_it_serves_this_version),
	SUITE_TEST(what_is_accepted_is_synced_and_a_workers_act_is_not),
	SUITE_TEST(expired_leases_stay_for_a_period_after_an_outage),
	SUITE_TEST(the_birth_of_many_children_changes_as_many_rows_as_that_of_few),
	SUITE_TEST(a_gate_with_a_thousand_waiters_wakes_them_all),
	SUITE_TEST(a_foreign_lock_is_waited_for_and_then_said_plainly),
	SUITE_TEST(a_full_disk_is_unavailable_and_work_goes_on_after),
};

int main(void)
{
	return suite_run("sqlite", tests, ARRAY_SIZE(tests));
}
