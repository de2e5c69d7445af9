/* The contract of outboxes: what stands there, what takes it out, and what never goes there. */
#include "tests/contract.h"

#include "base/clock.h"

static void a_task_of_a_queue_with_a_door_is_not_leased_before_it_is_adopted(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	ASSERT_STATE(id.text, TASK_QUEUED);
	CU_ASSERT_PTR_NULL(lease("mail"));
	CU_ASSERT_EQUAL(queue("mail").unsent, 1);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	CU_ASSERT_EQUAL(send_all("mail"), 1);
	CU_ASSERT_PTR_NULL(lease("mail"));
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
	CU_ASSERT_EQUAL(queue("mail").sent, 1);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(queue("mail").sent, 0);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	const struct leased *held = lease("mail");
	CU_ASSERT_STRING_EQUAL(held->id, id.text);
	complete(held);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
}

static void what_is_claimed_names_the_task_and_its_message(void)
{
	set_door("row", true);
	struct id id = submit_one("row");
	struct outgoing_list list = claim("row", 10);
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	CU_ASSERT_STRING_EQUAL(list.rows[0].id, child_id(id.text, 1).text);
	CU_ASSERT_STRING_EQUAL(list.rows[0].job_id, id.text);
	CU_ASSERT_STRING_EQUAL(list.rows[0].payload, "{}");
	CU_ASSERT_EQUAL(list.rows[0].dispatch, 1);
	CU_ASSERT_EQUAL(list.rows[0].delay_ms, 0);
	CU_ASSERT_EQUAL(claim("row", 10).count, 0);
	CU_ASSERT_EQUAL(queue("row").unsent, 1);
}

static void births_gates_retries_and_revived_tasks_stand_in_the_outbox(void)
{
	const char *const queues[] = { "first", "sync", "row" };
	struct error err;
	check(store->ops->set_door(store, queues, 3, true, &err), &err);
	struct step step;
	step_begin(&step);
	step_child(&step, "first");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	struct id first = child_id(id.text, 1), sync = child_id(id.text, 2);
	CU_ASSERT_EQUAL(queue("sync").unsent, 0); /* it waits */
	adopt_task("first", first.text, NULL);
	const struct leased *held = lease("first");
	spawn(held, 0, "row", 3);
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	step_tally(&step, 0, "row", (struct tally){ .born = 3 });
	commit_step(held, OUTCOME_COMPLETED, &step);
	CU_ASSERT_EQUAL(queue("sync").unsent, 1);
	CU_ASSERT_EQUAL(queue("row").unsent, 3);
	CU_ASSERT_PTR_NULL(lease("sync"));
	CU_ASSERT_PTR_NULL(lease("row"));
	adopt_task("sync", sync.text, NULL);
	held = lease("sync");
	end(held, OUTCOME_RETRY);
	CU_ASSERT_EQUAL(queue("sync").unsent, 1);
	adopt_task("sync", sync.text, NULL);
	end(lease("sync"), OUTCOME_FAILED);
	CU_ASSERT_EQUAL(queue("sync").dead, 1);
	step_begin(&step);
	step_tally(&step, 0, "sync", (struct tally){ .failed = -1 });
	check(store->ops->revive(store, sync.text, &step.effects, &err), &err);
	CU_ASSERT_EQUAL(queue("sync").unsent, 1);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void what_comes_back_from_a_worker_stays_in_the_store(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	adopt_task("mail", id.text, NULL);
	end(lease("mail"), OUTCOME_GIVE_BACK);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
	release(OWNER, NULL, NULL);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
	pass_ms(LEASE_MS);
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_EQUAL(held->losses, 1);
}

static void what_is_delayed_is_sent_when_it_comes_within_the_horizon(void)
{
	set_door("mail", true);
	struct id id = push_as((struct push){ .queue = "mail", .delay_ms = 1000000 });
	CU_ASSERT_EQUAL(queue("mail").delayed, 1);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
	CU_ASSERT_EQUAL(queue("mail").unsent, 1);
	struct claim_request request = { .queue = "mail",
		.owner = OWNER,
		.claim_ms = LEASE_MS,
		.horizon_ms = 900000,
		.max = 10 };
	struct outgoing_list list = claim_as(&request);
	CU_ASSERT_EQUAL(list.count, 0);
	CU_ASSERT_TRUE(list.next_ms > 90000 && list.next_ms <= 100000);
	pass_ms(100000);
	list = claim_as(&request);
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	CU_ASSERT_PTR_NULL(list.rows[0].payload);
	CU_ASSERT_TRUE(list.rows[0].delay_ms > 890000 && list.rows[0].delay_ms <= 900000);
	mark(id.text, 1);
	CU_ASSERT_EQUAL(queue("mail").delayed, 1);
	CU_ASSERT_EQUAL(adopt_task("mail", id.text, NULL), ADOPT_DONE); /* too early */
	CU_ASSERT_PTR_NULL(lease("mail"));
	CU_ASSERT_EQUAL(queue("mail").delayed, 1);
	pass_ms(900000);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void the_order_is_that_of_leases(void)
{
	set_door("mail", true);
	struct id ids[4];
	ids[3] = push("mail");
	pass_ms(5);
	ids[1] = push_as((struct push){ .queue = "mail", .priority = 10 });
	push_as((struct push){ .queue = "mail", .priority = 100, .delay_ms = 60000 });
	pass_ms(5);
	ids[2] = push_as((struct push){ .queue = "mail", .priority = 10 });
	ids[0] = push_as((struct push){ .queue = "mail", .priority = 20 });
	struct outgoing_list list = claim("mail", 3), rest = claim("mail", 3);
	CU_ASSERT_EQUAL_FATAL(list.count, 3);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_STRING_EQUAL(list.rows[i].id, ids[i].text);
	CU_ASSERT_EQUAL_FATAL(rest.count, 1);
	CU_ASSERT_STRING_EQUAL(rest.rows[0].id, ids[3].text);
}

static void many_children_leave_the_outbox_in_pages(void)
{
	enum { CHUNK = 500, PAGE = 100 };
	const int many = suite_many(2000, CHUNK);
	struct arrival arrivals[PAGE];
	enum adoption answers[PAGE];
	set_door("row", true);
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	for (uint32_t i = 0; i < (uint32_t)many; i += CHUNK)
		spawn(held, i, "row", CHUNK);
	CU_ASSERT_EQUAL(queue("row").unsent, 0);
	CU_ASSERT_EQUAL(claim("row", 1).count, 0);
	complete_spawning(held, "row", many);
	CU_ASSERT_EQUAL(queue("row").unsent, many);
	CU_ASSERT_EQUAL(queue("row").depth, many);
	int64_t next_seq = 2;
	for (int page = 0; page < many / PAGE; page++) {
		struct outgoing_list list = claim("row", PAGE);
		CU_ASSERT_EQUAL_FATAL(list.count, PAGE);
		for (size_t i = 0; i < list.count; i++, next_seq++) {
			CU_ASSERT_STRING_EQUAL(list.rows[i].id, child_id(id.text, next_seq).text);
			arrivals[i] = (struct arrival){ .queue = "row",
				.message_id = list.rows[i].id,
				.task_id = list.rows[i].id };
		}
		struct error err;
		check(store->ops->adopt(store, arrivals, PAGE, answers, &err), &err);
		for (size_t i = 0; i < PAGE; i++)
			CU_ASSERT_EQUAL(answers[i], ADOPT_DONE);
	}
	CU_ASSERT_EQUAL(claim("row", 1).count, 0);
	CU_ASSERT_EQUAL(queue("row").unsent + queue("row").sent, 0);
	struct lease_batch batch;
	int64_t leased = 0;
	for (; (batch = lease_many("row", 1000)).count > 0; leased += (int64_t)batch.count)
		for (size_t i = 0; i < batch.count; i++)
			complete(&batch.tasks[i]);
	CU_ASSERT_EQUAL(leased, many);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void a_child_that_nobody_has_sent_can_be_named_by_a_message(void)
{
	set_door("row", true);
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 3);
	CU_ASSERT_EQUAL(adopt_task("row", child_id(id.text, 3).text, NULL), ADOPT_UNKNOWN);
	complete_spawning(held, "row", 3);
	CU_ASSERT_EQUAL(adopt_task("row", child_id(id.text, 3).text, NULL), ADOPT_DONE);
	CU_ASSERT_EQUAL(adopt_task("row", child_id(id.text, 3).text, NULL), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(queue("row").unsent, 2);
	CU_ASSERT_STRING_EQUAL(lease("row")->id, child_id(id.text, 3).text);
	CU_ASSERT_EQUAL(claim("row", 10).count, 2);
}

static void a_task_in_the_outbox_can_be_taken_by_name_and_cancelled(void)
{
	set_door("mail", true);
	struct id ids[3] = { push("mail"), push("mail"), push("mail") };
	mark(claim("mail", 1).rows[0].id, 1);       /* one is sent, */
	CU_ASSERT_EQUAL(claim("mail", 1).count, 1); /* one is claimed, one is neither */
	for (int i = 0; i < 3; i++) {
		const struct leased *held;
		CU_ASSERT_EQUAL_FATAL(lease_task_as(ids[i].text, &held), ERROR_NONE);
		ASSERT_STATE(ids[i].text, TASK_WORKING);
		end(held, OUTCOME_CANCELLED);
		ASSERT_STATE(ids[i].text, TASK_CANCELLED);
		CU_ASSERT_EQUAL(adopt_task("mail", ids[i].text, NULL), ADOPT_KNOWN);
	}
	struct queue_stats stats = queue("mail");
	CU_ASSERT_EQUAL(stats.unsent + stats.sent + stats.depth + stats.working, 0);
}

static void one_that_was_taken_by_name_and_let_go_is_ready(void)
{
	set_door("mail", true);
	struct id id = push("mail");
	const struct leased *held;
	CU_ASSERT_EQUAL_FATAL(lease_task_as(id.text, &held), ERROR_NONE);
	release(OTHER, NULL, NULL);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void a_purge_empties_the_outbox(void)
{
	set_door("mail", true);
	for (int i = 0; i < 6; i++)
		push("mail");
	struct outgoing_list list = claim("mail", 4);
	for (size_t i = 0; i < 2; i++)
		mark(list.rows[i].id, 1);
	CU_ASSERT_EQUAL(purge("mail", false, 100), 6);
	struct queue_stats stats = queue("mail");
	CU_ASSERT_EQUAL(stats.unsent + stats.sent + stats.depth, 0);
	mark(list.rows[2].id, 1);
	CU_ASSERT_EQUAL(adopt_task("mail", list.rows[0].id, NULL), ADOPT_UNKNOWN);
	CU_ASSERT_EQUAL(release(OWNER, NULL, NULL), 0);
	CU_ASSERT_EQUAL(claim("mail", 10).count, 0);
}

static void a_cancelled_job_leaves_the_outbox(void)
{
	set_door("row", true);
	struct id jobs[2];
	for (int i = 0; i < 2; i++) {
		jobs[i] = submit_one("split");
		const struct leased *held = lease("split");
		spawn(held, 0, "row", 5);
		complete_spawning(held, "row", 5);
	}
	mark(claim("row", 2).rows[0].id, 1);
	struct error err;
	bool left = true;
	for (int i = 0; i < 2; i++)
		check(store->ops->cancel_job(store, jobs[i].text, &err), &err);
	while (left)
		check(store->ops->end_cancelled(store, jobs[0].text, 2, &left, &err), &err);
	CU_ASSERT_EQUAL(queue("row").unsent, 5);
	CU_ASSERT_EQUAL(queue("row").sent, 0);
	CU_ASSERT_EQUAL(claim("row", 10).count, 0); /* puts those of the other aside */
	CU_ASSERT_EQUAL(queue("row").unsent, 0);
	for (left = true; left;)
		check(store->ops->end_cancelled(store, jobs[1].text, 2, &left, &err), &err);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(count_of(jobs[i].text, "row", TASK_CANCELLED), 5);
}

static void without_a_door_again_a_sweep_makes_all_of_it_ready(void)
{
	set_door("mail", true);
	for (int i = 0; i < 5; i++)
		push("mail");
	struct id delayed = push_as((struct push){ .queue = "mail", .delay_ms = 1000 });
	struct outgoing_list list = claim("mail", 4);
	mark(list.rows[0].id, 1);
	mark(list.rows[1].id, 1);
	set_door("mail", false);
	set_door("mail", false);
	CU_ASSERT_EQUAL(claim("mail", 10).count, 0);
	struct sweep_report report = sweep(4);
	CU_ASSERT_EQUAL(report.due, 4);
	CU_ASSERT_EQUAL(report.next_ms, 0);
	CU_ASSERT_EQUAL(queue("mail").unsent + queue("mail").sent, 2);
	sweep(4);
	CU_ASSERT_EQUAL(queue("mail").unsent + queue("mail").sent, 0);
	CU_ASSERT_EQUAL(queue("mail").depth, 5);
	CU_ASSERT_EQUAL(queue("mail").delayed, 1);
	for (size_t i = 0; i < list.count; i++) {
		mark(list.rows[i].id, 1);
		CU_ASSERT_EQUAL(adopt_task("mail", list.rows[i].id, NULL), ADOPT_KNOWN);
	}
	CU_ASSERT_EQUAL(lease_many("mail", 10).count, 5);
	pass_ms(1000);
	CU_ASSERT_STRING_EQUAL(lease("mail")->id, delayed.text);
	push("mail");
	CU_ASSERT_PTR_NOT_NULL(lease("mail"));
}

static void a_bundle_leaves_a_closed_door_whole(void)
{
	set_door("row", true);
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	const int many = suite_many(400, 100);
	spawn(held, 0, "row", (size_t)many);
	complete_spawning(held, "row", many);
	CU_ASSERT_EQUAL(claim("row", 10).count, 10);
	set_door("row", false);
	while (queue("row").unsent > 0)
		sweep(20);
	CU_ASSERT_EQUAL(queue("row").depth, many);
	struct lease_batch batch = lease_many("row", 1000);
	CU_ASSERT_EQUAL(batch.count, (size_t)many);
	for (size_t i = 0; i < batch.count; i++)
		complete(&batch.tasks[i]);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_task_of_a_queue_with_a_door_is_not_leased_before_it_is_adopted),
	SUITE_TEST(what_is_claimed_names_the_task_and_its_message),
	SUITE_TEST(births_gates_retries_and_revived_tasks_stand_in_the_outbox),
	SUITE_TEST(what_comes_back_from_a_worker_stays_in_the_store),
	SUITE_TEST(what_is_delayed_is_sent_when_it_comes_within_the_horizon),
	SUITE_TEST(the_order_is_that_of_leases),
	SUITE_TEST(many_children_leave_the_outbox_in_pages),
	SUITE_TEST(a_child_that_nobody_has_sent_can_be_named_by_a_message),
	SUITE_TEST(a_task_in_the_outbox_can_be_taken_by_name_and_cancelled),
	SUITE_TEST(one_that_was_taken_by_name_and_let_go_is_ready),
	SUITE_TEST(a_purge_empties_the_outbox),
	SUITE_TEST(a_cancelled_job_leaves_the_outbox),
	SUITE_TEST(without_a_door_again_a_sweep_makes_all_of_it_ready),
	SUITE_TEST(a_bundle_leaves_a_closed_door_whole),
};
const struct contract_part contract_outbox = { "outbox", tests, ARRAY_SIZE(tests) };
