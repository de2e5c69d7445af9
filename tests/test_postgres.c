/* The PostgreSQL store between sessions, against its server; run it through with_postgres.sh. */
#include "tests/postgres_ground.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS_MAX 20

/* A job of so many rows and a gate that waits for them; id_out gets its id. */
static void submit_gated(size_t rows, char id_out[IDS_UUID_SIZE])
{
	struct new_task children[ROWS_MAX + 1];
	for (size_t i = 0; i < rows; i++)
		children[i] = (struct new_task){
			.name = "row", .queue = "row", .payload = "{}", .scopes = "0"
		};
	children[rows] = (struct new_task){ .name = "sync",
		.queue = "sync",
		.payload = "{}",
		.scopes = "0",
		.waits = true,
		.wait_gate = "sync" };
	struct counter_change counter = { .gate = "sync", .pending = (int64_t)rows };
	char answered[STORE_ID_SIZE];
	store_new_id(store, id_out);
	const struct submission submission = { .id = id_out,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = { .children = children,
			.children_count = rows + 1,
			.counters = &counter,
			.counters_count = 1 } };
	struct error err;
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
}

/* failure: of the job, or NULL; with one it is folded at once. */
static struct commit_result produce(
	struct store *by, const struct leased *task, const char *failure)
{
	struct counter_change counter = { .gate = "sync", .pending = -1 };
	const struct commit commit = { .id = task->id,
		.token = task->token,
		.outcome = OUTCOME_COMPLETED,
		.effects = { .counters = &counter, .counters_count = 1, .job_failure = failure } };
	struct commit_result result;
	struct error err;
	ground_check(by->ops->commit(by, &commit, 1, &result, NULL, NULL, &err), &err);
	return result;
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
	char id[IDS_UUID_SIZE];
	submit_gated(2, id);
	struct lease_batch first = ground_lease(store, "row");
	struct lease_batch second = ground_lease(store, "row");
	CU_ASSERT_EQUAL_FATAL(first.count + second.count, 2);
	PGconn *blocker = ground_connect();
	ground_ask(blocker, "BEGIN");
	ground_ask(blocker, "SELECT 1 FROM job WHERE id = 1 FOR UPDATE");
	pid_t pid = fork();
	if (pid == 0) {
		struct store *one = NULL;
		struct error err;
		bool ok = store_open(ground_url(), NULL, &one, &err);
		_exit(ok && produce(one, first.tasks, "mended later").answer == COMMIT_DONE ? 0
											    : 1);
	}
	ground_await(blocked, "1");
	struct store *two = ground_open();
	CU_ASSERT_EQUAL(produce(two, second.tasks, NULL).answer, COMMIT_DONE);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM delta"), "2");
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 0);
	ground_ask(blocker, "ROLLBACK");
	int status = 1;
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM delta"), "0");
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 1);
	PQfinish(blocker);
	store_close(two);
	lease_batch_finish(&first);
	lease_batch_finish(&second);
}

/* The one that folded has died between its commit and its look. */
static void what_a_dead_session_has_left_unfolded_is_folded_by_a_sweep(void)
{
	char id[IDS_UUID_SIZE];
	submit_gated(2, id);
	struct lease_batch first = ground_lease(store, "row");
	struct lease_batch second = ground_lease(store, "row");
	PGconn *holder = ground_connect();
	ground_ask(holder, "SELECT pg_advisory_lock(fold_lock(1))");
	produce(store, first.tasks, NULL);
	produce(store, second.tasks, NULL);
	PQfinish(holder);
	ground_await("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted", "0");
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 0);
	struct sweep_report report;
	struct error err;
	ground_check(store->ops->sweep(store, 100, &report, &err), &err);
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 1);
	lease_batch_finish(&first);
	lease_batch_finish(&second);
}

static void after_a_silence_expired_leases_wait_once_more_and_somebody_looks_in_time(void)
{
	ground_push(store, "mail", 1);
	struct lease_batch held = ground_lease(store, "mail");
	ground_ask(raw, "UPDATE lease SET until = 0");
	ground_ask(raw, "UPDATE alive SET at = at - 60000");
	struct lease_batch other = ground_lease(store, "mail");
	CU_ASSERT_EQUAL(other.count, 0);
	CU_ASSERT_TRUE(other.next_ms > 2000 && other.next_ms <= 3000);
	lease_batch_finish(&other);
	ground_ask(raw, "UPDATE alive SET since = since - 3600000");
	other = ground_lease(store, "mail");
	CU_ASSERT_EQUAL(other.count, 1);
	lease_batch_finish(&held);
	lease_batch_finish(&other);
}

/* Heartbeats tell it where nothing else is done. */
static void an_idle_store_is_not_silent(void)
{
	ground_push(store, "mail", 1);
	ground_ask(raw, "UPDATE alive SET at = at - 4000");
	const struct heartbeat own = { "host", "{}", 9000 };
	struct beat_list list;
	struct error err;
	ground_check(store->ops->beat(store, &own, &list, &err), &err);
	beat_list_finish(&list);
	CU_ASSERT_STRING_EQUAL(
		ground_ask(raw, "SELECT at > server_ms() - 3000 AND since < at FROM alive"), "t");
}

static void a_newer_schema_is_refused_unless_it_serves_this_version(void)
{
	struct store *other = NULL;
	struct error err = { 0 };
	ground_ask(raw, "UPDATE meta SET value = value + 1 WHERE name = 'version'");
	other = ground_open();
	ground_push(other, "mail", 1);
	store_close(other);
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 1);
	ground_ask(raw, "UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'version') "
			"WHERE name = 'serves'");
	CU_ASSERT_FALSE(store_open(ground_url(), NULL, &other, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "newer reeve"));
}

#define OPENERS 6

/* Each opens the store and pushes a task. */
static void open_at_once(void)
{
	pid_t pids[OPENERS];
	for (int i = 0; i < OPENERS; i++) {
		if ((pids[i] = fork()) != 0)
			continue;
		struct store *own = NULL;
		struct error err = { 0 };
		if (!store_open(ground_url(), NULL, &own, &err)) {
			fprintf(stderr, "\n    %s\n", err.text);
			_exit(1);
		}
		ground_push(own, "mail", 1);
		_exit(0);
	}
	for (int i = 0; i < OPENERS; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		CU_ASSERT_EQUAL(status, 0);
	}
}

static void processes_that_open_a_new_store_at_once_make_one(void)
{
	char text[128];
	store_close(store);
	snprintf(text, sizeof text, "DROP SCHEMA %s CASCADE", ground_schema());
	ground_ask(raw, "SET client_min_messages = error");
	ground_ask(raw, text);
	open_at_once();
	store = ground_open();
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM pushed"), "6");
	CU_ASSERT_STRING_EQUAL(
		ground_ask(raw, "SELECT count(*) FROM meta WHERE name = 'tag'"), "1");
}

/* The second of two has looked before the first made it, and waits for the first at the lock. */
static void who_has_seen_no_store_finds_the_one_that_was_made_meanwhile(void)
{
	char text[256];
	const char *schema = ground_schema();
	store_close(store);
	ground_ask(raw, "SET client_min_messages = error");
	snprintf(text, sizeof text,
		"BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('%s', 0)); "
		"ALTER SCHEMA %s RENAME TO hidden_%s; COMMIT; BEGIN; "
		"SELECT pg_advisory_xact_lock(hashtextextended('%s', 0))",
		schema, schema, schema, schema);
	ground_ask(raw, text);
	pid_t second = fork();
	if (second == 0) {
		struct store *own = NULL;
		struct error err = { 0 };
		if (!store_open(ground_url(), NULL, &own, &err))
			fprintf(stderr, "\n    %s\n", err.text);
		_exit(own == NULL);
	}
	ground_await(
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", "1");
	snprintf(text, sizeof text, "ALTER SCHEMA hidden_%s RENAME TO %s; COMMIT", schema, schema);
	ground_ask(raw, text);
	int status = 1;
	waitpid(second, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	store = ground_open();
}

static void adopt_into(const char *group, const char *message)
{
	const struct arrival arrival = { .queue = "mail",
		.message_id = message,
		.id = message,
		.name = "mail",
		.payload = "1",
		.group = group };
	enum adoption answer;
	struct error err;
	ground_check(store->ops->adopt(store, &arrival, 1, &answer, &err), &err);
	CU_ASSERT_EQUAL(answer, ADOPT_DONE);
}

static void expect_good(PGconn *connection)
{
	PGresult *result = PQgetResult(connection);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fprintf(stderr, "\n    %s\n", PQresultErrorMessage(result));
	CU_ASSERT_EQUAL(PQresultStatus(result), PGRES_TUPLES_OK);
	PQclear(result);
}

/* A release has the heads of two lines, a purge those behind them the other way round; both wait
 * for their first lock, so that each would have one when the other wants it. */
static void who_comes_with_many_lines_locks_them_in_one_order(void)
{
	PGconn *blocker = ground_connect(), *one = ground_connect(), *two = ground_connect();
	adopt_into("a", "m1");
	adopt_into("b", "m2");
	adopt_into("b", "m3");
	adopt_into("a", "m4");
	for (int i = 0; i < 2; i++) {
		struct lease_batch batch = ground_lease(store, "mail");
		CU_ASSERT_EQUAL(batch.count, 1);
		lease_batch_finish(&batch);
	}
	ground_ask(blocker, "BEGIN");
	ground_ask(blocker, "SELECT lock_line(queue, line) FROM turn");
	CU_ASSERT_EQUAL_FATAL(
		PQsendQuery(one, "SELECT act_release('" GROUND_OWNER "', NULL, NULL)"), 1);
	CU_ASSERT_EQUAL_FATAL(PQsendQuery(two, "SELECT act_purge('mail', false, 10)"), 1);
	ground_await(
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", "2");
	ground_ask(blocker, "ROLLBACK");
	expect_good(one);
	expect_good(two);
	PQfinish(blocker);
	PQfinish(one);
	PQfinish(two);
}

static size_t claim_count(struct store *of, const char *queue)
{
	const struct claim_request request = {
		.queue = queue, .owner = GROUND_OWNER, .claim_ms = GROUND_LEASE_MS, .max = 10
	};
	struct outgoing_list list;
	struct error err;
	ground_check(of->ops->claim_unsent(of, &request, &list, &err), &err);
	size_t count = list.count;
	outgoing_list_finish(&list);
	return count;
}

static void set_door(struct store *of, const char *queue)
{
	struct error err;
	ground_check(of->ops->set_door(of, &queue, 1, true, &err), &err);
}

static void a_store_of_the_first_schema_gets_what_doors_need_and_keeps_its_tasks(void)
{
	static const char ask_version[] = "SELECT value FROM meta WHERE name = 'version'";
	OWNED(free) char *version = xstrdup(ground_ask(raw, ask_version));
	OWNED(free)
	char *before = xstrdup(ground_ask(raw, "SELECT value FROM meta WHERE name = 'tag'"));
	ground_ask(raw, "SELECT push('mail', '1')");
	ground_ask(raw, "DROP TABLE outbox, adopted, turn CASCADE");
	ground_ask(raw, "ALTER TABLE task DROP COLUMN dispatch, DROP COLUMN line");
	ground_ask(raw, "DROP TABLE beat");
	ground_ask(raw, "DROP TABLE taken");
	ground_ask(raw, "ALTER TABLE queue DROP COLUMN paused, DROP COLUMN has_max_working, "
			"DROP COLUMN rate_ms");
	ground_ask(raw, "DROP INDEX start_key, start_failed");
	ground_ask(raw, "DROP TABLE schedule");
	ground_ask(raw, "UPDATE meta SET value = 1 WHERE name = 'version'");
	ground_ask(raw, "DELETE FROM meta WHERE name = 'serves'");
	store_close(store);
	open_at_once();
	store = ground_open();
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, ask_version), version);
	CU_ASSERT_STRING_EQUAL(
		ground_ask(raw, "SELECT value FROM meta WHERE name = 'tag'"), before);
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 1);
	set_door(store, "mail");
	ground_ask(raw, "SELECT push('mail', '2')");
	CU_ASSERT_EQUAL(claim_count(store, "mail"), 1);
}

static void two_couriers_never_claim_the_same_task(void)
{
	struct store *other = ground_open();
	set_door(store, "mail");
	ground_ask(raw, "SELECT push('mail', '1') FROM generate_series(1, 15)");
	ground_ask(raw, "BEGIN");
	ground_ask(raw,
		"SELECT count(*) FROM act_claim('mail', 'somebody', 60000, 0, 10, false, 'on')");
	CU_ASSERT_EQUAL(claim_count(other, "mail"), 5);
	CU_ASSERT_EQUAL(claim_count(other, "mail"), 0);
	ground_ask(raw, "ROLLBACK");
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

/* Of many siblings nobody folds until it matters, and all answers count them. */
static void commits_that_can_wake_nobody_are_folded_together(void)
{
	char id[IDS_UUID_SIZE];
	struct error err;
	submit_gated(ROWS_MAX, id);
	for (int done = 1; done <= ROWS_MAX; done++) {
		struct lease_batch batch = ground_lease(store, "row");
		CU_ASSERT_EQUAL_FATAL(batch.count, 1);
		produce(store, batch.tasks, NULL);
		lease_batch_finish(&batch);
		struct gate_view view;
		const char *name = "row";
		ground_check(
			store->ops->get_gate(store, id, 0, "sync", &name, 1, &view, &err), &err);
		CU_ASSERT_EQUAL(view.pending, ROWS_MAX - done);
		gate_view_finish(&view);
		if (done == 9)
			CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM delta"), "9");
		if (done < ROWS_MAX)
			CU_ASSERT_EQUAL(ground_count_ready("sync"), 0);
	}
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM delta"), "0");
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 1);
}

/* What this session has read of a table by its indexes, and has not reported yet. */
static int64_t count_read(const char *table)
{
	char text[256];
	snprintf(text, sizeof text,
		"SELECT coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_xact_user_tables "
		"WHERE relname = '%s' AND schemaname = '%s'",
		table, ground_schema());
	return strtoll(ground_ask(raw, text), NULL, 10);
}

static int64_t count_reads_of(const char *sql, const char *table)
{
	ground_ask(raw, "SET enable_seqscan = off");
	ground_ask(raw, "SET enable_bitmapscan = off");
	ground_ask(raw, "BEGIN");
	int64_t before = count_read(table);
	ground_ask(raw, sql);
	int64_t reads = count_read(table) - before;
	ground_ask(raw, "ROLLBACK");
	return reads;
}

static void what_is_due_later_costs_a_lease_nothing(void)
{
	ground_ask(raw, "SELECT count(push('mail', '1', '{\"delay_ms\": 3600000}')) "
			"FROM generate_series(1, 300)");
	int64_t reads = count_reads_of(
		"SELECT count(*) FROM act_lease('{mail}', 'somebody', 30000, '{1}')", "delayed");
	CU_ASSERT_TRUE(reads < 10);
	ground_ask(raw, "INSERT INTO adopted SELECT 1, n::text, server_ms() "
			"FROM generate_series(1, 300) n");
	CU_ASSERT_TRUE(count_reads_of("SELECT count(*) FROM act_sweep(100)", "adopted") < 10);
}

#define PROCESSES 4
#define TASKS     suite_many(300, 60)

static void drain(void)
{
	struct store *own = NULL;
	struct error err;
	if (!store_open(ground_url(), NULL, &own, &err))
		_exit(1);
	for (int empty = 0; empty < 20;) {
		struct lease_batch batch = ground_lease(own, "row");
		if (batch.count == 0) {
			empty++;
			ground_pause_ms(5);
			continue;
		}
		empty = 0;
		if (produce(own, batch.tasks, NULL).answer != COMMIT_DONE)
			_exit(1);
		lease_batch_finish(&batch);
	}
	_exit(0);
}

/* Each commit of each process counts once, and the gate opens with the last. */
static void processes_that_commit_at_once_count_each_task_once(void)
{
	char id[IDS_UUID_SIZE];
	submit_gated(2, id);
	struct lease_batch first = ground_lease(store, "row");
	struct new_task child = { .name = "row", .queue = "row", .payload = "{}", .scopes = "0" };
	struct new_task *children = xcalloc(TASKS, sizeof *children);
	for (int i = 0; i < TASKS; i++)
		children[i] = child;
	struct error err;
	ground_check(store->ops->spawn(
			     store, first.tasks->id, &first.tasks->token, 0, children, TASKS, &err),
		&err);
	free(children);
	struct counter_change counter = { .gate = "sync", .pending = TASKS - 1 };
	const struct commit commit = { .id = first.tasks->id,
		.token = first.tasks->token,
		.outcome = OUTCOME_COMPLETED,
		.effects = { .counters = &counter, .counters_count = 1 } };
	struct commit_result result;
	ground_check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0)
			drain();
	for (int i = 0; i < PROCESSES; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT pending FROM counter"), "0");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT version FROM counter"), "1");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM delta"), "0");
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 1);
	lease_batch_finish(&first);
}

static const struct suite_test tests[] = {
	SUITE_TEST(no_wake_up_is_lost_between_two_sessions_at_the_advisory_lock),
	SUITE_TEST(what_a_dead_session_has_left_unfolded_is_folded_by_a_sweep),
	SUITE_TEST(commits_that_can_wake_nobody_are_folded_together),
	SUITE_TEST(what_is_due_later_costs_a_lease_nothing),
	SUITE_TEST(processes_that_commit_at_once_count_each_task_once),
	SUITE_TEST(after_a_silence_expired_leases_wait_once_more_and_somebody_looks_in_time),
	SUITE_TEST(an_idle_store_is_not_silent),
	SUITE_TEST(two_couriers_never_claim_the_same_task),
	SUITE_TEST(a_store_of_the_first_schema_gets_what_doors_need_and_keeps_its_tasks),
	SUITE_TEST(a_newer_schema_is_refused_unless_it_serves_this_version),
	SUITE_TEST(processes_that_open_a_new_store_at_once_make_one),
	SUITE_TEST(who_has_seen_no_store_finds_the_one_that_was_made_meanwhile),
	SUITE_TEST(who_comes_with_many_lines_locks_them_in_one_order),
	SUITE_TEST(no_error_shows_the_password),
};

int main(void)
{
	return ground_run("postgres", tests, ARRAY_SIZE(tests));
}
