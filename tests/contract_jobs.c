/* The contract of jobs: how they come in, what ends them, what people do to them. */
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

static const struct suite_test tests[] = {
	SUITE_TEST(a_job_of_one_task_ends_with_it),
	SUITE_TEST(a_job_with_a_step_to_come_goes_on),
};
const struct contract_part contract_jobs = { "jobs", tests, ARRAY_SIZE(tests) };
