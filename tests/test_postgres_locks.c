/* The order of locks of docs/stores.md, act by act: one session holds a lock, an act comes to wait
 * for it or goes on without, and holds nothing then that the first one might still want. */
#include "tests/postgres_ground.h"

#include <stdio.h>

/* A job of so many tasks `row`, all in the line g of their queue. */
static void submit_in_line(size_t rows, char id_out[IDS_UUID_SIZE])
{
	struct new_task children[4];
	for (size_t i = 0; i < rows; i++)
		children[i] = (struct new_task){
			.name = "row", .queue = "row", .payload = "{}", .scopes = "0"
		};
	char answered[STORE_ID_SIZE];
	store_new_id(store, id_out);
	const struct submission submission = { .id = id_out,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = { .children = children, .children_count = rows } };
	struct error err;
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
	ground_ask(raw, "SELECT count(join_line(t, 'g')) FROM task t");
}

static void cancel(const char *id)
{
	struct error err;
	ground_check(store->ops->cancel_job(store, id, &err), &err);
}

static PGconn *begin(const char *sql)
{
	PGconn *holder = ground_connect();
	ground_ask(holder, "BEGIN");
	ground_ask(holder, "SET LOCAL lock_timeout = '5s'");
	ground_ask(holder, sql);
	return holder;
}

static void end(PGconn *holder)
{
	ground_ask(holder, "COMMIT");
	PQfinish(holder);
}

/* While `held` is, the act waits for it; meanwhile `wanted` is free. Then the act comes to its end.
 */
static void expect_order(const char *held, const char *act, const char *wanted)
{
	PGconn *holder = begin(held), *actor = ground_connect();
	CU_ASSERT_TRUE(PQsendQuery(actor, act));
	ground_await("SELECT count(*) FROM pg_locks WHERE NOT granted", "1");
	ground_ask(holder, wanted);
	end(holder);
	for (PGresult *result; (result = PQgetResult(actor)); PQclear(result)) {
		ExecStatusType status = PQresultStatus(result);
		CU_ASSERT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
		if (status == PGRES_FATAL_ERROR)
			fprintf(stderr, "\n    %s: %s\n", act, PQerrorMessage(actor));
	}
	PQfinish(actor);
}

static const char line[] = "SELECT lock_line((SELECT id FROM queue WHERE name = 'row'), 'g')";

static void lease_past_a_line(int64_t max_working)
{
	static const char *const queue = "row";
	const struct lease_limit limit = { .max_working = max_working };
	const struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = GROUND_LEASE_MS,
		.max = 1,
		.limits = max_working ? &limit : NULL };
	struct lease_batch batch;
	struct error err;
	char id[IDS_UUID_SIZE];
	submit_in_line(1, id);
	cancel(id);
	PGconn *holder = begin(line);
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	CU_ASSERT_EQUAL(batch.count, 0);
	lease_batch_finish(&batch);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT state FROM task"), "1");
	end(holder);
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	CU_ASSERT_EQUAL(batch.count, 0);
	lease_batch_finish(&batch);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT state FROM task"), "7");
}

static void a_lease_waits_for_no_line(void)
{
	lease_past_a_line(0);
}

/* It holds the limits, and whoever has the line may want those. */
static void a_lease_with_limits_waits_for_no_line(void)
{
	lease_past_a_line(1);
}

static void the_end_of_a_cancelled_job_has_the_line_before_the_entry(void)
{
	char id[IDS_UUID_SIZE], act[256];
	submit_in_line(1, id);
	cancel(id);
	snprintf(act, sizeof act, "SELECT act_end_cancelled('%s', 10)", id);
	expect_order(line, act, "SELECT n FROM ready FOR UPDATE NOWAIT");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT state FROM task"), "7");
}

/* A fold has rows of the job, and then the job's. */
static void the_end_of_a_cancelled_job_waits_for_a_fold_first(void)
{
	char id[IDS_UUID_SIZE], act[256];
	submit_in_line(1, id);
	cancel(id);
	snprintf(act, sizeof act, "SELECT act_end_cancelled('%s', 10)", id);
	expect_order("SELECT pg_advisory_xact_lock(fold_lock(1))", act,
		"SELECT id FROM job FOR UPDATE NOWAIT");
}

static void a_commit_has_the_line_before_the_lease(void)
{
	char id[IDS_UUID_SIZE], act[1024];
	submit_in_line(1, id);
	struct lease_batch batch = ground_lease(store, "row");
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	const struct token *token = &batch.tasks->token;
	snprintf(act, sizeof act,
		"SELECT act_commit('%s', '%s', %u, %lld, 0, NULL, NULL, 0, 0, 0, 0, 0, '{}', NULL, "
		"'{}')",
		batch.tasks->id, token->owner, token->attempt, (long long)token->nonce);
	expect_order(line, act, "SELECT task FROM lease FOR UPDATE NOWAIT");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT state FROM task"), "3");
	lease_batch_finish(&batch);
}

static void an_adoption_has_the_line_before_the_entry(void)
{
	static const char *const queue = "row";
	char id[IDS_UUID_SIZE], act[256];
	struct error err;
	ground_check(store->ops->set_door(store, &queue, 1, true, &err), &err);
	submit_in_line(1, id);
	ground_ask(raw, "UPDATE task SET line = NULL");
	ground_ask(raw, "DELETE FROM turn");
	CU_ASSERT_STRING_EQUAL_FATAL(ground_ask(raw, "SELECT count(*) FROM outbox"), "1");
	snprintf(act, sizeof act,
		"SELECT act_adopt('row', 'message', '%s.1', NULL, NULL, NULL, NULL, 'g')", id);
	expect_order(line, act, "SELECT n FROM outbox FOR UPDATE NOWAIT");
	CU_ASSERT_EQUAL(ground_count_ready("row"), 1);
}

static void a_revival_has_the_line_before_the_task(void)
{
	char id[IDS_UUID_SIZE], act[STORE_ID_SIZE + 64];
	submit_in_line(1, id);
	struct lease_batch batch = ground_lease(store, "row");
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	const struct commit commit = {
		.id = batch.tasks->id, .token = batch.tasks->token, .outcome = OUTCOME_FAILED
	};
	struct commit_result result;
	struct error err;
	ground_check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	snprintf(act, sizeof act, "SELECT act_revive('%s', '{}')", batch.tasks->id);
	expect_order(line, act, "SELECT id FROM task FOR UPDATE NOWAIT");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT state FROM task"), "1");
	lease_batch_finish(&batch);
}

/* It goes at another page; whoever has the line may want its rows. */
static void retention_waits_for_no_line(void)
{
	char id[IDS_UUID_SIZE];
	size_t deleted;
	bool left = true;
	struct error err;
	submit_in_line(2, id);
	cancel(id);
	while (left)
		ground_check(store->ops->end_cancelled(store, id, 10, &left, &err), &err);
	PGconn *holder = begin(line);
	ground_check(store->ops->gc(store, -1, INT64_MAX / 2, -1, 10, &deleted, &left, &err), &err);
	ground_check(store->ops->gc(store, -1, INT64_MAX / 2, -1, 10, &deleted, &left, &err), &err);
	CU_ASSERT_TRUE(left);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM task"), "2");
	end(holder);
	while (left)
		ground_check(
			store->ops->gc(store, -1, INT64_MAX / 2, -1, 10, &deleted, &left, &err),
			&err);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM task"), "0");
}

/* Whose lease of the second queue has ended is to be rung: the first one's limits come before. */
static void limits_are_locked_in_the_order_of_their_queues(void)
{
	ground_push(store, "first", 1);
	ground_push(store, "second", 1);
	expect_order("SELECT lock_limits(id) FROM queue WHERE name = 'first'",
		"SELECT set_config('reeve.freed', (SELECT id::text FROM queue WHERE name = "
		"'first'), "
		"false); "
		"SELECT count(*) FROM lease_queues('{second}', 'somebody', 30000, '{1}', "
		"'{0,0,1}')",
		"SELECT lock_limits(id) FROM queue WHERE name = 'second'");
}

static void submit_gate(int64_t timeout_ms)
{
	struct new_task gate = { .name = "sync",
		.queue = "sync",
		.payload = "{}",
		.scopes = "0",
		.waits = true,
		.wait_gate = "sync",
		.wait_timeout_ms = timeout_ms };
	struct new_task row = { .name = "row", .queue = "row", .payload = "{}", .scopes = "0" };
	struct new_task children[] = { gate, row };
	struct counter_change counter = { .gate = "sync", .pending = 1 };
	char id[IDS_UUID_SIZE], answered[STORE_ID_SIZE];
	store_new_id(store, id);
	const struct submission submission = { .id = id,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = { .children = children,
			.children_count = 2,
			.counters = &counter,
			.counters_count = 1 } };
	struct error err;
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
}

/* A fold that wakes it has its row, and wants that of the time-out. */
static void a_time_out_waits_for_nobody_who_wakes_its_gate(void)
{
	struct sweep_report report;
	struct error err;
	submit_gate(200);
	PGconn *holder = begin("DELETE FROM waiter");
	ground_await("SELECT count(*) FROM delayed WHERE due <= now_ms()", "1");
	ground_check(store->ops->sweep(store, 100, &report, &err), &err);
	CU_ASSERT_EQUAL(ground_count_ready("sync"), 0);
	ground_ask(holder, "ROLLBACK");
	PQfinish(holder);
	/* Who would have woken it has failed: the time-out is not forgotten. */
	size_t count = 0;
	for (int i = 0; i < 400 && count == 0; i++) {
		ground_pause_ms(25);
		ground_check(store->ops->sweep(store, 100, &report, &err), &err);
		count = ground_count_ready("sync");
	}
	CU_ASSERT_EQUAL(count, 1);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_lease_waits_for_no_line),
	SUITE_TEST(a_lease_with_limits_waits_for_no_line),
	SUITE_TEST(the_end_of_a_cancelled_job_has_the_line_before_the_entry),
	SUITE_TEST(the_end_of_a_cancelled_job_waits_for_a_fold_first),
	SUITE_TEST(a_commit_has_the_line_before_the_lease),
	SUITE_TEST(an_adoption_has_the_line_before_the_entry),
	SUITE_TEST(a_revival_has_the_line_before_the_task),
	SUITE_TEST(retention_waits_for_no_line),
	SUITE_TEST(limits_are_locked_in_the_order_of_their_queues),
	SUITE_TEST(a_time_out_waits_for_nobody_who_wakes_its_gate),
};

int main(void)
{
	return ground_run("postgres_locks", tests, ARRAY_SIZE(tests));
}
