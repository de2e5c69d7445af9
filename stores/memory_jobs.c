/* Jobs and pushed tasks come in; what people do to them: cancel and revive. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_tasks.h"

#include <stdio.h>

static struct job *create_job(struct memory *memory, const struct submission *submission)
{
	struct job *job = xcalloc(1, sizeof *job);
	job->id = xstrdup(submission->id);
	job->workflow = xstrdup(submission->workflow);
	job->workflow_hash = xstrdup(submission->workflow_hash);
	job->key = xstrdup(submission->key);
	job->payload = xstrdup(submission->payload);
	job->created_at_ms = clock_wall_ms();
	job->next_seq = 1;
	job->cancelled_seq = job->results_seq = 1;
	job->remains.job = job;
	job->remains.ended.self = job->remains.results.self = &job->remains;
	map_add(&memory->jobs, job->id, job);
	return job;
}

static bool may_begin_in(struct memory *memory, const char *place)
{
	const struct task *task = memory_find_task(memory, place);
	return task && memory_state(task) <= TASK_WORKING && !task->is_cancelled &&
	       !memory_is_cancelled(task);
}

bool memory_submit(struct store *store, const struct submission *submission,
	char id_out[STORE_ID_SIZE], struct error *err)
{
	struct memory *memory = memory_of(store);
	if (!backend_check_submission(submission, err))
		return false;
	struct map *keys = &memory->job_keys;
	struct job *other = memory_find_key(keys, submission->workflow, submission->key);
	if (map_find(&memory->jobs, submission->id))
		other = NULL; /* this one is submitted already */
	else if (!other) {
		if (submission->place && !may_begin_in(memory, submission->place))
			return backend_refuse_place(submission, err);
		struct job *job = create_job(memory, submission);
		memory_take_key(keys, job->workflow, job->key, job);
		memory_apply(memory, job, 0, &submission->effects, NULL);
		memory_settle_job(memory, job);
	}
	snprintf(id_out, STORE_ID_SIZE, "%s", other ? other->id : submission->id);
	return true;
}

static const char *push_one(struct memory *memory, const struct push *push)
{
	if (memory_find_task(memory, push->id))
		return push->id;
	struct pushed *other = memory_find_key(&memory->task_keys, push->queue, push->key);
	if (other)
		return other->id;
	struct pushed *pushed = memory_create_pushed(memory, push);
	memory_take_key(&memory->task_keys, push->queue, push->key, pushed);
	return push->id;
}

bool memory_push(struct store *store, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!backend_check_push(&pushes[i], err))
			return false;
	for (size_t i = 0; i < count; i++) {
		const char *id = push_one(memory_of(store), &pushes[i]);
		if (ids_out)
			snprintf(ids_out[i], STORE_ID_SIZE, "%s", id);
	}
	return true;
}

bool memory_cancel_job(struct store *store, const char *id, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct job *job = map_find(&memory->jobs, id);
	if (!job)
		return error_set(err, ERROR_NOT_FOUND, "no job %s", id);
	if (job->state == JOB_CANCELLED)
		return true;
	if (job->finished_at_ms > 0)
		return error_set(
			err, ERROR_CONFLICT, "job %s has %s", id, job_state_names[job->state]);
	job->state = JOB_CANCELLED;
	job->is_ending = true;
	bells_ring(&memory->outbox, BELLS_CANCELLED, 0);
	return true;
}

bool memory_end_cancelled_page(
	struct store *store, const char *id, size_t limit, bool *left, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct job *job = map_find(&memory->jobs, id);
	if (!job)
		return error_set(err, ERROR_NOT_FOUND, "no job %s", id);
	if (job->state != JOB_CANCELLED)
		return error_set(err, ERROR_CONFLICT, "job %s is not cancelled", id);
	for (; limit > 0 && job->cancelled_seq < job->next_seq; limit--) {
		struct task *task = memory_task_at(job, job->cancelled_seq++);
		if (task->bundle)
			memory_end_cancelled(memory, task);
	}
	*left = job->is_ending = job->cancelled_seq < job->next_seq;
	memory_settle_job(memory, job);
	return true;
}

bool memory_cancel_task(struct store *store, const char *id, struct error *err)
{
	struct task *task = memory_find_task(memory_of(store), id);
	if (!task)
		return error_set(err, ERROR_NOT_FOUND, "no task %s", id);
	if (!task->holder)
		return error_set(err, ERROR_CONFLICT, "task %s is %s", id,
			task_state_names[memory_state(task)]);
	task->is_cancelled = true;
	bells_ring(&memory_of(store)->outbox, BELLS_CANCELLED, 0);
	return true;
}

/* Since the end of the task or its job somebody else may have taken the key that it had. */
static bool is_key_free(struct memory *memory, const struct task *task)
{
	const struct job *job = task->job;
	const struct pushed *pushed = (const struct pushed *)task;
	const void *holder =
		job ? memory_find_key(&memory->job_keys, job->workflow, job->key)
		    : memory_find_key(&memory->task_keys, task->queue->name, pushed->key);
	return !holder || holder == (job ? (const void *)job : pushed);
}

static bool may_revive(
	struct memory *memory, const struct task *task, const char *id, struct error *err)
{
	enum task_state state = memory_state(task);
	if (!memory_is_dead(state) && state != TASK_CANCELLED)
		return error_set(err, ERROR_CONFLICT, "task %s is %s", id, task_state_names[state]);
	if (memory_is_cancelled(task))
		return error_set(err, ERROR_CONFLICT, "the job of task %s is cancelled", id);
	if (!is_key_free(memory, task))
		return error_set(err, ERROR_CONFLICT, "the key of %s is taken by another",
			task->job ? task->job->id : id);
	return true;
}

void memory_resume_job(struct memory *memory, struct job *job)
{
	memory_take_key(&memory->job_keys, job->workflow, job->key, job);
	memory_unend(&job->remains);
	job->finished_at_ms = 0;
	job->results_seq = 1;
	if (job->failing > 0)
		return;
	job->state = JOB_RUNNING;
	free(GIVE(job->reason));
}

static void refresh(struct task *task)
{
	int64_t now = clock_wall_ms();
	task->failures = task->crashes = task->losses = 0;
	task->is_cancelled = false;
	task->finished_at_ms = 0;
	if (task->wait_timeout_ms > 0)
		task->wait_until_ms = now + task->wait_timeout_ms;
	free(GIVE(task->result));
	free(GIVE(task->reason));
}

bool memory_revive(
	struct store *store, const char *id, const struct effects *effects, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct task *task = memory_find_task(memory, id);
	if (!task)
		return error_set(err, ERROR_NOT_FOUND, "no task %s", id);
	if (!may_revive(memory, task, id, err))
		return false;
	task->queue->dead_count -= memory_is_dead(task->state);
	refresh(task);
	if (task->job) {
		task->job->failing -= task->fails_job;
		task->fails_job = false;
		memory_resume_job(memory, task->job);
		memory_apply(memory, task->job, memory_seq(task), effects, NULL);
	} else {
		struct pushed *pushed = (struct pushed *)task;
		memory_take_key(&memory->task_keys, task->queue->name, pushed->key, pushed);
		memory_unend(&pushed->remains);
	}
	if (task->group)
		memory_join_line(memory, task);
	memory_make_ready(memory, task, clock_wall_ms());
	return true;
}
