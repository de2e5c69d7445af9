/* workers/decision: budgets and delays. */
#include "workers/decision.h"

#include "base/jsontext.h"
#include "tests/suite.h"

static const struct config_queue queue = {
	.retries = { .max = 2, .delay_ms = 1000, .factor = 3, .max_delay_ms = 5000 },
	.crashes = 3,
};

static const struct {
	enum run_status status;
	int64_t retry_in_ms;
	int failures_before, crashes_before;
	enum outcome outcome;
	int failures, crashes, losses;
	int64_t delay_ms;
	bool runs_on_failure;
	const char *entry;
} cases[] = {
	{ RUN_DONE, -1, 2, 2, OUTCOME_COMPLETED, 2, 2, 0, 0, false, "success" },
	{ RUN_FAILED, -1, 0, 0, OUTCOME_RETRY, 1, 0, 0, 1000, true, "failure" },
	{ RUN_FAILED, -1, 1, 2, OUTCOME_RETRY, 2, 2, 0, 3000, true, "failure" },
	{ RUN_FAILED, -1, 2, 0, OUTCOME_FAILED, 3, 0, 0, 0, true, "failure" },
	{ RUN_RETRY, -1, 0, 0, OUTCOME_RETRY, 1, 0, 0, 1000, false, "retry" },
	{ RUN_RETRY, 77, 1, 0, OUTCOME_RETRY, 2, 0, 0, 77, false, "retry" },
	{ RUN_RETRY, 86400000, 1, 0, OUTCOME_RETRY, 2, 0, 0, 86400000, false, "retry" },
	{ RUN_RETRY, 0, 2, 0, OUTCOME_FAILED, 3, 0, 0, 0, true, "retry" },
	{ RUN_PERMANENT, -1, 0, 0, OUTCOME_FAILED, 0, 0, 0, 0, true, "failure" },
	{ RUN_INVALID, -1, 0, 0, OUTCOME_INVALID, 0, 0, 0, 0, true, "failure" },
	{ RUN_CRASHED, -1, 2, 0, OUTCOME_RETRY, 2, 1, 0, 1000, true, "crash" },
	{ RUN_CRASHED, -1, 0, 2, OUTCOME_FAILED, 0, 3, 0, 0, true, "crash" },
	{ RUN_TIMED_OUT, -1, 0, 0, OUTCOME_RETRY, 1, 0, 0, 1000, true, "timeout" },
	{ RUN_BROKEN, -1, 2, 0, OUTCOME_FAILED, 3, 0, 0, 0, true, "failure" },
	{ RUN_CANCELLED, -1, 1, 1, OUTCOME_CANCELLED, 1, 1, 0, 0, false, "failure" },
	{ RUN_HALTED, -1, 2, 2, OUTCOME_GIVE_BACK, 2, 2, 0, 0, false, "lost" },
	{ RUN_HANDLER_LATE, -1, 2, 2, OUTCOME_GIVE_BACK, 2, 2, 1, 0, false, "lost" },
};

static void each_end_spends_what_the_contract_says(void)
{
	struct budget budget;
	budget_read(&queue, NULL, &budget);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct leased spent = { .failures = cases[i].failures_before,
			.crashes = cases[i].crashes_before };
		const struct run_result run = { .status = cases[i].status,
			.retry_in_ms = cases[i].retry_in_ms,
			.message = (char *)"why" };
		struct decision got;
		decision_judge(&budget, &spent, &run, &got);
		CU_ASSERT_EQUAL(got.outcome, cases[i].outcome);
		CU_ASSERT_EQUAL(got.failures, cases[i].failures);
		CU_ASSERT_EQUAL(got.crashes, cases[i].crashes);
		CU_ASSERT_EQUAL(got.losses, cases[i].losses);
		if (got.outcome == OUTCOME_RETRY)
			CU_ASSERT_EQUAL(got.delay_ms, cases[i].delay_ms);
		CU_ASSERT_EQUAL(got.is_failed_attempt, cases[i].runs_on_failure);
		CU_ASSERT_STRING_EQUAL(got.status, cases[i].entry);
		CU_ASSERT_EQUAL(got.reason == NULL, got.outcome == OUTCOME_COMPLETED);
		decision_finish(&got);
	}
}

static void a_third_crash_is_named_with_its_signal(void)
{
	struct budget budget;
	struct decision got;
	const struct leased spent = { .crashes = 2 };
	const struct run_result run = {
		.status = RUN_CRASHED, .retry_in_ms = -1, .message = (char *)"killed by signal 11"
	};
	budget_read(&queue, NULL, &budget);
	decision_judge(&budget, &spent, &run, &got);
	CU_ASSERT_STRING_EQUAL(got.reason, "set aside after 3 crashes: killed by signal 11");
	decision_finish(&got);
}

static void no_limit_of_crashes_never_sets_aside(void)
{
	struct budget budget;
	struct decision got;
	const struct leased spent = { .crashes = 99 };
	const struct run_result run = { .status = RUN_CRASHED, .retry_in_ms = -1 };
	budget_read(&queue, NULL, &budget);
	budget.crashes = 0;
	decision_judge(&budget, &spent, &run, &got);
	CU_ASSERT_EQUAL(got.outcome, OUTCOME_RETRY);
	CU_ASSERT_EQUAL(got.crashes, 100);
	decision_finish(&got);
}

static void a_delay_grows_to_its_cap_and_no_further(void)
{
	CU_ASSERT_EQUAL(decision_delay_ms(&queue.retries, 1), 1000);
	CU_ASSERT_EQUAL(decision_delay_ms(&queue.retries, 2), 3000);
	CU_ASSERT_EQUAL(decision_delay_ms(&queue.retries, 3), 5000);
	CU_ASSERT_EQUAL(decision_delay_ms(&queue.retries, 1000), 5000);
	const struct config_retries none = { .factor = 2, .max_delay_ms = 5000, .jitter = true };
	CU_ASSERT_EQUAL(decision_delay_ms(&none, 7), 0);
}

static void jitter_keeps_a_delay_between_its_half_and_itself(void)
{
	struct config_retries retries = queue.retries;
	int64_t least = INT64_MAX, most = 0;
	retries.jitter = true;
	for (int i = 0; i < 2000; i++) {
		int64_t ms = decision_delay_ms(&retries, 1);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	CU_ASSERT_TRUE(least >= 500 && least < 600);
	CU_ASSERT_TRUE(most <= 1000 && most > 900);
}

static void a_descriptor_overrides_a_queue_key_by_key(void)
{
	OWNED(json)
	json_t *section = json_pack("{s:i, s:s, s:b}", "max", 7, "delay", "250ms", "jitter", 1);
	const struct workflow_task facts = { .has_retries = true, .retries = section };
	struct budget budget;
	budget_read(&queue, &facts, &budget);
	CU_ASSERT_EQUAL(budget.retries.max, 7);
	CU_ASSERT_EQUAL(budget.retries.delay_ms, 250);
	CU_ASSERT_TRUE(budget.retries.jitter);
	CU_ASSERT_EQUAL(budget.retries.factor, 3);
	CU_ASSERT_EQUAL(budget.retries.max_delay_ms, 5000);
	CU_ASSERT_EQUAL(budget.crashes, 3);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_end_spends_what_the_contract_says),
		SUITE_TEST(a_third_crash_is_named_with_its_signal),
		SUITE_TEST(no_limit_of_crashes_never_sets_aside),
		SUITE_TEST(a_delay_grows_to_its_cap_and_no_further),
		SUITE_TEST(jitter_keeps_a_delay_between_its_half_and_itself),
		SUITE_TEST(a_descriptor_overrides_a_queue_key_by_key),
	};
	return suite_run("decision", tests, ARRAY_SIZE(tests));
}
