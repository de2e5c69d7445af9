/* A workflow from descriptor to model, and the plain questions to it. */
#include "workflow/descriptor.h"

#include "base/jsontext.h"
#include "workflow/payload.h"

#include <sha2.h>
#include <stdio.h>

_Static_assert(WORKFLOW_HASH_SIZE == SHA256_DIGEST_STRING_LENGTH, "a SHA-256 in hex");

/* The descriptor with its name in front, so that the same workflow always gives the same text. */
static json_t *named(const char *name, const json_t *descriptor)
{
	json_t *whole = json_object();
	json_object_set_new(whole, "name", name ? json_string(name) : json_null());
	json_object_update(whole, (json_t *)descriptor);
	if (json_is_null(json_object_get(whole, "name")))
		json_object_del(whole, "name");
	return whole;
}

char *workflow_faults_text(const struct workflow_faults *faults)
{
	char *text = xstrdup("invalid workflow descriptor: ");
	for (size_t i = 0; i < faults->count; i++) {
		char *longer = xprintf("%s%s%s", text, i ? ", " : "", faults->lines[i]);
		free(text);
		text = longer;
	}
	return text;
}

static void report(const struct workflow_faults *faults, struct error *err)
{
	OWNED(free) char *text = workflow_faults_text(faults);
	error_set(err, ERROR_INVALID, "%s", text);
}

static struct workflow *build(json_t *descriptor, struct workflow_faults *faults)
{
	OWNED(workflow) struct workflow *workflow = descriptor_build(descriptor);
	graph_link(workflow);
	graph_check_cycles(workflow, faults);
	if (faults->count)
		return NULL;
	graph_derive(workflow);
	graph_check(workflow, faults);
	if (faults->count)
		return NULL;
	payload_prepare(workflow);
	workflow->text = jsontext_print(descriptor);
	SHA256Data((const uint8_t *)workflow->text, strlen(workflow->text), workflow->hash);
	return GIVE(workflow);
}

static struct workflow *check_and_build(
	const char *name, const json_t *descriptor, struct workflow_faults *faults)
{
	descriptor_check(descriptor, faults);
	if (!json_is_object(descriptor))
		return NULL;
	OWNED(json) json_t *whole = named(name, descriptor);
	descriptor_check_keys(whole, faults);
	return faults->count ? NULL : build(GIVE(whole), faults);
}

bool workflow_create(const char *name, const json_t *descriptor, struct workflow **out,
	struct workflow_faults *faults, struct error *err)
{
	struct workflow_faults found = { 0 };
	struct workflow *workflow = check_and_build(name, descriptor, &found);
	if (workflow)
		*out = workflow;
	else
		report(&found, err);
	if (faults)
		*faults = found;
	else
		workflow_faults_finish(&found);
	return workflow != NULL;
}

bool workflow_create_from_text(const char *text, struct workflow **out, struct error *err)
{
	OWNED(json) json_t *descriptor = NULL;
	if (!jsontext_parse(text, strlen(text), &descriptor, err))
		return error_wrap(err, "stored workflow");
	return workflow_create(NULL, descriptor, out, NULL, err);
}

void workflow_destroy(struct workflow *workflow)
{
	if (!workflow)
		return;
	for (size_t i = 0; i < workflow->count; i++)
		json_decref(workflow->tasks[i].defaults);
	for (size_t i = 0; i < workflow->nested_count; i++)
		workflow_destroy(workflow->nested[i]);
	free(workflow->nested);
	json_decref(workflow->descriptor);
	free(workflow->text);
	workflow_arena_destroy(workflow->arena);
}

const char *workflow_name(const struct workflow *workflow)
{
	return workflow->name;
}

const char *workflow_text(const struct workflow *workflow)
{
	return workflow->text;
}

const char *workflow_hash(const struct workflow *workflow)
{
	return workflow->hash;
}

static const struct task_model *find(const struct workflow *workflow, const char *name)
{
	size_t index = descriptor_find(workflow, name);
	return index == NO_TASK ? NULL : &workflow->tasks[index];
}

const struct workflow_task *workflow_find_task(const struct workflow *workflow, const char *name)
{
	const struct task_model *task = find(workflow, name);
	return task ? &task->facts : NULL;
}

size_t workflow_task_count(const struct workflow *workflow)
{
	return workflow->count;
}

const struct workflow_task *workflow_task_at(const struct workflow *workflow, size_t index)
{
	return &workflow->tasks[index].facts;
}

bool workflow_may_spawn(const struct workflow *workflow, const char *name, const char *child)
{
	const struct task_model *task = find(workflow, name);
	size_t index = descriptor_find(workflow, child);
	return task &&
	       (graph_list_has(&task->parallel, index) || graph_list_has(&task->manual, index));
}

size_t workflow_spawns(const struct workflow *workflow, const char *name, const char *const **names)
{
	const struct task_model *task = find(workflow, name);
	if (!task)
		return 0;
	*names = task->spawn_names;
	return task->spawn_count;
}

size_t workflow_awaited(
	const struct workflow *workflow, const char *name, const char *const **names)
{
	const struct task_model *task = find(workflow, name);
	if (!task)
		return 0;
	*names = task->awaited_names;
	return task->condition_count;
}

bool workflow_counts(
	const struct workflow *workflow, const char *gate, const char *name, enum task_state state)
{
	const struct task_model *waiting = find(workflow, gate);
	size_t index = descriptor_find(workflow, name);
	if (!waiting || !waiting->condition_count || index == NO_TASK ||
		!set_has(waiting->producers, index))
		return false;
	if (state <= TASK_WORKING)
		return true;
	bool failed = state == TASK_FAILED || state == TASK_INVALID || state == TASK_CANCELLED;
	return failed && workflow->tasks[index].policy == IF_FAILED_FAIL &&
	       set_has(waiting->withheld, index);
}

bool workflow_is_in_scope(const char *scopes, int64_t scope)
{
	char *end;
	while (scopes && *scopes) {
		if (strtoll(scopes, &end, 10) == scope && end != scopes)
			return true;
		scopes = strchr(end, '/');
		scopes = scopes ? scopes + 1 : NULL;
	}
	return false;
}

static bool is_of_queue(const struct task_model *task, const char *const *queues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(task->facts.queue, queues[i]) == 0)
			return true;
	return false;
}

/* Marks all that comes after a task by any edge. */
static void follow(const struct workflow *workflow, size_t index, task_set seen)
{
	const struct task_model *task = &workflow->tasks[index];
	const struct index_list *const edges[] = { &task->heirs, &task->on_failure,
		&task->followers };
	if (set_has(seen, index))
		return;
	set_add(seen, index);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		FOR_EACH_INDEX(next, edges[i])
		{
			follow(workflow, next, seen);
		}
	}
}

bool workflow_leads_to_queue(
	const struct workflow *workflow, const char *name, const char *const *queues, size_t count)
{
	size_t index = descriptor_find(workflow, name);
	if (index == NO_TASK)
		return false;
	OWNED(free) task_set seen = xcalloc(set_words(workflow->count), sizeof *seen);
	follow(workflow, index, seen);
	for (size_t i = 0; i < workflow->count; i++)
		if (set_has(seen, i) && is_of_queue(&workflow->tasks[i], queues, count))
			return true;
	return false;
}
