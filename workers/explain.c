/* Why a job or a task is where it is; see explain.h. */
#include "workers/explain.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "workers/acts.h"
#include "workers/findings.h"
#include "workers/nested.h"
#include "workers/trace.h"

#define SHOWN_MAX 10

struct opened_job {
	struct job_record record;
	struct workflow *workflow;
};

static void close_job(struct opened_job *job)
{
	job_record_finish(&job->record);
	if (job->workflow)
		workflow_destroy(job->workflow);
}

static bool open_job(struct store *store, const char *id, struct opened_job *job, struct error *err)
{
	*job = (struct opened_job){ 0 };
	return store->ops->get_job(store, id, &job->record, err) &&
	       acts_open_workflow(store, job->record.workflow_hash, &job->workflow, err);
}

static bool explain_waiting(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err)
{
	struct opened_job job;
	if (!task->job_id)
		return true;
	bool ok = open_job(view->store, task->job_id, &job, err);
	if (ok) {
		const struct findings_job gated = { &job.record, job.workflow };
		ok = findings_of_gate(view, &gated, task, list, err);
	}
	close_job(&job);
	return ok;
}

/* A job runs in its place. */
static bool explain_place(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err)
{
	char id[IDS_UUID_SIZE];
	struct job_record job = { 0 };
	nested_id(task->id, id);
	if (!view->store->ops->get_job(view->store, id, &job, err)) {
		if (err->kind != ERROR_NOT_FOUND)
			return false;
		findings_add(list, NULL, task->created_at_ms,
			"%s (%s): the job in its place is not started yet; a keeper does that",
			task->name, task->id);
		return true;
	}
	OWNED(free) char *mend = xprintf("reeve explain %s", id);
	findings_add(list, mend, job.created_at_ms,
		"%s (%s) waits for job %s of workflow %s in its place, which is %s%s%s", task->name,
		task->id, id, job.workflow, job_state_names[job.state], job.reason ? ": " : "",
		job.reason ? job.reason : "");
	job_record_finish(&job);
	return true;
}

static bool explain_queued(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err)
{
	(void)err;
	int64_t left_ms = task->due_at_ms - clock_wall_ms();
	char due[CLOCK_TEXT_SIZE];
	if (left_ms > 0)
		findings_add(list, NULL, 0, "it is not due before %s (in %lld s)%s%s",
			clock_format(task->due_at_ms, due), (long long)(left_ms / 1000 + 1),
			task->reason ? "; its last attempt failed: " : "",
			task->reason ? task->reason : "");
	findings_of_queue(view, task->queue, list);
	if (json_array_size(list) == 0)
		findings_add(list, NULL, task->due_at_ms,
			"it is ready; the next free worker of %s takes it", task->queue);
	return true;
}

static bool explain_working(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err)
{
	(void)err;
	const json_t *workers = json_object_get(view->status, "workers");
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *worker = json_array_get(workers, i);
		const char *id = jsontext_member(worker, "task");
		const char *since = jsontext_member(worker, "since");
		if (!id || strcmp(id, task->id) != 0)
			continue;
		json_t *finding = findings_add(list, NULL, 0,
			"worker %s#%lld (pid %lld) runs its attempt %u", task->queue,
			(long long)json_integer_value(json_object_get(worker, "slot")),
			(long long)json_integer_value(json_object_get(worker, "pid")),
			task->attempt);
		json_object_set_new(finding, "since", trace_text(since));
		return true;
	}
	findings_add(list, NULL, 0,
		"a worker that is not of this supervisor holds it (attempt %u); if that is dead, "
		"the lease ends by itself",
		task->attempt);
	return true;
}

static bool explain_dead(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err)
{
	(void)view, (void)err;
	OWNED(free) char *mend = xprintf("reeve retry %s", task->id);
	findings_add(list, mend, task->finished_at_ms,
		"it failed for good after %u attempts (%d failures, %d crashes, %d lost): %s",
		task->attempt, task->failures, task->crashes, task->losses,
		task->reason ? task->reason : "no reason is known");
	return true;
}

static bool explain_ended(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err)
{
	(void)view, (void)err;
	const char *reason = task->state == TASK_SKIPPED ? task->reason : NULL;
	findings_add(list, NULL, task->finished_at_ms, "it is %s%s%s",
		task_state_names[task->state], reason ? ": " : "", reason ? reason : "");
	return true;
}

typedef bool explain_state(const struct explain_view *view, const struct task_record *task,
	json_t *list, struct error *err);
static explain_state *const by_state[TASK_STATES] = {
	[TASK_WAITING] = explain_waiting,
	[TASK_QUEUED] = explain_queued,
	[TASK_WORKING] = explain_working,
	[TASK_COMPLETED] = explain_ended,
	[TASK_FAILED] = explain_dead,
	[TASK_INVALID] = explain_dead,
	[TASK_SKIPPED] = explain_ended,
	[TASK_CANCELLED] = explain_ended,
};

bool explain_task(const struct explain_view *view, const char *id, json_t **out, struct error *err)
{
	struct task_record task = { 0 };
	if (!view->store->ops->get_task(view->store, id, &task, err))
		return false;
	OWNED(json) json_t *findings = json_array();
	enum task_state kept = task.state;
	nested_show_task(&task);
	bool ok = task.state != kept ? explain_place(view, &task, findings, err)
				     : by_state[task.state](view, &task, findings, err);
	if (ok)
		*out = json_pack("{s:s, s:s, s:s, s:O}", "kind", "task", "id", id, "status",
			task_state_names[task.state], "findings", findings);
	task_record_finish(&task);
	return ok;
}

/* A retry of the job is for what has failed; what was cancelled alone comes back alone. */
static void explain_unforgiven(
	const struct opened_job *job, const struct task_record *task, json_t *list)
{
	bool is_cancelled = task->state == TASK_CANCELLED;
	OWNED(free)
	char *mend = xprintf("reeve retry %s", is_cancelled ? task->id : job->record.id);
	if (is_cancelled)
		findings_add(list, mend, task->finished_at_ms, "%s (%s) was cancelled", task->name,
			task->id);
	else
		findings_add(list, mend, task->finished_at_ms, "%s (%s) is %s: %s", task->name,
			task->id, task_state_names[task->state],
			task->reason ? task->reason : "no reason is known");
}

/* A sentence on each of the first tasks of the filter, and one on how many more there are. */
static bool explain_some(const struct explain_view *view, const struct opened_job *job,
	struct task_filter filter, json_t *list, struct error *err)
{
	struct task_list page = { 0 };
	filter.job = job->record.id;
	filter.parent = -1;
	filter.with_bodies = true;
	filter.limit = SHOWN_MAX + 1;
	if (!view->store->ops->list_tasks(view->store, &filter, &page, err))
		return false;
	const struct findings_job gated = { &job->record, job->workflow };
	bool ok = true;
	for (size_t i = 0; ok && i < page.count && i < SHOWN_MAX; i++) {
		const struct task_record *task = &page.rows[i];
		if (nested_is_queue(task->queue) && !filter.is_dead && filter.queue)
			ok = explain_place(view, task, list, err);
		else if (task->state == TASK_WAITING)
			ok = findings_of_gate(view, &gated, task, list, err);
		else
			explain_unforgiven(job, task, list);
	}
	if (ok && page.count > SHOWN_MAX)
		findings_add(list, NULL, 0, "there are more: reeve tasks %s", job->record.id);
	task_list_finish(&page);
	return ok;
}

/* What holds up the queues of the job's queued tasks; each queue once. */
static void explain_queues(
	const struct explain_view *view, const struct opened_job *job, json_t *list)
{
	OWNED(json) json_t *seen = json_object();
	for (size_t i = 0; i < job->record.name_count; i++) {
		const struct name_count *name = &job->record.names[i];
		const struct workflow_task *task = workflow_find_task(job->workflow, name->name);
		int64_t queued = name->states[TASK_QUEUED];
		if (queued == 0 || !task || task->nested)
			continue;
		findings_add(list, NULL, 0, "%lld %s %s queued on %s", (long long)queued,
			name->name, queued == 1 ? "is" : "are", task->queue);
		if (json_object_get(seen, task->queue))
			continue;
		json_object_set_new(seen, task->queue, json_true());
		findings_of_queue(view, task->queue, list);
	}
}

static void explain_busy(const struct opened_job *job, json_t *list)
{
	for (size_t i = 0; i < job->record.name_count; i++) {
		const struct name_count *name = &job->record.names[i];
		int64_t working = name->states[TASK_WORKING];
		if (working)
			findings_add(list, NULL, 0, "%lld %s %s being worked on",
				(long long)working, name->name, working == 1 ? "is" : "are");
	}
}

static bool explain_tasks(const struct explain_view *view, const struct opened_job *job,
	json_t *list, struct error *err)
{
	const struct task_filter dead = { .state = -1, .is_dead = true };
	const struct task_filter cancelled = { .state = TASK_CANCELLED };
	const struct task_filter waiting = { .state = TASK_WAITING };
	const struct task_filter places = { .queue = WORKFLOW_NESTED_QUEUE, .state = TASK_QUEUED };
	bool is_failed = job->record.state == JOB_FAILED;
	if (!explain_some(view, job, dead, list, err) ||
		(is_failed && !explain_some(view, job, cancelled, list, err)) ||
		!explain_some(view, job, waiting, list, err) ||
		!explain_some(view, job, places, list, err))
		return false;
	if (job->record.state != JOB_CANCELLED)
		explain_queues(view, job, list);
	explain_busy(job, list);
	if (json_array_size(list) == 0)
		findings_add(list, NULL, job->record.finished_at_ms, "it is %s",
			job_state_names[job->record.state]);
	return true;
}

bool explain_job(const struct explain_view *view, const char *id, json_t **out, struct error *err)
{
	struct opened_job job;
	OWNED(json) json_t *findings = json_array();
	bool ok = open_job(view->store, id, &job, err) && explain_tasks(view, &job, findings, err);
	if (ok)
		*out = json_pack("{s:s, s:s, s:s, s:o, s:o, s:O}", "kind", "job", "id", id,
			"status", job_state_names[job.record.state], "workflow",
			trace_text(job.record.workflow), "reason", trace_text(job.record.reason),
			"findings", findings);
	close_job(&job);
	return ok;
}
