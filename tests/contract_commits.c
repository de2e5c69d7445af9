/* The contract of commits: once, by the right token, whole. */
#include "tests/contract.h"

static void an_end_is_kept_with_its_result(void)
{
	struct id id = push("mail");
	const struct leased *held = lease("mail");
	struct commit made = commit_of(held, OUTCOME_COMPLETED);
	made.result = "{\"sent\":true}";
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
	const struct task_record *record = task(id.text);
	CU_ASSERT_EQUAL(record->state, TASK_COMPLETED);
	CU_ASSERT_STRING_EQUAL(record->result, "{\"sent\":true}");
	CU_ASSERT_TRUE(record->finished_at_ms >= record->created_at_ms);
	CU_ASSERT_EQUAL(record->attempt, 1);
}

static void every_outcome_ends_in_its_own_state(void)
{
	static const enum task_state states[] = {
		[OUTCOME_COMPLETED] = TASK_COMPLETED,
		[OUTCOME_FAILED] = TASK_FAILED,
		[OUTCOME_INVALID] = TASK_INVALID,
		[OUTCOME_SKIPPED] = TASK_SKIPPED,
		[OUTCOME_CANCELLED] = TASK_CANCELLED,
	};
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct id pushed = push("mail");
		struct commit made = commit_of(lease("mail"), (enum outcome)i);
		made.reason = "because";
		CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
		ASSERT_STATE(pushed.text, states[i]);
		CU_ASSERT_STRING_EQUAL(task(pushed.text)->reason, "because");
		struct id job_id = submit_one("row");
		CU_ASSERT_TRUE(end(lease("row"), (enum outcome)i).job_ended);
		CU_ASSERT_EQUAL(count_of(job_id.text, "row", states[i]), 1);
	}
}

static void a_repeated_commit_is_told_so_and_changes_nothing(void)
{
	struct id id = submit_one("first");
	const struct leased *held = lease("first");
	for (int i = 0; i < 3; i++) {
		struct step step;
		step_begin(&step);
		step_child(&step, "second");
		struct commit_result result = commit_step(held, OUTCOME_COMPLETED, &step);
		CU_ASSERT_EQUAL(result.answer, i == 0 ? COMMIT_DONE : COMMIT_REPEATED);
	}
	CU_ASSERT_EQUAL(count_of(id.text, "first", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "second", TASK_QUEUED), 1);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 2);
	CU_ASSERT_EQUAL(queue("first").completed, 1);
}

static void a_commit_is_known_again_after_a_retry(void)
{
	struct id id = push("mail");
	const struct leased *first = lease("mail");
	CU_ASSERT_EQUAL(end(first, OUTCOME_RETRY).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(end(first, OUTCOME_RETRY).answer, COMMIT_REPEATED);
	const struct leased *second = lease_as(OTHER, "mail", LEASE_MS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	CU_ASSERT_EQUAL(end(first, OUTCOME_RETRY).answer, COMMIT_REPEATED);
	ASSERT_STATE(id.text, TASK_WORKING);
	CU_ASSERT_EQUAL(complete(second).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(end(first, OUTCOME_RETRY).answer, COMMIT_REPEATED);
	ASSERT_STATE(id.text, TASK_COMPLETED);
}

static void a_commit_is_known_again_after_it_gave_back(void)
{
	push("mail");
	const struct leased *first = lease("mail");
	CU_ASSERT_EQUAL(end(first, OUTCOME_GIVE_BACK).answer, COMMIT_DONE);
	const struct leased *second = lease("mail");
	CU_ASSERT_EQUAL(end(first, OUTCOME_GIVE_BACK).answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL(complete(second).answer, COMMIT_DONE);
}

static void a_token_that_never_committed_is_stale(void)
{
	struct id id = push("mail");
	const struct leased *first = lease("mail");
	release(OWNER, NULL, NULL);
	CU_ASSERT_EQUAL(complete(first).answer, COMMIT_STALE);
	ASSERT_STATE(id.text, TASK_QUEUED);
	CU_ASSERT_EQUAL(complete(lease("mail")).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(complete(first).answer, COMMIT_STALE);
	struct leased nobody = *first;
	strcpy(nobody.id, "nobody");
	CU_ASSERT_EQUAL(complete(&nobody).answer, COMMIT_STALE);
}

static void a_retry_waits_for_its_delay_and_keeps_what_is_spent(void)
{
	struct id id = push("mail");
	struct commit made = commit_of(lease("mail"), OUTCOME_RETRY);
	made.delay_ms = 5000;
	made.failures = 2;
	made.crashes = 1;
	commit(&made);
	CU_ASSERT_PTR_NULL(lease("mail"));
	ASSERT_STATE(id.text, TASK_QUEUED);
	pass_ms(5000);
	const struct leased *next = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_EQUAL(next->token.attempt, 2);
	CU_ASSERT_EQUAL(next->failures, 2);
	CU_ASSERT_EQUAL(next->crashes, 1);
	CU_ASSERT_EQUAL(next->losses, 0);
}

static void what_is_given_back_goes_first_and_costs_nothing(void)
{
	struct id first = push("mail");
	push("mail");
	struct id high = push_as((struct push){ .queue = "mail", .priority = 1 });
	const struct leased *urgent = lease("mail");
	const struct leased *held = lease("mail");
	CU_ASSERT_STRING_EQUAL(held->id, first.text);
	end(held, OUTCOME_GIVE_BACK);
	end(urgent, OUTCOME_GIVE_BACK);
	CU_ASSERT_STRING_EQUAL(lease("mail")->id, high.text);
	const struct leased *next = lease("mail");
	CU_ASSERT_STRING_EQUAL(next->id, first.text);
	CU_ASSERT_EQUAL(next->failures + next->crashes + next->losses, 0);
	struct commit made = commit_of(next, OUTCOME_GIVE_BACK);
	made.losses = 1;
	commit(&made);
	CU_ASSERT_EQUAL(task(first.text)->losses, 1);
}

static void the_trace_keeps_entries_and_output_oldest_first(void)
{
	static const char *const entries[] = { "{\"n\":1}", "{\"n\":2}", "{\"n\":3}" };
	struct id id = push("mail");
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct commit made = commit_of(lease("mail"), OUTCOME_RETRY);
		made.entry = entries[i];
		made.output = i == 1 ? "hello\n" : NULL;
		commit(&made);
	}
	CU_ASSERT_EQUAL(complete(lease("mail")).answer, COMMIT_DONE);
	const struct attempt_list *list = attempts(id.text);
	CU_ASSERT_EQUAL_FATAL(list->count, 3);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(list->rows[i].attempt, i + 1);
		CU_ASSERT_STRING_EQUAL(list->rows[i].entry, entries[i]);
	}
	CU_ASSERT_PTR_NULL(list->rows[0].output);
	CU_ASSERT_STRING_EQUAL(list->rows[1].output, "hello\n");
}

static void a_commit_leases_the_next_in_the_same_act(void)
{
	submit_one("row");
	const struct leased *held = lease("row");
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_ended(&step, "row", OUTCOME_COMPLETED);
	struct commit made = commit_of(held, OUTCOME_COMPLETED);
	made.effects = step.effects;
	const char *name = "row";
	struct lease_request next = {
		.queues = &name, .queue_count = 1, .owner = OWNER, .lease_ms = LEASE_MS, .max = 1
	};
	struct commit_result result;
	struct lease_batch batch;
	struct error err;
	check(store->ops->commit(store, &made, 1, &result, &next, &batch, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_EQUAL(batch.tasks[0].seq, 2);
	lease_batch_finish(&batch);
	check(store->ops->commit(store, &made, 1, &result, &next, &batch, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL(batch.count, 0);
	lease_batch_finish(&batch);
}

static void a_batch_of_commits_answers_each(void)
{
	for (int i = 0; i < 3; i++)
		push("mail");
	struct lease_batch held = lease_many("mail", 3);
	CU_ASSERT_EQUAL_FATAL(held.count, 3);
	complete(&held.tasks[0]);
	struct commit made[3];
	for (size_t i = 0; i < 3; i++)
		made[i] = commit_of(&held.tasks[i], OUTCOME_COMPLETED);
	made[2].token.nonce++;
	struct commit_result results[3];
	struct error err;
	check(store->ops->commit(store, made, 3, results, NULL, NULL, &err), &err);
	CU_ASSERT_EQUAL(results[0].answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL(results[1].answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(results[2].answer, COMMIT_STALE);
	ASSERT_STATE(held.tasks[2].id, TASK_WORKING);
}

static void a_task_that_waits_for_nothing_cannot_wait_and_its_batch_is_undone(void)
{
	struct id first = push("mail");
	struct id second = push("mail");
	struct lease_batch held = lease_many("mail", 2);
	CU_ASSERT_EQUAL_FATAL(held.count, 2);
	struct commit made[2] = { commit_of(&held.tasks[0], OUTCOME_COMPLETED),
		commit_of(&held.tasks[1], OUTCOME_WAIT) };
	struct commit_result results[2];
	struct error err = { 0 };
	CU_ASSERT_FALSE(store->ops->commit(store, made, 2, results, NULL, NULL, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	ASSERT_STATE(first.text, TASK_WORKING);
	ASSERT_STATE(second.text, TASK_WORKING);
}

static const struct suite_test tests[] = {
	SUITE_TEST(an_end_is_kept_with_its_result),
	SUITE_TEST(every_outcome_ends_in_its_own_state),
	SUITE_TEST(a_repeated_commit_is_told_so_and_changes_nothing),
	SUITE_TEST(a_commit_is_known_again_after_a_retry),
	SUITE_TEST(a_commit_is_known_again_after_it_gave_back),
	SUITE_TEST(a_token_that_never_committed_is_stale),
	SUITE_TEST(a_retry_waits_for_its_delay_and_keeps_what_is_spent),
	SUITE_TEST(what_is_given_back_goes_first_and_costs_nothing),
	SUITE_TEST(the_trace_keeps_entries_and_output_oldest_first),
	SUITE_TEST(a_commit_leases_the_next_in_the_same_act),
	SUITE_TEST(a_batch_of_commits_answers_each),
	SUITE_TEST(a_task_that_waits_for_nothing_cannot_wait_and_its_batch_is_undone),
};
const struct contract_part contract_commits = { "commits", tests, ARRAY_SIZE(tests) };
