/* The contract of what people do to jobs and tasks: cancel and revive. */
#include "tests/contract.h"

static enum error_kind cancel_job(const char *id)
{
	struct error err = { 0 };
	store->ops->cancel_job(store, id, &err);
	return err.kind;
}

static enum error_kind cancel_task(const char *id)
{
	struct error err = { 0 };
	store->ops->cancel_task(store, id, &err);
	return err.kind;
}

static bool end_page(const char *id, size_t limit)
{
	bool left;
	struct error err;
	check(store->ops->end_cancelled(store, id, limit, &left, &err), &err);
	return left;
}

/* As a whole, which finishes it where nothing works. */
static void cancel_wholly(const char *id)
{
	cancel_job(id);
	while (end_page(id, 10))
		;
}

static enum error_kind revive(const char *id, const struct step *step)
{
	struct error err = { 0 };
	store->ops->revive(store, id, &step->effects, &err);
	return err.kind;
}

/* The effects of reviving a task that was in the state. */
static void step_revived(struct step *step, const char *name, enum task_state was)
{
	step_begin(step);
	struct tally add = { 0 };
	add.failed = was == TASK_FAILED ? -1 : 0;
	add.invalid = was == TASK_INVALID ? -1 : 0;
	add.cancelled = was == TASK_CANCELLED ? -1 : 0;
	if (name)
		step_tally(step, 0, name, add);
}

static struct id submit_rows(int count)
{
	struct step step;
	step_begin(&step);
	for (int i = 0; i < count; i++)
		step_child(&step, "row");
	return submit(&step);
}

static void a_cancelled_job_runs_nothing_more(void)
{
	struct id id = submit_rows(3);
	CU_ASSERT_EQUAL(cancel_job(id.text), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_CANCELLED);
	CU_ASSERT_PTR_NULL(lease("row"));
	const struct leased *held;
	struct id first = child_id(id.text, 1);
	CU_ASSERT_EQUAL(lease_task_as(first.text, &held), ERROR_CONFLICT);
	CU_ASSERT_FALSE(end_page(id.text, 10));
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
}

static void a_lease_passes_over_the_tasks_of_a_cancelled_job(void)
{
	struct id cancelled = submit_rows(5);
	struct id live = submit_rows(1);
	cancel_job(cancelled.text);
	const struct leased *held = lease("row");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->job_id, live.text);
	end_page(cancelled.text, 5);
	ASSERT_STATE(child_id(cancelled.text, 1).text, TASK_CANCELLED);
}

static void the_tasks_of_a_cancelled_job_end_in_pages(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 20);
	complete_spawning(held, "row", 20);
	complete(lease("row"));
	cancel_job(id.text);
	CU_ASSERT_TRUE(end_page(id.text, 3));
	for (int i = 0; i < 20 && end_page(id.text, 3); i++)
		;
	CU_ASSERT_FALSE(end_page(id.text, 3));
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_CANCELLED), 19);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 0);
	CU_ASSERT_EQUAL(queue("row").depth, 0);
	CU_ASSERT_TRUE(task(child_id(id.text, 21).text)->finished_at_ms > 0);
}

static void waiting_tasks_of_a_cancelled_job_end_too(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 1000;
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	cancel_job(id.text);
	while (end_page(id.text, 1))
		;
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_CANCELLED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 0);
	pass_ms(1000);
	CU_ASSERT_EQUAL(sweep(100).due, 0);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void a_working_task_hears_of_the_cancelled_job_and_still_holds(void)
{
	struct id id = submit_rows(1);
	const struct leased *held = lease("row");
	CU_ASSERT_EQUAL(renew(held), RENEWED);
	cancel_job(id.text);
	CU_ASSERT_EQUAL(renew(held), RENEW_CANCELLED);
	pass_ms(LEASE_MS - 1000);
	CU_ASSERT_EQUAL(renew(held), RENEW_CANCELLED);
	pass_ms(LEASE_MS - 1000);
	sweep(100);
	ASSERT_STATE(held->id, TASK_WORKING);
	struct lease_batch mine = held_by(OWNER);
	CU_ASSERT_EQUAL_FATAL(mine.count, 1);
	CU_ASSERT_TRUE(mine.tasks[0].is_cancelled);
}

static void a_commit_in_a_cancelled_job_is_recorded_without_births(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 3);
	cancel_wholly(id.text);
	ASSERT_JOB(id.text, JOB_CANCELLED);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	struct step step;
	step_begin(&step);
	step_child(&step, "next");
	step_tally(&step, 0, "row", (struct tally){ .born = 3 });
	struct commit_result result = commit_step(held, OUTCOME_COMPLETED, &step);
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	CU_ASSERT_TRUE(result.job_ended);
	ASSERT_STATE(held->id, TASK_COMPLETED);
	ASSERT_JOB(id.text, JOB_CANCELLED);
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 1);
	CU_ASSERT_EQUAL(count_of(id.text, "split", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 0);
	CU_ASSERT_EQUAL(queue("row").depth + queue("next").depth, 0);
}

static void what_comes_back_to_a_cancelled_job_ends_cancelled(void)
{
	struct id id = submit_rows(4);
	struct lease_batch held = lease_many("row", 4);
	CU_ASSERT_EQUAL_FATAL(held.count, 4);
	cancel_wholly(id.text);
	end(&held.tasks[0], OUTCOME_RETRY);
	end(&held.tasks[1], OUTCOME_GIVE_BACK);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	pass_ms(LEASE_MS + 1);
	CU_ASSERT_EQUAL(sweep(1).released, 1);
	release(OWNER, NULL, NULL);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_CANCELLED), 4);
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
	CU_ASSERT_PTR_NULL(lease("row"));
}

static void cancelling_again_changes_nothing_and_an_ended_job_refuses(void)
{
	struct id id = submit_rows(1);
	CU_ASSERT_EQUAL(cancel_job(id.text), ERROR_NONE);
	CU_ASSERT_EQUAL(cancel_job(id.text), ERROR_NONE);
	while (end_page(id.text, 10))
		;
	CU_ASSERT_EQUAL(cancel_job(id.text), ERROR_NONE);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_CANCELLED), 1);
	struct id done = submit_rows(1);
	complete(lease("row"));
	CU_ASSERT_EQUAL(cancel_job(done.text), ERROR_CONFLICT);
	ASSERT_JOB(done.text, JOB_COMPLETED);
	CU_ASSERT_EQUAL(cancel_job(new_id().text), ERROR_NOT_FOUND);
}

static void a_failed_job_that_still_runs_can_be_cancelled(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "bad");
	step_child(&step, "row");
	struct id id = submit(&step);
	step_begin(&step);
	step.effects.job_failure = "why";
	commit_step(lease("bad"), OUTCOME_FAILED, &step);
	CU_ASSERT_EQUAL(cancel_job(id.text), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_CANCELLED);
	CU_ASSERT_PTR_NULL(lease("row"));
}

static void the_key_of_a_cancelled_job_is_free_again(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	struct id first = submit_key(&step, "key");
	cancel_wholly(first.text);
	struct id second = submit_key(&step, "key");
	CU_ASSERT_STRING_NOT_EQUAL(second.text, first.text);
}

static void a_flagged_task_hears_of_it_even_after_its_worker_died(void)
{
	struct id id = push("mail");
	CU_ASSERT_EQUAL(cancel_task(id.text), ERROR_CONFLICT);
	const struct leased *held = lease("mail");
	CU_ASSERT_EQUAL(cancel_task(id.text), ERROR_NONE);
	CU_ASSERT_EQUAL(cancel_task(id.text), ERROR_NONE);
	CU_ASSERT_EQUAL(renew(held), RENEW_CANCELLED);
	release(OWNER, NULL, NULL);
	const struct leased *next = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_TRUE(next->is_cancelled);
	end(next, OUTCOME_CANCELLED);
	ASSERT_STATE(id.text, TASK_CANCELLED);
	CU_ASSERT_EQUAL(cancel_task(id.text), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(cancel_task("nobody"), ERROR_NOT_FOUND);
}

static void a_failed_task_is_revived_and_its_job_runs_again(void)
{
	struct id id = submit_one("row");
	struct commit made = commit_of(lease("row"), OUTCOME_FAILED);
	struct step step;
	step_begin(&step);
	step_ended(&step, "row", OUTCOME_FAILED);
	step.effects.job_failure = "row failed";
	made.effects = step.effects;
	made.failures = 3;
	made.crashes = 2;
	made.reason = "row failed";
	CU_ASSERT_TRUE(commit(&made).job_ended);
	struct id row = child_id(id.text, 1);
	CU_ASSERT_EQUAL(queue("row").dead, 1);
	step_revived(&step, "row", TASK_FAILED);
	CU_ASSERT_EQUAL(revive(row.text, &step), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_RUNNING);
	CU_ASSERT_PTR_NULL(job(id.text)->reason);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 1);
	CU_ASSERT_EQUAL(queue("row").dead, 0);
	const struct leased *held = lease("row");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_EQUAL(held->token.attempt, 2);
	CU_ASSERT_EQUAL(held->failures + held->crashes + held->losses, 0);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_REPEATED);
	CU_ASSERT_TRUE(complete(held).job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
	CU_ASSERT_PTR_NULL(task(row.text)->reason);
}

static void reviving_again_is_refused_and_counts_once(void)
{
	struct id id = submit_one("row");
	end(lease("row"), OUTCOME_INVALID);
	struct id row = child_id(id.text, 1);
	struct step step;
	step_revived(&step, "row", TASK_INVALID);
	CU_ASSERT_EQUAL(revive(row.text, &step), ERROR_NONE);
	CU_ASSERT_EQUAL(revive(row.text, &step), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_INVALID), 0);
	complete(lease("row"));
	CU_ASSERT_EQUAL(revive(row.text, &step), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(revive("nobody", &step), ERROR_NOT_FOUND);
}

static void a_revived_producer_closes_its_gate_again(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "bad");
	step_child(&step, "good");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 2);
	struct id id = submit(&step);
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("bad"), OUTCOME_FAILED, &step);
	step_revived(&step, "bad", TASK_FAILED);
	step_counter(&step, 0, "sync", 1);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 1).text, &step), ERROR_NONE);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->pending, 2);
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("good"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_PTR_NULL(lease("sync"));
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("bad"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_revived_gate_gets_its_time_again(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 1000;
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	pass_ms(1000);
	const struct leased *timed_out = lease("sync");
	end(timed_out, OUTCOME_FAILED);
	pass_ms(5000);
	step_revived(&step, "sync", TASK_FAILED);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 2).text, &step), ERROR_NONE);
	const struct leased *held = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_TRUE(held->wait_until_ms >= timed_out->wait_until_ms + 5000);
}

static void a_revived_task_is_no_longer_cancelled(void)
{
	struct id id = push("mail");
	const struct leased *held = lease("mail");
	cancel_task(id.text);
	end(held, OUTCOME_CANCELLED);
	struct step step;
	step_revived(&step, NULL, TASK_CANCELLED);
	CU_ASSERT_EQUAL(revive(id.text, &step), ERROR_NONE);
	const struct leased *next = lease("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_FALSE(next->is_cancelled);
	CU_ASSERT_EQUAL(renew(next), RENEWED);
}

static void a_job_stays_failed_until_each_task_that_failed_it_is_revived(void)
{
	struct id id = submit_rows(2);
	for (int i = 0; i < 2; i++) {
		struct step step;
		step_begin(&step);
		step.effects.job_failure = "row failed";
		commit_step(lease("row"), OUTCOME_FAILED, &step);
	}
	struct step step;
	step_revived(&step, "row", TASK_FAILED);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 1).text, &step), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_FAILED);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	CU_ASSERT_STRING_EQUAL(job(id.text)->reason, "row failed");
	CU_ASSERT_TRUE(complete(lease("row")).job_ended);
	ASSERT_JOB(id.text, JOB_FAILED);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 2).text, &step), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_RUNNING);
	CU_ASSERT_PTR_NULL(job(id.text)->reason);
	CU_ASSERT_TRUE(complete(lease("row")).job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void a_gate_that_failed_its_job_does_not_keep_it_failed(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	step.effects.job_failure = "row failed";
	commit_step(lease("row"), OUTCOME_FAILED, &step);
	struct commit judged = commit_of(lease("sync"), OUTCOME_WAIT);
	judged.gate_version = gate(id.text, 0, "sync")->version;
	judged.effects = (struct effects){ .job_failure = "sync can't open" };
	CU_ASSERT_TRUE(commit(&judged).job_ended);
	ASSERT_JOB(id.text, JOB_FAILED);
	step_revived(&step, "row", TASK_FAILED);
	step_counter(&step, 0, "sync", 1);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 1).text, &step), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_RUNNING);
	CU_ASSERT_PTR_NULL(job(id.text)->reason);
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("row"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_TRUE(complete(lease("sync")).job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void pushed_tasks_are_revived_unless_their_key_is_taken(void)
{
	struct id first = push_as((struct push){ .queue = "mail", .key = "key" });
	end(lease("mail"), OUTCOME_FAILED);
	struct id second = push_as((struct push){ .queue = "mail", .key = "key" });
	struct step step;
	step_revived(&step, NULL, TASK_FAILED);
	CU_ASSERT_EQUAL(revive(first.text, &step), ERROR_CONFLICT);
	ASSERT_STATE(first.text, TASK_FAILED);
	complete(lease("mail"));
	CU_ASSERT_EQUAL(revive(first.text, &step), ERROR_NONE);
	struct id third = push_as((struct push){ .queue = "mail", .key = "key" });
	CU_ASSERT_STRING_EQUAL(third.text, first.text);
	CU_ASSERT_STRING_NOT_EQUAL(third.text, second.text);
	CU_ASSERT_STRING_EQUAL(lease("mail")->id, first.text);
}

static void a_job_whose_key_is_taken_again_is_not_revived(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	struct id first = submit_key(&step, "key");
	end(lease("row"), OUTCOME_FAILED);
	submit_key(&step, "key");
	step_revived(&step, "row", TASK_FAILED);
	CU_ASSERT_EQUAL(revive(child_id(first.text, 1).text, &step), ERROR_CONFLICT);
	complete(lease("row"));
	CU_ASSERT_EQUAL(revive(child_id(first.text, 1).text, &step), ERROR_NONE);
	step_begin(&step);
	step_child(&step, "row");
	struct id third = submit_key(&step, "key");
	CU_ASSERT_STRING_EQUAL(third.text, first.text);
}

static void nothing_of_a_cancelled_job_is_revived(void)
{
	struct id id = submit_rows(2);
	end(lease("row"), OUTCOME_FAILED);
	cancel_job(id.text);
	while (end_page(id.text, 10))
		;
	struct step step;
	step_revived(&step, "row", TASK_FAILED);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 1).text, &step), ERROR_CONFLICT);
	step_revived(&step, "row", TASK_CANCELLED);
	CU_ASSERT_EQUAL(revive(child_id(id.text, 2).text, &step), ERROR_CONFLICT);
	ASSERT_JOB(id.text, JOB_CANCELLED);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_CANCELLED), 1);
}

/* Where rings come from a server nobody listens here; the stories see that they arrive. */
static void whoever_works_is_rung_when_something_is_cancelled(void)
{
	struct error err;
	struct id id = submit_one("row"), pushed = push("mail");
	CU_ASSERT_PTR_NOT_NULL_FATAL(lease("row"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(lease("mail"));
	uint32_t before = store->ops->cancel_bell(store);
	CU_ASSERT_EQUAL(store->ops->cancel_bell(store), before);
	check(store->ops->cancel_job(store, id.text, &err), &err);
	uint32_t between = store->ops->cancel_bell(store);
	check(store->ops->cancel_task(store, pushed.text, &err), &err);
	CU_ASSERT_TRUE(!contract_rings_here() || between != before);
	CU_ASSERT_TRUE(!contract_rings_here() || store->ops->cancel_bell(store) != between);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_cancelled_job_runs_nothing_more),
	SUITE_TEST(whoever_works_is_rung_when_something_is_cancelled),
	SUITE_TEST(a_lease_passes_over_the_tasks_of_a_cancelled_job),
	SUITE_TEST(the_tasks_of_a_cancelled_job_end_in_pages),
	SUITE_TEST(waiting_tasks_of_a_cancelled_job_end_too),
	SUITE_TEST(a_working_task_hears_of_the_cancelled_job_and_still_holds),
	SUITE_TEST(a_commit_in_a_cancelled_job_is_recorded_without_births),
	SUITE_TEST(what_comes_back_to_a_cancelled_job_ends_cancelled),
	SUITE_TEST(cancelling_again_changes_nothing_and_an_ended_job_refuses),
	SUITE_TEST(a_failed_job_that_still_runs_can_be_cancelled),
	SUITE_TEST(the_key_of_a_cancelled_job_is_free_again),
	SUITE_TEST(a_flagged_task_hears_of_it_even_after_its_worker_died),
	SUITE_TEST(a_failed_task_is_revived_and_its_job_runs_again),
	SUITE_TEST(reviving_again_is_refused_and_counts_once),
	SUITE_TEST(a_revived_producer_closes_its_gate_again),
	SUITE_TEST(a_revived_gate_gets_its_time_again),
	SUITE_TEST(a_revived_task_is_no_longer_cancelled),
	SUITE_TEST(a_job_stays_failed_until_each_task_that_failed_it_is_revived),
	SUITE_TEST(a_gate_that_failed_its_job_does_not_keep_it_failed),
	SUITE_TEST(pushed_tasks_are_revived_unless_their_key_is_taken),
	SUITE_TEST(a_job_whose_key_is_taken_again_is_not_revived),
	SUITE_TEST(nothing_of_a_cancelled_job_is_revived),
};
const struct contract_part contract_cancel = { "cancel", tests, ARRAY_SIZE(tests) };
