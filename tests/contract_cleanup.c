/* The contract of what is deleted: purge and gc. */
#include "tests/contract.h"

#include "base/clock.h"

struct cut {
	int64_t completed_ms, failed_ms, results_ms;
	size_t limit;
};

static size_t gc_page(struct cut cut, bool *left)
{
	size_t deleted;
	struct error err;
	check(store->ops->gc(store, cut.completed_ms, cut.failed_ms, cut.results_ms, cut.limit,
		      &deleted, left, &err),
		&err);
	return deleted;
}

/* Until nothing is left; answers how many jobs and pushed tasks went. */
static size_t gc(struct cut cut)
{
	size_t deleted = 0;
	bool left = true;
	for (int i = 0; left && i < 1000; i++)
		deleted += gc_page(cut, &left);
	CU_ASSERT_FALSE(left);
	return deleted;
}

static struct id finish_one(const char *queue, enum outcome outcome)
{
	struct id id = push(queue);
	struct commit made = commit_of(lease(queue), outcome);
	made.result = "[1]";
	made.entry = "{}";
	commit(&made);
	return id;
}

static void purge_deletes_pushed_tasks_that_are_queued(void)
{
	struct id working = push("mail");
	lease("mail");
	struct id dead = finish_one("other", OUTCOME_FAILED);
	for (int i = 0; i < 5; i++)
		push("mail");
	struct id delayed = push_as((struct push){ .queue = "mail", .delay_ms = 1000 });
	push("other");
	CU_ASSERT_EQUAL(purge("mail", false, 4), 4);
	CU_ASSERT_EQUAL(purge("mail", false, 4), 2);
	CU_ASSERT_EQUAL(purge("mail", false, 4), 0);
	CU_ASSERT_FALSE(exists(delayed.text));
	CU_ASSERT_EQUAL(queue("mail").depth + queue("mail").delayed, 0);
	ASSERT_STATE(working.text, TASK_WORKING);
	CU_ASSERT_TRUE(exists(dead.text));
	CU_ASSERT_EQUAL(queue("other").depth, 1);
}

static void purge_leaves_the_tasks_of_jobs(void)
{
	struct id id = submit_one("mail");
	push("mail");
	CU_ASSERT_EQUAL(purge("mail", false, 10), 1);
	CU_ASSERT_EQUAL(purge("mail", true, 10), 0);
	CU_ASSERT_EQUAL(count_of(id.text, "mail", TASK_QUEUED), 1);
	end(lease("mail"), OUTCOME_FAILED);
	CU_ASSERT_EQUAL(purge("mail", true, 10), 0);
	CU_ASSERT_TRUE(exists(child_id(id.text, 1).text));
}

static void purge_of_the_dead_leaves_the_others(void)
{
	struct id failed = finish_one("mail", OUTCOME_FAILED);
	struct id invalid = finish_one("mail", OUTCOME_INVALID);
	struct id good = finish_one("mail", OUTCOME_COMPLETED);
	struct id queued = push("mail");
	CU_ASSERT_EQUAL(purge("mail", true, 10), 2);
	CU_ASSERT_FALSE(exists(failed.text));
	CU_ASSERT_FALSE(exists(invalid.text));
	CU_ASSERT_TRUE(exists(good.text));
	CU_ASSERT_TRUE(exists(queued.text));
	CU_ASSERT_EQUAL(queue("mail").dead, 0);
	CU_ASSERT_EQUAL(purge("nobody", true, 10), 0);
}

static void a_purged_key_is_free_again(void)
{
	struct id first = push_as((struct push){ .queue = "mail", .key = "key" });
	purge("mail", false, 10);
	struct id second = push_as((struct push){ .queue = "mail", .key = "key" });
	CU_ASSERT_STRING_NOT_EQUAL(second.text, first.text);
	CU_ASSERT_STRING_EQUAL(lease("mail")->id, second.text);
}

static void gc_deletes_what_ended_before_its_cut(void)
{
	struct id old = finish_one("mail", OUTCOME_COMPLETED);
	struct id old_job = submit_one("row");
	complete(lease("row"));
	pass_ms(10000);
	int64_t cut_ms = clock_wall_ms();
	pass_ms(10000);
	struct id young = finish_one("mail", OUTCOME_COMPLETED);
	struct id young_job = submit_one("row");
	complete(lease("row"));
	CU_ASSERT_EQUAL(gc((struct cut){ cut_ms, -1, -1, 100 }), 2);
	CU_ASSERT_FALSE(exists(old.text));
	CU_ASSERT_FALSE(job_exists(old_job.text));
	CU_ASSERT_FALSE(exists(child_id(old_job.text, 1).text));
	CU_ASSERT_TRUE(exists(young.text));
	CU_ASSERT_TRUE(job_exists(young_job.text));
	CU_ASSERT_EQUAL(gc((struct cut){ cut_ms, -1, -1, 100 }), 0);
}

static void gc_has_a_cut_of_its_own_for_what_failed(void)
{
	struct id good = finish_one("mail", OUTCOME_COMPLETED);
	struct id skipped = finish_one("mail", OUTCOME_SKIPPED);
	struct id failed = finish_one("mail", OUTCOME_FAILED);
	struct id invalid = finish_one("mail", OUTCOME_INVALID);
	struct id cancelled = finish_one("mail", OUTCOME_CANCELLED);
	pass_ms(1000);
	CU_ASSERT_EQUAL(gc((struct cut){ clock_wall_ms(), -1, -1, 100 }), 2);
	CU_ASSERT_FALSE(exists(good.text) || exists(skipped.text));
	CU_ASSERT_TRUE(exists(failed.text) && exists(invalid.text) && exists(cancelled.text));
	CU_ASSERT_EQUAL(gc((struct cut){ -1, clock_wall_ms(), -1, 100 }), 3);
	CU_ASSERT_FALSE(exists(failed.text) || exists(invalid.text) || exists(cancelled.text));
	CU_ASSERT_EQUAL(queue("mail").dead, 0);
}

static void gc_leaves_what_has_not_ended(void)
{
	struct id pushed = push("mail");
	struct id running = submit_one("row");
	struct step step;
	step_begin(&step);
	step_child(&step, "bad");
	step_child(&step, "row");
	struct id failing = submit(&step);
	step_begin(&step);
	step.effects.job_failure = "why";
	commit_step(lease("bad"), OUTCOME_FAILED, &step);
	pass_ms(1000);
	int64_t now = clock_wall_ms();
	CU_ASSERT_EQUAL(gc((struct cut){ now, now, now, 100 }), 0);
	CU_ASSERT_TRUE(exists(pushed.text));
	CU_ASSERT_TRUE(job_exists(running.text));
	CU_ASSERT_TRUE(exists(child_id(failing.text, 1).text));
}

static void gc_leaves_what_was_revived(void)
{
	struct id pushed = finish_one("mail", OUTCOME_FAILED);
	struct id id = submit_one("row");
	end(lease("row"), OUTCOME_FAILED);
	struct step step;
	step_begin(&step);
	struct error err;
	check(store->ops->revive(store, pushed.text, &step.effects, &err), &err);
	step_tally(&step, 0, "row", (struct tally){ .failed = -1 });
	check(store->ops->revive(store, child_id(id.text, 1).text, &step.effects, &err), &err);
	pass_ms(1000);
	int64_t now = clock_wall_ms();
	CU_ASSERT_EQUAL(gc((struct cut){ now, now, now, 10 }), 0);
	CU_ASSERT_TRUE(complete(lease("row")).job_ended);
	CU_ASSERT_EQUAL(complete(lease("mail")).answer, COMMIT_DONE);
	pass_ms(1000);
	CU_ASSERT_EQUAL(gc((struct cut){ now, now, now, 10 }), 0);
	CU_ASSERT_EQUAL(gc((struct cut){ clock_wall_ms(), -1, -1, 10 }), 2);
}

static void gc_goes_in_pages(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 40);
	complete_spawning(held, "row", 40);
	struct lease_batch rows = lease_many("row", 40);
	for (size_t i = 0; i < rows.count; i++)
		complete(&rows.tasks[i]);
	for (int i = 0; i < 5; i++)
		finish_one("mail", OUTCOME_COMPLETED);
	pass_ms(1000);
	bool left;
	gc_page((struct cut){ clock_wall_ms(), -1, -1, 3 }, &left);
	CU_ASSERT_TRUE(left);
	gc((struct cut){ clock_wall_ms(), -1, -1, 3 });
	CU_ASSERT_FALSE(job_exists(id.text));
	for (int64_t seq = 1; seq <= 41; seq++)
		CU_ASSERT_FALSE(exists(child_id(id.text, seq).text));
	CU_ASSERT_EQUAL(list_tasks(of_job(NULL))->count, 0);
}

static void a_failed_job_goes_with_what_still_waits_in_it(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 5000;
	step_counter(&step, 0, "sync", 2);
	submit(&step);
	complete(lease("row"));
	pass_ms(1000);
	CU_ASSERT_EQUAL(gc((struct cut){ -1, clock_wall_ms(), -1, 10 }), 1);
	CU_ASSERT_EQUAL(list_tasks(of_job(NULL))->count, 0);
	pass_ms(5000);
	CU_ASSERT_EQUAL(sweep(100).due, 0);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void results_are_dropped_and_their_rows_stay(void)
{
	struct id pushed = finish_one("mail", OUTCOME_COMPLETED);
	struct step step;
	step_begin(&step);
	for (int i = 0; i < 5; i++)
		step_child(&step, "row");
	struct id id = submit(&step);
	for (int i = 0; i < 5; i++) {
		struct commit made = commit_of(lease("row"), OUTCOME_COMPLETED);
		struct step ended;
		step_begin(&ended);
		step_ended(&ended, "row", OUTCOME_COMPLETED);
		made.effects = ended.effects;
		made.result = "[1]";
		commit(&made);
	}
	pass_ms(1000);
	CU_ASSERT_EQUAL(gc((struct cut){ -1, -1, clock_wall_ms(), 2 }), 0);
	CU_ASSERT_PTR_NULL(task(pushed.text)->result);
	for (int64_t seq = 1; seq <= 5; seq++)
		CU_ASSERT_PTR_NULL(task(child_id(id.text, seq).text)->result);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_COMPLETED), 5);
	CU_ASSERT_EQUAL(attempts(pushed.text)->count, 1);
}

static void results_of_a_running_job_stay(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_child(&step, "row");
	struct id id = submit(&step);
	struct commit made = commit_of(lease("row"), OUTCOME_COMPLETED);
	made.result = "[1]";
	commit(&made);
	pass_ms(1000);
	gc((struct cut){ -1, -1, clock_wall_ms(), 10 });
	CU_ASSERT_STRING_EQUAL(task(child_id(id.text, 1).text)->result, "[1]");
}

static const struct suite_test tests[] = {
	SUITE_TEST(purge_deletes_pushed_tasks_that_are_queued),
	SUITE_TEST(purge_leaves_the_tasks_of_jobs),
	SUITE_TEST(purge_of_the_dead_leaves_the_others),
	SUITE_TEST(a_purged_key_is_free_again),
	SUITE_TEST(gc_deletes_what_ended_before_its_cut),
	SUITE_TEST(gc_has_a_cut_of_its_own_for_what_failed),
	SUITE_TEST(gc_leaves_what_has_not_ended),
	SUITE_TEST(gc_leaves_what_was_revived),
	SUITE_TEST(gc_goes_in_pages),
	SUITE_TEST(a_failed_job_goes_with_what_still_waits_in_it),
	SUITE_TEST(results_are_dropped_and_their_rows_stay),
	SUITE_TEST(results_of_a_running_job_stay),
};
const struct contract_part contract_cleanup = { "cleanup", tests, ARRAY_SIZE(tests) };
