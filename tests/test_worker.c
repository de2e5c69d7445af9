/* workers/: whole jobs on the memory store: splits, spawned children, gates, inputs, outages. */
#include "tests/worker_fixture.h"

#include "base/clock.h"

#define SPLIT_AND_SYNC                                                                 \
	"{\"starts\":[\"split\"],\"tasks\":{"                                          \
	"\"split\":{\"queue\":\"split\",\"starts_parallel\":[\"row\"],"                \
	"\"starts_with_params\":{\"gate\":{\"nr\":{\"count\":\"row\"}}}},"             \
	"\"row\":{\"queue\":\"row\"},"                                                 \
	"\"gate\":{\"queue\":\"gate\",\"starts\":[\"report\"],\"waits_for\":{\"row\":" \
	"{\"condition\":{\"param\":\"nr\",\"function\":\"eq_completed\"}}}},"          \
	"\"report\":{\"queue\":\"report\"}}}"

#define ECHO_ROW                                                            \
	"envelope=$(cat); row=${envelope#*'\"rows\":'}; row=${row%%\\}*}; " \
	"echo \"{\\\"done\\\":$row}\" >&$REEVE_FD"

static json_t *member(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

static struct config_queue *open_split(int slice_size)
{
	fixture_open();
	struct config_queue *split = fixture_queue("split", QUEUE_SPLIT, NULL);
	split->split_payload_key = xstrdup("rows");
	split->split_slice_size = slice_size;
	return split;
}

static void open_split_and_sync(const char *row_script, const char *report_script)
{
	open_split(2);
	fixture_queue("row", QUEUE_HANDLER, row_script);
	fixture_queue("gate", QUEUE_SYNC, NULL);
	fixture_queue("report", QUEUE_HANDLER, report_script);
}

static json_t *read_json(const char *name)
{
	OWNED(free) char *text = fixture_read(name);
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

static void slices_meet_at_the_gate_whose_child_gets_their_results(void)
{
	open_split_and_sync(ECHO_ROW, "cat >report");
	const char *job = fixture_start(SPLIT_AND_SYNC, "{\"rows\":[1,1,2,3,5]}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	CU_ASSERT_EQUAL(fixture_count(job, "row", TASK_COMPLETED), 3);
	CU_ASSERT_EQUAL(fixture_count(job, "gate", TASK_COMPLETED), 1);
	ASSERT_JSON(member(report, "inputs"), "{\"row\":[[1,1],[2,3],[5]]}");
	ASSERT_JSON(member(member(report, "payload"), "nr"), "3");
	fixture_close();
}

static void an_empty_list_opens_the_gate_with_empty_inputs(void)
{
	open_split_and_sync(ECHO_ROW, "cat >report");
	const char *job = fixture_start(SPLIT_AND_SYNC, "{\"rows\":[]}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	ASSERT_JSON(member(report, "inputs"), "{\"row\":[]}");
	fixture_close();
}

static void more_than_a_mebibyte_of_inputs_becomes_a_count(void)
{
	open_split_and_sync("printf '{\"done\":\"' >&$REEVE_FD; head -c 400000 /dev/zero | "
			    "tr '\\0' x >&$REEVE_FD; echo '\"}' >&$REEVE_FD",
		"cat >report");
	fixture_start(SPLIT_AND_SYNC, "{\"rows\":[1,2,3,4,5,6]}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	ASSERT_JSON(member(report, "inputs"), "{\"row\":{\"count\":3}}");
	fixture_close();
}

static void a_failed_row_shuts_the_gate_and_names_the_reason(void)
{
	open_split_and_sync(
		"[ -e mended ] || ! grep -q '\"rows\":\\[3\\]' || exit 125", "cat >report");
	const char *job = fixture_start(SPLIT_AND_SYNC, "{\"rows\":[1,2,3]}");
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_FAILED);
	CU_ASSERT_EQUAL(fixture_count(job, "gate", TASK_WAITING), 1);
	CU_ASSERT_EQUAL(fixture_count(job, "report", TASK_QUEUED), 0);
	OWNED(free) char *report = fixture_read("report");
	CU_ASSERT_STRING_EQUAL(report, "");
	/* Mended and retried, the gate opens. */
	fixture_write("mended", "");
	struct error err;
	size_t retried;
	CU_ASSERT_TRUE(acts_retry_job(store, job, &retried, &err));
	CU_ASSERT_EQUAL(retried, 1);
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	CU_ASSERT_EQUAL(fixture_count(job, "report", TASK_COMPLETED), 1);
	fixture_close();
}

static void what_a_split_can_not_slice_is_a_named_failure(void)
{
	static const struct {
		const char *payload, *reason;
	} cases[] = {
		{ "{}", "\"split: payload has no rows\"" },
		{ "{\"rows\":7}", "\"split: payload's rows is not an array\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_split_and_sync(ECHO_ROW, "exit 0");
		const char *job = fixture_start(SPLIT_AND_SYNC, cases[i].payload);
		fixture_drain();
		OWNED(json) json_t *task = fixture_task(job, "split", 0);
		ASSERT_JSON(member(task, "status"), "\"failed\"");
		ASSERT_JSON(member(task, "attempt"), "1");
		ASSERT_JSON(member(task, "reason"), cases[i].reason);
		fixture_close();
	}
}

static void a_sample_is_one_element_of_each_slice(void)
{
	open_split(3)->split_sample = true;
	fixture_queue("row", QUEUE_HANDLER, ECHO_ROW);
	fixture_queue("gate", QUEUE_SYNC, NULL);
	fixture_queue("report", QUEUE_NOOP, NULL);
	const char *job = fixture_start(SPLIT_AND_SYNC, "{\"rows\":[1,2,3,14,15]}");
	fixture_drain();
	OWNED(json) json_t *first = fixture_task(job, "row", 0);
	OWNED(json) json_t *second = fixture_task(job, "row", 1);
	json_int_t a = json_integer_value(member(first, "result"));
	json_int_t b = json_integer_value(member(second, "result"));
	CU_ASSERT_TRUE(a >= 1 && a <= 3);
	CU_ASSERT_TRUE(b == 14 || b == 15);
	CU_ASSERT_EQUAL(fixture_count(job, "row", TASK_COMPLETED), 2);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	fixture_close();
}

#define FAN                                                                            \
	"{\"starts\":[\"read\"],\"tasks\":{"                                           \
	"\"read\":{\"queue\":\"read\",\"starts_parallel\":[\"row\",\"gate\"]},"        \
	"\"row\":{\"queue\":\"row\"},"                                                 \
	"\"gate\":{\"queue\":\"gate\",\"starts\":[\"report\"],\"waits_for\":{\"row\":" \
	"{\"condition\":{\"function\":\"completed\"}}}},"                              \
	"\"report\":{\"queue\":\"report\"}}}"

static void a_handler_spawns_rows_and_their_gate(void)
{
	fixture_open();
	fixture_queue("read", QUEUE_HANDLER,
		"i=0; while [ $i -lt 50 ]; do echo '{\"spawn\":[{\"task\":\"row\",\"payload\":"
		"{\"i\":'$i'}}]}'; i=$((i+1)); done >&$REEVE_FD;"
		"echo '{\"spawn\":[{\"task\":\"gate\"}]}' >&$REEVE_FD");
	fixture_queue("row", QUEUE_NOOP, NULL);
	fixture_queue("gate", QUEUE_SYNC, NULL);
	fixture_queue("report", QUEUE_NOOP, NULL);
	const char *job = fixture_start(FAN, "{}");
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_count(job, "row", TASK_COMPLETED), 50);
	CU_ASSERT_EQUAL(fixture_count(job, "gate", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(fixture_count(job, "report", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	fixture_close();
}

static void a_failed_attempt_leaves_no_children(void)
{
	fixture_open();
	fixture_queue("read", QUEUE_HANDLER,
		"i=0; while [ $i -lt 50 ]; do echo '{\"spawn\":[{\"task\":\"row\"}]}'; "
		"i=$((i+1)); done >&$REEVE_FD; [ $REEVE_ATTEMPT = 2 ]");
	fixture_queue("row", QUEUE_NOOP, NULL);
	const char *job = fixture_start(FAN, "{}");
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_count(job, "row", TASK_COMPLETED), 50);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	fixture_close();
}

static void an_ignored_failure_leaves_no_children_either(void)
{
	fixture_open();
	struct config_queue *read = fixture_queue("read", QUEUE_HANDLER,
		"i=0; while [ $i -lt 50 ]; do echo '{\"spawn\":[{\"task\":\"row\"}]}'; "
		"i=$((i+1)); done >&$REEVE_FD; exit 125");
	read->retries.max = 3;
	fixture_queue("row", QUEUE_NOOP, NULL);
	fixture_queue("next", QUEUE_NOOP, NULL);
	const char *job = fixture_start(
		"{\"starts\":[\"read\"],\"tasks\":{\"read\":{\"queue\":\"read\","
		"\"if_failed\":\"ignore\",\"starts\":[\"next\"],\"starts_parallel\":[\"row\"]},"
		"\"row\":{\"queue\":\"row\"},\"next\":{\"queue\":\"next\"}}}",
		"{}");
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_count(job, "row", TASK_COMPLETED), 0);
	CU_ASSERT_EQUAL(fixture_count(job, "read", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(fixture_count(job, "next", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	CU_ASSERT_EQUAL(board->any_failed, 0);
	fixture_close();
}

#define IMPORT                                                                  \
	"{\"starts\":[\"csv\",\"xml\"],\"tasks\":{\"csv\":{\"queue\":\"csv\"}," \
	"\"xml\":{\"queue\":\"xml\",\"if_failed\":\"continue\"},"               \
	"\"report\":{\"queue\":\"report\",\"after\":[\"csv\",\"xml\"]}}}"

static void a_report_runs_after_both_imports_with_their_results(void)
{
	fixture_open();
	fixture_queue("csv", QUEUE_HANDLER, "echo '{\"done\":[1,2]}' >&$REEVE_FD");
	fixture_queue("xml", QUEUE_HANDLER, "exit 125");
	fixture_queue("report", QUEUE_HANDLER, "cat >report");
	const char *job = fixture_start(IMPORT, "{}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	/* A failure that is continued counts as null. */
	ASSERT_JSON(member(report, "inputs"), "{\"csv\":[[1,2]],\"xml\":[null]}");
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	CU_ASSERT_EQUAL(fixture_count(job, "xml", TASK_FAILED), 1);
	fixture_close();
}

static void what_an_after_task_starts_gets_the_result_of_that_task(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER,
		"cat >$REEVE_TASK; echo '{\"done\":\"'$REEVE_TASK'\"}' >&$REEVE_FD");
	const char *job = fixture_start(
		"{\"tasks\":{\"csv\":{\"queue\":\"q\"},\"xml\":{\"queue\":\"q\"},\"report\":"
		"{\"queue\":\"q\",\"after\":[\"csv\",\"xml\"],\"starts\":[\"mail\"]},"
		"\"mail\":{\"queue\":\"q\"}}}",
		"{}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	OWNED(json) json_t *mail = read_json("mail");
	ASSERT_JSON(member(report, "inputs"), "{\"csv\":[\"csv\"],\"xml\":[\"xml\"]}");
	ASSERT_JSON(member(mail, "inputs"), "{\"report\":[\"report\"]}");
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	fixture_close();
}

/* The tasks of a trace, in their order. */
static void expect_trace(const json_t *envelope, const char *const *names, size_t count)
{
	const json_t *trace = member(envelope, "trace");
	CU_ASSERT_EQUAL_FATAL(json_array_size(trace), count);
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_STRING_EQUAL(
			json_string_value(member(json_array_get(trace, i), "task")), names[i]);
}

static void an_after_task_goes_on_the_line_of_what_ended_last(void)
{
	static const char *const of_report[] = { "xml", "rows" }, *const of_mail[] = { "xml",
		"rows", "report" };
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "cat >$REEVE_TASK");
	fixture_start("{\"tasks\":{\"csv\":{\"queue\":\"q\",\"priority\":9},"
		      "\"xml\":{\"queue\":\"q\",\"starts\":[\"rows\"]},\"rows\":{\"queue\":\"q\"},"
		      "\"report\":{\"queue\":\"q\",\"after\":[\"rows\",\"csv\"]},"
		      "\"mail\":{\"queue\":\"q\",\"after\":\"report\"}}}",
		"{}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	OWNED(json) json_t *mail = read_json("mail");
	expect_trace(report, of_report, ARRAY_SIZE(of_report));
	expect_trace(mail, of_mail, ARRAY_SIZE(of_mail));
	fixture_close();
}

/* Below each of two branches, and not its own children. */
static void results_from_deep_below_are_those_of_the_gates_own_scope(void)
{
	static const char *const reports[] = { "report.1", "report.2" };
	fixture_open();
	fixture_queue("top", QUEUE_HANDLER,
		"echo '{\"spawn\":[{\"task\":\"branch\",\"payload\":{\"b\":1}},"
		"{\"task\":\"branch\",\"payload\":{\"b\":2}}]}' >&$REEVE_FD");
	fixture_queue("branch", QUEUE_HANDLER,
		"b=$(sed 's/.*\"b\":\\([12]\\).*/\\1/'); "
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
		"echo '{\"spawn\":[{\"task\":\"mid\",\"payload\":{\"b\":'$b'}}]}'; done "
		">&$REEVE_FD");
	fixture_queue("mid", QUEUE_NOOP, NULL);
	fixture_queue("leaf", QUEUE_HANDLER,
		"echo '{\"done\":'$(sed 's/.*\"b\":\\([12]\\).*/\\1/')'}' >&$REEVE_FD");
	fixture_queue("gate", QUEUE_SYNC, NULL);
	fixture_queue("report", QUEUE_HANDLER,
		"cat >envelope; mv envelope report.$(sed 's/.*\"b\":\\([12]\\).*/\\1/' envelope)");
	const char *job = fixture_start(
		"{\"starts\":[\"top\"],\"tasks\":{\"top\":{\"queue\":\"top\",\"starts_parallel\":"
		"[\"branch\"]},\"branch\":{\"queue\":\"branch\",\"starts_parallel\":[\"mid\"],"
		"\"starts\":[\"gate\"]},\"mid\":{\"queue\":\"mid\",\"starts\":[\"leaf\"]},"
		"\"leaf\":{\"queue\":\"leaf\"},\"gate\":{\"queue\":\"gate\",\"starts\":"
		"[\"report\"],\"waits_for\":{\"leaf\":\"completed\"}},\"report\":"
		"{\"queue\":\"report\"}}}",
		"{}");
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	for (int i = 0; i < 2; i++) {
		OWNED(json) json_t *report = read_json(reports[i]);
		const json_t *leaves = member(member(report, "inputs"), "leaf");
		CU_ASSERT_EQUAL(json_array_size(leaves), 20);
		for (size_t j = 0; j < json_array_size(leaves); j++)
			CU_ASSERT_EQUAL(json_integer_value(json_array_get(leaves, j)), i + 1);
	}
	fixture_close();
}

static void a_name_that_two_ways_lead_to_is_awaited_on_both(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "echo '{\"done\":\"'$REEVE_TASK'\"}' >&$REEVE_FD");
	fixture_queue("gate", QUEUE_SYNC, NULL);
	fixture_queue("report", QUEUE_HANDLER, "cat >report");
	const char *job = fixture_start(
		"{\"starts\":[\"top\"],\"tasks\":{\"top\":{\"queue\":\"q\",\"starts\":"
		"[\"left\",\"right\",\"gate\"]},\"left\":{\"queue\":\"q\",\"starts\":[\"row\"]},"
		"\"right\":{\"queue\":\"q\",\"starts\":[\"row\"]},\"row\":{\"queue\":\"q\"},"
		"\"gate\":{\"queue\":\"gate\",\"starts\":[\"report\"],\"waits_for\":"
		"{\"row\":\"completed\"}},\"report\":{\"queue\":\"report\"}}}",
		"{}");
	fixture_drain();
	OWNED(json) json_t *report = read_json("report");
	ASSERT_JSON(member(report, "inputs"), "{\"row\":[\"row\",\"row\"]}");
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	fixture_close();
}

static void a_child_sees_its_parents_result_and_the_trace_of_its_line(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER,
		"cat >$REEVE_TASK; [ $REEVE_TASK$REEVE_ATTEMPT != a1 ] || exit 1; "
		"echo '{\"done\":\"'$REEVE_TASK'\"}' >&$REEVE_FD");
	fixture_start("{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\",\"starts\":[\"b\"]},"
		      "\"b\":{\"queue\":\"q\",\"starts\":[\"c\"]},\"c\":{\"queue\":\"q\"}}}",
		"{}");
	fixture_drain();
	OWNED(json) json_t *c = read_json("c");
	const json_t *trace = member(c, "trace");
	ASSERT_JSON(member(c, "inputs"), "{\"b\":[\"b\"]}");
	CU_ASSERT_EQUAL(json_array_size(trace), 3);
	ASSERT_JSON(member(json_array_get(trace, 0), "status"), "\"failure\"");
	ASSERT_JSON(member(json_array_get(trace, 1), "task"), "\"a\"");
	ASSERT_JSON(member(json_array_get(trace, 2), "task"), "\"b\"");
	fixture_close();
}

static void a_gate_whose_time_is_over_fails(void)
{
	fixture_open();
	fixture_queue("a", QUEUE_HANDLER, "exit 125");
	fixture_queue("gate", QUEUE_SYNC, NULL);
	const char *job =
		fixture_start("{\"starts\":[\"a\",\"gate\"],\"tasks\":{\"a\":{\"queue\":\"none\"},"
			      "\"gate\":{\"queue\":\"gate\",\"waits_for\":{\"a\":{\"condition\":"
			      "{\"function\":\"completed\",\"timeout\":\"1m\"}}}}}}",
			"{}");
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_count(job, "gate", TASK_WAITING), 1);
	clock_set_offset_ms(61000);
	fixture_drain();
	OWNED(json) json_t *gate = fixture_task(job, "gate", 0);
	clock_set_offset_ms(0);
	ASSERT_JSON(member(gate, "status"), "\"failed\"");
	CU_ASSERT_PTR_NOT_NULL(strstr(json_string_value(member(gate, "reason")), "gate timed out"));
	fixture_close();
}

static void a_job_cancelled_while_its_task_runs_ends_it_as_cancelled(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "sleep 60");
	const char *job =
		fixture_start("{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\"}}}", "{}");
	struct worker *worker = fixture_worker("q");
	struct error err;
	CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
	queue->lease_ms = 1; /* so that it is renewed at the first tick */
	CU_ASSERT_TRUE(acts_cancel_job(store, job, &err));
	worker_do_next(worker);
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_CANCELLED), 1);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_CANCELLED);
	fixture_close();
}

/* A store that can't be reached for some calls. */
static struct store_ops ailing;
static const struct store_ops *sound;
static int commits_refused, renewals;

static bool commit_when_well(struct store *at, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err)
{
	if (commits_refused-- > 0)
		return error_set(err, ERROR_UNAVAILABLE, "the disk is full");
	return sound->commit(at, commits, count, results, next, batch, err);
}

static bool commit_and_forget(struct store *at, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err)
{
	if (!sound->commit(at, commits, count, results, NULL, NULL, err))
		return false;
	at->ops = sound; /* the answer is lost on the way; the repeat meets what it did */
	(void)next;
	(void)batch;
	return error_set(err, ERROR_UNAVAILABLE, "the connection is gone");
}

static bool renew_never(struct store *at, const char *id, const struct token *token,
	int64_t lease_ms, enum renewal *renewal, struct error *err)
{
	(void)at;
	(void)id;
	(void)token;
	(void)lease_ms;
	(void)renewal;
	renewals++;
	return error_set(err, ERROR_UNAVAILABLE, "the disk is full");
}

static void make_ailing(void)
{
	sound = store->ops;
	ailing = *sound;
	store->ops = &ailing;
}

static void a_finished_result_is_kept_until_the_store_is_back(void)
{
	fixture_open();
	fixture_queue("q", QUEUE_HANDLER, "echo x >>ran; echo '{\"done\":7}' >&$REEVE_FD");
	const char *job =
		fixture_start("{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\"}}}", "{}");
	make_ailing();
	ailing.commit = commit_when_well;
	commits_refused = 2;
	fixture_drain();
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	OWNED(free) char *ran = fixture_read("ran");
	ASSERT_JSON(member(task, "result"), "7");
	ASSERT_JSON(member(task, "attempt"), "1");
	CU_ASSERT_STRING_EQUAL(ran, "x");
	CU_ASSERT_TRUE(commits_refused < 0);
	fixture_close();
}

static void a_commit_whose_answer_was_lost_is_not_done_twice(void)
{
	open_split_and_sync(ECHO_ROW, "cat >report");
	const char *job = fixture_start(SPLIT_AND_SYNC, "{\"rows\":[1,2,3]}");
	make_ailing();
	ailing.commit = commit_and_forget;
	fixture_drain();
	CU_ASSERT_EQUAL(fixture_count(job, "row", TASK_COMPLETED), 2);
	CU_ASSERT_EQUAL(fixture_count(job, "gate", TASK_COMPLETED), 1);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	fixture_close();
}

static void a_handler_goes_on_while_its_lease_can_not_be_renewed(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "sleep 0.2; echo x >>ran");
	const char *job =
		fixture_start("{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\"}}}", "{}");
	struct worker *worker = fixture_worker("q");
	struct error err;
	CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
	queue->lease_ms = 1;
	make_ailing();
	ailing.renew = renew_never;
	renewals = 0;
	worker_do_next(worker);
	CU_ASSERT_TRUE(renewals > 0);
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_COMPLETED), 1);
	fixture_close();
}

static void an_outcome_is_dropped_when_the_lease_was_lost(void)
{
	fixture_open();
	struct config_queue *queue = fixture_queue("q", QUEUE_HANDLER, "sleep 60");
	fixture_start("{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\"}}}", "{}");
	struct worker *worker = fixture_worker("q");
	struct error err;
	size_t released;
	CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
	queue->lease_ms = 1;
	const char *owner = worker->self.setup->owner;
	CU_ASSERT_TRUE(store->ops->release_owner(store, owner, NULL, NULL, &released, &err));
	worker_do_next(worker);
	struct queue_stats stats;
	CU_ASSERT_TRUE(store->ops->get_queue(store, "q", &stats, &err));
	CU_ASSERT_EQUAL(stats.completed + stats.failed, 0);
	CU_ASSERT_EQUAL(stats.depth, 1);
	fixture_close();
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(slices_meet_at_the_gate_whose_child_gets_their_results),
		SUITE_TEST(an_empty_list_opens_the_gate_with_empty_inputs),
		SUITE_TEST(more_than_a_mebibyte_of_inputs_becomes_a_count),
		SUITE_TEST(a_failed_row_shuts_the_gate_and_names_the_reason),
		SUITE_TEST(what_a_split_can_not_slice_is_a_named_failure),
		SUITE_TEST(a_sample_is_one_element_of_each_slice),
		SUITE_TEST(a_handler_spawns_rows_and_their_gate),
		SUITE_TEST(a_failed_attempt_leaves_no_children),
		SUITE_TEST(an_ignored_failure_leaves_no_children_either),
		SUITE_TEST(a_report_runs_after_both_imports_with_their_results),
		SUITE_TEST(what_an_after_task_starts_gets_the_result_of_that_task),
		SUITE_TEST(an_after_task_goes_on_the_line_of_what_ended_last),
		SUITE_TEST(results_from_deep_below_are_those_of_the_gates_own_scope),
		SUITE_TEST(a_name_that_two_ways_lead_to_is_awaited_on_both),
		SUITE_TEST(a_child_sees_its_parents_result_and_the_trace_of_its_line),
		SUITE_TEST(a_gate_whose_time_is_over_fails),
		SUITE_TEST(a_job_cancelled_while_its_task_runs_ends_it_as_cancelled),
		SUITE_TEST(a_finished_result_is_kept_until_the_store_is_back),
		SUITE_TEST(a_commit_whose_answer_was_lost_is_not_done_twice),
		SUITE_TEST(a_handler_goes_on_while_its_lease_can_not_be_renewed),
		SUITE_TEST(an_outcome_is_dropped_when_the_lease_was_lost),
	};
	return suite_run("worker", tests, ARRAY_SIZE(tests));
}
