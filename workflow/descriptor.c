/*
 * Reads a checked descriptor into the model: names to indexes, lists, conditions, defaults.
 * Mistakes are found before (validate.c, keys.c) and after (graph.c), never here.
 */
#include "workflow/descriptor.h"

#include "base/jsontext.h"
#include "config/config.h"
#include "workflow/when.h"

#include <assert.h>

const char *const gate_function_names[GATE_FUNCTIONS] = {
	[GATE_EQ_COMPLETED] = "eq_completed",
	[GATE_COMPLETED] = "completed",
	[GATE_ALL_FINISHED] = "all_finished",
	[GATE_AT_LEAST] = "at_least",
	[GATE_PERCENT] = "percent",
};
const char *const if_failed_names[IF_FAILED_POLICIES] = {
	[IF_FAILED_FAIL] = "fail",
	[IF_FAILED_CONTINUE] = "continue",
	[IF_FAILED_IGNORE] = "ignore",
};

size_t descriptor_find(const struct workflow *workflow, const char *name)
{
	size_t low = 0, high = workflow->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t index = workflow->by_name[middle];
		int order = strcmp(name, workflow->tasks[index].facts.name);
		if (order == 0)
			return index;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NO_TASK;
}

static int compare_names(const void *a, const void *b, void *tasks)
{
	const struct task_model *models = tasks;
	return strcmp(models[*(const size_t *)a].facts.name, models[*(const size_t *)b].facts.name);
}

static void list_names(struct workflow *workflow, json_t *tasks)
{
	const char *name;
	json_t *task;
	workflow->count = json_object_size(tasks);
	workflow->tasks = workflow_take(workflow->arena, workflow->count * sizeof *workflow->tasks);
	workflow->by_name =
		workflow_take(workflow->arena, workflow->count * sizeof *workflow->by_name);
	size_t count = 0;
	json_object_foreach(tasks, name, task)
	{
		workflow->by_name[count] = count;
		workflow->tasks[count++].facts.name = name;
	}
	qsort_r(workflow->by_name, count, sizeof *workflow->by_name, compare_names,
		workflow->tasks);
}

/* Names of a list, or the one name that stands for a list of one. */
static struct index_list read_names(struct workflow *workflow, const json_t *names)
{
	struct index_list list = { 0 };
	size_t count = json_is_string(names) ? 1 : json_array_size(names);
	list.at = workflow_take(workflow->arena, count * sizeof *list.at);
	for (; list.count < count; list.count++) {
		const json_t *name =
			json_is_string(names) ? names : json_array_get(names, list.count);
		list.at[list.count] = descriptor_find(workflow, json_string_value(name));
		assert(list.at[list.count] != NO_TASK);
	}
	return list;
}

static void read_params(struct workflow *workflow, const json_t *params, struct param_start *start)
{
	const char *name;
	json_t *function;
	start->params =
		workflow_take(workflow->arena, json_object_size(params) * sizeof *start->params);
	json_object_foreach((json_t *)params, name, function)
	{
		const char *counted = jsontext_member(function, "count");
		start->params[start->count++] = (struct start_param){
			.name = name,
			.counted = descriptor_find(workflow, counted),
		};
	}
}

static void read_param_starts(
	struct workflow *workflow, struct task_model *task, const json_t *starts)
{
	const char *child;
	json_t *params;
	task->param_starts = workflow_take(
		workflow->arena, json_object_size(starts) * sizeof *task->param_starts);
	json_object_foreach((json_t *)starts, child, params)
	{
		struct param_start *start = &task->param_starts[task->param_start_count++];
		start->child = descriptor_find(workflow, child);
		read_params(workflow, params, start);
	}
}

const json_t *condition_body(const json_t *condition)
{
	const json_t *wrapped = json_object_get(condition, "condition");
	return wrapped ? wrapped : condition;
}

bool condition_has_key(const char *key)
{
	static const char *const known[] = { "function", "param", "value", "timeout" };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(key, known[i]) == 0)
			return true;
	return false;
}

bool start_function_is_count(const json_t *function)
{
	const char *first = json_object_iter_key(json_object_iter((json_t *)function));
	return first && strcmp(first, "count") == 0;
}

enum gate_function condition_function(const json_t *condition)
{
	const json_t *body = condition_body(condition);
	const char *name =
		json_is_string(body) ? json_string_value(body) : jsontext_member(body, "function");
	for (size_t i = 0; name && i < GATE_AFTER; i++)
		if (strcmp(name, gate_function_names[i]) == 0)
			return (enum gate_function)i;
	return GATE_FUNCTIONS;
}

int64_t descriptor_duration(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	int64_t ms = 0;
	if (json_is_string(value) && strcmp(json_string_value(value), "none") == 0)
		return CONFIG_NO_LIMIT;
	if (json_is_string(value))
		config_parse_duration(json_string_value(value), &ms);
	return ms;
}

static int64_t condition_timeout(const json_t *condition)
{
	int64_t inner = descriptor_duration(condition_body(condition), "timeout");
	return inner ? inner : descriptor_duration(condition, "timeout");
}

static void read_conditions(
	struct workflow *workflow, struct task_model *task, const json_t *waits_for)
{
	const char *awaited;
	json_t *condition;
	task->conditions = workflow_take(
		workflow->arena, json_object_size(waits_for) * sizeof *task->conditions);
	json_object_foreach((json_t *)waits_for, awaited, condition)
	{
		const json_t *body = condition_body(condition);
		int64_t timeout_ms = condition_timeout(condition);
		task->conditions[task->condition_count++] = (struct condition){
			.awaited = descriptor_find(workflow, awaited),
			.function = condition_function(condition),
			.param = jsontext_member(body, "param"),
			.value = json_number_value(json_object_get(body, "value")),
			.timeout_ms = timeout_ms,
		};
		if (timeout_ms > 0 &&
			(task->wait_timeout_ms == 0 || timeout_ms < task->wait_timeout_ms))
			task->wait_timeout_ms = timeout_ms;
	}
}

static void read_after(struct workflow *workflow, struct task_model *task, const json_t *after)
{
	struct index_list names = read_names(workflow, after);
	task->conditions = workflow_take(workflow->arena, names.count * sizeof *task->conditions);
	FOR_EACH_INDEX(awaited, &names)
	{
		task->conditions[task->condition_count++] =
			(struct condition){ .awaited = awaited, .function = GATE_AFTER };
	}
}

static void read_facts(struct task_model *task, const json_t *given)
{
	struct workflow_task *facts = &task->facts;
	const json_t *priority = json_object_get(given, "priority");
	const char *policy = jsontext_member(given, "if_failed");
	const json_t *nested = json_object_get(given, "workflow");
	facts->nested = json_is_string(nested) ? json_string_value(nested)
					       : jsontext_member(nested, "name");
	facts->nested_hash = jsontext_member(nested, "hash");
	facts->queue = facts->nested ? WORKFLOW_NESTED_QUEUE : jsontext_member(given, "queue");
	facts->has_priority = json_is_integer(priority);
	facts->priority = (int)json_integer_value(priority);
	facts->delay_ms = descriptor_duration(given, "delay");
	facts->timeout_ms = descriptor_duration(given, "timeout");
	facts->has_timeout = facts->timeout_ms != 0;
	facts->retries = json_object_get(given, "retries");
	facts->has_retries = facts->retries != NULL;
	facts->may_spawn = task->manual.count + task->parallel.count > 0;
	facts->starts_others = facts->may_spawn || task->starts.count > 0 ||
			       task->on_failure.count > 0 || task->param_start_count > 0;
	facts->waits = task->condition_count > 0;
	facts->is_gate = task->waits_for;
	facts->when = json_object_get(given, "when");
	facts->when_reads_results = facts->when && when_reads_results(facts->when);
	task->own_defaults = json_object_get(given, "payload");
	for (size_t i = 0; policy && i < IF_FAILED_POLICIES; i++)
		if (strcmp(policy, if_failed_names[i]) == 0)
			task->policy = (enum if_failed)i;
}

static const char **names_of(struct workflow *workflow, const struct index_list *list)
{
	const char **names = workflow_take(workflow->arena, list->count * sizeof *names);
	for (size_t i = 0; i < list->count; i++)
		names[i] = workflow->tasks[list->at[i]].facts.name;
	return names;
}

/* With both lists, Qyu's split worker starts starts_parallel's names only. */
static const struct index_list *spawn_list(const struct task_model *task)
{
	return task->parallel.count ? &task->parallel : &task->manual;
}

static void read_task(struct workflow *workflow, struct task_model *task, const json_t *given)
{
	task->starts = read_names(workflow, json_object_get(given, "starts"));
	task->manual = read_names(workflow, json_object_get(given, "starts_manually"));
	task->parallel = read_names(workflow, json_object_get(given, "starts_parallel"));
	task->on_failure = read_names(workflow, json_object_get(given, "starts_on_failure"));
	read_param_starts(workflow, task, json_object_get(given, "starts_with_params"));
	read_conditions(workflow, task, json_object_get(given, "waits_for"));
	task->waits_for = task->condition_count > 0;
	const json_t *after = json_object_get(given, "after");
	task->is_after = after && !json_is_null(after);
	if (task->is_after)
		read_after(workflow, task, after);
	read_facts(task, given);
	task->spawn_names = names_of(workflow, spawn_list(task));
	task->spawn_count = spawn_list(task)->count;
	task->awaited_names =
		workflow_take(workflow->arena, task->condition_count * sizeof *task->awaited_names);
	for (size_t i = 0; i < task->condition_count; i++)
		task->awaited_names[i] = workflow->tasks[task->conditions[i].awaited].facts.name;
}

struct workflow *descriptor_build(json_t *descriptor)
{
	struct advance_arena *arena = workflow_arena_create();
	struct workflow *workflow = workflow_take(arena, sizeof *workflow);
	json_t *tasks = json_object_get(descriptor, "tasks");
	const json_t *starts = json_object_get(descriptor, "starts");
	workflow->arena = arena;
	workflow->descriptor = descriptor;
	workflow->name = jsontext_member(descriptor, "name");
	workflow->payload = json_object_get(descriptor, "payload");
	list_names(workflow, tasks);
	workflow->has_starts = starts != NULL;
	workflow->explicit = read_names(workflow, starts);
	for (size_t i = 0; i < workflow->count; i++)
		read_task(workflow, &workflow->tasks[i],
			json_object_get(tasks, workflow->tasks[i].facts.name));
	return workflow;
}
