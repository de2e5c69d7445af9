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

static const struct suite_test tests[] = {
	SUITE_TEST(a_push_in_sql_lives_and_dies_with_its_transaction),
	SUITE_TEST(a_push_in_sql_goes_by_the_door_with_its_transaction),
	SUITE_TEST(a_start_in_sql_is_asked_for_until_it_is_submitted),
	SUITE_TEST(who_may_only_execute_can_push_and_nothing_else),
};

int main(void)
{
	return ground_run("postgres_application", tests, ARRAY_SIZE(tests));
}
