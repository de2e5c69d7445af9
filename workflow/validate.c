/*
 * Qyu's validator: its checks in its order with its messages (github.com/QyuTeam/qyu,
 * lib/qyu/workflow_descriptor_validator.rb). Where Qyu's own ended in a Ruby exception there is a
 * sentence instead. `starts` may be missing: then entry points follow from the graph.
 */
#include "workflow/descriptor.h"

#include "base/jsontext.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const qyu_keys[] = { "queue", "waits_for", "starts", "starts_parallel",
	"starts_manually", "starts_with_params" };
static const char *const own_keys[] = { "after", "payload", "retries", "timeout", "delay",
	"priority", "if_failed", "starts_on_failure", "when", "workflow" };

void descriptor_fault(struct workflow_faults *faults, const char *format, ...)
{
	va_list args;
	char *line = NULL;
	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		abort();
	va_end(args);
	faults->lines = xrealloc(faults->lines, (faults->count + 1) * sizeof *faults->lines);
	faults->lines[faults->count++] = line;
}

void workflow_faults_finish(struct workflow_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		free(faults->lines[i]);
	free(faults->lines);
	*faults = (struct workflow_faults){ 0 };
}

static bool is_given(const json_t *value)
{
	return value && !json_is_null(value);
}

static bool is_task(const json_t *tasks, const json_t *name)
{
	const char *text = json_string_value(name);
	return text && strlen(text) == json_string_length(name) &&
	       json_is_object(json_object_get(tasks, text));
}

static bool are_tasks(const json_t *tasks, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(names); i++)
		if (!is_task(tasks, json_array_get(names, i)))
			return false;
	return true;
}

static bool has_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* `"a", "b"` into a text that grows. */
static void add_quoted(char **text, const char *word)
{
	char *longer = *text ? xprintf("%s, \"%s\"", *text, word) : xprintf("\"%s\"", word);
	free(*text);
	*text = longer;
}

static char *quote_all(const char *const *words, size_t count)
{
	char *text = NULL;
	for (size_t i = 0; i < count; i++)
		add_quoted(&text, words[i]);
	return text;
}

static void check_known_keys(const char *name, const json_t *task, struct workflow_faults *faults)
{
	const char *key;
	json_t *value;
	OWNED(free) char *unknown = NULL;
	json_object_foreach((json_t *)task, key, value)
	{
		if (!has_word(qyu_keys, ARRAY_SIZE(qyu_keys), key) &&
			!has_word(own_keys, ARRAY_SIZE(own_keys), key))
			add_quoted(&unknown, key);
	}
	if (!unknown)
		return;
	OWNED(free) char *theirs = quote_all(qyu_keys, ARRAY_SIZE(qyu_keys));
	OWNED(free) char *ours = quote_all(own_keys, ARRAY_SIZE(own_keys));
	descriptor_fault(faults, "%s must only contain the following keys: [%s] or [%s], not %s",
		name, theirs, ours, unknown);
}

struct reference_key {
	const char *key;
	bool is_object;
};
static const struct reference_key reference_keys[] = {
	{ "starts", false },
	{ "starts_parallel", false },
	{ "starts_manually", false },
	{ "starts_with_params", true },
	{ "waits_for", true },
};

static bool has_reference_format(const json_t *task)
{
	for (size_t i = 0; i < ARRAY_SIZE(reference_keys); i++) {
		const json_t *value = json_object_get(task, reference_keys[i].key);
		if (is_given(value) && !(reference_keys[i].is_object ? json_is_object(value)
								     : json_is_array(value)))
			return false;
	}
	return true;
}

static bool refers_to_tasks(const json_t *tasks, const json_t *task)
{
	for (size_t i = 0; i < ARRAY_SIZE(reference_keys); i++) {
		json_t *names = json_object_get(task, reference_keys[i].key);
		const char *key;
		json_t *value;
		if (!are_tasks(tasks, names))
			return false;
		json_object_foreach(names, key, value)
		{
			if (!json_is_object(json_object_get(tasks, key)))
				return false;
		}
	}
	return true;
}

static bool takes_param(const json_t *child, const char *param)
{
	const char *awaited;
	json_t *condition;
	json_object_foreach(json_object_get(child, "waits_for"), awaited, condition)
	{
		const char *taken = jsontext_member(condition_body(condition), "param");
		if (taken && strcmp(taken, param) == 0)
			return true;
	}
	return false;
}

/* Every parameter that a child is started with must be one that its waits_for takes. */
static void check_params(
	const char *name, const json_t *tasks, const json_t *task, struct workflow_faults *faults)
{
	const char *child_name, *param;
	json_t *params, *function;
	bool are_all_taken = true;
	json_object_foreach(json_object_get(task, "starts_with_params"), child_name, params)
	{
		const json_t *child = json_object_get(tasks, child_name);
		bool is_gate = json_is_object(json_object_get(child, "waits_for"));
		bool are_taken = true;
		json_object_foreach(params, param, function)
		{
			are_taken = are_taken && takes_param(child, param);
		}
		if (json_is_object(child) && !is_gate && json_object_size(params) > 0)
			descriptor_fault(faults,
				"%s starts %s with parameters, but %s has no waits_for that takes "
				"them",
				name, child_name, child_name);
		else if (json_is_object(child))
			are_all_taken = are_all_taken && are_taken;
	}
	if (!are_all_taken)
		descriptor_fault(
			faults, "%s must pass the correct parameters to the sync task", name);
}

static void check_task(
	const char *name, const json_t *tasks, const json_t *task, struct workflow_faults *faults)
{
	if (!json_is_object(task)) {
		descriptor_fault(faults, "%s must be described by a Hash", name);
		return;
	}
	if (!json_is_string(json_object_get(task, "queue")) && !json_object_get(task, "workflow"))
		descriptor_fault(faults, "%s must have a valid queue", name);
	check_known_keys(name, task, faults);
	bool is_formed = has_reference_format(task);
	if (!is_formed)
		descriptor_fault(faults, "%s must follow the reference declaration format", name);
	if (is_formed && !refers_to_tasks(tasks, task))
		descriptor_fault(faults, "%s must list existing tasks in its references", name);
	check_params(name, tasks, task, faults);
}

static void check_entry_points(
	const json_t *starts, const json_t *tasks, struct workflow_faults *faults)
{
	if (json_array_size(starts) == 0 || !are_tasks(tasks, starts))
		descriptor_fault(faults,
			"There must be at least 1 entry point, and all entry points must "
			"exist in the tasks Hash.");
}

void descriptor_check(const json_t *descriptor, struct workflow_faults *faults)
{
	const json_t *starts = json_object_get(descriptor, "starts");
	json_t *tasks = json_object_get(descriptor, "tasks");
	const char *name;
	json_t *task;
	if (!json_is_object(descriptor)) {
		descriptor_fault(faults, "Descriptor type must be a Hash.");
		return;
	}
	if (starts && !json_is_array(starts))
		descriptor_fault(faults, "Entry points (starts) must be an Array.");
	if (!json_is_object(tasks)) {
		descriptor_fault(faults, "Tasks must be a Hash.");
		return;
	}
	if (json_is_array(starts))
		check_entry_points(starts, tasks, faults);
	if (json_object_size(tasks) == 0)
		descriptor_fault(faults, "There must be at least 1 task in the tasks Hash.");
	json_object_foreach(tasks, name, task)
	{
		check_task(name, tasks, task, faults);
	}
}
