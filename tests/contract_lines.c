/* The contract of groups: of each line only the first task that has not ended is ever leased. */
#include "tests/contract.h"

#include <stdio.h>

static struct id join(const char *group)
{
	struct id id = new_id(), message = new_id();
	CU_ASSERT_EQUAL(adopt_foreign("mail", message.text, id.text, group), ADOPT_DONE);
	return id;
}

static const struct leased *lease_is(struct id id)
{
	const struct leased *held = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->id, id.text);
	CU_ASSERT_PTR_NULL(lease("mail"));
	return held;
}

static void the_next_of_a_line_is_leased_when_the_first_has_ended(void)
{
	static const enum outcome ends[] = { OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_INVALID,
		OUTCOME_SKIPPED, OUTCOME_CANCELLED };
	struct id ids[5];
	for (int i = 0; i < 5; i++)
		ids[i] = join("a");
	CU_ASSERT_EQUAL(queue("mail").depth, 5);
	for (int i = 0; i < 5; i++) {
		end(lease_is(ids[i]), ends[i]);
		CU_ASSERT_EQUAL(queue("mail").depth, 4 - i);
	}
}

static void lines_of_other_groups_and_queues_go_on(void)
{
	struct id a = join("a"), b = join("b");
	join("a");
	join("b");
	struct id loose = join(NULL), other = new_id();
	adopt_foreign("other", "m", other.text, "a");
	struct lease_batch batch = lease_many("mail", 10);
	CU_ASSERT_EQUAL_FATAL(batch.count, 3);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, a.text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[1].id, b.text);
	CU_ASSERT_STRING_EQUAL(batch.tasks[2].id, loose.text);
	CU_ASSERT_STRING_EQUAL(lease("other")->id, other.text);
}

static void a_retry_stays_first_and_holds_up_its_line(void)
{
	set_door("mail", true);
	struct id first = join("a"), second = join("a");
	struct commit made = commit_of(lease_is(first), OUTCOME_RETRY);
	made.delay_ms = 5000;
	commit(&made);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0); /* it never leaves the store */
	CU_ASSERT_EQUAL(queue("mail").delayed, 1);
	CU_ASSERT_PTR_NULL(lease("mail"));
	pass_ms(5000);
	end(lease_is(first), OUTCOME_RETRY);
	end(lease_is(first), OUTCOME_GIVE_BACK);
	lease_is(first);
	release(OWNER, first.text, "{}");
	lease_is(first);
	pass_ms(LEASE_MS);
	complete(lease_is(first));
	complete(lease_is(second));
}

static void tasks_of_ours_join_lines_by_their_messages(void)
{
	set_door("mail", true);
	struct id ids[3] = { push("mail"), push("mail"), push("mail") };
	send_all("mail");
	for (int i = 2; i >= 0; i--) /* the order of the messages is that of the line */
		CU_ASSERT_EQUAL(adopt_task("mail", ids[i].text, "a"), ADOPT_DONE);
	CU_ASSERT_EQUAL(adopt_task("mail", ids[0].text, "a"), ADOPT_KNOWN);
	CU_ASSERT_EQUAL(queue("mail").sent, 0);
	CU_ASSERT_EQUAL(queue("mail").depth, 3);
	for (int i = 2; i >= 0; i--) {
		end(lease_is(ids[i]), OUTCOME_RETRY);
		complete(lease_is(ids[i]));
	}
}

static void a_cancelled_task_lets_the_next_one_pass(void)
{
	struct id ids[4];
	for (int i = 0; i < 4; i++)
		ids[i] = join("a");
	const struct leased *held;
	CU_ASSERT_EQUAL_FATAL(lease_task_as(ids[1].text, &held), ERROR_NONE);
	end(held, OUTCOME_CANCELLED); /* out of turn: the first is still to come */
	CU_ASSERT_EQUAL_FATAL(lease_task_as(ids[0].text, &held), ERROR_NONE);
	CU_ASSERT_PTR_NULL(lease("mail"));
	end(held, OUTCOME_CANCELLED);
	complete(lease_is(ids[2]));
	complete(lease_is(ids[3]));
}

static void one_that_was_taken_out_of_turn_and_let_go_has_its_place_again(void)
{
	struct id ids[3] = { join("a"), join("a"), join("a") };
	const struct leased *held;
	CU_ASSERT_EQUAL_FATAL(lease_task_as(ids[1].text, &held), ERROR_NONE);
	complete(lease_is(ids[0]));
	CU_ASSERT_PTR_NULL(lease("mail")); /* its turn has come while it is held */
	release(OTHER, NULL, NULL);
	const struct leased *second = lease_is(ids[1]);
	CU_ASSERT_EQUAL_FATAL(lease_task_as(ids[2].text, &held), ERROR_NONE);
	release(OTHER, NULL, NULL);
	CU_ASSERT_PTR_NULL(lease("mail"));
	complete(second);
	complete(lease_is(ids[2]));
}

static void a_purge_takes_whole_lines(void)
{
	struct id first = join("a");
	for (int i = 0; i < 5; i++)
		join("a");
	const struct leased *held = lease_is(first);
	CU_ASSERT_EQUAL(purge("mail", false, 3), 3);
	CU_ASSERT_EQUAL(purge("mail", false, 100), 2);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
	struct id last = join("a");
	complete(held);
	complete(lease_is(last));
	struct id ids[2] = { join("b"), join("b") };
	CU_ASSERT_EQUAL(purge("mail", false, 1), 1);
	CU_ASSERT_EQUAL(exists(ids[0].text) + exists(ids[1].text), 1);
	CU_ASSERT_PTR_NOT_NULL(lease("mail")); /* whichever is left is first */
}

static void a_revived_task_stands_at_the_end_of_its_line(void)
{
	set_door("mail", true);
	struct id ids[3] = { join("a"), join("a"), join("a") };
	end(lease_is(ids[0]), OUTCOME_FAILED);
	const struct leased *held = lease_is(ids[1]);
	struct error err;
	check(store->ops->revive(store, ids[0].text, NULL, &err), &err);
	CU_ASSERT_EQUAL(queue("mail").unsent, 0);
	CU_ASSERT_PTR_NULL(lease("mail"));
	complete(held);
	complete(lease_is(ids[2]));
	complete(lease_is(ids[0]));
}

static void the_tasks_of_a_cancelled_job_leave_the_line(void)
{
	set_door("mail", true);
	struct id jobs[3] = { submit_one("mail"), submit_one("mail"), submit_one("mail") };
	send_all("mail");
	for (int i = 0; i < 3; i++)
		adopt_task("mail", child_id(jobs[i].text, 1).text, "a");
	struct error err;
	bool left = true;
	check(store->ops->cancel_job(store, jobs[0].text, &err), &err);
	check(store->ops->cancel_job(store, jobs[1].text, &err), &err);
	while (left)
		check(store->ops->end_cancelled(store, jobs[1].text, 1, &left, &err), &err);
	complete(lease_is(child_id(jobs[2].text, 1))); /* the first ends on the way */
	CU_ASSERT_EQUAL(count_of(jobs[0].text, "mail", TASK_CANCELLED), 1);
	ASSERT_JOB(jobs[2].text, JOB_COMPLETED);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
}

static void a_deleted_job_leaves_the_line(void)
{
	set_door("mail", true);
	struct id jobs[2] = { submit_one("mail"), submit_one("mail") };
	send_all("mail");
	for (int i = 0; i < 2; i++)
		adopt_task("mail", child_id(jobs[i].text, 1).text, "a");
	struct error err;
	check(store->ops->cancel_job(store, jobs[0].text, &err), &err);
	bool left = true;
	pass_ms(1000);
	for (int i = 0; left && i < 100; i++) {
		size_t deleted;
		check(store->ops->gc(store, -1, INT64_MAX, -1, 10, &deleted, &left, &err), &err);
	}
	complete(lease_is(child_id(jobs[1].text, 1)));
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
}

static void a_task_that_waits_for_its_gate_again_holds_up_nobody(void)
{
	set_door("mail", true);
	struct step step;
	step_begin(&step);
	step_gate(&step, 0, "sync")->queue = "mail";
	struct id id = submit(&step), gate_task = child_id(id.text, 1);
	adopt_task("mail", gate_task.text, "a");
	struct id behind = join("a");
	struct commit made = commit_of(lease_is(gate_task), OUTCOME_WAIT);
	made.gate_version = gate(id.text, 0, "sync")->version;
	commit(&made);
	ASSERT_STATE(gate_task.text, TASK_WAITING);
	complete(lease_is(behind));
}

static void a_long_line_is_worked_off_in_order(void)
{
	enum { MOST = 300 };
	const int many = suite_many(MOST, 60);
	struct id ids[MOST];
	for (int i = 0; i < many; i++)
		ids[i] = join(i % 2 ? "odd" : "even");
	for (int i = 0; i < many; i += 2) {
		struct lease_batch batch = lease_many("mail", 10);
		CU_ASSERT_EQUAL_FATAL(batch.count, 2);
		bool is_even_first = strcmp(batch.tasks[0].id, ids[i].text) == 0;
		CU_ASSERT_STRING_EQUAL(batch.tasks[!is_even_first].id, ids[i].text);
		CU_ASSERT_STRING_EQUAL(batch.tasks[is_even_first].id, ids[i + 1].text);
		complete(&batch.tasks[0]);
		complete(&batch.tasks[1]);
	}
	CU_ASSERT_EQUAL(queue("mail").completed, many);
}

static const struct suite_test tests[] = {
	SUITE_TEST(the_next_of_a_line_is_leased_when_the_first_has_ended),
	SUITE_TEST(lines_of_other_groups_and_queues_go_on),
	SUITE_TEST(a_retry_stays_first_and_holds_up_its_line),
	SUITE_TEST(tasks_of_ours_join_lines_by_their_messages),
	SUITE_TEST(a_cancelled_task_lets_the_next_one_pass),
	SUITE_TEST(one_that_was_taken_out_of_turn_and_let_go_has_its_place_again),
	SUITE_TEST(a_purge_takes_whole_lines),
	SUITE_TEST(a_revived_task_stands_at_the_end_of_its_line),
	SUITE_TEST(the_tasks_of_a_cancelled_job_leave_the_line),
	SUITE_TEST(a_deleted_job_leaves_the_line),
	SUITE_TEST(a_task_that_waits_for_its_gate_again_holds_up_nobody),
	SUITE_TEST(a_long_line_is_worked_off_in_order),
};
const struct contract_part contract_lines = { "lines", tests, ARRAY_SIZE(tests) };
