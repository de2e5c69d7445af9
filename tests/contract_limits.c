/* The contract of what a queue lets in: rate and max_working, whoever leases. */
#include "tests/contract.h"

#define SPAN_MS 10000

static struct lease_batch lease_limited(
	const char *owner, const char *queue, struct lease_limit limit, size_t max)
{
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = owner,
		.lease_ms = LEASE_MS,
		.max = max,
		.limits = &limit };
	return lease_by(&request);
}

static void push_many(const char *queue, int count)
{
	for (int i = 0; i < count; i++)
		push(queue);
}

static void finish(void *block)
{
	lease_batch_finish(block);
}

static struct lease_batch complete_and_lease(
	const struct leased *task, const struct lease_request *next)
{
	struct commit made = commit_of(task, OUTCOME_COMPLETED);
	struct commit_result result;
	struct lease_batch batch;
	struct error err;
	check(store->ops->commit(store, &made, 1, &result, next, &batch, &err), &err);
	return *(struct lease_batch *)contract_keep(&batch, sizeof batch, finish);
}

static void no_more_leases_stand_than_max_working(void)
{
	const struct lease_limit two = { .max_working = 2 };
	push_many("mail", 5);
	struct lease_batch first = lease_limited(OWNER, "mail", two, 1);
	CU_ASSERT_EQUAL_FATAL(first.count, 1);
	struct lease_batch second = lease_limited(OTHER, "mail", two, 4);
	CU_ASSERT_EQUAL_FATAL(second.count, 1);
	struct lease_batch none = lease_limited(OTHER, "mail", two, 4);
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_TRUE(none.is_limited);
	CU_ASSERT_TRUE(none.next_ms > LEASE_MS - 10000);
	CU_ASSERT_EQUAL(queue("mail").working, 2);
	complete(&first.tasks[0]);
	CU_ASSERT_EQUAL(lease_limited(OTHER, "mail", two, 4).count, 1);
}

static void a_lease_that_is_lost_or_released_makes_room(void)
{
	const struct lease_limit one = { .max_working = 1 };
	push_many("mail", 2);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", one, 1).count, 1);
	CU_ASSERT_EQUAL(lease_limited(OTHER, "mail", one, 1).count, 0);
	CU_ASSERT_EQUAL(release(OWNER, NULL, NULL), 1);
	CU_ASSERT_EQUAL(lease_limited(OTHER, "mail", one, 1).count, 1);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", one, 1).count, 0);
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", one, 1).count, 1);
	CU_ASSERT_EQUAL(lease_limited(OTHER, "mail", one, 1).count, 0);
}

static void a_commit_leases_no_more_than_max_working(void)
{
	const struct lease_limit two = { .max_working = 2 };
	const char *mail = "mail";
	const struct lease_request next = { .queues = &mail,
		.queue_count = 1,
		.owner = OWNER,
		.lease_ms = LEASE_MS,
		.max = 3,
		.limits = &two };
	push_many("mail", 5);
	struct lease_batch held = lease_limited(OWNER, "mail", two, 2);
	CU_ASSERT_EQUAL_FATAL(held.count, 2);
	CU_ASSERT_EQUAL(complete_and_lease(&held.tasks[0], &next).count, 1);
	CU_ASSERT_EQUAL(queue("mail").working, 2);
}

static void the_end_of_a_lease_rings_who_waits_for_it(void)
{
	const struct lease_limit one = { .max_working = 1 };
	push_many("mail", 2);
	struct lease_batch held = lease_limited(OWNER, "mail", one, 1);
	CU_ASSERT_EQUAL_FATAL(held.count, 1);
	CU_ASSERT_EQUAL(lease_limited(OTHER, "mail", one, 1).count, 0);
	uint32_t ticket = store->ops->bell(store, "mail");
	complete(&held.tasks[0]);
	CU_ASSERT_TRUE(rings_through("mail", ticket));
}

static void a_lease_under_a_limit_wakes_the_next_sleeper(void)
{
	const struct lease_limit limit = { .rate = 2, .rate_ms = SPAN_MS };
	push_many("mail", 3);
	uint32_t ticket = store->ops->bell(store, "mail");
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", limit, 1).count, 1);
	CU_ASSERT_TRUE(rings_through("mail", ticket));
}

static void no_span_has_more_leases_than_the_rate(void)
{
	const struct lease_limit limit = { .rate = 3, .rate_ms = SPAN_MS };
	push_many("mail", 9);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", limit, 2).count, 2);
	pass_ms(SPAN_MS / 2);
	CU_ASSERT_EQUAL(lease_limited(OTHER, "mail", limit, 9).count, 1);
	struct lease_batch none = lease_limited(OTHER, "mail", limit, 9);
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_TRUE(none.is_limited);
	CU_ASSERT_TRUE(none.next_ms > SPAN_MS / 4 && none.next_ms <= SPAN_MS * 52 / 100);
	pass_ms(none.next_ms);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", limit, 9).count, 2);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", limit, 9).count, 0);
	pass_ms(2 * SPAN_MS);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", limit, 9).count, 3);
}

static void a_rate_counts_commits_that_lease_and_no_named_leases(void)
{
	const struct lease_limit limit = { .rate = 2, .rate_ms = SPAN_MS };
	const char *mail = "mail";
	const struct lease_request next = { .queues = &mail,
		.queue_count = 1,
		.owner = OWNER,
		.lease_ms = LEASE_MS,
		.max = 1,
		.limits = &limit };
	push_many("mail", 5);
	struct id named = push("mail");
	const struct leased *taken;
	struct lease_batch batch = lease_limited(OWNER, "mail", limit, 1);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_EQUAL(lease_task_as(named.text, &taken), ERROR_NONE);
	batch = complete_and_lease(batch.tasks, &next);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	batch = complete_and_lease(batch.tasks, &next);
	CU_ASSERT_EQUAL(batch.count, 0);
	CU_ASSERT_TRUE(batch.is_limited);
}

static void the_newest_limits_hold(void)
{
	const struct lease_limit narrow = { .rate = 1, .rate_ms = SPAN_MS, .max_working = 1 };
	const struct lease_limit wide = { .rate = 4, .rate_ms = SPAN_MS, .max_working = 3 };
	const struct lease_limit none = { 0 };
	push_many("mail", 9);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", narrow, 9).count, 1);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", narrow, 9).count, 0);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", wide, 9).count, 2);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", narrow, 9).count, 0);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", none, 9).count, 6);
}

static void a_limited_queue_does_not_hold_up_another(void)
{
	static const char *const queues[] = { "urgent", "mail" };
	static const struct lease_limit limits[] = { { .max_working = 1 }, { 0 } };
	struct lease_request request = { .queues = queues,
		.queue_count = 2,
		.owner = OWNER,
		.lease_ms = LEASE_MS,
		.max = 2,
		.limits = limits };
	push_many("urgent", 2);
	push_many("mail", 2);
	struct lease_batch batch = lease_by(&request);
	CU_ASSERT_EQUAL_FATAL(batch.count, 2);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].queue, "urgent");
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].queue, "mail");
}

static void a_queue_tells_what_its_rate_has_let_in(void)
{
	const struct lease_limit limit = { .rate = 5, .rate_ms = SPAN_MS };
	push_many("mail", 3);
	CU_ASSERT_EQUAL(queue("mail").rate_ms, 0);
	CU_ASSERT_EQUAL(lease_limited(OWNER, "mail", limit, 2).count, 2);
	struct queue_stats stats = queue("mail");
	CU_ASSERT_EQUAL(stats.rate_ms, SPAN_MS);
	CU_ASSERT_EQUAL(stats.rate_taken, 2);
	CU_ASSERT_TRUE(stats.rate_next_ms > SPAN_MS / 2);
	CU_ASSERT_TRUE(stats.rate_next_ms <= SPAN_MS * 102 / 100);
	pass_ms(SPAN_MS * 102 / 100);
	CU_ASSERT_EQUAL(queue("mail").rate_taken, 0);
}

static const struct suite_test tests[] = {
	SUITE_TEST(no_more_leases_stand_than_max_working),
	SUITE_TEST(a_lease_that_is_lost_or_released_makes_room),
	SUITE_TEST(a_commit_leases_no_more_than_max_working),
	SUITE_TEST(the_end_of_a_lease_rings_who_waits_for_it),
	SUITE_TEST(a_lease_under_a_limit_wakes_the_next_sleeper),
	SUITE_TEST(no_span_has_more_leases_than_the_rate),
	SUITE_TEST(a_rate_counts_commits_that_lease_and_no_named_leases),
	SUITE_TEST(the_newest_limits_hold),
	SUITE_TEST(a_limited_queue_does_not_hold_up_another),
	SUITE_TEST(a_queue_tells_what_its_rate_has_let_in),
};
const struct contract_part contract_limits = { "limits", tests, ARRAY_SIZE(tests) };
