/* The PostgreSQL store between sessions, against its server; run it through with_postgres.sh. */
#include "stores/store.h"
#include "tests/suite.h"

#include <CUnit/Basic.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OWNER    "0123456789abcdef0123456789abcdef"
#define LEASE_MS 30000

static char url[256], schema[40];
static struct store *store;
static PGconn *raw;

static struct store *open_store(void)
{
	struct store *opened = NULL;
	struct error err;
	if (!store_open(url, NULL, &opened, &err))
		fprintf(stderr, "\n    %s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(opened);
	return opened;
}

static PGconn *connect_raw(void)
{
	PGconn *connection = PQconnectdb(getenv("REEVE_TEST_POSTGRES"));
	char text[128];
	snprintf(text, sizeof text, "SET search_path = %s", schema);
	PQclear(PQexec(connection, text));
	return connection;
}

/* The first value of the answer, kept until the next call; "" for none. */
static const char *ask(PGconn *connection, const char *sql)
{
	static char text[512];
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fprintf(stderr, "\n    %s: %s\n", sql, PQerrorMessage(connection));
	CU_ASSERT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
	bool is_there = status == PGRES_TUPLES_OK && PQntuples(result) > 0;
	snprintf(text, sizeof text, "%s", is_there ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return text;
}

static void begin(void)
{
	static unsigned count;
	snprintf(schema, sizeof schema, "test_%d_%u", (int)getpid(), ++count);
	snprintf(url, sizeof url, "%s?schema=%s", getenv("REEVE_TEST_POSTGRES"), schema);
	store = open_store();
	raw = connect_raw();
}

static void finish(void)
{
	store_close(store);
	PQfinish(raw);
}

static void check(bool done, const struct error *err)
{
	if (!done)
		fprintf(stderr, "\n    %s\n", err->text);
	CU_ASSERT_TRUE_FATAL(done);
}

static struct lease_batch lease_from(struct store *from, const char *queue)
{
	struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = OWNER, .lease_ms = LEASE_MS, .max = 1
	};
	struct lease_batch batch;
	struct error err;
	check(from->ops->lease(from, &request, &batch, &err), &err);
	return batch;
}

static size_t count_ready(const char *queue)
{
	struct lease_batch batch = lease_from(store, queue);
	size_t count = batch.count;
	lease_batch_finish(&batch);
	return count;
}

/* A job of two producers, and a gate that waits for both. */
static void submit_gated(void)
{
	struct new_task children[] = {
		{ .name = "row", .queue = "row", .payload = "{}", .scopes = "0" },
		{ .name = "row", .queue = "row", .payload = "{}", .scopes = "0" },
		{ .name = "sync",
			.queue = "sync",
			.payload = "{}",
			.scopes = "0",
			.waits = true,
			.wait_gate = "sync" },
	};
	struct counter_change counter = { .gate = "sync", .pending = 2 };
	char id[IDS_UUID_SIZE], answered[STORE_ID_SIZE];
	store_new_id(store, id);
	const struct submission submission = { .id = id,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = { .children = children,
			.children_count = 3,
			.counters = &counter,
			.counters_count = 1 } };
	struct error err;
	check(store->ops->submit(store, &submission, answered, &err), &err);
}

static struct commit_result produce(struct store *by, const struct leased *task)
{
	struct counter_change counter = { .gate = "sync", .pending = -1 };
	const struct commit commit = { .id = task->id,
		.token = task->token,
		.outcome = OUTCOME_COMPLETED,
		.effects = { .counters = &counter, .counters_count = 1 } };
	struct commit_result result;
	struct error err;
	check(by->ops->commit(by, &commit, 1, &result, NULL, NULL, &err), &err);
	return result;
}

static void pause_ms(long ms)
{
	struct timespec pause = { .tv_nsec = ms * 1000000 };
	nanosleep(&pause, NULL);
}

/* Until the question's answer is that; fails the test after 20 s. */
static void await_answer(const char *sql, const char *wanted)
{
	for (int i = 0; i < 2000; i++) {
		if (strcmp(ask(raw, sql), wanted) == 0)
			return;
		pause_ms(10);
	}
	CU_FAIL_FATAL("it does not come");
}

/*
 * Session one folds: it holds the job's advisory lock and is kept in the middle of it by a lock on
 * the job's row. Session two commits the last producer meanwhile, finds the lock taken and leaves.
 * Nobody but session one can open the gate now, by its look after it has let the lock go.
 */
static void no_wake_up_is_lost_between_two_sessions_at_the_advisory_lock(void)
{
	/* It has the lock, and waits for the row: what it folds it has read. */
	static const char blocked[] =
		"SELECT count(*) FROM pg_locks a JOIN pg_locks b ON b.pid = a.pid AND NOT "
		"b.granted "
		"WHERE a.locktype = 'advisory' AND a.granted AND a.objsubid = 1 "
		"AND (a.classid::bigint << 32 | a.objid::bigint) = (SELECT fold_lock(1))";
	submit_gated();
	struct lease_batch first = lease_from(store, "row");
	struct lease_batch second = lease_from(store, "row");
	CU_ASSERT_EQUAL_FATAL(first.count + second.count, 2);
	PGconn *blocker = connect_raw();
	ask(blocker, "BEGIN");
	ask(blocker, "SELECT 1 FROM job WHERE id = 1 FOR UPDATE");
	pid_t pid = fork();
	if (pid == 0) {
		struct store *one = NULL;
		struct error err;
		bool ok = store_open(url, NULL, &one, &err);
		_exit(ok && produce(one, first.tasks).answer == COMMIT_DONE ? 0 : 1);
	}
	await_answer(blocked, "1");
	struct store *two = open_store();
	CU_ASSERT_EQUAL(produce(two, second.tasks).answer, COMMIT_DONE);
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT count(*) FROM delta"), "2");
	CU_ASSERT_EQUAL(count_ready("sync"), 0);
	ask(blocker, "ROLLBACK");
	int status = 1;
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT count(*) FROM delta"), "0");
	CU_ASSERT_EQUAL(count_ready("sync"), 1);
	PQfinish(blocker);
	store_close(two);
	lease_batch_finish(&first);
	lease_batch_finish(&second);
}

/* The one that folded has died between its commit and its look. */
static void what_a_dead_session_has_left_unfolded_is_folded_by_a_sweep(void)
{
	submit_gated();
	struct lease_batch first = lease_from(store, "row");
	struct lease_batch second = lease_from(store, "row");
	PGconn *holder = connect_raw();
	ask(holder, "SELECT pg_advisory_lock(fold_lock(1))");
	produce(store, first.tasks);
	produce(store, second.tasks);
	PQfinish(holder);
	await_answer("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted", "0");
	CU_ASSERT_EQUAL(count_ready("sync"), 0);
	struct sweep_report report;
	struct error err;
	check(store->ops->sweep(store, 100, &report, &err), &err);
	CU_ASSERT_EQUAL(count_ready("sync"), 1);
	lease_batch_finish(&first);
	lease_batch_finish(&second);
}

static void a_push_in_sql_lives_and_dies_with_its_transaction(void)
{
	ask(raw, "BEGIN");
	ask(raw, "SELECT push('mail', '{\"n\": 1}')");
	CU_ASSERT_EQUAL(count_ready("mail"), 0);
	ask(raw, "ROLLBACK");
	CU_ASSERT_EQUAL(count_ready("mail"), 0);
	char id[STORE_ID_SIZE];
	snprintf(id, sizeof id, "%s",
		ask(raw, "SELECT push('mail', '{\"n\": 2}', '{\"task\": \"hello\"}')"));
	CU_ASSERT_TRUE(store_has_tag(store, id));
	struct lease_batch batch = lease_from(store, "mail");
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(batch.tasks->id, id);
	CU_ASSERT_STRING_EQUAL(batch.tasks->name, "hello");
	CU_ASSERT_STRING_EQUAL(batch.tasks->payload, "{\"n\": 2}");
	lease_batch_finish(&batch);
}

static size_t count_starts(struct start_list *list)
{
	struct error err;
	check(store->ops->list_starts(store, 10, list, &err), &err);
	return list->count;
}

static void a_start_in_sql_is_asked_for_until_it_is_submitted(void)
{
	struct start_list list;
	ask(raw, "BEGIN");
	ask(raw, "SELECT start('flow', '{}')");
	ask(raw, "ROLLBACK");
	CU_ASSERT_EQUAL(count_starts(&list), 0);
	start_list_finish(&list);
	char id[STORE_ID_SIZE];
	snprintf(id, sizeof id, "%s", ask(raw, "SELECT start('flow', '{\"a\": 1}', 'key')"));
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT start('flow', '{}', 'key')"), id);
	CU_ASSERT_EQUAL_FATAL(count_starts(&list), 1);
	CU_ASSERT_STRING_EQUAL(list.rows[0].id, id);
	CU_ASSERT_STRING_EQUAL(list.rows[0].workflow, "flow");
	CU_ASSERT_STRING_EQUAL(list.rows[0].payload, "{\"a\": 1}");
	CU_ASSERT_STRING_EQUAL(list.rows[0].key, "key");
	start_list_finish(&list);
	const struct submission submission = {
		.id = id, .workflow = "flow", .workflow_hash = "hash", .payload = "{}", .key = "key"
	};
	char answered[STORE_ID_SIZE];
	struct error err;
	check(store->ops->submit(store, &submission, answered, &err), &err);
	CU_ASSERT_STRING_EQUAL(answered, id);
	CU_ASSERT_EQUAL(count_starts(&list), 0);
	start_list_finish(&list);
}

static void who_may_only_execute_can_push_and_nothing_else(void)
{
	char text[512];
	snprintf(text, sizeof text,
		"CREATE ROLE %s_app; GRANT USAGE ON SCHEMA %s TO %s_app; "
		"GRANT EXECUTE ON FUNCTION %s.push(text, jsonb, jsonb) TO %s_app; "
		"SET ROLE %s_app",
		schema, schema, schema, schema, schema, schema);
	ask(raw, text);
	ask(raw, "SELECT push('mail', '1')");
	PGresult *refused = PQexec(raw, "SELECT * FROM task");
	CU_ASSERT_STRING_EQUAL(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "42501");
	PQclear(refused);
	refused = PQexec(raw, "SELECT act_sweep(1)");
	CU_ASSERT_STRING_EQUAL(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "42501");
	PQclear(refused);
	ask(raw, "RESET ROLE");
	CU_ASSERT_EQUAL(count_ready("mail"), 1);
}

/* The server ends the session: the act fails or has its answer, and the next one works. */
static void an_act_after_the_session_was_ended_reconnects(void)
{
	static const char end_all[] = "SELECT count(pg_terminate_backend(pid)) FROM "
				      "pg_stat_activity WHERE application_name = 'reeve'";
	CU_ASSERT_EQUAL(count_ready("mail"), 0);
	ask(raw, end_all);
	await_answer("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reeve'", "0");
	/* The server lists a session no more a moment before its socket closes: an act that comes
	 * in between is UNAVAILABLE, once. */
	struct queue_stats stats;
	struct error err = { 0 };
	if (!store->ops->get_queue(store, "mail", &stats, &err))
		CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_EQUAL(count_ready("mail"), 0);
}

static void run_script(const char *name)
{
	char command[300];
	snprintf(command, sizeof command, "%s/%s", getenv("REEVE_TEST_POSTGRES_DIR"), name);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static void a_restart_of_the_server_keeps_what_was_acknowledged(void)
{
	struct push push = { .name = "mail", .queue = "mail", .payload = "1" };
	char id[IDS_UUID_SIZE];
	struct error err = { 0 };
	store_new_id(store, id);
	push.id = id;
	check(store->ops->push(store, &push, 1, NULL, &err), &err);
	run_script("stop");
	struct lease_batch batch;
	const char *queue = "mail";
	struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = OWNER, .lease_ms = LEASE_MS, .max = 1
	};
	CU_ASSERT_FALSE(store->ops->lease(store, &request, &batch, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	run_script("start");
	PQreset(raw);
	CU_ASSERT_EQUAL(count_ready("mail"), 1);
}

static void a_newer_schema_is_refused(void)
{
	struct store *other = NULL;
	struct error err = { 0 };
	ask(raw, "UPDATE meta SET value = 99 WHERE name = 'version'");
	CU_ASSERT_FALSE(store_open(url, NULL, &other, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "newer reeve"));
}

static size_t claim_count(struct store *of, const char *queue)
{
	const struct claim_request request = {
		.queue = queue, .owner = OWNER, .claim_ms = LEASE_MS, .max = 10
	};
	struct outgoing_list list;
	struct error err;
	check(of->ops->claim_unsent(of, &request, &list, &err), &err);
	size_t count = list.count;
	outgoing_list_finish(&list);
	return count;
}

static void set_door(struct store *of, const char *queue)
{
	struct error err;
	check(of->ops->set_door(of, &queue, 1, true, &err), &err);
}

static void a_store_of_the_first_schema_gets_what_doors_need_and_keeps_its_tasks(void)
{
	OWNED(free)
	char *before = xstrdup(ask(raw, "SELECT value FROM meta WHERE name = 'tag'"));
	ask(raw, "SELECT push('mail', '1')");
	ask(raw, "DROP TABLE outbox, adopted, turn CASCADE");
	ask(raw, "ALTER TABLE task DROP COLUMN dispatch, DROP COLUMN line");
	ask(raw, "DROP TABLE beat");
	ask(raw, "ALTER TABLE queue DROP COLUMN paused");
	ask(raw, "UPDATE meta SET value = 1 WHERE name = 'version'");
	store_close(store);
	store = open_store();
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT value FROM meta WHERE name = 'version'"), "3");
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT value FROM meta WHERE name = 'tag'"), before);
	CU_ASSERT_EQUAL(count_ready("mail"), 1);
	set_door(store, "mail");
	ask(raw, "SELECT push('mail', '2')");
	CU_ASSERT_EQUAL(claim_count(store, "mail"), 1);
}

static void a_push_in_sql_goes_by_the_door_with_its_transaction(void)
{
	set_door(store, "mail");
	ask(raw, "BEGIN");
	ask(raw, "SELECT push('mail', '1')");
	CU_ASSERT_EQUAL(claim_count(store, "mail"), 0);
	ask(raw, "COMMIT");
	CU_ASSERT_EQUAL(count_ready("mail"), 0);
	CU_ASSERT_EQUAL(claim_count(store, "mail"), 1);
}

static void two_couriers_never_claim_the_same_task(void)
{
	struct store *other = open_store();
	set_door(store, "mail");
	ask(raw, "SELECT push('mail', '1') FROM generate_series(1, 15)");
	ask(raw, "BEGIN");
	ask(raw, "SELECT count(*) FROM act_claim('mail', 'somebody', 60000, 0, 10, false, 'on')");
	CU_ASSERT_EQUAL(claim_count(other, "mail"), 5);
	CU_ASSERT_EQUAL(claim_count(other, "mail"), 0);
	ask(raw, "ROLLBACK");
	CU_ASSERT_EQUAL(claim_count(store, "mail"), 10);
	store_close(other);
}

static void no_error_shows_the_password(void)
{
	static const char *const urls[] = { "postgres://u:secret@127.0.0.1:1/d",
		"postgres://u:secret@[127.0.0.1:1/d", "postgres://u:secret@h:port/d",
		"postgres://u:secret@h/d?nonsense=secret" };
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct store *other = NULL;
		struct error err = { 0 };
		CU_ASSERT_FALSE(store_open(urls[i], NULL, &other, &err));
		CU_ASSERT_PTR_NULL(strstr(err.text, "secret"));
	}
}

#define PROCESSES 4
#define TASKS     300

static void drain(void)
{
	struct store *own = NULL;
	struct error err;
	if (!store_open(url, NULL, &own, &err))
		_exit(1);
	for (int empty = 0; empty < 20;) {
		struct lease_batch batch = lease_from(own, "row");
		if (batch.count == 0) {
			empty++;
			pause_ms(5);
			continue;
		}
		empty = 0;
		if (produce(own, batch.tasks).answer != COMMIT_DONE)
			_exit(1);
		lease_batch_finish(&batch);
	}
	_exit(0);
}

/* Each commit of each process counts once, and the gate opens with the last. */
static void processes_that_commit_at_once_count_each_task_once(void)
{
	submit_gated();
	struct lease_batch first = lease_from(store, "row");
	struct new_task child = { .name = "row", .queue = "row", .payload = "{}", .scopes = "0" };
	struct new_task *children = xcalloc(TASKS, sizeof *children);
	for (size_t i = 0; i < TASKS; i++)
		children[i] = child;
	struct error err;
	check(store->ops->spawn(
		      store, first.tasks->id, &first.tasks->token, 0, children, TASKS, &err),
		&err);
	free(children);
	struct counter_change counter = { .gate = "sync", .pending = TASKS - 1 };
	const struct commit commit = { .id = first.tasks->id,
		.token = first.tasks->token,
		.outcome = OUTCOME_COMPLETED,
		.effects = { .counters = &counter, .counters_count = 1 } };
	struct commit_result result;
	check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0)
			drain();
	for (int i = 0; i < PROCESSES; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT pending FROM counter"), "0");
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT version FROM counter"), "1");
	CU_ASSERT_STRING_EQUAL(ask(raw, "SELECT count(*) FROM delta"), "0");
	CU_ASSERT_EQUAL(count_ready("sync"), 1);
	lease_batch_finish(&first);
}

static const struct suite_test tests[] = {
	SUITE_TEST(no_wake_up_is_lost_between_two_sessions_at_the_advisory_lock),
	SUITE_TEST(what_a_dead_session_has_left_unfolded_is_folded_by_a_sweep),
	SUITE_TEST(processes_that_commit_at_once_count_each_task_once),
	SUITE_TEST(a_push_in_sql_lives_and_dies_with_its_transaction),
	SUITE_TEST(a_push_in_sql_goes_by_the_door_with_its_transaction),
	SUITE_TEST(two_couriers_never_claim_the_same_task),
	SUITE_TEST(a_store_of_the_first_schema_gets_what_doors_need_and_keeps_its_tasks),
	SUITE_TEST(a_start_in_sql_is_asked_for_until_it_is_submitted),
	SUITE_TEST(who_may_only_execute_can_push_and_nothing_else),
	SUITE_TEST(an_act_after_the_session_was_ended_reconnects),
	SUITE_TEST(a_restart_of_the_server_keeps_what_was_acknowledged),
	SUITE_TEST(a_newer_schema_is_refused),
	SUITE_TEST(no_error_shows_the_password),
};

int main(void)
{
	if (!getenv("REEVE_TEST_POSTGRES")) {
		fprintf(stderr, "run it through tests/with_postgres.sh\n");
		return 2;
	}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite =
		CU_add_suite_with_setup_and_teardown("postgres", NULL, NULL, begin, finish);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		if (!suite || !CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	int failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
	CU_cleanup_registry();
	return failed;
}
