/* workers/acts and explain over the store in memory: what people do to jobs and tasks. */
#include "base/jsontext.h"
#include "tests/suite.h"
#include "workers/acts.h"
#include "workers/explain.h"

#include <stdio.h>

#define OWNER    "00112233445566778899aabbccddeeff"
#define LEASE_MS 30000

static const char import[] = "{'starts':['read'],'tasks':{'read':{'queue':'read','starts':['row']},"
			     "'row':{'queue':'row'},'report':{'queue':'report','after':['row']}}}";

static struct store *store;
static struct workflow *workflow;
static char job[STORE_ID_SIZE];

/* JSON with ' for ". */
static json_t *json(const char *text)
{
	OWNED(free) char *quoted = xstrdup(text);
	for (char *at = quoted; *at; at++)
		if (*at == '\'')
			*at = '"';
	json_t *value = NULL;
	CU_ASSERT_TRUE_FATAL(jsontext_parse(quoted, strlen(quoted), &value, NULL));
	return value;
}

static void start_job(const char *key)
{
	OWNED(json) json_t *payload = json("{'file':'a.csv'}");
	struct error err = { 0 };
	const struct acts_start start = { .workflow = workflow, .payload = payload, .key = key };
	CU_ASSERT_TRUE_FATAL(acts_start(store, &start, job, &err));
}

static void push_task(const char *queue, char id[STORE_ID_SIZE])
{
	OWNED(json) json_t *payload = json("[1,2]");
	struct error err = { 0 };
	const struct acts_push push = { .queue = queue, .payload = payload };
	CU_ASSERT_TRUE_FATAL(acts_push(store, &push, id, &err));
}

static bool lease(const char *queue, struct lease_batch *batch)
{
	const struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = OWNER, .lease_ms = LEASE_MS, .max = 1
	};
	*batch = (struct lease_batch){ 0 };
	CU_ASSERT_TRUE_FATAL(store->ops->lease(store, &request, batch, NULL));
	return batch->count == 1;
}

/* Ends the queue's next task as a worker would. */
static void work(const char *queue, enum outcome outcome)
{
	struct lease_batch batch;
	CU_ASSERT_TRUE_FATAL(lease(queue, &batch));
	const struct leased *task = &batch.tasks[0];
	struct commit commit = { .id = task->id,
		.token = task->token,
		.outcome = outcome,
		.reason = outcome == OUTCOME_COMPLETED ? NULL : "broken" };
	struct advance advance = { 0 };
	OWNED(json) json_t *payload = json("{}");
	const struct ended ended = { .name = task->name,
		.seq = task->seq,
		.scopes = task->scopes,
		.job_payload = payload,
		.payload = payload,
		.outcome = outcome,
		.reason = commit.reason };
	if (task->job_id) {
		workflow_advance(workflow, &ended, &commit.outcome, &advance);
		commit.effects = advance.effects;
	}
	struct commit_result result;
	CU_ASSERT_TRUE(store->ops->commit(store, &commit, 1, &result, NULL, NULL, NULL));
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	advance_finish(&advance);
	lease_batch_finish(&batch);
}

static enum job_state job_state(void)
{
	struct job_record record = { 0 };
	CU_ASSERT_TRUE_FATAL(store->ops->get_job(store, job, &record, NULL));
	enum job_state state = record.state;
	job_record_finish(&record);
	return state;
}

static enum task_state task_state(const char *id)
{
	struct task_record record = { 0 };
	CU_ASSERT_TRUE_FATAL(store->ops->get_task(store, id, &record, NULL));
	enum task_state state = record.state;
	task_record_finish(&record);
	return state;
}

/* The job's task of this seq. */
static const char *task_id(int seq)
{
	static char id[STORE_ID_SIZE + 16];
	snprintf(id, sizeof id, "%s.%d", job, seq);
	return id;
}

/* The first task of this name in the job. */
static struct task_record first_named(const char *name)
{
	const struct task_filter filter = {
		.job = job, .name = name, .parent = -1, .state = -1, .limit = 1
	};
	struct task_list list = { 0 };
	CU_ASSERT_TRUE_FATAL(store->ops->list_tasks(store, &filter, &list, NULL));
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	struct task_record record = { .state = list.rows[0].state };
	memcpy(record.id, list.rows[0].id, sizeof record.id);
	task_list_finish(&list);
	return record;
}

static void set_up(void)
{
	OWNED(json) json_t *descriptor = json(import);
	struct error err = { 0 };
	CU_ASSERT_TRUE_FATAL(store_open("memory:", NULL, &store, &err));
	if (!workflow_create("import", descriptor, &workflow, NULL, &err))
		printf("%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(workflow);
}

static void tear_down(void)
{
	workflow_destroy(workflow);
	store_close(store);
	workflow = NULL;
}

static void a_started_job_runs_to_its_end(void)
{
	start_job(NULL);
	work("read", OUTCOME_COMPLETED);
	work("row", OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(job_state(), JOB_RUNNING);
	work("report", OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(job_state(), JOB_COMPLETED);
}

static void a_key_answers_the_running_job_that_has_it(void)
{
	char first[STORE_ID_SIZE];
	start_job("nightly");
	memcpy(first, job, sizeof first);
	start_job("nightly");
	CU_ASSERT_STRING_EQUAL(job, first);
	start_job("other");
	CU_ASSERT_STRING_NOT_EQUAL(job, first);
}

static void an_id_is_found_as_what_it_names(void)
{
	char pushed[STORE_ID_SIZE];
	enum acts_kind kind;
	struct error err = { 0 };
	start_job(NULL);
	push_task("mail", pushed);
	CU_ASSERT_TRUE(acts_find(store, job, &kind, &err) && kind == ACTS_JOB);
	CU_ASSERT_TRUE(acts_find(store, pushed, &kind, &err) && kind == ACTS_TASK);
	CU_ASSERT_TRUE(acts_find(store, task_id(1), &kind, &err) && kind == ACTS_TASK);
	CU_ASSERT_FALSE(acts_find(store, "nobody", &kind, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void a_cancelled_job_runs_nothing_more(void)
{
	struct lease_batch batch;
	struct error err = { 0 };
	start_job(NULL);
	CU_ASSERT_TRUE(acts_cancel_job(store, job, &err));
	CU_ASSERT_EQUAL(job_state(), JOB_CANCELLED);
	CU_ASSERT_EQUAL(task_state(task_id(1)), TASK_CANCELLED);
	CU_ASSERT_FALSE(lease("read", &batch));
	lease_batch_finish(&batch);
	CU_ASSERT_FALSE(acts_cancel_job(store, "nobody", &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void a_cancelled_task_ends_and_its_job_is_judged(void)
{
	struct error err = { 0 };
	bool is_ended;
	start_job(NULL);
	work("read", OUTCOME_COMPLETED);
	struct task_record row = first_named("row");
	CU_ASSERT_TRUE(acts_cancel_task(store, row.id, &is_ended, &err));
	CU_ASSERT_TRUE(is_ended);
	CU_ASSERT_EQUAL(task_state(row.id), TASK_CANCELLED);
	CU_ASSERT_EQUAL(first_named("report").state, TASK_WAITING);
	CU_ASSERT_EQUAL(job_state(), JOB_FAILED);
	CU_ASSERT_FALSE(acts_cancel_task(store, row.id, &is_ended, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
}

static void a_working_task_is_only_flagged(void)
{
	char id[STORE_ID_SIZE];
	struct error err = { 0 };
	struct lease_batch batch;
	enum renewal renewal;
	bool is_ended = true;
	push_task("mail", id);
	CU_ASSERT_TRUE_FATAL(lease("mail", &batch));
	CU_ASSERT_TRUE(acts_cancel_task(store, id, &is_ended, &err));
	CU_ASSERT_FALSE(is_ended);
	CU_ASSERT_EQUAL(task_state(id), TASK_WORKING);
	CU_ASSERT_TRUE(
		store->ops->renew(store, id, &batch.tasks[0].token, LEASE_MS, &renewal, &err));
	CU_ASSERT_EQUAL(renewal, RENEW_CANCELLED);
	lease_batch_finish(&batch);
}

static void a_retried_job_opens_what_hung_on_the_failure(void)
{
	struct error err = { 0 };
	size_t retried;
	start_job(NULL);
	work("read", OUTCOME_COMPLETED);
	work("row", OUTCOME_FAILED);
	CU_ASSERT_EQUAL(job_state(), JOB_FAILED);
	CU_ASSERT_TRUE(acts_retry_job(store, job, &retried, &err));
	CU_ASSERT_EQUAL(retried, 1);
	CU_ASSERT_EQUAL(job_state(), JOB_RUNNING);
	work("row", OUTCOME_COMPLETED);
	work("report", OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(job_state(), JOB_COMPLETED);
	CU_ASSERT_TRUE(acts_retry_job(store, job, &retried, &err));
	CU_ASSERT_EQUAL(retried, 0);
}

static void only_dead_tasks_are_retried(void)
{
	char id[STORE_ID_SIZE];
	struct error err = { 0 };
	push_task("mail", id);
	CU_ASSERT_FALSE(acts_retry_task(store, id, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
	work("mail", OUTCOME_INVALID);
	CU_ASSERT_TRUE(acts_retry_task(store, id, &err));
	CU_ASSERT_EQUAL(task_state(id), TASK_QUEUED);
	CU_ASSERT_FALSE(acts_retry_task(store, "nobody", &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void all_dead_of_a_queue_are_retried(void)
{
	char mails[3][STORE_ID_SIZE], other[STORE_ID_SIZE];
	struct error err = { 0 };
	size_t retried;
	for (size_t i = 0; i < 3; i++) {
		push_task("mail", mails[i]);
		work("mail", OUTCOME_FAILED);
	}
	push_task("other", other);
	work("other", OUTCOME_FAILED);
	CU_ASSERT_TRUE(acts_retry_dead(store, "mail", &retried, &err));
	CU_ASSERT_EQUAL(retried, 3);
	CU_ASSERT_EQUAL(task_state(mails[2]), TASK_QUEUED);
	CU_ASSERT_EQUAL(task_state(other), TASK_FAILED);
}

static void purge_deletes_pushed_tasks_and_cancels_those_of_jobs(void)
{
	char id[STORE_ID_SIZE];
	struct error err = { 0 };
	struct acts_purged purged;
	start_job(NULL);
	push_task("read", id);
	push_task("other", id);
	CU_ASSERT_TRUE(acts_purge(store, "read", false, &purged, &err));
	CU_ASSERT_EQUAL(purged.deleted, 1);
	CU_ASSERT_EQUAL(purged.cancelled, 1);
	CU_ASSERT_EQUAL(task_state(task_id(1)), TASK_CANCELLED);
	CU_ASSERT_EQUAL(task_state(id), TASK_QUEUED);
}

static void purge_of_the_dead_leaves_the_others(void)
{
	char dead[STORE_ID_SIZE], queued[STORE_ID_SIZE];
	struct error err = { 0 };
	struct acts_purged purged;
	struct task_record record = { 0 };
	push_task("mail", dead);
	work("mail", OUTCOME_FAILED);
	push_task("mail", queued);
	CU_ASSERT_TRUE(acts_purge(store, "mail", true, &purged, &err));
	CU_ASSERT_EQUAL(purged.deleted, 1);
	CU_ASSERT_FALSE(store->ops->get_task(store, dead, &record, &err));
	CU_ASSERT_EQUAL(task_state(queued), TASK_QUEUED);
}

static struct config_queue queues[] = { { .name = (char *)"row" } };
static const struct config config = {
	.path = (char *)"/etc/reeve/reeve.yaml", .queues = queues, .queue_count = 1
};

/* The findings' sentences, one per line, with their mends behind "->"; owned. */
static char *explain_as_text(json_t *explanation)
{
	char *text = xstrdup("");
	const json_t *findings = json_object_get(explanation, "findings");
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *finding = json_array_get(findings, i);
		const char *mend = jsontext_member(finding, "mend");
		char *longer = xprintf(
			"%s%s -> %s\n", text, jsontext_member(finding, "says"), mend ? mend : "");
		free(text);
		text = longer;
	}
	json_decref(explanation);
	return text;
}

#define ASSERT_CONTAINS(text, part) CU_ASSERT_PTR_NOT_NULL(strstr(text, part))

static void a_retry_that_can_do_nothing_says_why(void)
{
	struct error err = { 0 };
	size_t retried;
	start_job("nightly");
	work("read", OUTCOME_FAILED);
	char failed[STORE_ID_SIZE];
	snprintf(failed, sizeof failed, "%s", job);
	start_job("nightly");
	CU_ASSERT_STRING_NOT_EQUAL(failed, job);
	CU_ASSERT_FALSE(acts_retry_job(store, failed, &retried, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
	ASSERT_CONTAINS(err.text, "the key of ");
	CU_ASSERT_TRUE(acts_cancel_job(store, job, &err));
	CU_ASSERT_TRUE(acts_retry_job(store, failed, &retried, &err));
	CU_ASSERT_EQUAL(retried, 1);
	CU_ASSERT_FALSE(acts_retry_job(store, job, &retried, &err));
	ASSERT_CONTAINS(err.text, "is cancelled: it can't run again, start it anew");
}

static void a_job_that_failed_by_a_cancel_is_explained_with_the_task_to_retry(void)
{
	struct error err = { 0 };
	const struct explain_view view = { store, &config, NULL, NULL };
	json_t *explanation = NULL;
	bool is_ended;
	start_job(NULL);
	work("read", OUTCOME_COMPLETED);
	const struct task_record row = first_named("row");
	CU_ASSERT_TRUE_FATAL(acts_cancel_task(store, row.id, &is_ended, &err));
	CU_ASSERT_TRUE_FATAL(explain_job(&view, job, &explanation, &err));
	OWNED(free) char *text = explain_as_text(explanation);
	OWNED(free)
	char *told = xprintf("row (%s) was cancelled -> reeve retry %s\n", row.id, row.id);
	ASSERT_CONTAINS(text, told);
}

static void a_failed_job_is_explained_with_the_command_that_mends_it(void)
{
	struct error err = { 0 };
	const struct explain_view view = { store, &config, NULL, NULL };
	json_t *explanation = NULL;
	start_job(NULL);
	work("read", OUTCOME_COMPLETED);
	work("row", OUTCOME_FAILED);
	CU_ASSERT_TRUE_FATAL(explain_job(&view, job, &explanation, &err));
	OWNED(free) char *mend = xprintf("-> reeve retry %s\n", job);
	OWNED(free) char *text = explain_as_text(explanation);
	ASSERT_CONTAINS(text, "row (");
	ASSERT_CONTAINS(text, ") is failed: broken -> reeve retry ");
	ASSERT_CONTAINS(text, ") waits: ");
	ASSERT_CONTAINS(text, mend);
	CU_ASSERT_TRUE_FATAL(explain_task(&view, first_named("report").id, &explanation, &err));
	OWNED(free) char *waiting = explain_as_text(explanation);
	ASSERT_CONTAINS(waiting, ") waits: ");
	ASSERT_CONTAINS(waiting, mend);
}

static void a_waiting_task_names_what_is_missing(void)
{
	struct error err = { 0 };
	const struct explain_view view = { store, &config, NULL, NULL };
	json_t *explanation = NULL;
	start_job(NULL);
	work("read", OUTCOME_COMPLETED);
	CU_ASSERT_TRUE_FATAL(explain_task(&view, first_named("report").id, &explanation, &err));
	const json_t *finding = json_array_get(json_object_get(explanation, "findings"), 0);
	const json_t *missing = json_object_get(finding, "missing");
	CU_ASSERT_STRING_EQUAL(jsontext_member(finding, "verdict"), "waiting");
	CU_ASSERT_EQUAL(json_array_size(missing), 1);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_array_get(missing, 0)), first_named("row").id);
	CU_ASSERT_TRUE(json_is_null(json_object_get(finding, "mend")));
	json_decref(explanation);
}

static void a_queued_task_without_a_supervisor_says_so(void)
{
	char id[STORE_ID_SIZE];
	struct error err = { 0 };
	const struct explain_view view = { store, &config, NULL, NULL };
	json_t *explanation = NULL;
	push_task("row", id);
	CU_ASSERT_TRUE_FATAL(explain_task(&view, id, &explanation, &err));
	OWNED(free) char *text = explain_as_text(explanation);
	CU_ASSERT_STRING_EQUAL(
		text, "no supervisor is running for /etc/reeve/reeve.yaml -> reeve run\n");
}

static void a_queue_says_what_holds_it_up(void)
{
	static const struct {
		const char *status, *part, *scaling;
	} cases[] = {
		{ "{'queues':{'row':{'workers':2,'desired':2,'busy':0,'paused':true}}}",
			"queue row is paused -> reeve resume row\n", NULL },
		{ "{'queues':{'row':{'workers':0,'desired':0,'busy':0,'paused':true,"
		  "'paused_by':'store'}}}",
			"", NULL },
		{ "{'queues':{'row':{'workers':0,'desired':0,'busy':0,'paused':false}}}",
			"queue row has no workers: its count is 0 -> reeve scale row +1\n", NULL },
		{ "{'queues':{'row':{'workers':1,'desired':3,'busy':0,'paused':false}}}",
			"queue row has 1 of 3 workers: the others are starting, or die -> reeve "
			"logs row\n",
			NULL },
		{ "{'queues':{'row':{'workers':2,'desired':2,'busy':2,'paused':false}}}",
			"queue row is limited by its workers: all 2 are busy -> reeve scale row "
			"+1\n",
			NULL },
		{ "{'queues':{}}",
			"the running supervisor does not serve queue row -> reeve reload\n", NULL },
		{ "{'queues':{'row':{'workers':2,'desired':2,'busy':2,'depth':9,'max':2}}}",
			"queue row is limited to 2 workers: its max -> reeve scale row +1\n",
			"{'row':{'limit':'max','needed':2,'overridden':false}}" },
		{ "{'queues':{'row':{'workers':2,'desired':2,'busy':2,'depth':9,'max':9}}}",
			"queue row is limited to 2 workers: no memory is left for more above the "
			"reserve -> \n",
			"{'row':{'limit':'memory','needed':5,'overridden':false}}" },
		{ "{'queues':{'row':{'workers':2,'desired':2,'busy':2,'depth':9,'max':9}}}",
			"queue row is limited by its workers: all 2 are busy -> reeve scale row "
			"+1\n",
			"{'row':{'limit':'load','needed':2,'overridden':false}}" },
		{ "{'queues':{'row':{'workers':0,'desired':0,'busy':0,'depth':0,'max':9}}}", "",
			"{'row':{'limit':'load','needed':0,'overridden':false}}" },
		{ "{'queues':{'row':{'workers':0,'desired':0,'busy':0,'depth':1,'max':9}}}",
			"queue row has no workers yet: the first ones start -> \n",
			"{'row':{'limit':'load','needed':0,'overridden':false}}" },
		{ "{'queues':{'row':{'workers':1,'desired':1,'busy':0,'depth':0,'max':9}}}",
			"the count of queue row was set to 1 by hand; after a reload the file's "
			"counts again -> reeve reload\n",
			"{'row':{'limit':'hold','needed':4,'overridden':true}}" },
		{ "{'queues':{'row':{'workers':6,'desired':6,'busy':0,'depth':0,'max':9}}}", "",
			"{'row':{'limit':'hold','needed':4,'overridden':true}}" },
	};
	struct error err = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED(json) json_t *status = json(cases[i].status);
		OWNED(json) json_t *scaling = cases[i].scaling ? json(cases[i].scaling) : NULL;
		const struct explain_view view = { store, &config, status, scaling };
		json_t *explanation = NULL;
		CU_ASSERT_TRUE_FATAL(explain_queue(&view, "row", &explanation, &err));
		OWNED(free) char *text = explain_as_text(explanation);
		CU_ASSERT_STRING_EQUAL(text, cases[i].part);
	}
	const struct explain_view view = { store, &config, NULL, NULL };
	json_t *explanation = NULL;
	CU_ASSERT_FALSE(explain_queue(&view, "nowhere", &explanation, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void a_queue_that_lets_no_more_in_says_so(void)
{
	struct config_queue *row = &config.queues[0];
	const char *const name = row->name;
	const struct lease_limit limit = { .rate = 1, .rate_ms = 3600000, .max_working = 1 };
	const struct lease_request request = { .queues = &name,
		.queue_count = 1,
		.owner = OWNER,
		.lease_ms = 30000,
		.max = 3,
		.limits = &limit };
	struct lease_batch batch;
	struct error err = { 0 };
	row->rate = (struct config_rate){ 1, 3600000 };
	row->max_working = 1;
	for (int i = 0; i < 2; i++) {
		const struct acts_push push = { .queue = name, .payload = json_null() };
		char id[STORE_ID_SIZE];
		CU_ASSERT_TRUE_FATAL(acts_push(store, &push, id, &err));
	}
	CU_ASSERT_TRUE_FATAL(store->ops->lease(store, &request, &batch, &err));
	CU_ASSERT_EQUAL(batch.count, 1);
	lease_batch_finish(&batch);
	const struct explain_view view = { store, &config, NULL, NULL };
	json_t *explanation = NULL;
	CU_ASSERT_TRUE_FATAL(explain_queue(&view, name, &explanation, &err));
	OWNED(free) char *text = explain_as_text(explanation);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "limited by its max_working: 1 of 1 are being worked on"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "limited by its rate: 1 have started within 3600 s, the next may in"));
	row->rate = (struct config_rate){ 0 };
	row->max_working = 0;
}

/* Each test has a store of its own. */
#define STORE_TEST(function)            \
	static void in_##function(void) \
	{                               \
		set_up();               \
		function();             \
		tear_down();            \
	}
#define TESTS(X)                                                             \
	X(a_started_job_runs_to_its_end)                                     \
	X(a_key_answers_the_running_job_that_has_it)                         \
	X(an_id_is_found_as_what_it_names)                                   \
	X(a_cancelled_job_runs_nothing_more)                                 \
	X(a_cancelled_task_ends_and_its_job_is_judged)                       \
	X(a_working_task_is_only_flagged)                                    \
	X(a_retried_job_opens_what_hung_on_the_failure)                      \
	X(only_dead_tasks_are_retried)                                       \
	X(all_dead_of_a_queue_are_retried)                                   \
	X(purge_deletes_pushed_tasks_and_cancels_those_of_jobs)              \
	X(purge_of_the_dead_leaves_the_others)                               \
	X(a_retry_that_can_do_nothing_says_why)                              \
	X(a_job_that_failed_by_a_cancel_is_explained_with_the_task_to_retry) \
	X(a_failed_job_is_explained_with_the_command_that_mends_it)          \
	X(a_queue_that_lets_no_more_in_says_so)                              \
	X(a_waiting_task_names_what_is_missing)                              \
	X(a_queued_task_without_a_supervisor_says_so)                        \
	X(a_queue_says_what_holds_it_up)
TESTS(STORE_TEST)

int main(void)
{
#define STORE_ROW(function) { #function, in_##function },
	static const struct suite_test tests[] = { TESTS(STORE_ROW) };
	return suite_run("acts", tests, ARRAY_SIZE(tests));
}
