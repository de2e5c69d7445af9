/*
 * What people retry. A job in the place of a task is revived before that task, which then finds it
 * running; where we die in between, the task is revived when that job has completed
 * (acts_follow_up).
 */
#include "workers/acts_rules.h"

#include "base/fault.h"
#include "base/jsontext.h"
#include "workers/nested.h"

static bool revive_here(struct store *store, const struct task_record *task,
	struct job_rules *rules, struct error *err)
{
	if (!task->job_id) {
		const struct effects nothing = { 0 };
		return store->ops->revive(store, task->id, &nothing, err);
	}
	OWNED(json) json_t *payload = NULL;
	if (!rules_open(store, task->job_id, rules, err) ||
		!jsontext_parse(task->payload, strlen(task->payload), &payload, err))
		return false;
	const struct ended ended = { .name = task->name,
		.seq = task->seq,
		.scopes = task->scopes,
		.job_payload = rules->payload,
		.payload = payload,
		.reason = task->reason };
	struct advance advance = { 0 };
	workflow_revive(rules->workflow, &ended, task->state, &advance);
	bool ok = store->ops->revive(store, task->id, &advance.effects, err);
	advance_finish(&advance);
	return ok;
}

static bool retry_dead_of_job(
	struct store *store, const char *id, struct rules_acted *retried, struct error *err);

/* What has failed in the job that runs in the task's place is queued again first: the task then
 * finds that job running. */
static bool revive_place(struct store *store, const char *task_id, struct error *err)
{
	char id[IDS_UUID_SIZE];
	struct job_record job = { 0 };
	struct rules_acted retried;
	nested_id(task_id, id);
	if (!store->ops->get_job(store, id, &job, err))
		return err->kind == ERROR_NOT_FOUND;
	bool is_cancelled = job.state == JOB_CANCELLED;
	job_record_finish(&job);
	if (is_cancelled)
		return error_set(err, ERROR_CONFLICT,
			"job %s, in the place of task %s, is cancelled: it can't run again", id,
			task_id);
	return retry_dead_of_job(store, id, &retried, err);
}

static bool revive(struct store *store, const struct task_record *task, struct job_rules *rules,
	struct error *err)
{
	if (nested_is_queue(task->queue)) {
		if (!revive_place(store, task->id, err))
			return false;
		fault_step("retry-nested");
	}
	return revive_here(store, task, rules, err);
}

static bool revive_above(struct store *store, const char *job_id, struct error *err);

/* A task that has failed waits again, and what has failed with it upwards; reason: where it has
 * failed with one that begins so, NULL: with any. */
static bool revive_failed(
	struct store *store, const char *id, const char *reason, struct error *err)
{
	struct task_record task = { 0 };
	struct job_rules rules = { 0 };
	if (!store->ops->get_task(store, id, &task, err))
		return err->kind == ERROR_NOT_FOUND;
	bool is_meant =
		!reason || (task.reason && strncmp(task.reason, reason, strlen(reason)) == 0);
	bool ok = true;
	if (task.state == TASK_FAILED && is_meant)
		ok = (revive_here(store, &task, &rules, err) || err->kind == ERROR_CONFLICT) &&
		     revive_above(store, task.job_id, err);
	rules_close(&rules);
	task_record_finish(&task);
	return ok;
}

/* The task in whose place a job runs that goes on has failed with it. */
static bool revive_above(struct store *store, const char *job_id, struct error *err)
{
	struct job_record job = { 0 };
	if (!nested_is(job_id))
		return true;
	if (!store->ops->get_job(store, job_id, &job, err))
		return false;
	bool ok = !job.key || revive_failed(store, job.key, NULL, err);
	job_record_finish(&job);
	return ok;
}

bool acts_follow_up(struct store *store, const struct job_record *job, struct error *err)
{
	OWNED(free) char *failed = nested_failure(job->id);
	return revive_failed(store, job->key, failed, err);
}

static bool can_be_revived(enum task_state state)
{
	return state == TASK_FAILED || state == TASK_INVALID || state == TASK_CANCELLED;
}

bool acts_retry_task(struct store *store, const char *id, struct error *err)
{
	struct task_record task = { 0 };
	if (!store->ops->get_task(store, id, &task, err))
		return false;
	struct job_rules rules = { 0 };
	bool ok = can_be_revived(task.state)
			  ? revive(store, &task, &rules, err) &&
				    (!task.job_id || revive_above(store, task.job_id, err))
			  : error_set(err, ERROR_CONFLICT,
				    "task %s is %s: only failed, invalid and "
				    "cancelled tasks can be retried",
				    id, task_state_names[task.state]);
	rules_close(&rules);
	task_record_finish(&task);
	return ok;
}

static bool retry_dead_of_job(
	struct store *store, const char *id, struct rules_acted *retried, struct error *err)
{
	const struct task_filter dead = {
		.job = id, .state = -1, .is_dead = true, .with_bodies = true
	};
	return rules_act_on_all(store, dead, revive, retried, err);
}

/* Where nothing could be queued again, somebody should know why: a key is taken, say. */
static bool is_refused(const struct rules_acted *retried, struct error *err)
{
	if (retried->count > 0 || retried->refused.kind != ERROR_CONFLICT)
		return false;
	*err = retried->refused;
	return true;
}

bool acts_retry_job(struct store *store, const char *id, size_t *retried, struct error *err)
{
	struct job_record job = { 0 };
	if (!store->ops->get_job(store, id, &job, err))
		return false;
	bool is_cancelled = job.state == JOB_CANCELLED;
	job_record_finish(&job);
	if (is_cancelled)
		return error_set(err, ERROR_CONFLICT,
			"job %s is cancelled: it can't run again, start it anew", id);
	struct rules_acted acted;
	if (!retry_dead_of_job(store, id, &acted, err))
		return false;
	if (is_refused(&acted, err))
		return error_wrap(err, "job %s can't go on", id);
	*retried = acted.count;
	fault_step("retry-above");
	return *retried == 0 || revive_above(store, id, err);
}

bool acts_retry_dead(struct store *store, const char *queue, size_t *retried, struct error *err)
{
	const struct task_filter dead = {
		.queue = queue, .state = -1, .is_dead = true, .with_bodies = true
	};
	struct rules_acted acted;
	if (!rules_act_on_all(store, dead, revive, &acted, err) || is_refused(&acted, err))
		return false;
	*retried = acted.count;
	return true;
}
