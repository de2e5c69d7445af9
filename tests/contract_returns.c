/* The contract of what comes back uncommitted: releases, sweeps. */
#include "tests/contract.h"

static void everything_of_a_dead_owner_goes_back(void)
{
	struct id first = push("mail");
	struct id second = push("mail");
	push("mail");
	struct lease_batch batch = lease_many("mail", 2);
	CU_ASSERT_EQUAL_FATAL(batch.count, 2);
	const struct leased *other = lease_as(OTHER, "mail", LEASE_MS);
	CU_ASSERT_EQUAL(release(OWNER, first.text, "{\"status\":\"crash\"}"), 2);
	ASSERT_STATE(first.text, TASK_QUEUED);
	ASSERT_STATE(second.text, TASK_QUEUED);
	ASSERT_STATE(other->id, TASK_WORKING);
	CU_ASSERT_EQUAL(complete(&batch.tasks[0]).answer, COMMIT_STALE);
	CU_ASSERT_EQUAL(complete(&batch.tasks[1]).answer, COMMIT_STALE);
	CU_ASSERT_EQUAL(complete(other).answer, COMMIT_DONE);
}

static void only_the_task_that_ran_is_counted_as_lost(void)
{
	struct id ran = push("mail");
	struct id lay = push("mail");
	lease_many("mail", 2);
	release(OWNER, ran.text, "{\"status\":\"crash\"}");
	CU_ASSERT_EQUAL(task(ran.text)->losses, 1);
	CU_ASSERT_EQUAL(task(lay.text)->losses, 0);
	CU_ASSERT_EQUAL(attempts(lay.text)->count, 0);
	const struct attempt_list *trace = attempts(ran.text);
	CU_ASSERT_EQUAL_FATAL(trace->count, 1);
	CU_ASSERT_STRING_EQUAL(trace->rows[0].entry, "{\"status\":\"crash\"}");
	CU_ASSERT_EQUAL(trace->rows[0].attempt, 1);
}

static void releasing_an_owner_again_changes_nothing(void)
{
	struct id id = push("mail");
	lease("mail");
	CU_ASSERT_EQUAL(release(OWNER, id.text, "{}"), 1);
	CU_ASSERT_EQUAL(release(OWNER, id.text, "{}"), 0);
	CU_ASSERT_EQUAL(release(OTHER, NULL, NULL), 0);
	CU_ASSERT_EQUAL(task(id.text)->losses, 1);
	CU_ASSERT_EQUAL(attempts(id.text)->count, 1);
}

static void a_late_release_leaves_the_next_holder_alone(void)
{
	struct id id = push("mail");
	lease("mail");
	pass_ms(LEASE_MS + 1);
	const struct leased *next = lease_as(OTHER, "mail", LEASE_MS);
	CU_ASSERT_EQUAL(release(OWNER, id.text, "{}"), 0);
	CU_ASSERT_EQUAL(task(id.text)->losses, 1);
	CU_ASSERT_EQUAL(complete(next).answer, COMMIT_DONE);
}

static void an_owner_is_told_what_it_holds(void)
{
	push("mail");
	push("other");
	const struct leased *first = lease("mail");
	const struct leased *second = lease("other");
	struct lease_batch batch = held_by(OWNER);
	CU_ASSERT_EQUAL_FATAL(batch.count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_first = strcmp(batch.tasks[i].id, first->id) == 0;
		const struct leased *same = is_first ? first : second;
		CU_ASSERT_STRING_EQUAL(batch.tasks[i].id, same->id);
		CU_ASSERT_EQUAL(batch.tasks[i].token.nonce, same->token.nonce);
	}
	complete(first);
	CU_ASSERT_EQUAL(held_by(OWNER).count, 1);
	CU_ASSERT_EQUAL(held_by(OTHER).count, 0);
}

static void a_sweep_puts_back_what_expired_in_every_queue(void)
{
	struct id mail = push("mail");
	struct id other = push("other");
	lease("mail");
	lease("other");
	struct sweep_report report = sweep(100);
	CU_ASSERT_EQUAL(report.released, 0);
	CU_ASSERT_TRUE(report.next_ms > LEASE_MS - 10000 && report.next_ms <= LEASE_MS);
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(sweep(100).released, 2);
	ASSERT_STATE(mail.text, TASK_QUEUED);
	ASSERT_STATE(other.text, TASK_QUEUED);
	CU_ASSERT_EQUAL(task(mail.text)->losses, 1);
	CU_ASSERT_EQUAL(sweep(100).released, 0);
}

static void a_sweep_takes_no_more_than_its_limit(void)
{
	for (int i = 0; i < 7; i++)
		push("mail");
	lease_many("mail", 7);
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(sweep(3).released, 3);
	CU_ASSERT_EQUAL(sweep(3).released, 3);
	CU_ASSERT_EQUAL(sweep(3).released, 1);
}

static void a_sweep_of_an_empty_store_has_nothing_to_come(void)
{
	struct sweep_report report = sweep(100);
	CU_ASSERT_EQUAL(report.released + report.due + report.dropped, 0);
	CU_ASSERT_EQUAL(report.next_ms, -1);
}

static void a_sweep_knows_when_the_next_delayed_task_is_due(void)
{
	push_as((struct push){ .queue = "mail", .delay_ms = 60000 });
	struct sweep_report report = sweep(100);
	CU_ASSERT_TRUE(report.next_ms > 50000 && report.next_ms <= 60000);
	pass_ms(60000);
	sweep(100);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	CU_ASSERT_EQUAL(queue("mail").delayed, 0);
}

static void a_sweep_drops_the_children_of_a_lost_attempt(void)
{
	submit_one("split");
	spawn(lease("split"), 0, "row", 10);
	pass_ms(LEASE_MS + 1);
	size_t dropped = 0;
	for (int i = 0; i < 5; i++)
		dropped += sweep(4).dropped;
	CU_ASSERT_EQUAL(dropped, 10);
	CU_ASSERT_EQUAL(complete(lease("split")).job_ended, true);
}

static const struct suite_test tests[] = {
	SUITE_TEST(everything_of_a_dead_owner_goes_back),
	SUITE_TEST(only_the_task_that_ran_is_counted_as_lost),
	SUITE_TEST(releasing_an_owner_again_changes_nothing),
	SUITE_TEST(a_late_release_leaves_the_next_holder_alone),
	SUITE_TEST(an_owner_is_told_what_it_holds),
	SUITE_TEST(a_sweep_puts_back_what_expired_in_every_queue),
	SUITE_TEST(a_sweep_takes_no_more_than_its_limit),
	SUITE_TEST(a_sweep_of_an_empty_store_has_nothing_to_come),
	SUITE_TEST(a_sweep_knows_when_the_next_delayed_task_is_due),
	SUITE_TEST(a_sweep_drops_the_children_of_a_lost_attempt),
};
const struct contract_part contract_returns = { "returns", tests, ARRAY_SIZE(tests) };
