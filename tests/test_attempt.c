/* workers/attempt: what comes of a task, whatever its handler and the store do. */
#include "tests/worker_fixture.h"

#include <stdio.h>

#define ONE "{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\"}}}"

static json_t *member(const json_t *task, const char *key)
{
	return json_object_get(task, key);
}

static json_t *last_entry(const json_t *task)
{
	const json_t *trace = member(task, "trace");
	return json_array_get(trace, json_array_size(trace) - 1);
}

static void a_done_handler_completes_its_task_and_job(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "echo '{\"done\":{\"n\":1}}' >&$REEVE_FD");
	const char *job = fixture_start(ONE, "{\"times\":5}");
	fixture_drain();
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	ASSERT_JSON(member(task, "status"), "\"completed\"");
	ASSERT_JSON(member(task, "result"), "{\"n\":1}");
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	CU_ASSERT_EQUAL(board->slots[0].completed, 1);
	CU_ASSERT_EQUAL(board->any_failed, 0);
	fixture_close();
}

static void the_envelope_has_just_what_is_promised(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "cat >envelope");
	const char *job = fixture_start(ONE, "{\"times\":5}");
	fixture_drain();
	OWNED(free) char *text = fixture_read("envelope");
	OWNED(json) json_t *envelope = json_loads(text, 0, NULL);
	OWNED(free) char *id = xprintf("\"%s.1\"", job);
	OWNED(free) char *job_id = xprintf("\"%s\"", job);
	static const char *const keys[] = { "id", "job_id", "workflow", "name", "queue", "attempt",
		"payload", "inputs", "trace", "deadline", "scheduled_at" };
	CU_ASSERT_EQUAL(json_object_size(envelope), ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CU_ASSERT_PTR_NOT_NULL(member(envelope, keys[i]));
	ASSERT_JSON(member(envelope, "id"), id);
	ASSERT_JSON(member(envelope, "job_id"), job_id);
	ASSERT_JSON(member(envelope, "workflow"), "\"test\"");
	ASSERT_JSON(member(envelope, "attempt"), "1");
	ASSERT_JSON(member(envelope, "payload"), "{\"times\":5}");
	ASSERT_JSON(member(envelope, "inputs"), "{}");
	ASSERT_JSON(member(envelope, "trace"), "[]");
	fixture_close();
}

static void each_attempt_leaves_one_trace_entry_with_every_field(void)
{
	fixture_open();
	fixture_queue(
		"q", QUEUE_HANDLER, "[ $REEVE_ATTEMPT = 2 ] || { echo no luck >&2; exit 3; }");
	const char *job = fixture_start(ONE, "{}");
	fixture_drain();
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	static const char *const keys[] = { "worker", "task", "attempt", "received_at",
		"finished_at", "seconds", "status", "host", "message", "backtrace", "queue",
		"message_id" };
	CU_ASSERT_EQUAL(json_array_size(member(task, "trace")), 2);
	json_t *first = json_array_get(member(task, "trace"), 0);
	CU_ASSERT_EQUAL(json_object_size(first), ARRAY_SIZE(keys));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		CU_ASSERT_PTR_NOT_NULL(member(first, keys[i]));
	ASSERT_JSON(member(first, "status"), "\"failure\"");
	ASSERT_JSON(member(first, "worker"), "\"test#1\"");
	ASSERT_JSON(member(first, "task"), "\"a\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(json_string_value(member(first, "message")), "no luck"));
	ASSERT_JSON(member(last_entry(task), "status"), "\"success\"");
	ASSERT_JSON(member(last_entry(task), "attempt"), "2");
	fixture_close();
}

/* How a handler ends, and what its task then is. */
static const struct {
	const char *script, *status, *last;
	int64_t attempts;
} ends[] = {
	{ "exit 0", "\"completed\"", "\"success\"", 1 },
	{ "exit 1", "\"failed\"", "\"failure\"", 3 },
	{ "exit 75", "\"failed\"", "\"retry\"", 3 },
	{ "exit 125", "\"failed\"", "\"failure\"", 1 },
	{ "exit 65", "\"invalid_payload\"", "\"failure\"", 1 },
	{ "kill -SEGV $$", "\"failed\"", "\"crash\"", 2 },
	{ "echo '{\"fail\":\"no\",\"permanent\":true}' >&$REEVE_FD", "\"failed\"", "\"failure\"",
		1 },
	{ "echo nonsense >&$REEVE_FD", "\"failed\"", "\"failure\"", 3 },
	{ "echo '{\"spawn\":[{\"task\":\"b\"}]}' >&$REEVE_FD", "\"failed\"", "\"failure\"", 3 },
};

static void each_end_of_a_handler_spends_its_own_budget(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		fixture_open();
		struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, ends[i].script);
		queue->retries.max = 2;
		queue->crashes = 2;
		const char *job = fixture_start(ONE, "{}");
		fixture_drain();
		OWNED(json) json_t *task = fixture_task(job, "a", 0);
		ASSERT_JSON(member(task, "status"), ends[i].status);
		ASSERT_JSON(member(last_entry(task), "status"), ends[i].last);
		CU_ASSERT_EQUAL(json_integer_value(member(task, "attempt")), ends[i].attempts);
		bool is_well = strcmp(ends[i].status, "\"completed\"") == 0;
		CU_ASSERT_EQUAL(board->any_failed, is_well ? 0 : 1);
		CU_ASSERT_EQUAL(fixture_job_state(job), is_well ? JOB_COMPLETED : JOB_FAILED);
		fixture_close();
	}
}

static void a_descriptor_beats_its_queue(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "exit 1");
	const char *job = fixture_start(
		"{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\",\"retries\":{\"max\":1}}}}",
		"{}");
	fixture_drain();
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	ASSERT_JSON(member(task, "attempt"), "2");
	fixture_close();
}

static void an_invalid_payload_ends_a_task_without_a_run(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "touch ran");
	json_object_set_new(queue->validate, "x", json_pack("{s:s}", "type", "integer"));
	const char *job = fixture_start(ONE, "{\"x\":\"1\"}");
	fixture_drain();
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	ASSERT_JSON(member(task, "status"), "\"invalid_payload\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(json_string_value(member(task, "reason")), "x.type"));
	OWNED(free) char *path = xprintf("%s/ran", folder);
	FILE *ran = fopen(path, "r");
	CU_ASSERT_PTR_NULL(ran);
	fixture_close();
}

static void a_pushed_task_runs_but_may_not_spawn(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER,
		"cat >envelope; echo '{\"spawn\":[{\"task\":\"b\"}]}' >&$REEVE_FD");
	queue->retries.max = 0;
	const char *id = fixture_push("q", "[1,\"two\"]");
	fixture_drain();
	OWNED(json) json_t *task = fixture_task_by_id(id);
	OWNED(free) char *text = fixture_read("envelope");
	OWNED(json) json_t *envelope = json_loads(text, 0, NULL);
	ASSERT_JSON(member(envelope, "job_id"), "null");
	ASSERT_JSON(member(envelope, "workflow"), "null");
	ASSERT_JSON(member(envelope, "payload"), "[1,\"two\"]");
	ASSERT_JSON(member(task, "status"), "\"failed\"");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(json_string_value(member(task, "reason")), "pushed task may not spawn"));
	fixture_close();
}

static void a_task_that_lost_twenty_leases_is_set_aside(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "touch ran");
	const char *job = fixture_start(ONE, "{}");
	struct worker *worker = fixture_worker("q");
	OWNED(free) char *id = xprintf("%s.1", job);
	struct error err;
	size_t released;
	for (int i = 0; i < STORE_LOST_MAX; i++) {
		CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
		CU_ASSERT_TRUE(store->ops->release_owner(
			store, worker->self.setup->owner, id, NULL, &released, &err));
		CU_ASSERT_EQUAL(released, 1);
	}
	lease_batch_finish(&worker->hand.batch);
	worker->hand = (struct hand){ 0 };
	fixture_drain();
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	ASSERT_JSON(member(task, "status"), "\"failed\"");
	ASSERT_JSON(member(task, "reason"), "\"lost 20 leases\"");
	fixture_close();
}

static void a_halted_handler_gives_its_task_back_uncounted(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "sleep 60");
	const char *job = fixture_start(ONE, "{}");
	struct worker *worker = fixture_worker("q");
	struct error err;
	CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
	atomic_store(&worker->slot->command, COMMAND_HALT);
	worker_do_next(worker);
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	ASSERT_JSON(member(task, "status"), "\"queued\"");
	ASSERT_JSON(member(task, "losses"), "0");
	CU_ASSERT_TRUE(worker->has_given_back);
	fixture_close();
}

static void hooks_run_in_their_order_and_get_the_outcome(void)
{
	fixture_open();
	struct config_queue *queue =
		fixture_queue("q", QUEUE_HANDLER, "echo run >>order; [ $REEVE_ATTEMPT = 2 ]");
	fixture_set_hook(&queue->before, "echo before >>order");
	fixture_set_hook(&queue->after, "cat >after.$REEVE_ATTEMPT; echo after >>order; exit 1");
	fixture_set_hook(&queue->on_failure, "cat >failure; echo failure >>order");
	fixture_set_hook(&queue->on_success, "cat >success; echo success >>order; exit 1");
	const char *job = fixture_start(ONE, "{}");
	fixture_drain();
	OWNED(free) char *order = fixture_read("order");
	CU_ASSERT_STRING_EQUAL(order, "before\nrun\nafter\nfailure\nbefore\nrun\nafter\nsuccess");
	OWNED(free) char *text = fixture_read("failure");
	OWNED(json) json_t *told = json_loads(text, 0, NULL);
	const json_t *outcome = member(told, "outcome");
	CU_ASSERT_EQUAL(json_object_size(outcome), 7);
	ASSERT_JSON(member(outcome, "status"), "\"failure\"");
	ASSERT_JSON(member(outcome, "final"), "false");
	CU_ASSERT_TRUE(json_is_string(member(outcome, "error")));
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_COMPLETED), 1);
	fixture_close();
}

static void a_failing_before_fails_the_attempt_and_runs_no_handler(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "echo run >>order");
	queue->retries.max = 0;
	fixture_set_hook(&queue->before, "echo before >>order; exit 1");
	fixture_set_hook(&queue->after, "echo after >>order");
	const char *job = fixture_start(ONE, "{}");
	fixture_drain();
	OWNED(free) char *order = fixture_read("order");
	CU_ASSERT_STRING_EQUAL(order, "before\nafter");
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_FAILED), 1);
	fixture_close();
}

static void retry_exits_run_no_on_failure_until_the_budget_is_spent(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "exit 75");
	queue->retries.max = 2;
	fixture_set_hook(&queue->on_failure, "echo failure >>order");
	fixture_start(ONE, "{}");
	fixture_drain();
	OWNED(free) char *order = fixture_read("order");
	CU_ASSERT_STRING_EQUAL(order, "failure");
	fixture_close();
}

static void tasks_leased_ahead_go_back_while_a_long_one_runs(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "sleep 0.4");
	queue->batch = 5;
	for (int i = 0; i < 5; i++)
		fixture_push("q", "{}");
	struct worker *worker = fixture_worker("q");
	worker->average_ms = 1;
	struct error err;
	CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
	CU_ASSERT_EQUAL(worker->hand.batch.count, 5);
	worker_do_next(worker);
	struct queue_stats stats;
	CU_ASSERT_TRUE(store->ops->get_queue(store, "q", &stats, &err));
	CU_ASSERT_EQUAL(stats.completed, 1);
	CU_ASSERT_EQUAL(stats.depth + stats.working, 4);
	fixture_drain();
	CU_ASSERT_TRUE(store->ops->get_queue(store, "q", &stats, &err));
	CU_ASSERT_EQUAL(stats.completed, 5);
	CU_ASSERT_EQUAL(stats.failed, 0);
	fixture_close();
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_done_handler_completes_its_task_and_job),
		SUITE_TEST(the_envelope_has_just_what_is_promised),
		SUITE_TEST(each_attempt_leaves_one_trace_entry_with_every_field),
		SUITE_TEST(each_end_of_a_handler_spends_its_own_budget),
		SUITE_TEST(a_descriptor_beats_its_queue),
		SUITE_TEST(an_invalid_payload_ends_a_task_without_a_run),
		SUITE_TEST(a_pushed_task_runs_but_may_not_spawn),
		SUITE_TEST(a_task_that_lost_twenty_leases_is_set_aside),
		SUITE_TEST(a_halted_handler_gives_its_task_back_uncounted),
		SUITE_TEST(hooks_run_in_their_order_and_get_the_outcome),
		SUITE_TEST(a_failing_before_fails_the_attempt_and_runs_no_handler),
		SUITE_TEST(retry_exits_run_no_on_failure_until_the_budget_is_spent),
		SUITE_TEST(tasks_leased_ahead_go_back_while_a_long_one_runs),
	};
	return suite_run("attempt", tests, ARRAY_SIZE(tests));
}
