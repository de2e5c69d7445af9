/* The recount of gates over the store in memory: a wrong counter is mended, a right one is not. */
#include "base/jsontext.h"
#include "tests/suite.h"
#include "workers/acts.h"
#include "workers/keeper_recount.h"

#include "base/clock.h"

#include <stdio.h>

#define OWNER    "00112233445566778899aabbccddeeff"
#define LEASE_MS 30000
#define MANY     1200 /* rows of more than one page */

/* The scope of `below` is the task read: there only the tallies of row are kept, not mid's. */
static const char descriptor_text[] =
	"{\"starts\":[\"read\",\"other\"],\"tasks\":{"
	"\"read\":{\"queue\":\"read\",\"starts\":[\"below\"],\"starts_parallel\":[\"mid\"]},"
	"\"mid\":{\"queue\":\"mid\",\"starts\":[\"row\"]},\"row\":{\"queue\":\"row\"},"
	"\"below\":{\"queue\":\"below\",\"waits_for\":{\"row\":{\"condition\":"
	"{\"function\":\"completed\"}}}},"
	"\"other\":{\"queue\":\"other\"},"
	"\"report\":{\"queue\":\"report\",\"after\":[\"row\"]}}}";

static struct store *store;
static struct jobs *jobs;
static struct workflow *workflow;
static struct recount recount;
static char job[STORE_ID_SIZE];
static int64_t now_ms;

static void check(bool done, const struct error *err)
{
	if (!done)
		fprintf(stderr, "\n    %s\n", err->text);
	CU_ASSERT_TRUE_FATAL(done);
}

static void set_up(void)
{
	OWNED(json) json_t *descriptor = NULL;
	struct error err = { 0 };
	check(jsontext_parse(descriptor_text, strlen(descriptor_text), &descriptor, &err), &err);
	check(store_open("memory:", NULL, &store, &err), &err);
	check(workflow_create("import", descriptor, &workflow, NULL, &err), &err);
	jobs = jobs_create();
	recount = (struct recount){ 0 };
	now_ms = 1000;
	OWNED(json) json_t *payload = json_object();
	const struct acts_start start = { .workflow = workflow, .payload = payload };
	check(acts_start(store, &start, job, &err), &err);
}

static void tear_down(void)
{
	recount_finish(&recount);
	jobs_destroy(jobs);
	workflow_destroy(workflow);
	store_close(store);
}

/* A mistake in a counter that the commit of a task makes beside its own changes. */
struct slip {
	int64_t scope;
	const char *gate;
	int64_t pending;
};

static void add_slip(struct effects *effects, const struct slip *slip)
{
	struct counter_change *changes = xcalloc(effects->counters_count + 1, sizeof *changes);
	for (size_t i = 0; i < effects->counters_count; i++)
		changes[i] = effects->counters[i];
	changes[effects->counters_count++] =
		(struct counter_change){ slip->scope, slip->gate, slip->pending };
	effects->counters = changes;
}

static void spawn_mids(const struct leased *task, int64_t count)
{
	struct advance arena = { 0 };
	OWNED(json) json_t *payload = json_object();
	const struct ended parent = { .name = task->name,
		.seq = task->seq,
		.scopes = task->scopes,
		.job_payload = payload,
		.payload = payload };
	struct error err = { 0 };
	struct new_task child;
	check(workflow_spawn(workflow, &parent, "mid", payload, &arena, &child, &err), &err);
	for (int64_t i = 0; i < count; i++)
		check(store->ops->spawn(
			      store, task->id, &task->token, (uint32_t)i, &child, 1, &err),
			&err);
	advance_finish(&arena);
}

/* Ends the queue's next task as a worker would; false where there is none. */
static bool work(const char *queue, enum outcome outcome, int64_t mids, const struct slip *slip)
{
	const struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = OWNER, .lease_ms = LEASE_MS, .max = 1
	};
	struct lease_batch batch;
	struct error err = { 0 };
	check(store->ops->lease(store, &request, &batch, &err), &err);
	if (batch.count == 0) {
		lease_batch_finish(&batch);
		return false;
	}
	const struct leased *task = batch.tasks;
	const struct spawned spawned = { "mid", mids };
	OWNED(json) json_t *payload = json_object();
	const struct ended ended = { .name = task->name,
		.seq = task->seq,
		.scopes = task->scopes,
		.job_payload = payload,
		.payload = payload,
		.outcome = outcome,
		.reason = "broken",
		.spawned = &spawned,
		.spawned_count = mids > 0 };
	struct commit commit = { .id = task->id, .token = task->token, .outcome = outcome };
	struct advance advance;
	struct commit_result result;
	if (mids > 0)
		spawn_mids(task, mids);
	workflow_advance(workflow, &ended, &commit.outcome, &advance);
	commit.effects = advance.effects;
	if (slip)
		add_slip(&commit.effects, slip);
	check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	if (slip)
		free(commit.effects.counters);
	advance_finish(&advance);
	lease_batch_finish(&batch);
	return true;
}

/* One look a second for as long; answers how many gates were mended. */
static int look_for_ms(int64_t ms)
{
	int mended = 0;
	for (int64_t end_ms = now_ms + ms; now_ms < end_ms; now_ms += 1000) {
		const struct waiting_gate *gate;
		struct error err = { 0 };
		check(recount_look(&recount, store, jobs, now_ms, &gate, &err), &err);
		mended += gate != NULL;
	}
	return mended;
}

static enum job_state job_state(void)
{
	struct job_record record;
	struct error err = { 0 };
	check(store->ops->get_job(store, job, &record, &err), &err);
	enum job_state state = record.state;
	job_record_finish(&record);
	return state;
}

static int64_t pending(int64_t scope, const char *gate)
{
	struct gate_view view;
	struct error err = { 0 };
	check(store->ops->get_gate(store, job, scope, gate, NULL, 0, &view, &err), &err);
	int64_t value = view.pending;
	gate_view_finish(&view);
	return value;
}

static void a_gate_that_waits_for_nobody_is_mended(void)
{
	const struct slip slip = { 0, "report", 2 };
	work("other", OUTCOME_COMPLETED, 0, NULL);
	work("read", OUTCOME_COMPLETED, 1, NULL);
	work("mid", OUTCOME_COMPLETED, 0, NULL);
	work("row", OUTCOME_COMPLETED, 0, &slip);
	work("below", OUTCOME_COMPLETED, 0, NULL);
	CU_ASSERT_EQUAL(job_state(), JOB_FAILED); /* nothing can run any more */
	CU_ASSERT_EQUAL(look_for_ms(10000), 1);
	CU_ASSERT_EQUAL(recount.mended.pending, 2);
	CU_ASSERT_STRING_EQUAL(recount.mended.gate, "report");
	CU_ASSERT_EQUAL(job_state(), JOB_RUNNING);
	CU_ASSERT_TRUE(work("report", OUTCOME_COMPLETED, 0, NULL));
	CU_ASSERT_EQUAL(job_state(), JOB_COMPLETED);
	CU_ASSERT_EQUAL(look_for_ms(300000), 0);
}

static void one_below_a_task_is_mended_in_pages_of_rows(void)
{
	const struct slip slip = { 1, "below", 1 };
	work("read", OUTCOME_COMPLETED, MANY, &slip);
	while (work("mid", OUTCOME_COMPLETED, 0, NULL) || work("row", OUTCOME_COMPLETED, 0, NULL))
		;
	CU_ASSERT_EQUAL(pending(1, "below"), 1);
	CU_ASSERT_EQUAL(look_for_ms(3000), 0); /* the job has more than three pages */
	CU_ASSERT_EQUAL(look_for_ms(10000), 1);
	CU_ASSERT_EQUAL(pending(1, "below"), 0);
	CU_ASSERT_TRUE(work("below", OUTCOME_COMPLETED, 0, NULL));
}

/* At each stage of a job, for as long as it takes to look at everything twice. */
static void a_right_counter_is_never_touched(void)
{
	static const struct {
		const char *queue;
		int64_t mids;
	} steps[] = { { "read", 3 }, { "mid", 0 }, { "row", 0 }, { "mid", 0 }, { "mid", 0 },
		{ "row", 0 }, { "row", 0 }, { "below", 0 }, { "other", 0 }, { "report", 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int64_t before[] = { pending(0, "report"), pending(1, "below") };
		CU_ASSERT_EQUAL(look_for_ms(2 * RECOUNT_MS + 10000), 0);
		CU_ASSERT_EQUAL(pending(0, "report"), before[0]);
		CU_ASSERT_EQUAL(pending(1, "below"), before[1]);
		CU_ASSERT_TRUE(work(steps[i].queue, OUTCOME_COMPLETED, steps[i].mids, NULL));
	}
	CU_ASSERT_EQUAL(job_state(), JOB_COMPLETED);
}

static void a_failure_that_withholds_a_task_is_no_mistake(void)
{
	work("read", OUTCOME_COMPLETED, 1, NULL);
	work("mid", OUTCOME_FAILED, 0, NULL);
	CU_ASSERT_EQUAL(pending(0, "report"), 1);
	CU_ASSERT_EQUAL(look_for_ms(2 * RECOUNT_MS), 0); /* `other` can still run */
	work("other", OUTCOME_COMPLETED, 0, NULL);
	CU_ASSERT_EQUAL(look_for_ms(2 * RECOUNT_MS), 0);
	CU_ASSERT_EQUAL(pending(0, "report"), 1);
	CU_ASSERT_EQUAL(job_state(), JOB_FAILED);
}

static void a_gate_is_looked_at_once_a_minute(void)
{
	const struct slip slip = { 0, "report", 1 };
	work("read", OUTCOME_COMPLETED, 1, &slip);
	work("mid", OUTCOME_COMPLETED, 0, NULL);
	CU_ASSERT_EQUAL(look_for_ms(20000), 0); /* row is to come */
	work("row", OUTCOME_COMPLETED, 0, NULL);
	CU_ASSERT_EQUAL(look_for_ms(RECOUNT_MS - 20000), 0);
	CU_ASSERT_EQUAL(look_for_ms(10000), 1);
	CU_ASSERT_TRUE(work("report", OUTCOME_COMPLETED, 0, NULL));
}

/* Each test has a job of its own. */
#define JOB_TEST(function)              \
	static void in_##function(void) \
	{                               \
		set_up();               \
		function();             \
		tear_down();            \
	}
#define TESTS(X)                                         \
	X(a_gate_that_waits_for_nobody_is_mended)        \
	X(one_below_a_task_is_mended_in_pages_of_rows)   \
	X(a_right_counter_is_never_touched)              \
	X(a_failure_that_withholds_a_task_is_no_mistake) \
	X(a_gate_is_looked_at_once_a_minute)
TESTS(JOB_TEST)

int main(void)
{
#define JOB_ROW(function) { #function, in_##function },
	static const struct suite_test tests[] = { TESTS(JOB_ROW) };
	return suite_run("recount", tests, ARRAY_SIZE(tests));
}
