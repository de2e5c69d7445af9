/* Caches, each a small table with one place per hash; see jobs.h. */
#include "workers/jobs.h"

#include "base/jsontext.h"

#include <inttypes.h>
#include <stdio.h>

#define JOB_PLACES      16
#define WORKFLOW_PLACES 8
#define LINE_PLACES     32

struct job_place {
	char id[STORE_ID_SIZE];
	char hash[WORKFLOW_HASH_SIZE];
	json_t *payload;
};
struct workflow_place {
	char hash[WORKFLOW_HASH_SIZE];
	struct workflow *workflow;
};
struct jobs {
	struct job_place jobs[JOB_PLACES];
	struct workflow_place workflows[WORKFLOW_PLACES];
	struct line lines[LINE_PLACES];
};

struct jobs *jobs_create(void)
{
	return xcalloc(1, sizeof(struct jobs));
}

static void empty_line(struct line *line)
{
	free(line->name);
	free(line->result);
	free(line->wait_gate);
	json_decref(line->trace);
	*line = (struct line){ 0 };
}

void jobs_forget(struct jobs *jobs)
{
	for (size_t i = 0; i < JOB_PLACES; i++)
		json_decref(jobs->jobs[i].payload);
	for (size_t i = 0; i < WORKFLOW_PLACES; i++)
		workflow_destroy(jobs->workflows[i].workflow);
	for (size_t i = 0; i < LINE_PLACES; i++)
		empty_line(&jobs->lines[i]);
	memset(jobs, 0, sizeof *jobs);
}

void jobs_destroy(struct jobs *jobs)
{
	jobs_forget(jobs);
	free(jobs);
}

bool jobs_get_workflow(struct jobs *jobs, struct store *store, const char *hash,
	const struct workflow **out, struct error *err)
{
	struct workflow_place *place = &jobs->workflows[ids_fnv1a(hash) % WORKFLOW_PLACES];
	if (place->workflow && strcmp(place->hash, hash) == 0) {
		*out = place->workflow;
		return true;
	}
	OWNED(free) char *text = NULL;
	struct workflow *workflow;
	if (!store->ops->get_workflow(store, hash, &text, err) ||
		!workflow_create_from_text(text, &workflow, err))
		return error_wrap(err, "workflow %.12s", hash);
	workflow_destroy(place->workflow);
	place->workflow = workflow;
	snprintf(place->hash, sizeof place->hash, "%s", hash);
	*out = workflow;
	return true;
}

static bool needs_payload(const struct workflow_task *facts)
{
	return facts && facts->starts_others;
}

static bool fill_place(struct jobs *jobs, struct job_place *place, struct store *store,
	const struct job_record *record, const char *name, struct error *err)
{
	const struct workflow *workflow;
	json_t *payload = NULL;
	if (!jobs_get_workflow(jobs, store, record->workflow_hash, &workflow, err))
		return false;
	if (needs_payload(workflow_find_task(workflow, name)) &&
		!jsontext_parse(record->payload, strlen(record->payload), &payload, err))
		return false;
	json_decref(place->payload);
	place->payload = payload;
	snprintf(place->id, sizeof place->id, "%s", record->id);
	snprintf(place->hash, sizeof place->hash, "%s", record->workflow_hash);
	return true;
}

static bool load_job(
	struct jobs *jobs, struct store *store, const char *id, const char *name, struct error *err)
{
	struct job_place *place = &jobs->jobs[ids_fnv1a(id) % JOB_PLACES];
	struct job_record record;
	if (!store->ops->get_job(store, id, &record, err))
		return error_wrap(err, "job %s", id);
	bool ok = fill_place(jobs, place, store, &record, name, err);
	job_record_finish(&record);
	return ok;
}

bool jobs_get(struct jobs *jobs, struct store *store, const char *id, const char *name,
	struct job_view *out, struct error *err)
{
	const struct job_place *place = &jobs->jobs[ids_fnv1a(id) % JOB_PLACES];
	const struct workflow *workflow;
	if (strcmp(place->id, id) != 0 && !load_job(jobs, store, id, name, err))
		return false;
	if (!jobs_get_workflow(jobs, store, place->hash, &workflow, err))
		return false;
	const struct workflow_task *facts = workflow_find_task(workflow, name);
	/* A task that starts nothing may have been the first of its job here. */
	if (needs_payload(facts) && !place->payload && !load_job(jobs, store, id, name, err))
		return false;
	*out = (struct job_view){ .payload = needs_payload(facts) ? place->payload : NULL,
		.workflow = workflow,
		.facts = facts };
	return true;
}

static bool append_attempts(struct store *store, const char *id, json_t *trace, struct error *err)
{
	struct attempt_list list;
	if (!store->ops->list_attempts(store, id, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		const char *text = list.rows[i].entry;
		json_t *entry;
		if (text && jsontext_parse(text, strlen(text), &entry, NULL))
			json_array_append_new(trace, entry);
	}
	attempt_list_finish(&list);
	while (json_array_size(trace) > JOBS_TRACE_MAX)
		json_array_remove(trace, 0);
	return true;
}

/* The ancestors' entries first, then the task's own. */
static bool load_trace(struct jobs *jobs, struct store *store, const struct task_record *record,
	json_t **out, struct error *err)
{
	OWNED(json) json_t *trace = json_array();
	const struct line *above;
	const struct place_in_job place = { record->job_id, record->name, record->wait_gate,
		record->parent };
	int64_t seq;
	if (!jobs_find_ancestor(jobs, store, &place, &seq, err))
		return false;
	if (seq > 0) {
		if (!jobs_get_line(jobs, store, record->job_id, seq, &above, err))
			return false;
		json_array_extend(trace, above->trace);
	}
	if (!append_attempts(store, record->id, trace, err))
		return false;
	*out = GIVE(trace);
	return true;
}

static void fill_line(struct line *line, struct task_record *record, json_t *trace)
{
	empty_line(line);
	memcpy(line->id, record->id, sizeof line->id);
	line->name = GIVE(record->name);
	line->result = GIVE(record->result);
	line->wait_gate = GIVE(record->wait_gate);
	line->wait_scope = record->wait_scope;
	line->trace = trace;
}

bool jobs_get_line(struct jobs *jobs, struct store *store, const char *job, int64_t seq,
	const struct line **out, struct error *err)
{
	char id[STORE_ID_SIZE];
	snprintf(id, sizeof id, "%s.%" PRId64, job, seq);
	struct line *line = &jobs->lines[ids_fnv1a(id) % LINE_PLACES];
	if (strcmp(line->id, id) == 0) {
		*out = line;
		return true;
	}
	struct task_record record;
	json_t *trace;
	if (!store->ops->get_task(store, id, &record, err))
		return error_wrap(err, "task %s", id);
	bool ok = load_trace(jobs, store, &record, &trace, err);
	if (ok) {
		fill_line(line, &record, trace);
		/* A failed one may be revived and get more attempts: not to be found again. */
		if (record.state != TASK_COMPLETED)
			line->id[0] = '\0';
		*out = line;
	}
	task_record_finish(&record);
	return ok;
}
