/* The contract of adoption: messages of others, doubles, what can't be understood. */
#include "tests/contract.h"

#include "base/clock.h"

#include <stdio.h>

static void a_foreign_message_becomes_a_task_that_is_ready(void)
{
	struct id id = new_id();
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", id.text, NULL), ADOPT_DONE);
	const struct task_record *record = task(id.text);
	CU_ASSERT_EQUAL(record->state, TASK_QUEUED);
	CU_ASSERT_STRING_EQUAL(record->payload, "{\"from\":\"afar\"}");
	CU_ASSERT_PTR_NULL(record->job_id);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	const struct leased *held = lease("mail");
	CU_ASSERT_STRING_EQUAL(held->id, id.text);
	CU_ASSERT_STRING_EQUAL(held->name, "mail");
	complete(held);
	ASSERT_STATE(id.text, TASK_COMPLETED);
}

static void a_foreign_message_is_never_sent_again(void)
{
	set_door("mail", true);
	struct id id = new_id();
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", id.text, NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
	CU_ASSERT_STRING_EQUAL(lease("mail")->id, id.text);
}

static void a_foreign_message_has_the_priority_that_it_comes_with(void)
{
	push_as((struct push){ .queue = "mail", .priority = 4 });
	push_as((struct push){ .queue = "mail", .priority = 6 });
	const struct arrival arrival = { .queue = "mail",
		.message_id = "m1",
		.id = "foreign",
		.name = "mail",
		.payload = "1",
		.priority = 5 };
	CU_ASSERT_EQUAL(adopt(&arrival), ADOPT_DONE);
	struct lease_batch batch = lease_many("mail", 3);
	CU_ASSERT_EQUAL_FATAL(batch.count, 3);
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].id, "foreign");
}

static void the_store_makes_an_id_with_its_tag(void)
{
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", NULL, NULL), ADOPT_DONE);
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_TRUE(store_has_tag(store, held->id));
}

static void a_message_is_known_for_its_queue_and_a_time(void)
{
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", NULL, NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", NULL, NULL), ADOPT_KNOWN);
	complete(lease("mail"));
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", NULL, NULL), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(adopt_foreign("other", "m1", NULL, NULL), ADOPT_DONE);
	pass_ms(STORE_KNOWN_MS - 1000);
	sweep(100);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", NULL, NULL), ADOPT_KNOWN);
	pass_ms(2000);
	CU_ASSERT_EQUAL(sweep(1).dropped, 1);
	CU_ASSERT_EQUAL(sweep(100).dropped, 1);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", NULL, NULL), ADOPT_DONE);
}

static void an_id_that_a_task_has_already_is_known(void)
{
	struct id pushed = push("mail"), in_job = submit_one("row");
	struct id row = child_id(in_job.text, 1);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m1", pushed.text, NULL), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m2", row.text, NULL), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m3", "order-17", NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(adopt_foreign("mail", "m4", "order-17", NULL), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(queue("mail").depth, 2);
}

static void a_reference_to_no_task_is_unknown(void)
{
	struct id id = new_id();
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_UNKNOWN);
	CU_ASSERT_EQUAL(adopt_task("mail", child_id(id.text, 1).text, NULL), ADOPT_UNKNOWN);
	CU_ASSERT_EQUAL(adopt_task("mail", "nothing", NULL), ADOPT_UNKNOWN);
}

static void a_double_is_known_wherever_its_task_has_come_to(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	send_all("mail");
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_KNOWN);
	const struct leased *held = lease("mail");
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_KNOWN);
	CU_ASSERT_PTR_NULL(lease("mail"));
	complete(held);
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_KNOWN);
	ASSERT_STATE(id.text, TASK_COMPLETED);
}

static void messages_may_come_in_another_order_than_they_were_sent_in(void)
{
	set_door("mail", true);
	struct id ids[3] = { push("mail"), push("mail"), push("mail") };
	send_all("mail");
	pass_ms(1000);
	resend("mail", 1000, 10);
	CU_ASSERT_EQUAL(send_all("mail"), 3); /* two messages for each */
	for (int i = 2; i >= 0; i--)
		CU_ASSERT_EQUAL(adopt_task("mail", ids[i].text, NULL), ADOPT_DONE);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(adopt_task("mail", ids[i].text, NULL), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(lease_many("mail", 10).count, 3);
}

static void what_can_not_be_understood_is_dead_with_its_reason(void)
{
	const struct arrival arrival = { .queue = "mail",
		.message_id = "m1",
		.id = "letter",
		.name = "mail",
		.payload = "\"not base64\"",
		.reason = "expected base64, got \"!\"" };
	CU_ASSERT_EQUAL(adopt(&arrival), ADOPT_DONE);
	CU_ASSERT_EQUAL(adopt(&arrival), ADOPT_KNOWN);
	const struct task_record *record = task("letter");
	CU_ASSERT_EQUAL(record->state, TASK_INVALID);
	CU_ASSERT_STRING_EQUAL(record->reason, arrival.reason);
	CU_ASSERT_STRING_EQUAL(record->payload, arrival.payload);
	CU_ASSERT_TRUE(record->finished_at_ms > 0);
	CU_ASSERT_EQUAL(queue("mail").dead, 1);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
	CU_ASSERT_PTR_NULL(lease("mail"));
	struct error err;
	check(store->ops->revive(store, "letter", NULL, &err), &err);
	CU_ASSERT_EQUAL(queue("mail").dead, 0);
	complete(lease("mail"));
}

static void dead_messages_can_be_purged(void)
{
	const struct arrival arrival = { .queue = "mail",
		.message_id = "m1",
		.id = "letter",
		.name = "mail",
		.payload = "null",
		.reason = "no" };
	adopt(&arrival);
	CU_ASSERT_EQUAL(purge("mail", true, 10), 1);
	CU_ASSERT_EQUAL(queue("mail").dead, 0);
	CU_ASSERT_FALSE(exists("letter"));
	CU_ASSERT_EQUAL(adopt(&arrival), ADOPT_KNOWN); /* the message is known still */
}

static void a_batch_has_an_answer_for_each(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	send_all("mail");
	const struct arrival arrivals[] = {
		{ .queue = "mail", .message_id = "1", .task_id = id.text },
		{ .queue = "mail", .message_id = "2", .task_id = id.text },
		{ .queue = "mail", .message_id = "3", .task_id = "nothing" },
		{ .queue = "mail", .message_id = "4", .name = "mail", .payload = "1" },
		{ .queue = "mail", .message_id = "4", .name = "mail", .payload = "1" },
	};
	static const enum adoption expected[] = { ADOPT_DONE, ADOPT_KNOWN, ADOPT_UNKNOWN,
		ADOPT_DONE, ADOPT_KNOWN };
	enum adoption answers[5];
	struct error err;
	check(store->ops->adopt(store, arrivals, 5, answers, &err), &err);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(answers[i], expected[i]);
	CU_ASSERT_EQUAL(lease_many("mail", 10).count, 2);
}

static void an_id_that_is_too_long_is_refused_and_the_batch_with_it(void)
{
	char id[STORE_ID_SIZE + 1];
	snprintf(id, sizeof id, "%0*d", STORE_ID_SIZE, 1);
	const struct arrival arrivals[] = {
		{ .queue = "mail", .message_id = "1", .name = "mail", .payload = "1" },
		{ .queue = "mail", .message_id = "2", .id = id, .name = "mail", .payload = "1" },
	};
	enum adoption answers[2];
	struct error err = { 0 };
	CU_ASSERT_FALSE(store->ops->adopt(store, arrivals, 2, answers, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
	CU_ASSERT_EQUAL(adopt(&arrivals[0]), ADOPT_DONE);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_foreign_message_becomes_a_task_that_is_ready),
	SUITE_TEST(a_foreign_message_is_never_sent_again),
	SUITE_TEST(a_foreign_message_has_the_priority_that_it_comes_with),
	SUITE_TEST(the_store_makes_an_id_with_its_tag),
	SUITE_TEST(a_message_is_known_for_its_queue_and_a_time),
	SUITE_TEST(an_id_that_a_task_has_already_is_known),
	SUITE_TEST(a_reference_to_no_task_is_unknown),
	SUITE_TEST(a_double_is_known_wherever_its_task_has_come_to),
	SUITE_TEST(messages_may_come_in_another_order_than_they_were_sent_in),
	SUITE_TEST(what_can_not_be_understood_is_dead_with_its_reason),
	SUITE_TEST(dead_messages_can_be_purged),
	SUITE_TEST(a_batch_has_an_answer_for_each),
	SUITE_TEST(an_id_that_is_too_long_is_refused_and_the_batch_with_it),
};
const struct contract_part contract_adopt = { "adopt", tests, ARRAY_SIZE(tests) };
