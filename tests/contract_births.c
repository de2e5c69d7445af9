/* The contract of births: children written ahead live when their parent's attempt completes. */
#include "tests/contract.h"

#include <stdio.h>

static void children_are_unseen_until_their_parent_completes(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 3);
	CU_ASSERT_FALSE(exists(child_id(id.text, 2).text));
	CU_ASSERT_PTR_NULL(lease("row"));
	CU_ASSERT_EQUAL(queue("row").depth, 0);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 1);
	CU_ASSERT_EQUAL(job(id.text)->name_count, 1);
	struct commit_result result = complete_spawning(held, "row", 3);
	CU_ASSERT_TRUE(result.may_have_woken);
	CU_ASSERT_FALSE(result.job_ended);
	CU_ASSERT_TRUE(exists(child_id(id.text, 4).text));
	CU_ASSERT_FALSE(exists(child_id(id.text, 5).text));
	CU_ASSERT_EQUAL(queue("row").depth, 3);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 3);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 4);
	CU_ASSERT_EQUAL(task(child_id(id.text, 2).text)->parent, 1);
}

static void children_are_numbered_and_leased_in_the_order_of_writing(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	char payloads[10][8];
	for (uint32_t i = 0; i < 10; i++) {
		snprintf(payloads[i], sizeof payloads[i], "%u", i);
		struct new_task child = {
			.name = "row", .queue = "row", .payload = payloads[i], .scopes = "0"
		};
		struct error err;
		check(spawn_as(held, i, &child, 1, &err), &err);
	}
	complete_spawning(held, "row", 10);
	struct lease_batch rows = lease_many("row", 10);
	CU_ASSERT_EQUAL_FATAL(rows.count, 10);
	for (size_t i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(rows.tasks[i].seq, (int64_t)i + 2);
		CU_ASSERT_STRING_EQUAL(rows.tasks[i].payload, payloads[i]);
		CU_ASSERT_STRING_EQUAL(rows.tasks[i].id, child_id(id.text, (int64_t)i + 2).text);
	}
}

static void a_chunk_written_twice_is_written_once(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 5);
	spawn(held, 5, "row", 5);
	spawn(held, 0, "row", 5);
	spawn(held, 5, "row", 5);
	complete_spawning(held, "row", 10);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 11);
	CU_ASSERT_EQUAL(queue("row").depth, 10);
}

static void children_alike_to_the_byte_are_tasks_of_their_own(void)
{
	submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 2);
	complete_spawning(held, "row", 2);
	struct lease_batch rows = lease_many("row", 3);
	CU_ASSERT_EQUAL_FATAL(rows.count, 2);
	CU_ASSERT_STRING_NOT_EQUAL(rows.tasks[0].id, rows.tasks[1].id);
	CU_ASSERT_FALSE(complete(&rows.tasks[0]).job_ended);
	CU_ASSERT_TRUE(complete(&rows.tasks[1]).job_ended);
}

static void a_stale_token_writes_no_children(void)
{
	submit_one("split");
	const struct leased *held = lease("split");
	release(OWNER, NULL, NULL);
	struct new_task child = { .name = "row", .queue = "row", .payload = "1", .scopes = "0" };
	struct error err = { 0 };
	CU_ASSERT_FALSE(spawn_as(held, 0, &child, 1, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
	CU_ASSERT_TRUE(complete(lease("split")).job_ended);
	CU_ASSERT_FALSE(spawn_as(held, 0, &child, 1, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
}

static void pushed_tasks_and_overlong_chunks_are_refused(void)
{
	push("mail");
	submit_one("split");
	struct new_task child = { .name = "row", .queue = "row", .payload = "1", .scopes = "0" };
	struct error err = { 0 };
	CU_ASSERT_FALSE(spawn_as(lease("mail"), 0, &child, 1, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	err.kind = ERROR_NONE;
	CU_ASSERT_FALSE(spawn_as(lease("split"), 0, &child, STORE_SPAWN_MAX + 1, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
}

static void an_attempt_that_does_not_complete_leaves_no_children(void)
{
	static const enum outcome outcomes[] = { OUTCOME_RETRY, OUTCOME_GIVE_BACK, OUTCOME_FAILED };
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		struct id id = submit_one("split");
		const struct leased *held = lease("split");
		spawn(held, 0, "row", 3);
		end(held, outcomes[i]);
		CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 1);
		CU_ASSERT_EQUAL(queue("row").depth, 0);
		if (outcomes[i] != OUTCOME_FAILED)
			CU_ASSERT_TRUE(complete(lease("split")).job_ended);
	}
	CU_ASSERT_PTR_NULL(lease("row"));
}

static void only_the_children_of_the_completed_attempt_are_born(void)
{
	struct id id = submit_one("split");
	spawn(lease("split"), 0, "row", 7);
	pass_ms(LEASE_MS + 1);
	const struct leased *second = lease("split");
	spawn(second, 0, "row", 2);
	spawn(second, 2, "row", 2);
	complete_spawning(second, "row", 4);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 5);
	CU_ASSERT_EQUAL(lease_many("row", 20).count, 4);
	CU_ASSERT_EQUAL(sweep(100).dropped, 7);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 5);
}

static void children_of_the_step_and_those_written_ahead_have_seqs_of_their_own(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 2);
	struct step step;
	step_begin(&step);
	step_child(&step, "next");
	step_tally(&step, 0, "row", (struct tally){ .born = 2 });
	commit_step(held, OUTCOME_COMPLETED, &step);
	int rows = 0, steps = 0;
	for (int64_t seq = 2; seq <= 4; seq++) {
		const char *name = task(child_id(id.text, seq).text)->name;
		rows += strcmp(name, "row") == 0;
		steps += strcmp(name, "next") == 0;
	}
	CU_ASSERT_EQUAL(rows, 2);
	CU_ASSERT_EQUAL(steps, 1);
}

static void what_is_written_ahead_hides_nothing_that_lives(void)
{
	struct id first = submit_one("split");
	struct id second = submit_one("split");
	const struct leased *one = lease("split");
	const struct leased *other = lease("split");
	spawn(one, 0, "row", 2);
	complete_spawning(one, "row", 2);
	CU_ASSERT_EQUAL_FATAL(lease_many("row", 2).count, 2);
	spawn(other, 0, "row", 3); /* the backend may use what the first ones have left again */
	CU_ASSERT_TRUE(exists(child_id(first.text, 2).text));
	CU_ASSERT_EQUAL(list_tasks(of_job(first.text))->count, 3);
	CU_ASSERT_EQUAL(list_tasks(of_job(second.text))->count, 1);
	CU_ASSERT_EQUAL(release(OWNER, NULL, NULL), 3);
	CU_ASSERT_EQUAL(lease_many("row", 9).count, 2);
}

static void children_keep_their_delay_and_priority(void)
{
	submit_one("split");
	const struct leased *held = lease("split");
	struct new_task child = {
		.name = "row", .queue = "row", .payload = "\"low\"", .scopes = "0"
	};
	struct error err;
	check(spawn_as(held, 0, &child, 2, &err), &err);
	child.priority = 3;
	child.payload = "\"high\"";
	check(spawn_as(held, 2, &child, 1, &err), &err);
	child.delay_ms = 60000;
	child.payload = "\"later\"";
	check(spawn_as(held, 3, &child, 2, &err), &err);
	pass_ms(1000); /* the delay begins with the birth */
	complete_spawning(held, "row", 5);
	struct lease_batch rows = lease_many("row", 10);
	CU_ASSERT_EQUAL_FATAL(rows.count, 3);
	CU_ASSERT_STRING_EQUAL(rows.tasks[0].payload, "\"high\"");
	CU_ASSERT_STRING_EQUAL(rows.tasks[1].payload, "\"low\"");
	CU_ASSERT_EQUAL(queue("row").delayed, 2);
	for (size_t i = 0; i < 3; i++)
		complete(&rows.tasks[i]);
	pass_ms(59000);
	CU_ASSERT_EQUAL(lease_many("row", 10).count, 0);
	pass_ms(1000);
	CU_ASSERT_EQUAL(lease_many("row", 10).count, 2);
}

static void thousands_of_children_are_born_and_counted(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	for (uint32_t first = 0; first < 4000; first += STORE_SPAWN_MAX)
		spawn(held, first, "row", STORE_SPAWN_MAX);
	complete_spawning(held, "row", 4000);
	CU_ASSERT_EQUAL(queue("row").depth, 4000);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_QUEUED), 4000);
	CU_ASSERT_STRING_EQUAL(task(child_id(id.text, 4001).text)->name, "row");
	CU_ASSERT_FALSE(exists(child_id(id.text, 4002).text));
	CU_ASSERT_EQUAL(lease_many("row", 100).count, 100);
	CU_ASSERT_EQUAL(count_of(id.text, "row", TASK_WORKING), 100);
}

static void a_fan_out_of_nothing_ends_the_job(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 0);
	CU_ASSERT_TRUE(complete(held).job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static const struct suite_test tests[] = {
	SUITE_TEST(children_are_unseen_until_their_parent_completes),
	SUITE_TEST(children_are_numbered_and_leased_in_the_order_of_writing),
	SUITE_TEST(a_chunk_written_twice_is_written_once),
	SUITE_TEST(children_alike_to_the_byte_are_tasks_of_their_own),
	SUITE_TEST(a_stale_token_writes_no_children),
	SUITE_TEST(pushed_tasks_and_overlong_chunks_are_refused),
	SUITE_TEST(an_attempt_that_does_not_complete_leaves_no_children),
	SUITE_TEST(only_the_children_of_the_completed_attempt_are_born),
	SUITE_TEST(children_of_the_step_and_those_written_ahead_have_seqs_of_their_own),
	SUITE_TEST(what_is_written_ahead_hides_nothing_that_lives),
	SUITE_TEST(children_keep_their_delay_and_priority),
	SUITE_TEST(thousands_of_children_are_born_and_counted),
	SUITE_TEST(a_fan_out_of_nothing_ends_the_job),
};
const struct contract_part contract_births = { "births", tests, ARRAY_SIZE(tests) };
