/* Acts of people on jobs and tasks; see acts.h. */
#include "workers/acts.h"

#include "base/jsontext.h"
#include "workers/nested.h"
#include "workers/pages.h"
#include "workers/priority.h"

#define LEASE_MS 30000
#define PAGE     500

bool acts_open_workflow(
	struct store *store, const char *hash, struct workflow **out, struct error *err)
{
	OWNED(free) char *text = NULL;
	if (!store->ops->get_workflow(store, hash, &text, err))
		return error_wrap(err, "workflow");
	return workflow_create_from_text(text, out, err);
}

static bool put_workflow(struct store *store, const struct workflow *workflow, struct error *err)
{
	return store->ops->put_workflow(store, workflow_hash(workflow), workflow_name(workflow),
		workflow_text(workflow), err);
}

/* The innermost first: what is there has all that it names. */
static bool put_workflows(struct store *store, const struct workflow *workflow, struct error *err)
{
	struct workflow *const *nested;
	size_t count = workflow_nested(workflow, &nested);
	const char *unresolved = workflow_unresolved(workflow);
	if (unresolved)
		return error_set(err, ERROR_INVALID, "workflow %.80s: \"%.80s\" is not resolved",
			workflow_name(workflow), unresolved);
	for (size_t i = 0; i < count; i++)
		if (!put_workflow(store, nested[i], err))
			return false;
	return put_workflow(store, workflow, err);
}

bool acts_begin(struct store *store, const struct acts_start *start, struct acts_begun *out,
	struct error *err)
{
	const struct workflow *workflow = start->workflow;
	*out = (struct acts_begun){ 0 };
	if (!put_workflows(store, workflow, err))
		return false;
	store_new_id(store, out->id);
	out->payload = jsontext_print(start->payload);
	workflow_begin(workflow, start->payload, &out->advance);
	priority_fill(start->config, workflow, out->advance.effects.children,
		out->advance.effects.children_count);
	out->submission = (struct submission){ .id = start->id ? start->id : out->id,
		.workflow = workflow_name(workflow),
		.workflow_hash = workflow_hash(workflow),
		.payload = out->payload,
		.key = start->key,
		.effects = out->advance.effects };
	return true;
}

void acts_begun_finish(struct acts_begun *begun)
{
	advance_finish(&begun->advance);
	free(begun->payload);
}

bool acts_start(struct store *store, const struct acts_start *start, char id_out[STORE_ID_SIZE],
	struct error *err)
{
	struct acts_begun begun;
	bool ok = acts_begin(store, start, &begun, err) &&
		  store->ops->submit(store, &begun.submission, id_out, err);
	acts_begun_finish(&begun);
	return ok;
}

bool acts_push(struct store *store, const struct acts_push *push, char id_out[STORE_ID_SIZE],
	struct error *err)
{
	char id[IDS_UUID_SIZE];
	store_new_id(store, id);
	OWNED(free) char *payload = jsontext_print(push->payload);
	const struct push row = { .id = id,
		.name = push->name ? push->name : push->queue,
		.queue = push->queue,
		.payload = payload,
		.key = push->key,
		.priority = push->priority,
		.delay_ms = push->delay_ms };
	char ids[1][STORE_ID_SIZE];
	if (!store->ops->push(store, &row, 1, ids, err))
		return false;
	memcpy(id_out, ids[0], STORE_ID_SIZE);
	return true;
}

bool acts_find(struct store *store, const char *id, enum acts_kind *kind, struct error *err)
{
	struct job_record job = { 0 };
	if (store->ops->get_job(store, id, &job, err)) {
		job_record_finish(&job);
		*kind = ACTS_JOB;
		return true;
	}
	if (err->kind != ERROR_NOT_FOUND)
		return false;
	struct task_record task = { 0 };
	if (store->ops->get_task(store, id, &task, err)) {
		task_record_finish(&task);
		*kind = ACTS_TASK;
		return true;
	}
	if (err->kind != ERROR_NOT_FOUND)
		return false;
	return error_set(err, ERROR_NOT_FOUND, "no job or task \"%.100s\"", id);
}

/* What the rules need to know of a job; kept from one task to the next of the same job. */
struct job_rules {
	char *job_id; /* NULL: none is open */
	struct workflow *workflow;
	json_t *payload;
};

static void close_rules(struct job_rules *rules)
{
	free(rules->job_id);
	if (rules->workflow)
		workflow_destroy(rules->workflow);
	json_decref(rules->payload);
	*rules = (struct job_rules){ 0 };
}

static bool open_rules(
	struct store *store, const char *job_id, struct job_rules *rules, struct error *err)
{
	if (rules->job_id && strcmp(rules->job_id, job_id) == 0)
		return true;
	close_rules(rules);
	struct job_record job = { 0 };
	if (!store->ops->get_job(store, job_id, &job, err))
		return false;
	struct workflow *workflow = NULL;
	json_t *payload = NULL;
	bool ok = acts_open_workflow(store, job.workflow_hash, &workflow, err) &&
		  jsontext_parse(job.payload, strlen(job.payload), &payload, err);
	job_record_finish(&job);
	*rules = (struct job_rules){ ok ? xstrdup(job_id) : NULL, workflow, payload };
	if (!ok)
		close_rules(rules);
	return ok;
}

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
		if (!open_rules(store, task->job_id, rules, err) ||
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

/* The job in the place of a task, if there is one that has not ended. */
static bool cancel_nested(void *context, const struct task_record *task, struct error *err)
{
	struct store *store = context;
	char id[IDS_UUID_SIZE];
	nested_id(task->id, id);
	return acts_cancel_job(store, id, err) || err->kind == ERROR_CONFLICT ||
	       err->kind == ERROR_NOT_FOUND;
}

static bool cancel_all_nested(struct store *store, const char *id, struct error *err)
{
	struct job_rules rules = { 0 };
	bool ok = open_rules(store, id, &rules, err);
	for (size_t i = 0; ok && i < workflow_task_count(rules.workflow); i++) {
		const struct workflow_task *task = workflow_task_at(rules.workflow, i);
		const struct task_filter filter = {
			.job = id, .name = task->name, .parent = -1, .state = -1
		};
		ok = !task->nested || pages_of_tasks(store, filter, cancel_nested, store, err);
	}
	close_rules(&rules);
	return ok;
}

/* First nothing new can begin; then what runs in the place of tasks ends, then they do. */
bool acts_cancel_job(struct store *store, const char *id, struct error *err)
{
	bool left = true;
	if (!store->ops->cancel_job(store, id, err) || !cancel_all_nested(store, id, err))
		return false;
	while (left)
		if (!store->ops->end_cancelled(store, id, PAGE, &left, err))
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
	close_rules(&rules);
	if (*is_ended || err->kind != ERROR_CONFLICT)
		return *is_ended;
	enum task_state state;
	if (!get_state(store, id, &state, err))
		return false;
	if (state == TASK_WORKING)
		return store->ops->cancel_task(store, id, err);
	return error_set(err, ERROR_CONFLICT, "task %s is %s already", id, task_state_names[state]);
}

static bool revive_here(struct store *store, const struct task_record *task,
	struct job_rules *rules, struct error *err)
{
	if (!task->job_id) {
		const struct effects nothing = { 0 };
		return store->ops->revive(store, task->id, &nothing, err);
	}
	OWNED(json) json_t *payload = NULL;
	if (!open_rules(store, task->job_id, rules, err) ||
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
	struct store *store, const char *id, size_t *retried, struct error *err);

/* What has failed in the job that runs in the task's place is queued again first: the task then
 * finds that job running. */
static bool revive_place(struct store *store, const char *task_id, struct error *err)
{
	char id[IDS_UUID_SIZE];
	struct job_record job = { 0 };
	size_t retried;
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
	if (nested_is_queue(task->queue) && !revive_place(store, task->id, err))
		return false;
	return revive_here(store, task, rules, err);
}

/* Upwards: the task in whose place a job runs that goes on has failed with it, and waits again. */
static bool revive_above(struct store *store, const char *job_id, struct error *err)
{
	struct job_record job = { 0 };
	struct task_record task = { 0 };
	struct job_rules rules = { 0 };
	if (!nested_is(job_id))
		return true;
	if (!store->ops->get_job(store, job_id, &job, err))
		return false;
	bool is_there = job.key && store->ops->get_task(store, job.key, &task, err);
	bool ok = !job.key || is_there || err->kind == ERROR_NOT_FOUND;
	if (is_there && task.state == TASK_FAILED) {
		ok = revive_here(store, &task, &rules, err) || err->kind == ERROR_CONFLICT;
		ok = ok && revive_above(store, task.job_id, err);
	}
	close_rules(&rules);
	task_record_finish(&task);
	job_record_finish(&job);
	return ok;
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
	close_rules(&rules);
	task_record_finish(&task);
	return ok;
}

static bool cancel_listed(struct store *store, const struct task_record *task,
	struct job_rules *rules, struct error *err)
{
	return cancel_idle_task(store, task->id, rules, err);
}

typedef bool act_on_task(struct store *store, const struct task_record *task,
	struct job_rules *rules, struct error *err);

struct walk {
	struct store *store;
	act_on_task *act;
	struct job_rules rules;
	size_t acted;
};

static bool act_on_listed(void *context, const struct task_record *task, struct error *err)
{
	struct walk *walk = context;
	bool ok = walk->act(walk->store, task, &walk->rules, err);
	walk->acted += ok;
	/* Somebody else may have been faster. */
	return ok || err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
}

static bool act_on_all(struct store *store, struct task_filter filter, act_on_task *act,
	size_t *acted, struct error *err)
{
	struct walk walk = { .store = store, .act = act };
	filter.parent = -1;
	bool ok = pages_of_tasks(store, filter, act_on_listed, &walk, err);
	close_rules(&walk.rules);
	*acted = walk.acted;
	return ok;
}

static bool retry_dead_of_job(
	struct store *store, const char *id, size_t *retried, struct error *err)
{
	const struct task_filter dead = {
		.job = id, .state = -1, .is_dead = true, .with_bodies = true
	};
	return act_on_all(store, dead, revive, retried, err);
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
	return retry_dead_of_job(store, id, retried, err) &&
	       (*retried == 0 || revive_above(store, id, err));
}

bool acts_retry_dead(struct store *store, const char *queue, size_t *retried, struct error *err)
{
	const struct task_filter dead = {
		.queue = queue, .state = -1, .is_dead = true, .with_bodies = true
	};
	return act_on_all(store, dead, revive, retried, err);
}

bool acts_purge(struct store *store, const char *queue, bool is_dead, struct acts_purged *purged,
	struct error *err)
{
	*purged = (struct acts_purged){ 0 };
	size_t deleted;
	do {
		if (!store->ops->purge(store, queue, is_dead, PAGE, &deleted, err))
			return false;
		purged->deleted += deleted;
	} while (deleted > 0);
	if (is_dead)
		return true;
	const struct task_filter queued = { .queue = queue, .state = TASK_QUEUED };
	return act_on_all(store, queued, cancel_listed, &purged->cancelled, err);
}
