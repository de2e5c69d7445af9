/* Jobs in the place of tasks; see nested.h. */
#include "workers/nested.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "workers/acts.h"

#include <inttypes.h>
#include <stdio.h>

#define LOOK_FIRST_MS 30000 /* until the task looks up by itself, doubling */
#define LOOK_MOST_MS  600000
#define LEASE_MS      30000

#define RANDOM_BITS 42 /* of an id of ours: the rest is time, version and the store's tag */
#define MIX_JOB     UINT64_C(0x9e3779b97f4a7c15)
#define MIX_TASK    UINT64_C(0xc2b2ae3d27d4eb4f)

/*
 * A UUID of version 8 (RFC 9562, section 5.8) with the time and tag of the task's job, so that it
 * sorts and is known as that. Tasks of one job never share one: both steps can be undone.
 */
void nested_id(const char *task_id, char out[IDS_UUID_SIZE])
{
	char job[IDS_UUID_SIZE];
	int64_t seq;
	unsigned first = 0, second = 0, third = 0;
	bool is_split = store_split_id(task_id, job, &seq);
	if (!is_split || sscanf(job + 15, "%3x-%4x-%4x", &first, &second, &third) != 3) {
		snprintf(out, IDS_UUID_SIZE, "00000000-0000-8000-8000-000000000000");
		return;
	}
	uint64_t bits = (uint64_t)first << 30 | (uint64_t)(second & 0x3fff) << 16 | third;
	bits = (bits * MIX_JOB + (uint64_t)seq * MIX_TASK) & ((UINT64_C(1) << RANDOM_BITS) - 1);
	bits ^= bits >> RANDOM_BITS / 2;
	snprintf(out, IDS_UUID_SIZE, "%.13s-8%03x-%04x-%04x%.8s", job, (unsigned)(bits >> 30),
		(unsigned)(0x8000 | (bits >> 16 & 0x3fff)), (unsigned)(bits & 0xffff), job + 28);
}

bool nested_is(const char *job_id)
{
	return strlen(job_id) == IDS_UUID_SIZE - 1 && job_id[14] == '8';
}

bool nested_is_queue(const char *queue)
{
	return strcmp(queue, WORKFLOW_NESTED_QUEUE) == 0;
}

static bool get_job(
	struct attempt *attempt, const char *id, struct job_record *job, struct error *err)
{
	struct self *self = &attempt->worker->self;
	bool ok;
	do
		ok = self->store->ops->get_job(self->store, id, job, err);
	while (self_tries_again(self, ok, err));
	return ok;
}

/* The task's payload, with the results that it would have got as a handler. */
static bool make_payload(struct attempt *attempt, json_t **out, struct error *err)
{
	OWNED(json) json_t *inputs = NULL;
	if (!json_is_object(attempt->payload))
		return error_set(err, ERROR_INVALID, "the payload of a job is an object");
	if (!attempt_inputs(attempt, &inputs, err))
		return false;
	*out = json_copy(attempt->payload);
	if (json_object_size(inputs) > 0)
		json_object_set(*out, "inputs", inputs);
	return true;
}

static bool start(struct attempt *attempt, const char *id, struct error *err)
{
	struct self *self = &attempt->worker->self;
	const struct workflow_task *facts = attempt->facts;
	OWNED(json) json_t *payload = NULL;
	OWNED(workflow) struct workflow *workflow = NULL;
	char got[STORE_ID_SIZE];
	bool ok;
	if (!facts->nested_hash)
		return error_set(
			err, ERROR_INVALID, "workflow \"%.80s\" is not resolved", facts->nested);
	if (!make_payload(attempt, &payload, err))
		return false;
	struct acts_start act = { .id = id,
		.place = attempt->task->id,
		.payload = payload,
		.key = attempt->task->id,
		.config = self->setup->config };
	do {
		ok = workflow ||
		     acts_open_workflow(self->store, facts->nested_hash, &workflow, err);
		act.workflow = workflow;
		ok = ok && acts_start(self->store, &act, got, err);
	} while (self_tries_again(self, ok, err));
	fault_step("nested-started");
	return ok;
}

static bool find_or_start(
	struct attempt *attempt, const char *id, struct job_record *job, struct error *err)
{
	if (get_job(attempt, id, job, err))
		return true;
	return err->kind == ERROR_NOT_FOUND && start(attempt, id, err) &&
	       get_job(attempt, id, job, err);
}

static void end_run(struct attempt *attempt, enum run_status status, char *message)
{
	attempt->run.status = status;
	free(attempt->run.message);
	attempt->run.message = message;
}

/* A job's own results are those of the tasks that lead to no other: {NAME: [result, …]}. */
static bool take_results(struct attempt *attempt, const struct job_record *job, struct error *err)
{
	struct self *self = &attempt->worker->self;
	OWNED(workflow) struct workflow *workflow = NULL;
	OWNED(json) json_t *results = NULL;
	bool ok;
	do
		ok = acts_open_workflow(self->store, job->workflow_hash, &workflow, err);
	while (self_tries_again(self, ok, err));
	if (!ok || !attempt_results(attempt, job->id, workflow, &results, err))
		return false;
	attempt->run.result = jsontext_print(results);
	return true;
}

char *nested_failure(const char *job_id)
{
	return xprintf("job %s has failed", job_id);
}

static int64_t look_ms(const struct attempt *attempt)
{
	int64_t ms = fault_number("REEVE_NESTED_LOOK_MS", LOOK_FIRST_MS);
	for (uint32_t i = 1; i < attempt->task->token.attempt && ms < LOOK_MOST_MS; i++)
		ms *= 2;
	return ms < LOOK_MOST_MS ? ms : LOOK_MOST_MS;
}

static bool follow_job(struct attempt *attempt, const struct job_record *job, struct error *err)
{
	if (!job->key || strcmp(job->key, attempt->task->id) != 0)
		return error_set(err, ERROR_INVALID, "job %s is not of this task", job->id);
	if (job->finished_at_ms == 0) {
		end_run(attempt, RUN_NESTED, xprintf("job %s runs in its place", job->id));
		attempt->run.retry_in_ms = look_ms(attempt);
	} else if (job->state == JOB_FAILED) {
		OWNED(free) char *failed = nested_failure(job->id);
		end_run(attempt, RUN_PERMANENT,
			xprintf("%s: %s", failed, job->reason ? job->reason : "no reason"));
	} else if (job->state == JOB_CANCELLED) {
		end_run(attempt, RUN_CANCELLED, xprintf("job %s is cancelled", job->id));
	} else {
		end_run(attempt, RUN_DONE, NULL);
		return take_results(attempt, job, err);
	}
	return true;
}

void nested_run(struct attempt *attempt)
{
	char id[IDS_UUID_SIZE];
	struct job_record job = { 0 };
	struct error err;
	attempt->run.started_at_ms = clock_wall_ms();
	nested_id(attempt->task->id, id);
	bool ok = find_or_start(attempt, id, &job, &err) && follow_job(attempt, &job, &err);
	job_record_finish(&job);
	if (!ok && err.kind == ERROR_CONFLICT) /* nothing begins below what is cancelled */
		end_run(attempt, RUN_CANCELLED, xstrdup(err.text));
	else if (!ok)
		attempt_fail(attempt, &err);
	attempt->run.finished_at_ms = clock_wall_ms();
}

void nested_look_again(struct attempt *attempt)
{
	struct log_subject subject = attempt_subject(attempt);
	char id[IDS_UUID_SIZE];
	struct error err;
	const struct self *self = &attempt->worker->self;
	nested_id(attempt->task->id, id);
	if (!nested_told(self->store, self->setup->owner, id, &err))
		log_about(&subject, LOG_WARN, "%s; it looks up again by itself", err.text);
}

bool nested_cancel(struct attempt *attempt, struct error *err)
{
	struct self *self = &attempt->worker->self;
	bool ok;
	do
		ok = acts_cancel_below(self->store, attempt->task->id, err);
	while (self_tries_again(self, ok, err));
	return ok;
}

/* Leased by its name and put back at once it is due now. Somebody else may be at it. */
static bool make_due(struct store *store, const char *owner, const char *task_id, struct error *err)
{
	char passing[IDS_OWNER_SIZE];
	struct lease_batch batch = { 0 };
	ids_owner(passing);
	if (!store->ops->lease_task(store, task_id, owner ? owner : passing, LEASE_MS, &batch, err))
		return err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
	fault_step("nested-held");
	bool ok = true;
	if (batch.count > 0) {
		const struct leased *task = &batch.tasks[0];
		const struct commit commit = { .id = task->id,
			.token = task->token,
			.outcome = OUTCOME_RETRY,
			.failures = task->failures,
			.crashes = task->crashes };
		struct commit_result result;
		ok = store->ops->commit(store, &commit, 1, &result, NULL, NULL, err) ||
		     err->kind == ERROR_CONFLICT;
	}
	lease_batch_finish(&batch);
	return ok;
}

bool nested_told(struct store *store, const char *owner, const char *job_id, struct error *err)
{
	struct job_record job = { 0 };
	if (!nested_is(job_id))
		return true;
	if (!store->ops->get_job(store, job_id, &job, err))
		return err->kind == ERROR_NOT_FOUND;
	bool ok = true;
	if (job.finished_at_ms != 0 && job.key)
		ok = make_due(store, owner, job.key, err) &&
		     (job.state != JOB_COMPLETED || acts_follow_up(store, &job, err));
	job_record_finish(&job);
	return ok;
}

void nested_show_task(struct task_record *task)
{
	if (nested_is_queue(task->queue) &&
		(task->state == TASK_QUEUED || task->state == TASK_WORKING))
		task->state = TASK_WAITING;
}

bool nested_show_job(struct store *store, struct job_record *job, struct error *err)
{
	OWNED(workflow) struct workflow *workflow = NULL;
	if (job->finished_at_ms != 0)
		return true;
	if (!acts_open_workflow(store, job->workflow_hash, &workflow, err))
		return false;
	for (size_t i = 0; i < job->name_count; i++) {
		const struct workflow_task *task = workflow_find_task(workflow, job->names[i].name);
		int64_t *states = job->names[i].states;
		if (!task || !task->nested)
			continue;
		states[TASK_WAITING] += states[TASK_QUEUED] + states[TASK_WORKING];
		states[TASK_QUEUED] = states[TASK_WORKING] = 0;
	}
	return true;
}

struct config_queue nested_queue(void)
{
	static const struct config_retries none = { .factor = 1 };
	static char name[] = WORKFLOW_NESTED_QUEUE;
	static char *nothing[] = { NULL };
	return (struct config_queue){ .name = name,
		.type = QUEUE_NOOP,
		.retries = none,
		.lease_ms = LEASE_MS,
		.timeout_ms = CONFIG_NO_LIMIT,
		.batch = 1,
		.umask = -1,
		.pass_env = nothing,
		.validate = json_object() };
}
