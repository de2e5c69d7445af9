/*
 * Workflows within workflows: names in `workflow:` become hashes, the innermost first, so that the
 * hash of a workflow stands for all that is nested in it. A cycle could have no hash.
 */
#include "workflow/descriptor.h"

#include "base/jsontext.h"

#define PATH_MAX_NAMES 64 /* that one opens another; a longer way has too many levels anyhow */

struct nest {
	const struct workflow_list *list;
	struct workflow **done; /* in the order in which they were resolved */
	size_t count, room;
	const char *path[PATH_MAX_NAMES];
	size_t depth;
};

static const struct workflow_source *find_source(const struct workflow_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->sources[i].name, name) == 0)
			return &list->sources[i];
	return NULL;
}

static struct workflow *find_done(const struct nest *nest, const char *name)
{
	for (size_t i = 0; i < nest->count; i++)
		if (strcmp(nest->done[i]->name, name) == 0)
			return nest->done[i];
	return NULL;
}

/* "a → b → a" where the name stands on the path already; owned, else NULL. */
static char *find_cycle(const struct nest *nest, const char *name)
{
	size_t first = 0;
	while (first < nest->depth && strcmp(nest->path[first], name) != 0)
		first++;
	if (first == nest->depth)
		return NULL;
	char *text = xstrdup("");
	for (size_t i = first; i < nest->depth; i++) {
		char *longer = xprintf("%s%s → ", text, nest->path[i]);
		free(text);
		text = longer;
	}
	char *whole = xprintf("%s%s", text, name);
	free(text);
	return whole;
}

static struct workflow *open_source(struct nest *nest, const struct workflow_source *source,
	struct workflow_faults *faults, struct error *err);

/* What `task` names; NULL with a line in faults. */
static struct workflow *open_named(
	struct nest *nest, const char *task, const char *name, struct workflow_faults *faults)
{
	struct error err = { 0 };
	struct workflow *workflow = find_done(nest, name);
	const struct workflow_source *source = find_source(nest->list, name);
	OWNED(free) char *cycle = find_cycle(nest, name);
	if (workflow)
		return workflow;
	if (cycle)
		descriptor_fault(faults,
			"tasks.%s.workflow: nested workflows go round in a cycle: %s", task, cycle);
	else if (!source)
		descriptor_fault(
			faults, "tasks.%s.workflow: there is no workflow \"%s\"", task, name);
	else if (nest->depth == PATH_MAX_NAMES)
		descriptor_fault(faults, "tasks.%s.workflow: workflows may be nested %d deep", task,
			WORKFLOW_NESTED_MAX);
	else if (!(workflow = open_source(nest, source, NULL, &err)))
		descriptor_fault(faults, "tasks.%s.workflow: \"%s\": %s", task, name, err.text);
	return workflow;
}

/* Resolves one task's name in place; answers the levels below it. */
static int resolve_task(
	struct nest *nest, const char *name, json_t *task, struct workflow_faults *faults)
{
	const char *nested = jsontext_member(task, "workflow");
	struct workflow *workflow = nested ? open_named(nest, name, nested, faults) : NULL;
	if (!workflow)
		return 0;
	int height = workflow->height + 1;
	if (height > WORKFLOW_NESTED_MAX)
		descriptor_fault(faults,
			"tasks.%s.workflow: workflows may be nested %d deep, with \"%s\" these "
			"would be %d",
			name, WORKFLOW_NESTED_MAX, nested, height);
	json_object_set_new(task, "workflow",
		json_pack("{s:s, s:s}", "name", workflow->name, "hash", workflow->hash));
	return height;
}

static int resolve_tasks(struct nest *nest, const struct workflow_source *source,
	json_t *descriptor, struct workflow_faults *faults)
{
	const char *name;
	json_t *task;
	int height = 0;
	nest->path[nest->depth++] = source->name;
	json_object_foreach(json_object_get(descriptor, "tasks"), name, task)
	{
		int below = json_is_object(task) ? resolve_task(nest, name, task, faults) : 0;
		height = below > height ? below : height;
	}
	nest->depth--;
	return height;
}

/* The faults of nesting behind those of the descriptor itself. */
static void join_faults(struct workflow_faults *to, struct workflow_faults *from)
{
	for (size_t i = 0; i < from->count; i++)
		descriptor_fault(to, "%s", from->lines[i]);
	workflow_faults_finish(from);
}

static struct workflow *open_source(struct nest *nest, const struct workflow_source *source,
	struct workflow_faults *faults, struct error *err)
{
	struct workflow_faults found = { 0 }, nesting = { 0 };
	struct workflow *workflow = NULL;
	OWNED(json) json_t *descriptor = json_deep_copy(source->descriptor);
	int height = resolve_tasks(nest, source, descriptor, &nesting);
	bool ok = workflow_create(source->name, descriptor, &workflow, &found, err);
	if (ok && nesting.count) {
		workflow_destroy(workflow);
		workflow = NULL;
		error_set(err, ERROR_INVALID, "invalid workflow descriptor: %s", nesting.lines[0]);
	}
	join_faults(&found, &nesting);
	if (faults)
		*faults = found;
	else
		workflow_faults_finish(&found);
	if (!workflow)
		return NULL;
	workflow->height = height;
	nest->done = xgrow(nest->done, nest->count, &nest->room, sizeof(struct workflow *));
	nest->done[nest->count++] = workflow;
	return workflow;
}

bool workflow_open(const struct workflow_list *list, const char *name, struct workflow **out,
	struct workflow_faults *faults, struct error *err)
{
	struct nest nest = { .list = list };
	const struct workflow_source *source = find_source(list, name);
	if (faults)
		*faults = (struct workflow_faults){ 0 };
	if (!source)
		return error_set(err, ERROR_NOT_FOUND, "no workflow \"%.100s\"", name);
	struct workflow *workflow = open_source(&nest, source, faults, err);
	size_t below = nest.count - (workflow != NULL);
	if (workflow) {
		workflow->nested = nest.done;
		workflow->nested_count = below;
		*out = workflow;
		return true;
	}
	for (size_t i = 0; i < below; i++)
		workflow_destroy(nest.done[i]);
	free(nest.done);
	return false;
}

size_t workflow_nested(const struct workflow *workflow, struct workflow *const **nested)
{
	*nested = workflow->nested;
	return workflow->nested_count;
}

const char *workflow_unresolved(const struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->count; i++)
		if (workflow->tasks[i].facts.nested && !workflow->tasks[i].facts.nested_hash)
			return workflow->tasks[i].facts.nested;
	return NULL;
}
