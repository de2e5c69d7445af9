/* The contract of mending: counters that tasks wait for, listed, and one that is wrong set right.
 */
#include "tests/contract.h"

/* One producer that the counter of the gate is wrong about by `pending` − 1. */
static struct id submit_wrong(int64_t pending)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", pending);
	return submit(&step);
}

static void complete_producer(void)
{
	struct step step;
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
}

static void counters_with_waiters_are_listed_in_pages(void)
{
	struct id ids[3] = { submit_wrong(1), submit_wrong(2), submit_wrong(3) };
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "one");
	step_gate(&step, 0, "two");
	step_gate(&step, 0, "two");
	step_counter(&step, 0, "one", 1);
	step_counter(&step, 0, "two", 1);
	step_counter(&step, 0, "of nobody", 1);
	struct id wide = submit(&step);
	struct waiting_gate last = { 0 };
	size_t seen = 0, of_wide = 0;
	int64_t pending[3] = { 0 };
	for (;;) {
		const struct gate_list *page = list_gates(seen ? &last : NULL, 2);
		for (size_t i = 0; i < page->count; i++) {
			const struct waiting_gate *gate = &page->rows[i];
			of_wide += strcmp(gate->job, wide.text) == 0;
			for (int j = 0; j < 3; j++)
				if (strcmp(gate->job, ids[j].text) == 0)
					pending[j] += gate->pending;
			CU_ASSERT_EQUAL(gate->scope, 0);
			last = *gate;
		}
		seen += page->count;
		if (page->count < 2)
			break;
	}
	CU_ASSERT_EQUAL(seen, 5);
	CU_ASSERT_EQUAL(of_wide, 2);
	for (int j = 0; j < 3; j++)
		CU_ASSERT_EQUAL(pending[j], j + 1);
}

static void a_page_goes_on_after_a_job_that_is_gone(void)
{
	struct id ids[2];
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = submit_wrong(1);
		pass_ms(2); /* ids sort by the millisecond */
	}
	const struct gate_list *page = list_gates(NULL, 1);
	CU_ASSERT_EQUAL_FATAL(page->count, 1);
	bool is_second = strcmp(page->rows[0].job, ids[0].text) != 0; /* which order is its own */
	struct error err;
	bool left = true;
	check(store->ops->cancel_job(store, ids[is_second].text, &err), &err);
	while (left)
		check(store->ops->end_cancelled(store, ids[is_second].text, 10, &left, &err), &err);
	left = true;
	pass_ms(1000);
	for (int i = 0; left && i < 100; i++) {
		size_t deleted;
		check(store->ops->gc(store, -1, INT64_MAX, -1, 10, &deleted, &left, &err), &err);
	}
	page = list_gates(&page->rows[0], 10);
	CU_ASSERT_EQUAL_FATAL(page->count, 1);
	CU_ASSERT_STRING_EQUAL(page->rows[0].job, ids[!is_second].text);
}

static void cancelled_jobs_and_opened_gates_are_not_listed(void)
{
	struct id cancelled = submit_wrong(1);
	struct error err;
	check(store->ops->cancel_job(store, cancelled.text, &err), &err);
	CU_ASSERT_EQUAL(list_gates(NULL, 10)->count, 0);
	CU_ASSERT_EQUAL(mend(cancelled.text, 0, "sync", 1), ERROR_CONFLICT);
	lease("producer"); /* ends it on the way */
	submit_wrong(1);
	CU_ASSERT_EQUAL(list_gates(NULL, 10)->count, 1);
	complete_producer();
	CU_ASSERT_EQUAL(list_gates(NULL, 10)->count, 0);
	CU_ASSERT_PTR_NOT_NULL(lease("sync"));
}

static void a_mended_gate_is_ready_as_if_it_had_been_awaited(void)
{
	struct id id = submit_wrong(5);
	uint64_t version = gate(id.text, 0, "sync")->version;
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 4), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(mend(id.text, 0, "another", 1), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(mend(new_id().text, 0, "sync", 5), ERROR_NOT_FOUND);
	CU_ASSERT_PTR_NULL(lease("sync"));
	uint32_t ticket = store->ops->bell(store, "sync");
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 5), ERROR_NONE);
	CU_ASSERT_NOT_EQUAL(store->ops->bell(store, "sync"), ticket);
	CU_ASSERT_EQUAL(gate(id.text, 0, "sync")->pending, 0);
	CU_ASSERT_NOT_EQUAL(gate(id.text, 0, "sync")->version, version);
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 5), ERROR_CONFLICT);
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 0), ERROR_CONFLICT);
	complete(lease("sync"));
	ASSERT_JOB(id.text, JOB_RUNNING);
	complete(lease("producer"));
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void a_job_that_ended_for_a_wrong_counter_runs_again(void)
{
	struct id id = submit_wrong(2);
	complete_producer();
	ASSERT_JOB(id.text, JOB_FAILED); /* nothing can run any more */
	const struct gate_list *page = list_gates(NULL, 10);
	CU_ASSERT_EQUAL_FATAL(page->count, 1);
	CU_ASSERT_EQUAL(page->rows[0].pending, 1);
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 1), ERROR_NONE);
	ASSERT_JOB(id.text, JOB_RUNNING);
	CU_ASSERT_EQUAL(job(id.text)->finished_at_ms, 0);
	CU_ASSERT_PTR_NULL(job(id.text)->reason);
	complete(lease("sync"));
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void it_does_not_where_another_has_its_key(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "producer");
	step_gate(&step, 0, "sync");
	step_counter(&step, 0, "sync", 2);
	struct id id = submit_key(&step, "daily");
	complete_producer();
	ASSERT_JOB(id.text, JOB_FAILED);
	struct id other = submit_key(&step, "daily");
	CU_ASSERT_STRING_NOT_EQUAL(other.text, id.text);
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 1), ERROR_CONFLICT);
	ASSERT_JOB(id.text, JOB_FAILED);
	ASSERT_STATE(child_id(id.text, 2).text, TASK_WAITING);
}

static void a_job_that_a_task_has_failed_is_left_alone(void)
{
	struct id id = submit_wrong(2);
	struct step step;
	step_begin(&step);
	step_counter(&step, 0, "sync", -1);
	step.effects.job_failure = "producer failed";
	commit_step(lease("producer"), OUTCOME_FAILED, &step);
	ASSERT_JOB(id.text, JOB_FAILED);
	CU_ASSERT_EQUAL(list_gates(NULL, 10)->count, 0);
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 1), ERROR_CONFLICT);
}

static void a_mended_gate_of_a_queue_with_a_door_stands_in_the_outbox(void)
{
	set_door("sync", true);
	struct id id = submit_wrong(3);
	CU_ASSERT_EQUAL(mend(id.text, 0, "sync", 3), ERROR_NONE);
	CU_ASSERT_PTR_NULL(lease("sync"));
	CU_ASSERT_EQUAL(queue("sync").unsent, 1);
}

static const struct suite_test tests[] = {
	SUITE_TEST(counters_with_waiters_are_listed_in_pages),
	SUITE_TEST(a_page_goes_on_after_a_job_that_is_gone),
	SUITE_TEST(cancelled_jobs_and_opened_gates_are_not_listed),
	SUITE_TEST(a_mended_gate_is_ready_as_if_it_had_been_awaited),
	SUITE_TEST(a_job_that_ended_for_a_wrong_counter_runs_again),
	SUITE_TEST(it_does_not_where_another_has_its_key),
	SUITE_TEST(a_job_that_a_task_has_failed_is_left_alone),
	SUITE_TEST(a_mended_gate_of_a_queue_with_a_door_stands_in_the_outbox),
};
const struct contract_part contract_mend = { "mend", tests, ARRAY_SIZE(tests) };
