/* The contract of jobs: how they come in, what ends them, how they run again. */
#include "tests/contract.h"

static void a_job_of_one_task_ends_with_it(void)
{
	struct id id = submit_one("row");
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 1);
	const struct leased *held = lease("row");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->job_id, id.text);
	CU_ASSERT_EQUAL(held->seq, 1);
	CU_ASSERT_EQUAL(held->parent, 0);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_WORKING), 1);
	struct commit_result result = complete(held);
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	CU_ASSERT_TRUE(result.job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
	CU_ASSERT_PTR_NULL(job(id.text)->reason);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 0);
}

static void a_job_with_a_step_to_come_goes_on(void)
{
	struct id id = submit_one("first");
	struct step step;
	step_begin(&step);
	step_child(&step, "second");
	struct commit_result result = commit_step(lease("first"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_TRUE(result.may_have_woken);
	CU_ASSERT_FALSE(result.job_ended);
	ASSERT_JOB(id.text, JOB_RUNNING);
	const struct leased *second = lease("second");
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	CU_ASSERT_EQUAL(second->seq, 2);
	CU_ASSERT_EQUAL(second->parent, 1);
	CU_ASSERT_TRUE(complete(second).job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void a_job_keeps_what_it_was_submitted_with(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "b");
	step_child(&step, "a");
	step_child(&step, "b");
	struct id id = submit_key(&step, "key");
	const struct job_record *record = job(id.text);
	CU_ASSERT_STRING_EQUAL(record->id, id.text);
	CU_ASSERT_STRING_EQUAL(record->workflow, "flow");
	CU_ASSERT_STRING_EQUAL(record->workflow_hash, "hash");
	CU_ASSERT_STRING_EQUAL(record->payload, "{\"a\":1}");
	CU_ASSERT_STRING_EQUAL(record->key, "key");
	CU_ASSERT_EQUAL(record->state, JOB_RUNNING);
	CU_ASSERT_TRUE(record->created_at_ms > 0);
	CU_ASSERT_EQUAL(record->finished_at_ms, 0);
	CU_ASSERT_EQUAL_FATAL(record->name_count, 2);
	CU_ASSERT_STRING_EQUAL(record->names[0].name, "b");
	CU_ASSERT_EQUAL(record->names[0].states[TASK_QUEUED], 2);
	CU_ASSERT_STRING_EQUAL(record->names[1].name, "a");
}

static void a_job_submitted_twice_is_there_once(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	struct id id = new_id(), answered;
	struct submission submission = { .id = id.text,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = step.effects };
	struct error err;
	for (int i = 0; i < 2; i++) {
		check(store->ops->submit(store, &submission, answered.text, &err), &err);
		CU_ASSERT_STRING_EQUAL(answered.text, id.text);
	}
	CU_ASSERT_EQUAL(queue("row").depth, 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 1);
	complete(lease("row"));
	check(store->ops->submit(store, &submission, answered.text, &err), &err);
	ASSERT_JOB(id.text, JOB_COMPLETED);
	CU_ASSERT_EQUAL(queue("row").depth, 0);
}

static void a_key_is_answered_with_the_unfinished_job_that_has_it(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	struct id first = submit_key(&step, "key");
	struct id second = submit_key(&step, "key");
	struct id other = submit_key(&step, "other");
	CU_ASSERT_STRING_EQUAL(second.text, first.text);
	CU_ASSERT_STRING_NOT_EQUAL(other.text, first.text);
	CU_ASSERT_EQUAL(queue("row").depth, 2);
	complete(lease("row"));
	struct id third = submit_key(&step, "key");
	CU_ASSERT_STRING_NOT_EQUAL(third.text, first.text);
}

static void a_key_holds_for_one_workflow(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	struct id first = submit_key(&step, "key");
	struct id id = new_id(), answered;
	struct submission submission = { .id = id.text,
		.workflow = "another",
		.workflow_hash = "hash",
		.payload = "{}",
		.key = "key",
		.effects = step.effects };
	struct error err;
	check(store->ops->submit(store, &submission, answered.text, &err), &err);
	CU_ASSERT_STRING_EQUAL(answered.text, id.text);
	CU_ASSERT_STRING_NOT_EQUAL(answered.text, first.text);
}

static void a_push_with_the_key_of_an_unfinished_one_is_that_one(void)
{
	struct id first = push_as((struct push){ .queue = "mail", .key = "key" });
	struct id second = push_as((struct push){ .queue = "mail", .key = "key" });
	struct id other = push_as((struct push){ .queue = "other", .key = "key" });
	CU_ASSERT_STRING_EQUAL(second.text, first.text);
	CU_ASSERT_STRING_NOT_EQUAL(other.text, first.text);
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	const struct leased *held = lease("mail");
	struct id third = push_as((struct push){ .queue = "mail", .key = "key" });
	CU_ASSERT_STRING_EQUAL(third.text, first.text);
	complete(held);
	struct id fourth = push_as((struct push){ .queue = "mail", .key = "key" });
	CU_ASSERT_STRING_NOT_EQUAL(fourth.text, first.text);
}

static void a_task_pushed_twice_is_there_once(void)
{
	push_as((struct push){ .id = "message-1", .queue = "mail" });
	push_as((struct push){ .id = "message-1", .queue = "mail" });
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	complete(lease("mail"));
	push_as((struct push){ .id = "message-1", .queue = "mail" });
	CU_ASSERT_PTR_NULL(lease("mail"));
	ASSERT_STATE("message-1", TASK_COMPLETED);
}

static void many_are_pushed_in_one_act(void)
{
	const struct push pushes[] = {
		{ .id = "a", .name = "mail", .queue = "mail", .payload = "1", .key = "key" },
		{ .id = "b", .name = "mail", .queue = "mail", .payload = "2", .key = "key" },
		{ .id = "c", .name = "mail", .queue = "mail", .payload = "3" },
	};
	char ids[3][STORE_ID_SIZE];
	struct error err;
	check(store->ops->push(store, pushes, 3, ids, &err), &err);
	CU_ASSERT_STRING_EQUAL(ids[0], "a");
	CU_ASSERT_STRING_EQUAL(ids[1], "a");
	CU_ASSERT_STRING_EQUAL(ids[2], "c");
	CU_ASSERT_EQUAL(queue("mail").depth, 2);
	check(store->ops->push(store, pushes, 3, NULL, &err), &err);
	CU_ASSERT_EQUAL(queue("mail").depth, 2);
}

static void an_id_that_is_too_long_or_empty_is_refused(void)
{
	char id[STORE_ID_SIZE + 1];
	memset(id, 'x', STORE_ID_SIZE);
	id[STORE_ID_SIZE] = '\0';
	struct push pushes[] = {
		{ .id = "good", .name = "mail", .queue = "mail", .payload = "1" },
		{ .id = id, .name = "mail", .queue = "mail", .payload = "1" },
	};
	struct error err = { 0 };
	CU_ASSERT_FALSE(store->ops->push(store, pushes, 2, NULL, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	pushes[1].id = "";
	CU_ASSERT_FALSE(store->ops->push(store, pushes, 2, NULL, &err));
	CU_ASSERT_FALSE(exists("good"));
	id[STORE_ID_SIZE - 1] = '\0';
	push_as((struct push){ .id = id, .queue = "mail" });
	CU_ASSERT_STRING_EQUAL(lease("mail")->id, id);
}

static void a_job_without_tasks_completes_at_once(void)
{
	struct step step;
	step_begin(&step);
	struct id id = submit(&step);
	ASSERT_JOB(id.text, JOB_COMPLETED);
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
}

static void a_job_in_which_only_waiting_is_left_fails_with_a_reason(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 1000;
	step_counter(&step, 0, "sync", 5);
	struct id id = submit(&step);
	CU_ASSERT_TRUE(complete(lease("row")).job_ended);
	ASSERT_JOB(id.text, JOB_FAILED);
	CU_ASSERT_PTR_NOT_NULL(job(id.text)->reason);
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 1);
	pass_ms(1000);
	sweep(100);
	CU_ASSERT_PTR_NULL(lease("sync"));
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 1);
}

static void a_failure_fails_the_job_while_its_other_branches_go_on(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "bad");
	step_child(&step, "good");
	struct id id = submit(&step);
	step_begin(&step);
	step.effects.job_failure = "bad failed: why";
	CU_ASSERT_FALSE(commit_step(lease("bad"), OUTCOME_FAILED, &step).job_ended);
	ASSERT_JOB(id.text, JOB_FAILED);
	CU_ASSERT_STRING_EQUAL(job(id.text)->reason, "bad failed: why");
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	step_begin(&step);
	step_child(&step, "after");
	step.effects.job_failure = "a second reason";
	CU_ASSERT_FALSE(commit_step(lease("good"), OUTCOME_COMPLETED, &step).job_ended);
	CU_ASSERT_TRUE(complete(lease("after")).job_ended);
	ASSERT_JOB(id.text, JOB_FAILED);
	CU_ASSERT_STRING_EQUAL(job(id.text)->reason, "bad failed: why");
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
}

static void the_counts_of_a_job_follow_its_tasks(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 6);
	complete_spawning(held, "row", 6);
	end(lease("row"), OUTCOME_COMPLETED);
	end(lease("row"), OUTCOME_FAILED);
	end(lease("row"), OUTCOME_SKIPPED);
	end(lease("row"), OUTCOME_RETRY);
	lease("row");
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_FAILED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_SKIPPED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_WORKING), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 2);
	release(OWNER, NULL, NULL);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 3);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_job_of_one_task_ends_with_it),
	SUITE_TEST(a_job_with_a_step_to_come_goes_on),
	SUITE_TEST(a_job_keeps_what_it_was_submitted_with),
	SUITE_TEST(a_job_submitted_twice_is_there_once),
	SUITE_TEST(a_key_is_answered_with_the_unfinished_job_that_has_it),
	SUITE_TEST(a_key_holds_for_one_workflow),
	SUITE_TEST(a_push_with_the_key_of_an_unfinished_one_is_that_one),
	SUITE_TEST(a_task_pushed_twice_is_there_once),
	SUITE_TEST(many_are_pushed_in_one_act),
	SUITE_TEST(an_id_that_is_too_long_or_empty_is_refused),
	SUITE_TEST(a_job_without_tasks_completes_at_once),
	SUITE_TEST(a_job_in_which_only_waiting_is_left_fails_with_a_reason),
	SUITE_TEST(a_failure_fails_the_job_while_its_other_branches_go_on),
	SUITE_TEST(the_counts_of_a_job_follow_its_tasks),
};
const struct contract_part contract_jobs = { "jobs", tests, ARRAY_SIZE(tests) };
