/* Jobs and tasks that people start, and what an id names; see acts.h. */
#include "workers/acts.h"

#include "base/jsontext.h"
#include "workers/priority.h"

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
		.place = start->place,
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
