/* The contract of leases: who holds what, in which order, and how it comes back. */
#include "tests/contract.h"

#include "base/clock.h"

static void a_pushed_task_is_leased_once(void)
{
	struct id id = push("mail");
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->id, id.text);
	CU_ASSERT_PTR_NULL(held->job_id);
	CU_ASSERT_EQUAL(held->token.attempt, 1);
	CU_ASSERT_PTR_NULL(lease("mail"));
	ASSERT_STATE(id.text, TASK_WORKING);
}

static void a_leased_task_carries_all_that_it_was_pushed_with(void)
{
	int64_t before_ms = clock_wall_ms();
	push_as((struct push){ .id = "abc", .queue = "mail", .name = "hello", .payload = "[1]" });
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->name, "hello");
	CU_ASSERT_STRING_EQUAL(held->queue, "mail");
	CU_ASSERT_STRING_EQUAL(held->payload, "[1]");
	CU_ASSERT_STRING_EQUAL(held->token.owner, OWNER);
	CU_ASSERT_TRUE(held->scheduled_at_ms >= before_ms);
	CU_ASSERT_FALSE(held->is_cancelled);
	CU_ASSERT_PTR_NULL(held->wait_gate);
}

static void higher_priority_goes_first_then_the_order_of_arrival(void)
{
	struct id low = push_as((struct push){ .queue = "mail", .priority = -1 });
	struct id first = push("mail");
	struct id second = push("mail");
	struct id high = push_as((struct push){ .queue = "mail", .priority = 5 });
	struct lease_batch batch = lease_many("mail", 10);
	CU_ASSERT_EQUAL_FATAL(batch.count, 4);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, high.text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].id, first.text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[2].id, second.text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[3].id, low.text);
}

static void queues_are_asked_in_the_order_of_the_request(void)
{
	static const char *const queues[] = { "urgent", "mail" };
	struct id mail = push_as((struct push){ .queue = "mail", .priority = 100 });
	struct id urgent = push("urgent");
	push("other");
	struct lease_request request = {
		.queues = queues, .queue_count = 2, .owner = OWNER, .lease_ms = LEASE_MS, .max = 5
	};
	struct lease_batch batch;
	struct error err;
	CU_ASSERT_TRUE_FATAL(store->ops->lease(store, &request, &batch, &err));
	CU_ASSERT_EQUAL_FATAL(batch.count, 2);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, urgent.text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].id, mail.text);
	lease_batch_finish(&batch);
}

static void a_delayed_task_is_leased_when_it_is_due(void)
{
	push_as((struct push){ .queue = "mail", .delay_ms = 60000 });
	struct lease_batch batch = lease_many("mail", 1);
	CU_ASSERT_EQUAL(batch.count, 0);
	CU_ASSERT_TRUE(batch.next_ms > 50000 && batch.next_ms <= 60000);
	pass_ms(60000);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void an_empty_queue_says_that_nothing_is_to_come(void)
{
	struct lease_batch batch = lease_many("mail", 1);
	CU_ASSERT_EQUAL(batch.count, 0);
	CU_ASSERT_EQUAL(batch.next_ms, -1);
}

static void an_expired_lease_is_put_back_and_counted_as_lost(void)
{
	struct id id = push("mail");
	const struct leased *first = lease("mail");
	struct lease_batch none = lease_many("mail", 1);
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_TRUE(none.next_ms > LEASE_MS - 10000 && none.next_ms <= LEASE_MS);
	pass_ms(LEASE_MS + 1);
	const struct leased *second = lease_as(OTHER, "mail", LEASE_MS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	CU_ASSERT_STRING_EQUAL(second->id, id.text);
	CU_ASSERT_EQUAL(second->token.attempt, 2);
	CU_ASSERT_EQUAL(second->losses, 1);
	CU_ASSERT_EQUAL(attempts_of(id.text), 1);
	CU_ASSERT_EQUAL(complete(first).answer, COMMIT_STALE);
	CU_ASSERT_EQUAL(renew(first), RENEW_STALE);
	CU_ASSERT_EQUAL(complete(second).answer, COMMIT_DONE);
}

static void a_token_outlives_its_lease_until_somebody_takes_the_task(void)
{
	push("mail");
	const struct leased *held = lease("mail");
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(renew(held), RENEWED);
	CU_ASSERT_PTR_NULL(lease("mail"));
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(complete(held).answer, COMMIT_DONE);
}

static void a_token_is_compared_whole(void)
{
	struct id id = push("mail");
	const struct leased *held = lease("mail");
	struct leased forged[3] = { *held, *held, *held };
	forged[0].token.nonce ^= 1;
	forged[1].token.attempt++;
	forged[2].token.owner[0] ^= 1;
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		CU_ASSERT_EQUAL(renew(&forged[i]), RENEW_STALE);
		CU_ASSERT_EQUAL(complete(&forged[i]).answer, COMMIT_STALE);
		CU_ASSERT_FALSE(spawn(&forged[i], 0, "row", 1));
	}
	ASSERT_STATE(id.text, TASK_WORKING);
	CU_ASSERT_EQUAL(renew(held), RENEWED);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_pushed_task_is_leased_once),
	SUITE_TEST(a_leased_task_carries_all_that_it_was_pushed_with),
	SUITE_TEST(higher_priority_goes_first_then_the_order_of_arrival),
	SUITE_TEST(queues_are_asked_in_the_order_of_the_request),
	SUITE_TEST(a_delayed_task_is_leased_when_it_is_due),
	SUITE_TEST(an_empty_queue_says_that_nothing_is_to_come),
	SUITE_TEST(an_expired_lease_is_put_back_and_counted_as_lost),
	SUITE_TEST(a_token_outlives_its_lease_until_somebody_takes_the_task),
	SUITE_TEST(a_token_is_compared_whole),
};
const struct contract_part contract_leases = { "leases", tests, ARRAY_SIZE(tests) };
