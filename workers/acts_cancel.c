/*
 * What people cancel, and purge. A cancelled job has to be followed by the jobs in the places of
 * its tasks, at any depth. First it is flagged: from then on nothing begins in its places. Then the
 * jobs there are flagged, then its tasks end, and with the last of them it is finished. Each
 * flagged job is listed by the store as `ending` until then, so where we die the keeper goes on
 * (keeper_cancels.c), with each of them in the same way.
 */
#include "workers/acts_rules.h"

#include "base/fault.h"
#include "base/jsontext.h"
#include "workers/nested.h"
#include "workers/pages.h"

#define LEASE_MS 30000
#define PAGE     500

/* Ends a task that is leased by us as cancelled, with all that follows in its job. */
static bool commit_cancelled(
	struct store *store, const struct leased *task, struct job_rules *rules, struct error *err)
{
	struct commit commit = { .id = task->id,
		.token = task->token,
		.outcome = OUTCOME_CANCELLED,
		.reason = "cancelled",
		.failures = task->failures,
		.crashes = task->crashes };
	struct advance advance = { 0 };
	OWNED(json) json_t *payload = NULL;
	if (task->job_id) {
		if (!rules_open(store, task->job_id, rules, err) ||
			!jsontext_parse(task->payload, strlen(task->payload), &payload, err))
			return false;
		const struct ended ended = { .name = task->name,
			.seq = task->seq,
			.scopes = task->scopes,
			.job_payload = rules->payload,
			.payload = payload,
			.outcome = OUTCOME_CANCELLED,
			.reason = commit.reason };
		workflow_advance(rules->workflow, &ended, &commit.outcome, &advance);
		commit.effects = advance.effects;
	}
	struct commit_result result;
	bool ok = store->ops->commit(store, &commit, 1, &result, NULL, NULL, err);
	advance_finish(&advance);
	if (ok && result.answer == COMMIT_STALE)
		return error_set(err, ERROR_CONFLICT, "task %s was taken meanwhile", task->id);
	return ok && (!result.job_ended || nested_told(store, NULL, task->job_id, err));
}

/* CONFLICT where the task is working or has ended. */
static bool cancel_idle_task(
	struct store *store, const char *id, struct job_rules *rules, struct error *err)
{
	char owner[IDS_OWNER_SIZE];
	ids_owner(owner);
	struct lease_batch batch = { 0 };
	if (!store->ops->lease_task(store, id, owner, LEASE_MS, &batch, err))
		return false;
	bool ok = batch.count == 0 || commit_cancelled(store, &batch.tasks[0], rules, err);
	lease_batch_finish(&batch);
	if (!ok) {
		size_t released;
		store->ops->release_owner(store, owner, NULL, NULL, &released, NULL);
	}
	return ok;
}

/* Whether jobs may run in the places of the job's tasks. A workflow that can't be read tells
 * nothing. */
static bool may_have_nested(struct store *store, const char *id, bool *out, struct error *err)
{
	struct job_rules rules = { 0 };
	*out = true;
	if (!rules_open(store, id, &rules, err))
		return err->kind != ERROR_UNAVAILABLE;
	*out = false;
	for (size_t i = 0; i < workflow_task_count(rules.workflow); i++)
		*out |= workflow_task_at(rules.workflow, i)->nested != NULL;
	rules_close(&rules);
	return true;
}

static struct task_filter places_of(const char *job_id)
{
	return (struct task_filter){
		.job = job_id, .queue = WORKFLOW_NESTED_QUEUE, .parent = -1, .state = -1
	};
}

/* It may not have begun, or have ended. */
static bool flag_nested(struct store *store, const struct task_record *task, struct error *err)
{
	char id[IDS_UUID_SIZE];
	nested_id(task->id, id);
	bool ok = store->ops->cancel_job(store, id, err) || err->kind == ERROR_CONFLICT ||
		  err->kind == ERROR_NOT_FOUND;
	fault_step("cancel-nested");
	return ok;
}

/* A page of the job's places; is_told is set with the last one. */
static bool tell_page(
	struct store *store, struct acts_cancel *cancel, size_t limit, struct error *err)
{
	struct task_filter filter = places_of(cancel->job);
	struct task_list list;
	bool has_nested, ok = true;
	if (!*cancel->after && !may_have_nested(store, cancel->job, &has_nested, err))
		return false;
	if (!*cancel->after && !has_nested) {
		cancel->is_told = true;
		return true;
	}
	filter.limit = limit;
	filter.after = *cancel->after ? cancel->after : NULL;
	if (!store->ops->list_tasks(store, &filter, &list, err))
		return false;
	for (size_t i = 0; ok && i < list.count; i++)
		ok = flag_nested(store, &list.rows[i], err);
	if (ok && list.count > 0)
		snprintf(cancel->after, sizeof cancel->after, "%s", list.rows[list.count - 1].id);
	cancel->is_told = ok && list.count < limit;
	task_list_finish(&list);
	return ok;
}

bool acts_cancel_step(
	struct store *store, struct acts_cancel *cancel, size_t limit, struct error *err)
{
	bool left;
	if (!cancel->is_told) {
		bool ok = tell_page(store, cancel, limit, err);
		if (ok && cancel->is_told)
			fault_step("cancel-told");
		return ok;
	}
	if (!store->ops->end_cancelled(store, cancel->job, limit, &left, err))
		return false;
	cancel->is_done = !left;
	return true;
}

bool acts_cancel_below(struct store *store, const char *task_id, struct error *err)
{
	char id[IDS_UUID_SIZE];
	nested_id(task_id, id);
	return acts_cancel_job(store, id, err) || err->kind == ERROR_CONFLICT ||
	       err->kind == ERROR_NOT_FOUND;
}

static bool cancel_nested(void *context, const struct task_record *task, struct error *err)
{
	return acts_cancel_below(context, task->id, err);
}

/* What is done for those in its places is only for promptness. */
bool acts_cancel_job(struct store *store, const char *id, struct error *err)
{
	struct acts_cancel cancel = { 0 };
	snprintf(cancel.job, sizeof cancel.job, "%s", id);
	if (!store->ops->cancel_job(store, id, err))
		return false;
	fault_step("cancel-flagged");
	while (!cancel.is_done)
		if (!acts_cancel_step(store, &cancel, PAGE, err))
			return false;
	fault_step("cancel-ended");
	if (*cancel.after && !pages_of_tasks(store, places_of(id), cancel_nested, store, err))
		return false;
	return nested_told(store, NULL, id, err);
}

static bool get_state(
	struct store *store, const char *id, enum task_state *state, struct error *err)
{
	struct task_record task = { 0 };
	if (!store->ops->get_task(store, id, &task, err))
		return false;
	*state = task.state;
	task_record_finish(&task);
	return true;
}

/* With a job in its place the task ends when that has: at once, unless something of it works. */
static bool cancel_place(struct store *store, const char *id, bool *is_pending, struct error *err)
{
	char nested[IDS_UUID_SIZE];
	struct task_record task = { 0 };
	struct job_record job = { 0 };
	*is_pending = false;
	if (!store->ops->get_task(store, id, &task, err))
		return false;
	bool has_place = nested_is_queue(task.queue) && task.state <= TASK_WORKING;
	task_record_finish(&task);
	nested_id(id, nested);
	if (!has_place)
		return true;
	if (!acts_cancel_job(store, nested, err))
		return err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT;
	if (!store->ops->get_job(store, nested, &job, err))
		return false;
	*is_pending = job.finished_at_ms == 0;
	job_record_finish(&job);
	return true;
}

bool acts_cancel_task(struct store *store, const char *id, bool *is_ended, struct error *err)
{
	struct job_rules rules = { 0 };
	bool is_pending;
	*is_ended = false;
	if (!cancel_place(store, id, &is_pending, err))
		return false;
	if (is_pending)
		return true;
	*is_ended = cancel_idle_task(store, id, &rules, err);
	rules_close(&rules);
	if (*is_ended || err->kind != ERROR_CONFLICT)
		return *is_ended;
	enum task_state state;
	if (!get_state(store, id, &state, err))
		return false;
	/* Who holds it may have begun a job in its place before the flag; after it nobody does. */
	if (state == TASK_WORKING)
		return store->ops->cancel_task(store, id, err) &&
		       cancel_place(store, id, &is_pending, err);
	return error_set(err, ERROR_CONFLICT, "task %s is %s already", id, task_state_names[state]);
}

static bool cancel_listed(struct store *store, const struct task_record *task,
	struct job_rules *rules, struct error *err)
{
	return cancel_idle_task(store, task->id, rules, err);
}

bool acts_purge(struct store *store, const char *queue, bool is_dead, struct acts_purged *purged,
	struct error *err)
{
	*purged = (struct acts_purged){ 0 };
	size_t deleted;
	if (nested_is_queue(queue))
		return error_set(err, ERROR_INVALID,
			"tasks of %s have jobs in their places: cancel those, or the tasks", queue);
	do {
		if (!store->ops->purge(store, queue, is_dead, PAGE, &deleted, err))
			return false;
		purged->deleted += deleted;
	} while (deleted > 0);
	if (is_dead)
		return true;
	const struct task_filter queued = { .queue = queue, .state = TASK_QUEUED };
	struct rules_acted acted;
	bool ok = rules_act_on_all(store, queued, cancel_listed, &acted, err);
	purged->cancelled = acted.count;
	return ok;
}
