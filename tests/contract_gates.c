/* The contract of gates: counters, who waits for them, and when they wake. */
#include "tests/contract.h"

#include "base/clock.h"

/* A job whose task `producer` stands for n unfinished producers of the gate (0, "sync"), which
 * waits. */
static struct id submit_gated(int64_t producers)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", producers);
	return submit(&step);
}

/* Completes the task and takes n from the counter (0, "sync"). */
static struct commit_result produce(const struct leased *held, int64_t count)
{
	struct step step;
	step_begin(&step);
	step_counter(&step, 0, "sync", -count);
	return commit_step(held, OUTCOME_COMPLETED, &step);
}

static void a_gate_waits_until_its_counter_falls_to_zero(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_child(&step, "producer");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 2);
	struct id id = submit(&step);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 1);
	ASSERT_STATE(child_id(id.text, 3).text, TASK_WAITING);
	CU_ASSERT_FALSE(produce(lease("producer"), 1).may_have_woken);
	CU_ASSERT_PTR_NULL(lease("sync"));
	struct commit_result last = produce(lease("producer"), 1);
	CU_ASSERT_TRUE(last.may_have_woken);
	CU_ASSERT_FALSE(last.job_ended);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_QUEUED), 1);
	const struct leased *held = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->wait_gate, "sync");
	CU_ASSERT_EQUAL(held->wait_scope, 0);
	CU_ASSERT_TRUE(complete(held).job_ended);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void a_gate_without_a_counter_is_open_at_birth(void)
{
	struct step step;
	step_begin(&step);
	step_gate(&step, 0, "sync");
	submit(&step);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_gate_born_after_its_counter_fell_is_open_at_birth(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_child(&step, "late");
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	produce(lease("producer"), 1);
	step_begin(&step);
	step_gate(&step, 0, "sync");
	commit_step(lease("late"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WORKING), 1);
}

static void a_gate_born_while_others_produce_waits_for_them(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_child(&step, "late");
	step_counter(&step, 0, "sync", 1);
	submit(&step);
	step_begin(&step);
	step_gate(&step, 0, "sync");
	commit_step(lease("late"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_PTR_NULL(lease("sync"));
	produce(lease("producer"), 1);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_counter_that_falls_and_rises_in_one_commit_wakes_nobody(void)
{
	struct id id = submit_gated(1);
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", -1);
	step_counter(&step, 0, "sync", 1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_PTR_NULL(lease("sync"));
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->version, 0);
	produce(lease("producer"), 1);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_counter_that_was_zero_before_and_after_keeps_its_version(void)
{
	struct id id = submit_one("producer");
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", 1);
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->pending, 0);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->version, 0);
}

static void the_version_grows_by_one_each_time_the_counter_falls(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	uint64_t first = gate(id.text, 0, "sync")->version;
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->pending, 1);
	produce(lease("producer"), 1);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->version, first + 1);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->pending, 0);
	step_begin(&step);
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", 1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->version, first + 1);
	produce(lease("producer"), 1);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->version, first + 2);
}

static void a_repeated_commit_counts_and_wakes_once(void)
{
	struct id id = submit_gated(2);
	const struct leased *held = lease("producer");
	CU_ASSERT_EQUAL(produce(held, 1).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(produce(held, 1).answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->pending, 1);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void everyone_who_waits_for_a_counter_is_woken_once(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	for (int i = 0; i < 5; i++)
		step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 5);
	produce(lease("producer"), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 0);
	CU_ASSERT_EQUAL(queue("sync").depth, 5);
	CU_ASSERT_EQUAL(lease_many("sync", 10).count, 5);
	CU_ASSERT_EQUAL(lease_many("sync", 10).count, 0);
}

static void counters_of_other_scopes_gates_and_jobs_are_their_own(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 7, "sync");
	step_counter(&step, 0, "sync", 1);
	step_counter(&step, 7, "sync", 1);
	step_counter(&step, 7, "other", 1);
	struct id first = submit(&step);
	struct id second = submit(&step);
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	step_counter(&step, 7, "other", -1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
	CU_ASSERT_EQUAL(gate(first.text, 7, "sync")->pending, 1);
	CU_ASSERT_EQUAL(gate(first.text, 7, "other")->pending, 0);
	CU_ASSERT_EQUAL(gate(second.text, 0, "sync")->pending, 1);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void a_gate_that_may_not_open_waits_again_uncounted(void)
{
	struct id id = submit_gated(1);
	produce(lease("producer"), 1);
	const struct leased *held = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	struct commit made = commit_of(held, OUTCOME_WAIT);
	made.gate_version = gate(id.text, 0, "sync")->version;
	/* Something else of the job goes on. */
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", 1);
	made.effects = step.effects;
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
	CU_ASSERT_PTR_NULL(lease("sync"));
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 1);
	CU_ASSERT_EQUAL(attempts(held->id)->count, 0);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_REPEATED);
	produce(lease("producer"), 1);
	const struct leased *next = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_EQUAL(next->token.attempt, 1);
	CU_ASSERT_NOT_EQUAL(next->token.nonce, held->token.nonce);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL(complete(next).answer, COMMIT_DONE);
}

static void a_gate_judged_before_the_counter_fell_again_is_queued_at_once(void)
{
	struct id id = submit_gated(1);
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
	const struct leased *held = lease("sync");
	struct commit made = commit_of(held, OUTCOME_WAIT);
	made.gate_version = gate(id.text, 0, "sync")->version;
	step_begin(&step);
	step_child(&step, "producer");
	step_counter(&step, 0, "sync", 1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
	produce(lease("producer"), 1);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
	const struct leased *next = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_EQUAL(next->token.attempt, 1);
}

static void a_gate_is_woken_when_its_time_is_up(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 60000;
	step_counter(&step, 0, "sync", 1);
	int64_t born_ms = clock_wall_ms();
	submit(&step);
	struct lease_batch none = lease_many("sync", 1);
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_TRUE(none.next_ms > 50000 && none.next_ms <= 60000);
	CU_ASSERT_TRUE(sweep(100).next_ms > 50000);
	pass_ms(60000);
	CU_ASSERT_EQUAL(sweep(100).due, 1);
	const struct leased *held = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_TRUE(held->wait_until_ms >= born_ms + 60000);
	CU_ASSERT_TRUE(held->wait_until_ms <= clock_wall_ms());
	CU_ASSERT_EQUAL(sweep(100).due, 0);
	CU_ASSERT_EQUAL(end(held, OUTCOME_FAILED).answer, COMMIT_DONE);
	produce(lease("producer"), 1);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void a_lease_finds_a_gate_whose_time_is_up_by_itself(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 60000;
	step_counter(&step, 0, "sync", 1);
	submit(&step);
	pass_ms(60000);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_gate_whose_time_is_up_is_queued_again_when_its_worker_dies(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 60000;
	step_counter(&step, 0, "sync", 1);
	submit(&step);
	pass_ms(60000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lease("sync"));
	release(OWNER, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_gate_that_opened_is_not_woken_by_its_timeout(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync")->wait_timeout_ms = 60000;
	step_counter(&step, 0, "sync", 1);
	submit(&step);
	produce(lease("producer"), 1);
	pass_ms(60000);
	CU_ASSERT_EQUAL(sweep(100).due, 0);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void the_delay_of_what_waits_begins_when_it_is_woken(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync")->delay_ms = 10000;
	step_counter(&step, 0, "sync", 1);
	struct id id = submit(&step);
	pass_ms(20000);
	produce(lease("producer"), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_QUEUED), 1);
	CU_ASSERT_PTR_NULL(lease("sync"));
	pass_ms(10000);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_waiting_task_that_was_taken_and_lost_waits_again(void)
{
	struct id id = submit_gated(1);
	const struct leased *held = NULL;
	CU_ASSERT_EQUAL_FATAL(lease_task_as(child_id(id.text, 2).text, &held), ERROR_NONE);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WORKING), 1);
	CU_ASSERT_EQUAL(release(OTHER, NULL, NULL), 1);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), 1);
	CU_ASSERT_PTR_NULL(lease("sync"));
	produce(lease("producer"), 1);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_gate_sees_the_tallies_of_its_scope(void)
{
	static const char *const names[] = { "row", "other", "unknown" };
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_tally(&step, 4, "row", (struct tally){ .born = 5, .completed = 2, .excused = 1 });
	step_tally(&step, 4, "row", (struct tally){ .completed = 1, .skipped = 1 });
	step_tally(&step, 4, "other", (struct tally){ .failed = 3, .invalid = 1, .cancelled = 2 });
	struct id id = submit(&step);
	struct gate_view view;
	struct error err;
	check(store->ops->get_gate(store, id.text, 4, "sync", names, 3, &view, &err), &err);
	CU_ASSERT_EQUAL_FATAL(view.count, 3);
	CU_ASSERT_EQUAL(view.pending, 0);
	CU_ASSERT_EQUAL(view.version, 0);
	CU_ASSERT_EQUAL(view.tallies[0].born, 5);
	CU_ASSERT_EQUAL(view.tallies[0].completed, 3);
	CU_ASSERT_EQUAL(view.tallies[0].excused, 1);
	CU_ASSERT_EQUAL(view.tallies[0].skipped, 1);
	CU_ASSERT_EQUAL(view.tallies[1].failed, 3);
	CU_ASSERT_EQUAL(view.tallies[1].invalid, 1);
	CU_ASSERT_EQUAL(view.tallies[1].cancelled, 2);
	CU_ASSERT_EQUAL(view.tallies[2].born, 0);
	gate_view_finish(&view);
	CU_ASSERT_EQUAL(gate(id.text, 0, "row")->tallies[0].born, 1);
	CU_ASSERT_FALSE(store->ops->get_gate(store, "nobody", 0, "sync", names, 1, &view, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void a_step_that_births_and_counts_opens_only_when_all_have_ended(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "split");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 1);
	submit(&step);
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 3);
	step_begin(&step);
	step_counter(&step, 0, "sync", 3 - 1);
	step_tally(&step, 0, "row", (struct tally){ .born = 3 });
	commit_step(held, OUTCOME_COMPLETED, &step);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_PTR_NULL(lease("sync"));
		produce(lease("row"), 1);
	}
	CU_ASSERT_TRUE(complete(lease("sync")).job_ended);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_gate_waits_until_its_counter_falls_to_zero),
	SUITE_TEST(a_gate_without_a_counter_is_open_at_birth),
	SUITE_TEST(a_gate_born_after_its_counter_fell_is_open_at_birth),
	SUITE_TEST(a_gate_born_while_others_produce_waits_for_them),
	SUITE_TEST(a_counter_that_falls_and_rises_in_one_commit_wakes_nobody),
	SUITE_TEST(a_counter_that_was_zero_before_and_after_keeps_its_version),
	SUITE_TEST(the_version_grows_by_one_each_time_the_counter_falls),
	SUITE_TEST(a_repeated_commit_counts_and_wakes_once),
	SUITE_TEST(everyone_who_waits_for_a_counter_is_woken_once),
	SUITE_TEST(counters_of_other_scopes_gates_and_jobs_are_their_own),
	SUITE_TEST(a_gate_that_may_not_open_waits_again_uncounted),
	SUITE_TEST(a_gate_judged_before_the_counter_fell_again_is_queued_at_once),
	SUITE_TEST(a_gate_is_woken_when_its_time_is_up),
	SUITE_TEST(a_lease_finds_a_gate_whose_time_is_up_by_itself),
	SUITE_TEST(a_gate_whose_time_is_up_is_queued_again_when_its_worker_dies),
	SUITE_TEST(a_gate_that_opened_is_not_woken_by_its_timeout),
	SUITE_TEST(the_delay_of_what_waits_begins_when_it_is_woken),
	SUITE_TEST(a_waiting_task_that_was_taken_and_lost_waits_again),
	SUITE_TEST(a_gate_sees_the_tallies_of_its_scope),
	SUITE_TEST(a_step_that_births_and_counts_opens_only_when_all_have_ended),
};
const struct contract_part contract_gates = { "gates", tests, ARRAY_SIZE(tests) };
