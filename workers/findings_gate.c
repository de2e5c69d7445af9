/* What a waiting task waits for; see findings.h. */
#include "base/jsontext.h"
#include "workers/findings.h"

#include <stdio.h>

#define SHOWN_MAX 10

static const char *const verdict_names[] = {
	[VERDICT_OPEN] = "open",
	[VERDICT_WAITING] = "waiting",
	[VERDICT_UNSATISFIABLE] = "unsatisfiable",
};

/* Appends the ids of up to SHOWN_MAX tasks of the filter that are within the scope. */
static bool append_tasks(struct store *store, const struct task_filter *filter, int64_t scope,
	json_t *ids, struct error *err)
{
	struct task_list list = { 0 };
	if (!store->ops->list_tasks(store, filter, &list, err))
		return false;
	for (size_t i = 0; i < list.count && json_array_size(ids) < SHOWN_MAX; i++)
		if (scope == 0 || workflow_is_in_scope(list.rows[i].scopes, scope))
			json_array_append_new(ids, json_string(list.rows[i].id));
	task_list_finish(&list);
	return true;
}

struct awaited {
	const struct explain_view *view;
	const struct task_record *task; /* the one that waits */
	const char *name;
	json_t *failed, *missing; /* ids */
};

static bool append_awaited(const struct awaited *awaited, struct error *err)
{
	static const enum task_state unfinished[] = { TASK_WORKING, TASK_QUEUED, TASK_WAITING };
	struct store *store = awaited->view->store;
	struct task_filter filter = { .job = awaited->task->job_id,
		.name = awaited->name,
		.parent = -1,
		.state = -1,
		.is_dead = true,
		.limit = 100 };
	int64_t scope = awaited->task->wait_scope;
	if (!append_tasks(store, &filter, scope, awaited->failed, err))
		return false;
	filter.is_dead = false;
	for (size_t i = 0; i < ARRAY_SIZE(unfinished); i++) {
		filter.state = (int)unfinished[i];
		if (!append_tasks(store, &filter, scope, awaited->missing, err))
			return false;
	}
	return true;
}

static json_t *shape_tally(const char *name, const struct tally *tally)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", name, "born",
		(json_int_t)tally->born, "completed", (json_int_t)tally->completed, "failed",
		(json_int_t)(tally->failed + tally->invalid), "skipped", (json_int_t)tally->skipped,
		"cancelled", (json_int_t)tally->cancelled, "excused", (json_int_t)tally->excused);
}

static bool add_members(const struct explain_view *view, const struct task_record *task,
	const char *const *names, const struct gate_view *gate, json_t *finding, struct error *err)
{
	json_t *awaits = json_array(), *failed = json_array(), *missing = json_array();
	json_object_set_new(finding, "gate", json_string(task->name));
	json_object_set_new(finding, "pending", json_integer(gate->pending));
	json_object_set_new(finding, "awaits", awaits);
	json_object_set_new(finding, "failed", failed);
	json_object_set_new(finding, "missing", missing);
	for (size_t i = 0; i < gate->count; i++) {
		const struct awaited awaited = { view, task, names[i], failed, missing };
		json_array_append_new(awaits, shape_tally(names[i], &gate->tallies[i]));
		if (!append_awaited(&awaited, err))
			return false;
	}
	return true;
}

static bool judge(const struct findings_job *job, const struct task_record *task,
	const struct gate_view *gate, struct judgement *judgement, struct error *err)
{
	OWNED(json) json_t *payload = NULL;
	if (task->payload && !jsontext_parse(task->payload, strlen(task->payload), &payload, err))
		return false;
	workflow_judge(job->workflow, task->name, payload, gate, judgement);
	return true;
}

static bool has_dead(const struct job_record *job)
{
	for (size_t i = 0; i < job->name_count; i++)
		if (job->names[i].states[TASK_FAILED] || job->names[i].states[TASK_INVALID])
			return true;
	return false;
}

/* Only a retry opens it: no awaited task is left that could. */
static bool needs_retry(
	const struct findings_job *job, const struct judgement *judgement, const json_t *finding)
{
	return judgement->verdict == VERDICT_UNSATISFIABLE ||
	       (judgement->verdict == VERDICT_WAITING && has_dead(job->record) &&
		       json_array_size(json_object_get(finding, "missing")) == 0);
}

static json_t *add_sentence(
	const struct task_record *task, const struct judgement *judgement, json_t *list)
{
	static const char *const verbs[] = { [VERDICT_OPEN] = "is about to open",
		[VERDICT_WAITING] = "waits",
		[VERDICT_UNSATISFIABLE] = "can't open" };
	const char *reason = judgement->reason;
	json_t *finding = findings_add(list, NULL, task->created_at_ms, "%s (%s) %s%s%s",
		task->name, task->id, verbs[judgement->verdict], *reason ? ": " : "", reason);
	json_object_set_new(finding, "verdict", json_string(verdict_names[judgement->verdict]));
	return finding;
}

bool findings_of_gate(const struct explain_view *view, const struct findings_job *job,
	const struct task_record *task, json_t *list, struct error *err)
{
	const char *const *names = NULL;
	size_t count = workflow_awaited(job->workflow, task->name, &names);
	struct gate_view gate = { 0 };
	const char *key = task->wait_gate ? task->wait_gate : task->name;
	if (!view->store->ops->get_gate(
		    view->store, task->job_id, task->wait_scope, key, names, count, &gate, err))
		return false;
	struct judgement judgement = { 0 };
	bool ok = judge(job, task, &gate, &judgement, err);
	if (ok) {
		json_t *finding = add_sentence(task, &judgement, list);
		ok = add_members(view, task, names, &gate, finding, err);
		if (ok && needs_retry(job, &judgement, finding)) {
			OWNED(free) char *mend = xprintf("reeve retry %s", job->record->id);
			json_object_set_new(finding, "mend", json_string(mend));
		}
	}
	gate_view_finish(&gate);
	return ok;
}
