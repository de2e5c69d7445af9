/* The contract of dispatch: claims that lapse, marks that come late, messages that are lost. */
#include "tests/contract.h"

#include <pthread.h>
#include <stdio.h>

static void a_claim_that_lapses_can_be_made_again_with_the_same_number(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	CU_ASSERT_EQUAL(claim("mail", 10).rows[0].dispatch, 1);
	struct outgoing_list none = claim("mail", 10);
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_TRUE(none.next_ms > 0 && none.next_ms <= LEASE_MS);
	pass_ms(LEASE_MS);
	struct outgoing_list again = claim("mail", 10);
	CU_ASSERT_EQUAL_FATAL(again.count, 1);
	CU_ASSERT_EQUAL(again.rows[0].dispatch, 1);
	mark(id.text, 1); /* by whoever claimed it first: it was sent */
	CU_ASSERT_EQUAL(queue("mail").sent, 1);
}

static void a_mark_counts_after_its_claim_has_lapsed(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	push_as((struct push){ .queue = "mail", .delay_ms = 3 * LEASE_MS });
	claim("mail", 1);
	pass_ms(LEASE_MS);
	struct claim_request other = { .queue = "mail", .owner = OTHER, .claim_ms = 1, .max = 0 };
	claim_as(&other); /* puts what has lapsed back at the latest now */
	mark(id.text, 1);
	CU_ASSERT_EQUAL(queue("mail").sent, 1);
	CU_ASSERT_EQUAL(claim("mail", 10).count, 0);
}

static void the_claims_of_a_dead_owner_are_given_back(void)
{
	set_door("mail", true);
	for (int i = 0; i < 3; i++)
		push("mail");
	struct id kept = { "" };
	const struct claim_request other = {
		.queue = "mail", .owner = OTHER, .claim_ms = LEASE_MS, .max = 1
	};
	struct outgoing_list list = claim_as(&other);
	snprintf(kept.text, sizeof kept.text, "%s", list.rows[0].id);
	CU_ASSERT_EQUAL(claim("mail", 10).count, 2);
	CU_ASSERT_EQUAL(claim("mail", 10).count, 0);
	CU_ASSERT_EQUAL(release(OWNER, NULL, NULL), 0); /* tasks that it held: none */
	list = claim("mail", 10);
	CU_ASSERT_EQUAL_FATAL(list.count, 2);
	for (size_t i = 0; i < list.count; i++) {
		CU_ASSERT_STRING_NOT_EQUAL(list.rows[i].id, kept.text);
		CU_ASSERT_EQUAL(list.rows[i].dispatch, 1);
	}
	CU_ASSERT_EQUAL(queue("mail").unsent, 3);
}

/* Whoever sends the second part of a group first would turn its order round. */
static void messages_with_an_order_go_out_one_claim_after_another(void)
{
	struct claim_request dead = {
		.queue = "row.fifo", .owner = OTHER, .claim_ms = LEASE_MS, .max = 2
	};
	set_door("row.fifo", true);
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row.fifo", 5);
	complete_spawning(held, "row.fifo", 5);
	CU_ASSERT_EQUAL(claim_as(&dead).count, 2);
	struct outgoing_list list = claim("row.fifo", 10);
	CU_ASSERT_EQUAL(list.count, 0);
	CU_ASSERT_TRUE(list.next_ms > 0 && list.next_ms <= LEASE_MS);
	release(OTHER, NULL, NULL);
	/* What was behind it is due at the same time. */
	list = claim("row.fifo", 3);
	CU_ASSERT_EQUAL_FATAL(list.count, 3);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_STRING_EQUAL(list.rows[i].id, child_id(id.text, 2 + i).text);
	CU_ASSERT_EQUAL(claim_as(&dead).count, 0);
	for (int i = 0; i < 3; i++)
		mark(list.rows[i].id, list.rows[i].dispatch);
	list = claim_as(&dead);
	CU_ASSERT_EQUAL_FATAL(list.count, 2);
	CU_ASSERT_STRING_EQUAL(list.rows[0].id, child_id(id.text, 5).text);
}

static void an_owner_may_hold_tasks_and_claims(void)
{
	set_door("mail", true);
	push("other");
	push("mail");
	CU_ASSERT_PTR_NOT_NULL(lease("other"));
	CU_ASSERT_EQUAL(claim("mail", 1).count, 1);
	CU_ASSERT_EQUAL(held_by(OWNER).count, 1);
	CU_ASSERT_EQUAL(release(OWNER, NULL, NULL), 1);
	CU_ASSERT_PTR_NOT_NULL(lease("other"));
	CU_ASSERT_EQUAL(claim("mail", 1).count, 1);
}

static void the_mark_of_an_old_dispatch_changes_nothing(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	CU_ASSERT_EQUAL(send_all("mail"), 1);
	pass_ms(1000);
	CU_ASSERT_EQUAL(resend("mail", 1000, 10), 1);
	mark(id.text, 1);
	CU_ASSERT_EQUAL(queue("mail").unsent, 1);
	CU_ASSERT_EQUAL(claim("mail", 10).rows[0].dispatch, 2);
	mark(id.text, 1);
	mark(id.text, 3);
	CU_ASSERT_EQUAL(queue("mail").sent, 0);
	mark(id.text, 2);
	mark(id.text, 2);
	CU_ASSERT_EQUAL(queue("mail").sent, 1);
	mark("no such task", 1);
}

static void a_message_may_come_back_before_it_is_marked(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	CU_ASSERT_EQUAL(claim("mail", 10).count, 1);
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_DONE);
	mark(id.text, 1);
	CU_ASSERT_EQUAL(queue("mail").sent + queue("mail").unsent, 0);
	const struct leased *held = lease("mail");
	mark(id.text, 1);
	ASSERT_STATE(id.text, TASK_WORKING);
	end(held, OUTCOME_RETRY);
	mark(id.text, 1); /* the next one has another number */
	CU_ASSERT_EQUAL(queue("mail").unsent, 1);
	CU_ASSERT_EQUAL(claim("mail", 10).rows[0].dispatch, 2);
	CU_ASSERT_EQUAL(release(OWNER, NULL, NULL), 0);
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_DONE);
	complete(lease("mail"));
	mark(id.text, 2);
	CU_ASSERT_EQUAL(queue("mail").sent, 0);
	ASSERT_STATE(id.text, TASK_COMPLETED);
}

static void a_lost_message_is_sent_again_after_twice_the_time_of_the_last(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	for (uint32_t dispatch = 1; dispatch <= 4; dispatch++) {
		int64_t wait_ms = INT64_C(1000) << (dispatch - 1);
		struct outgoing_list list = claim("mail", 10);
		CU_ASSERT_EQUAL_FATAL(list.count, 1);
		CU_ASSERT_EQUAL(list.rows[0].dispatch, dispatch);
		mark(id.text, dispatch);
		pass_ms(wait_ms / 2);
		CU_ASSERT_EQUAL(resend("mail", 1000, 10), 0);
		pass_ms(wait_ms / 2);
		CU_ASSERT_EQUAL(resend("mail", 1000, 10), 1);
		CU_ASSERT_EQUAL(resend("mail", 1000, 10), 0);
	}
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
}

static void the_oldest_are_sent_again_first(void)
{
	set_door("mail", true);
	struct id ids[4];
	for (int i = 0; i < 4; i++) {
		ids[i] = push("mail");
		send_all("mail");
		pass_ms(10);
	}
	pass_ms(1000);
	CU_ASSERT_EQUAL(resend("mail", 1000, 1), 1);
	CU_ASSERT_STRING_EQUAL(claim("mail", 10).rows[0].id, ids[0].text);
	mark(ids[0].text, 2); /* now the youngest, and to be left alone for longer */
	CU_ASSERT_EQUAL(resend("mail", 1000, 2), 2);
	struct outgoing_list list = claim("mail", 10);
	CU_ASSERT_EQUAL_FATAL(list.count, 2);
	CU_ASSERT_STRING_EQUAL(list.rows[0].id, ids[1].text);
	CU_ASSERT_STRING_EQUAL(list.rows[1].id, ids[2].text);
	CU_ASSERT_EQUAL(resend("mail", 1000, 10), 1);
	CU_ASSERT_EQUAL(resend("mail", 1000, 10), 0);
}

static void what_was_sent_ahead_of_its_time_is_given_its_time(void)
{
	set_door("mail", true);
	struct id id = push_as((struct push){ .queue = "mail", .delay_ms = 5000 });
	struct claim_request request = {
		.queue = "mail", .owner = OWNER, .claim_ms = LEASE_MS, .horizon_ms = 10000, .max = 1
	};
	CU_ASSERT_EQUAL(claim_as(&request).count, 1);
	mark(id.text, 1);
	pass_ms(5500);
	CU_ASSERT_EQUAL(resend("mail", 1000, 10), 0);
	pass_ms(500);
	CU_ASSERT_EQUAL(resend("mail", 1000, 10), 1);
}

static void *sleep_on_outboxes(void *context)
{
	store->ops->wait(store, NULL, *(uint32_t *)context, 600000);
	return NULL;
}

static void an_unsent_row_rings_the_bell_of_outboxes_in_another_thread(void)
{
	set_door("mail", true);
	uint32_t ticket = store->ops->bell(store, NULL);
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, sleep_on_outboxes, &ticket), 0);
	push("mail");
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	CU_ASSERT_NOT_EQUAL(store->ops->bell(store, NULL), ticket);
	ticket = store->ops->bell(store, NULL);
	CU_ASSERT_EQUAL(send_all("mail"), 1);
	CU_ASSERT_EQUAL(store->ops->bell(store, NULL), ticket);
	pass_ms(1000);
	resend("mail", 1000, 1);
	CU_ASSERT_NOT_EQUAL(store->ops->bell(store, NULL), ticket);
	ticket = store->ops->bell(store, NULL);
	push("without a door");
	CU_ASSERT_EQUAL(store->ops->bell(store, NULL), ticket);
}

static void an_adopted_task_rings_the_bell_of_its_queue(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	uint32_t ticket = store->ops->bell(store, "mail");
	adopt_task("mail", id.text, NULL);
	CU_ASSERT_NOT_EQUAL(store->ops->bell(store, "mail"), ticket);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_claim_that_lapses_can_be_made_again_with_the_same_number),
	SUITE_TEST(a_mark_counts_after_its_claim_has_lapsed),
	SUITE_TEST(the_claims_of_a_dead_owner_are_given_back),
	SUITE_TEST(messages_with_an_order_go_out_one_claim_after_another),
	SUITE_TEST(an_owner_may_hold_tasks_and_claims),
	SUITE_TEST(the_mark_of_an_old_dispatch_changes_nothing),
	SUITE_TEST(a_message_may_come_back_before_it_is_marked),
	SUITE_TEST(a_lost_message_is_sent_again_after_twice_the_time_of_the_last),
	SUITE_TEST(the_oldest_are_sent_again_first),
	SUITE_TEST(what_was_sent_ahead_of_its_time_is_given_its_time),
	SUITE_TEST(an_unsent_row_rings_the_bell_of_outboxes_in_another_thread),
	SUITE_TEST(an_adopted_task_rings_the_bell_of_its_queue),
};
const struct contract_part contract_dispatch = { "dispatch", tests, ARRAY_SIZE(tests) };
