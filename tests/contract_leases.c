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

static void a_queue_whose_tasks_have_ended_says_that_nothing_is_to_come(void)
{
	push("mail");
	complete(lease("mail"));
	struct lease_batch batch = lease_many("mail", 1);
	CU_ASSERT_EQUAL(batch.count, 0);
	CU_ASSERT_EQUAL(batch.next_ms, -1);
	CU_ASSERT_EQUAL(sweep(100).next_ms, -1);
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
	CU_ASSERT_EQUAL(attempts(id.text)->count, 1);
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
	}
	ASSERT_STATE(id.text, TASK_WORKING);
	CU_ASSERT_EQUAL(renew(held), RENEWED);
}

static void a_lost_attempt_is_in_the_trace_as_lost(void)
{
	struct id id = push("mail");
	lease("mail");
	pass_ms(LEASE_MS + 1);
	lease("mail");
	const struct attempt_list *list = attempts(id.text);
	CU_ASSERT_EQUAL_FATAL(list->count, 1);
	CU_ASSERT_EQUAL(list->rows[0].attempt, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(list->rows[0].entry, "\"status\":\"lost\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(list->rows[0].entry, "\"queue\":\"mail\""));
}

static void a_batch_takes_no_more_than_it_was_told(void)
{
	for (int i = 0; i < 5; i++)
		push("mail");
	CU_ASSERT_EQUAL(lease_many("mail", 3).count, 3);
	CU_ASSERT_EQUAL(lease_many("mail", 3).count, 2);
	CU_ASSERT_EQUAL(lease_many("mail", 3).count, 0);
}

static void one_lease_puts_back_at_most_sixteen_expired_ones(void)
{
	for (int i = 0; i < 40; i++)
		push("mail");
	CU_ASSERT_EQUAL(lease_many("mail", 40).count, 40);
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(lease_many("mail", 1).count, 1);
	CU_ASSERT_TRUE(queue("mail").working >= 40 - 16 + 1);
	size_t taken = 1;
	for (int i = 0; i < 3; i++)
		taken += lease_many("mail", 40).count;
	CU_ASSERT_EQUAL(taken, 40);
}

static void one_lease_makes_at_most_sixteen_due_rows_ready(void)
{
	for (int i = 0; i < 40; i++)
		push_as((struct push){ .queue = "mail", .delay_ms = 1000 });
	pass_ms(1000);
	size_t taken = 0;
	for (int i = 0; i < 3; i++)
		taken += lease_many("mail", 40).count;
	CU_ASSERT_EQUAL(taken, 40);
}

static void a_task_that_was_lost_too_often_is_still_leased(void)
{
	push("mail");
	for (int i = 0; i < STORE_LOST_MAX; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(lease("mail"));
		pass_ms(LEASE_MS + 1);
	}
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_EQUAL(held->losses, STORE_LOST_MAX);
}

static void renewing_puts_the_end_of_the_lease_off(void)
{
	push("mail");
	const struct leased *held = lease("mail");
	pass_ms(LEASE_MS - 1000);
	CU_ASSERT_EQUAL(renew(held), RENEWED);
	pass_ms(LEASE_MS - 1000);
	CU_ASSERT_PTR_NULL(lease("mail"));
	pass_ms(2000);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void a_named_task_is_leased_out_of_turn(void)
{
	push("mail");
	struct id later = push_as((struct push){ .queue = "mail", .delay_ms = 60000 });
	const struct leased *held = NULL;
	CU_ASSERT_EQUAL_FATAL(lease_task_as(later.text, &held), ERROR_NONE);
	CU_ASSERT_STRING_EQUAL(held->id, later.text);
	CU_ASSERT_EQUAL(held->token.attempt, 1);
	CU_ASSERT_EQUAL(lease_task_as(later.text, &held), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(complete(held).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(lease_task_as(later.text, &held), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(lease_task_as("nobody", &held), ERROR_NOT_FOUND);
}

static void a_delayed_task_that_was_taken_and_lost_is_delayed_again(void)
{
	struct id later = push_as((struct push){ .queue = "mail", .delay_ms = 60000 });
	const struct leased *held = NULL;
	CU_ASSERT_EQUAL_FATAL(lease_task_as(later.text, &held), ERROR_NONE);
	CU_ASSERT_EQUAL(release(OTHER, NULL, NULL), 1);
	CU_ASSERT_PTR_NULL(lease("mail"));
	CU_ASSERT_EQUAL(queue("mail").delayed, 1);
	pass_ms(60000);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void a_task_of_a_job_knows_its_place(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row")->scopes = "0/4";
	step_child(&step, "row")->payload = "{\"n\":2}";
	struct id id = submit(&step);
	struct lease_batch batch = lease_many("row", 2);
	CU_ASSERT_EQUAL_FATAL(batch.count, 2);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, child_id(id.text, 1).text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].scopes, "0/4");
	CU_ASSERT_EQUAL(batch.tasks[1].seq, 2);
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].payload, "{\"n\":2}");
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].job_id, id.text);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_pushed_task_is_leased_once),
	SUITE_TEST(a_leased_task_carries_all_that_it_was_pushed_with),
	SUITE_TEST(higher_priority_goes_first_then_the_order_of_arrival),
	SUITE_TEST(queues_are_asked_in_the_order_of_the_request),
	SUITE_TEST(a_delayed_task_is_leased_when_it_is_due),
	SUITE_TEST(an_empty_queue_says_that_nothing_is_to_come),
	SUITE_TEST(a_queue_whose_tasks_have_ended_says_that_nothing_is_to_come),
	SUITE_TEST(an_expired_lease_is_put_back_and_counted_as_lost),
	SUITE_TEST(a_token_outlives_its_lease_until_somebody_takes_the_task),
	SUITE_TEST(a_token_is_compared_whole),
	SUITE_TEST(a_lost_attempt_is_in_the_trace_as_lost),
	SUITE_TEST(a_batch_takes_no_more_than_it_was_told),
	SUITE_TEST(one_lease_puts_back_at_most_sixteen_expired_ones),
	SUITE_TEST(one_lease_makes_at_most_sixteen_due_rows_ready),
	SUITE_TEST(a_task_that_was_lost_too_often_is_still_leased),
	SUITE_TEST(renewing_puts_the_end_of_the_lease_off),
	SUITE_TEST(a_named_task_is_leased_out_of_turn),
	SUITE_TEST(a_delayed_task_that_was_taken_and_lost_is_delayed_again),
	SUITE_TEST(a_task_of_a_job_knows_its_place),
};
const struct contract_part contract_leases = { "leases", tests, ARRAY_SIZE(tests) };
