/* What an application does in SQL, in transactions of its own: reeve.push and reeve.start. */
#include "tests/postgres_ground.h"

#include <stdio.h>

static void set_door(const char *queue)
{
	struct error err;
	ground_check(store->ops->set_door(store, &queue, 1, true, &err), &err);
}

static size_t claim_count(const char *queue)
{
	const struct claim_request request = {
		.queue = queue, .owner = GROUND_OWNER, .claim_ms = GROUND_LEASE_MS, .max = 10
	};
	struct outgoing_list list;
	struct error err;
	ground_check(store->ops->claim_unsent(store, &request, &list, &err), &err);
	size_t count = list.count;
	outgoing_list_finish(&list);
	return count;
}

static void a_push_in_sql_lives_and_dies_with_its_transaction(void)
{
	ground_ask(raw, "BEGIN");
	ground_ask(raw, "SELECT push('mail', '{\"n\": 1}')");
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 0);
	ground_ask(raw, "ROLLBACK");
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 0);
	char id[STORE_ID_SIZE];
	snprintf(id, sizeof id, "%s",
		ground_ask(raw, "SELECT push('mail', '{\"n\": 2}', '{\"task\": \"hello\"}')"));
	CU_ASSERT_TRUE(store_has_tag(store, id));
	struct lease_batch batch = ground_lease(store, "mail");
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(batch.tasks->id, id);
	CU_ASSERT_STRING_EQUAL(batch.tasks->name, "hello");
	CU_ASSERT_STRING_EQUAL(batch.tasks->payload, "{\"n\": 2}");
	lease_batch_finish(&batch);
}

static size_t count_starts(struct start_list *list)
{
	struct error err;
	ground_check(store->ops->list_starts(store, 10, list, &err), &err);
	return list->count;
}

static void a_start_in_sql_is_asked_for_until_it_is_submitted(void)
{
	struct start_list list;
	ground_ask(raw, "BEGIN");
	ground_ask(raw, "SELECT start('flow', '{}')");
	ground_ask(raw, "ROLLBACK");
	CU_ASSERT_EQUAL(count_starts(&list), 0);
	start_list_finish(&list);
	char id[STORE_ID_SIZE];
	snprintf(id, sizeof id, "%s", ground_ask(raw, "SELECT start('flow', '{\"a\": 1}', 'key')"));
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT start('flow', '{}', 'key')"), id);
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
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
	CU_ASSERT_STRING_EQUAL(answered, id);
	CU_ASSERT_EQUAL(count_starts(&list), 0);
	start_list_finish(&list);
}

static void who_may_only_execute_can_push_and_nothing_else(void)
{
	char text[512];
	const char *schema = ground_schema();
	snprintf(text, sizeof text,
		"CREATE ROLE %s_app; GRANT USAGE ON SCHEMA %s TO %s_app; "
		"GRANT EXECUTE ON FUNCTION %s.push(text, jsonb, jsonb) TO %s_app; "
		"SET ROLE %s_app",
		schema, schema, schema, schema, schema, schema);
	ground_ask(raw, text);
	ground_ask(raw, "SELECT push('mail', '1')");
	PGresult *refused = PQexec(raw, "SELECT * FROM task");
	CU_ASSERT_STRING_EQUAL(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "42501");
	PQclear(refused);
	refused = PQexec(raw, "SELECT act_sweep(1)");
	CU_ASSERT_STRING_EQUAL(PQresultErrorField(refused, PG_DIAG_SQLSTATE), "42501");
	PQclear(refused);
	ground_ask(raw, "RESET ROLE");
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 1);
}

static void a_push_in_sql_goes_by_the_door_with_its_transaction(void)
{
	set_door("mail");
	ground_ask(raw, "BEGIN");
	ground_ask(raw, "SELECT push('mail', '1')");
	CU_ASSERT_EQUAL(claim_count("mail"), 0);
	ground_ask(raw, "COMMIT");
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 0);
	CU_ASSERT_EQUAL(claim_count("mail"), 1);
}

static void expect_refusal(const char *sql, const char *word)
{
	PGresult *result = PQexec(raw, sql);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	CU_ASSERT_STRING_EQUAL(state ? state : "none", "22023");
	CU_ASSERT_PTR_NOT_NULL(strstr(PQresultErrorMessage(result), word));
	PQclear(result);
}

static void what_can_not_be_is_refused_in_the_call(void)
{
	expect_refusal("SELECT start('')", "the name of a workflow");
	expect_refusal("SELECT start(NULL)", "the name of a workflow");
	expect_refusal("SELECT start('flow', '[1]')", "is an object, got array");
	expect_refusal("SELECT start('flow', jsonb_build_object('a', repeat('x', 1048576)))",
		"at most 1 MiB");
	expect_refusal("SELECT push('a b', '1')", "the name of a queue");
	expect_refusal("SELECT push('mail', to_jsonb(repeat('x', 1048576)))", "at most 1 MiB");
	expect_refusal("SELECT push('mail', '1', '{\"prio\": 1}')", "unknown option prio");
	expect_refusal("SELECT push('mail', '1', '{\"priority\": 101}')", "a priority from");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, "SELECT count(*) FROM start"), "0");
	CU_ASSERT_EQUAL(ground_count_ready("mail"), 0);
}

static void expect_no_job(const char *id, const char *word)
{
	struct job_record job;
	struct error err = { 0 };
	CU_ASSERT_FALSE(store->ops->get_job(store, id, &job, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
}

static void who_was_told_an_id_is_told_why_there_is_no_job(void)
{
	char id[STORE_ID_SIZE];
	struct error err = { 0 };
	struct start_list list;
	snprintf(id, sizeof id, "%s", ground_ask(raw, "SELECT start('flow')"));
	expect_no_job(id, "is asked for");
	ground_check(store->ops->refuse_start(store, id, "no workflow \"flow\"", &err), &err);
	expect_no_job(id, "was not started: no workflow \"flow\"");
	CU_ASSERT_EQUAL(count_starts(&list), 0);
	start_list_finish(&list);
	size_t deleted;
	bool is_left;
	ground_check(store->ops->gc(store, -1, INT64_MAX, -1, 10, &deleted, &is_left, &err), &err);
	expect_no_job(id, "there is no job");
}

static void submit_start(const char *id, char answered[STORE_ID_SIZE])
{
	const struct submission submission = {
		.id = id, .workflow = "flow", .workflow_hash = "hash", .payload = "{}", .key = "key"
	};
	struct error err = { 0 };
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
}

/* Whose transaction can't see the other one's: both are asked for. */
static void of_two_starts_with_one_key_the_second_says_who_has_it(void)
{
	char first[STORE_ID_SIZE], second[STORE_ID_SIZE], answered[STORE_ID_SIZE];
	PGconn *other = ground_connect();
	ground_ask(other, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	ground_ask(other, "SELECT count(*) FROM start");
	snprintf(first, sizeof first, "%s", ground_ask(raw, "SELECT start('flow', '{}', 'key')"));
	snprintf(second, sizeof second, "%s",
		ground_ask(other, "SELECT start('flow', '{}', 'key')"));
	ground_ask(other, "COMMIT");
	struct new_task child = { .name = "a", .queue = "a", .payload = "{}", .scopes = "0" };
	const struct submission submission = { .id = first,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.key = "key",
		.effects = { .children = &child, .children_count = 1 } };
	struct error err = { 0 };
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
	submit_start(second, answered);
	CU_ASSERT_STRING_EQUAL(answered, first);
	expect_no_job(second, "its key was taken by job");
	PQfinish(other);
}

static void who_asks_with_a_key_waits_for_the_one_before(void)
{
	char first[STORE_ID_SIZE];
	PGconn *other = ground_connect();
	ground_ask(raw, "BEGIN");
	snprintf(first, sizeof first, "%s", ground_ask(raw, "SELECT start('flow', '{}', 'key')"));
	CU_ASSERT_EQUAL_FATAL(PQsendQuery(other, "SELECT start('flow', '{}', 'key')"), 1);
	ground_await(
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", "1");
	ground_ask(raw, "COMMIT");
	PGresult *result = PQgetResult(other);
	CU_ASSERT_STRING_EQUAL(PQgetvalue(result, 0, 0), first);
	PQclear(result);
	PQfinish(other);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_push_in_sql_lives_and_dies_with_its_transaction),
	SUITE_TEST(a_push_in_sql_goes_by_the_door_with_its_transaction),
	SUITE_TEST(a_start_in_sql_is_asked_for_until_it_is_submitted),
	SUITE_TEST(who_may_only_execute_can_push_and_nothing_else),
	SUITE_TEST(what_can_not_be_is_refused_in_the_call),
	SUITE_TEST(who_was_told_an_id_is_told_why_there_is_no_job),
	SUITE_TEST(of_two_starts_with_one_key_the_second_says_who_has_it),
	SUITE_TEST(who_asks_with_a_key_waits_for_the_one_before),
};

int main(void)
{
	return ground_run("postgres_application", tests, ARRAY_SIZE(tests));
}
