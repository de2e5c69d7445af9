/* The contract of jobs in the place of tasks: when they may begin, how a cancel that was cut short
 * is found again, and what retention leaves to the task. */
#include "tests/contract.h"

#include "base/clock.h"

static void cancel_job(const char *id)
{
	struct error err;
	check(store->ops->cancel_job(store, id, &err), &err);
}

static bool end_page(const char *id, size_t limit)
{
	bool left;
	struct error err;
	check(store->ops->end_cancelled(store, id, limit, &left, &err), &err);
	return left;
}

/* A job of one task `step` in the place of the task, with the task's id as its key. */
static enum error_kind submit_in(const struct id *place, struct id *id)
{
	struct step step;
	struct error err = { 0 };
	step_begin(&step);
	step_child(&step, "step");
	step_tally(&step, 0, "step", (struct tally){ .born = 1 });
	const struct submission submission = { .id = id->text,
		.workflow = "inner",
		.workflow_hash = "hash",
		.payload = "{}",
		.key = place->text,
		.place = place->text,
		.effects = step.effects };
	char got[STORE_ID_SIZE];
	bool done = store->ops->submit(store, &submission, got, &err);
	CU_ASSERT_TRUE(!done || strcmp(got, id->text) == 0);
	return err.kind;
}

static struct id submit_two(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "place");
	step_child(&step, "place");
	step_tally(&step, 0, "place", (struct tally){ .born = 2 });
	return submit(&step);
}

static void a_job_begins_in_the_place_of_a_task_that_has_not_ended(void)
{
	struct id outer = submit_two();
	struct id first = child_id(outer.text, 1), second = child_id(outer.text, 2);
	struct id one = new_id(), two = new_id();
	CU_ASSERT_EQUAL(submit_in(&first, &one), ERROR_NONE);
	const struct leased *held = lease("place");
	CU_ASSERT_STRING_EQUAL_FATAL(held->id, first.text);
	CU_ASSERT_EQUAL(submit_in(&first, &one), ERROR_NONE);
	complete(held);
	complete(lease("place"));
	CU_ASSERT_EQUAL(submit_in(&second, &two), ERROR_CONFLICT);
	CU_ASSERT_FALSE(job_exists(two.text));
	/* Submitted again it is the same, whatever has become of its place. */
	CU_ASSERT_EQUAL(submit_in(&first, &one), ERROR_NONE);
	struct id nobody = { "nobody.1" };
	CU_ASSERT_EQUAL(submit_in(&nobody, &two), ERROR_CONFLICT);
}

static void no_job_begins_below_a_cancelled_one(void)
{
	struct id outer = submit_two();
	struct id held = child_id(outer.text, 1), queued = child_id(outer.text, 2);
	struct id one = new_id(), two = new_id();
	CU_ASSERT_STRING_EQUAL(lease("place")->id, held.text);
	cancel_job(outer.text);
	CU_ASSERT_EQUAL(submit_in(&held, &one), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(submit_in(&queued, &two), ERROR_CONFLICT);
	CU_ASSERT_FALSE(job_exists(one.text) || job_exists(two.text));
}

static struct job_list list_ending(void)
{
	const struct job_filter filter = { .state = -1, .ending = true, .limit = 10 };
	struct job_list list;
	struct error err;
	check(store->ops->list_jobs(store, &filter, &list, &err), &err);
	return list;
}

static size_t count_ending(void)
{
	struct job_list list = list_ending();
	size_t count = list.count;
	job_list_finish(&list);
	return count;
}

static void a_cancel_that_was_cut_short_is_found_again(void)
{
	struct step step;
	step_begin(&step);
	for (int i = 0; i < 12; i++)
		step_child(&step, "row");
	struct id id = submit(&step);
	const struct leased *held = lease("row");
	CU_ASSERT_EQUAL(count_ending(), 0);
	cancel_job(id.text);
	CU_ASSERT_TRUE(end_page(id.text, 3));
	for (int i = 0; i < 3; i++)
		sweep(100);
	struct job_list list = list_ending();
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	CU_ASSERT_STRING_EQUAL(list.rows[0].id, id.text);
	job_list_finish(&list);
	while (end_page(id.text, 3))
		;
	CU_ASSERT_EQUAL(count_ending(), 0);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 0);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_CANCELLED), 11);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	CU_ASSERT_TRUE(end(held, OUTCOME_CANCELLED).job_ended);
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
}

/* Else nobody could find what is nested in it. */
static void a_cancelled_job_is_not_finished_before_its_cancel_is(void)
{
	struct id id = submit_one("row");
	const struct leased *held = lease("row");
	bool left = true;
	size_t deleted;
	struct error err;
	cancel_job(id.text);
	end(held, OUTCOME_CANCELLED);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	pass_ms(1000);
	for (int i = 0; left && i < 100; i++)
		check(store->ops->gc(store, clock_wall_ms(), clock_wall_ms(), -1, 10, &deleted,
			      &left, &err),
			&err);
	CU_ASSERT_EQUAL(count_ending(), 1);
	CU_ASSERT_FALSE(end_page(id.text, 10));
	CU_ASSERT_TRUE(job(id.text)->finished_at_ms > 0);
	CU_ASSERT_EQUAL(count_ending(), 0);
}

static size_t gc_all(void)
{
	bool left = true;
	size_t deleted, total = 0;
	struct error err;
	for (int i = 0; left && i < 100; i++) {
		check(store->ops->gc(store, clock_wall_ms(), clock_wall_ms(), clock_wall_ms(), 3,
			      &deleted, &left, &err),
			&err);
		total += deleted;
	}
	CU_ASSERT_FALSE(left);
	return total;
}

static void gc_leaves_what_a_task_has_still_to_read(void)
{
	struct id outer = submit_two(), place = child_id(outer.text, 1), inner = new_id();
	CU_ASSERT_EQUAL(submit_in(&place, &inner), ERROR_NONE);
	struct commit made = commit_of(lease("step"), OUTCOME_COMPLETED);
	struct step ended;
	step_begin(&ended);
	step_ended(&ended, "step", OUTCOME_COMPLETED);
	made.effects = ended.effects;
	made.result = "[1]";
	CU_ASSERT_TRUE(commit(&made).job_ended);
	struct id other = submit_one("row"); /* whoever ended later goes all the same */
	pass_ms(10);
	complete(lease("row"));
	pass_ms(1000);
	CU_ASSERT_EQUAL(gc_all(), 1);
	CU_ASSERT_FALSE(job_exists(other.text));
	CU_ASSERT_STRING_EQUAL(task(child_id(inner.text, 1).text)->result, "[1]");
	complete(lease("place"));
	pass_ms(1000);
	CU_ASSERT_EQUAL(gc_all(), 1);
	CU_ASSERT_FALSE(job_exists(inner.text));
	CU_ASSERT_TRUE(job_exists(outer.text));
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_job_begins_in_the_place_of_a_task_that_has_not_ended),
	SUITE_TEST(no_job_begins_below_a_cancelled_one),
	SUITE_TEST(a_cancel_that_was_cut_short_is_found_again),
	SUITE_TEST(a_cancelled_job_is_not_finished_before_its_cancel_is),
	SUITE_TEST(gc_leaves_what_a_task_has_still_to_read),
};
const struct contract_part contract_places = { "places", tests, ARRAY_SIZE(tests) };
