/*
 * The rules of reeve's own keys and of what Qyu left unchecked: each mistake with its path and what
 * was expected. One table row per key.
 */
#include "workflow/keys.h"

#include "base/jsontext.h"
#include "config/config.h"
#include "workflow/when.h"

#define SHOWN_MAX 40 /* bytes of a wrong value in a message */

void keys_fault(const struct place *place, const char *key, const char *expected, const json_t *got)
{
	OWNED(free) char *text = got ? jsontext_print(got) : xstrdup("nothing");
	size_t length = strlen(text);
	size_t shown = length > SHOWN_MAX ? SHOWN_MAX : length;
	while (shown < length && ((unsigned char)text[shown] & 0xc0) == 0x80)
		shown--; /* not within a character */
	descriptor_fault(place->faults, "%s%s: expected %s, got %.*s%s", place->path, key, expected,
		(int)shown, text, shown < length ? "…" : "");
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	return length > 0 && length <= WORKFLOW_NAME_MAX;
}

static bool is_text_name(const json_t *name)
{
	const char *text = json_string_value(name);
	return text && strlen(text) == json_string_length(name) && is_name(text);
}

bool keys_is_duration(const json_t *value, int64_t least_ms, int64_t most_ms)
{
	int64_t ms;
	const char *text = json_string_value(value);
	if (json_is_integer(value) && json_integer_value(value) == 0)
		return least_ms == 0;
	return text && config_parse_duration(text, &ms) && ms >= least_ms && ms <= most_ms;
}

bool keys_is_none(const json_t *value)
{
	const char *text = json_string_value(value);
	return text && strcmp(text, "none") == 0;
}

static void check_queue(const struct place *place, const json_t *queue)
{
	if (json_is_string(queue) &&
		(strlen(json_string_value(queue)) != json_string_length(queue) ||
			!config_is_queue_name(json_string_value(queue))))
		keys_fault(place, "queue",
			"1 to 80 letters, digits, _ or -, with .fifo allowed at the end", queue);
}

static void check_payload(const struct place *place, const json_t *payload)
{
	if (!json_is_object(payload))
		keys_fault(place, "payload", "an object of defaults", payload);
}

static void check_timeout(const struct place *place, const json_t *timeout)
{
	if (!keys_is_none(timeout) && !keys_is_duration(timeout, 100, 30 * KEYS_DAY_MS))
		keys_fault(place, "timeout", "a duration from 100ms to 30d, or none", timeout);
}

static void check_delay(const struct place *place, const json_t *delay)
{
	if (!keys_is_duration(delay, 0, 3650 * KEYS_DAY_MS))
		keys_fault(place, "delay", "a duration such as 250ms, 5s, 10m, 6h, 7d", delay);
}

static void check_priority(const struct place *place, const json_t *priority)
{
	json_int_t value = json_integer_value(priority);
	if (!json_is_integer(priority) || value < -100 || value > 100)
		keys_fault(place, "priority", "a whole number from -100 to 100", priority);
}

static void check_if_failed(const struct place *place, const json_t *policy)
{
	const char *text = json_string_value(policy);
	for (size_t i = 0; text && i < IF_FAILED_POLICIES; i++)
		if (strcmp(text, if_failed_names[i]) == 0)
			return;
	keys_fault(place, "if_failed", "fail, continue or ignore", policy);
}

static bool is_retries_max(const json_t *value)
{
	json_int_t max = json_integer_value(value);
	return json_is_integer(value) && max >= 0 && max <= 1000;
}

static bool is_retries_delay(const json_t *value)
{
	return keys_is_duration(value, 0, KEYS_DAY_MS);
}

static bool is_retries_factor(const json_t *value)
{
	double factor = json_number_value(value);
	return json_is_number(value) && factor >= 1 && factor <= 10;
}

static bool is_retries_max_delay(const json_t *value)
{
	return keys_is_duration(value, 0, 7 * KEYS_DAY_MS);
}

static bool is_boolean(const json_t *value)
{
	return json_is_boolean(value);
}

static const struct {
	const char *key, *expected;
	bool (*accepts)(const json_t *value);
} retries_keys[] = {
	{ "max", "a whole number from 0 to 1000", is_retries_max },
	{ "delay", "a duration of at most 1d", is_retries_delay },
	{ "factor", "a number from 1 to 10", is_retries_factor },
	{ "max_delay", "a duration of at most 7d", is_retries_max_delay },
	{ "jitter", "true or false", is_boolean },
};

static void check_retries(const struct place *place, const json_t *retries)
{
	const char *key;
	json_t *value;
	if (!json_is_object(retries))
		keys_fault(place, "retries", "an object of max, delay, factor, max_delay, jitter",
			retries);
	json_object_foreach((json_t *)retries, key, value)
	{
		OWNED(free) char *path = xprintf("retries.%s", key);
		size_t row = 0;
		while (row < ARRAY_SIZE(retries_keys) && strcmp(retries_keys[row].key, key) != 0)
			row++;
		if (row == ARRAY_SIZE(retries_keys))
			descriptor_fault(place->faults,
				"%s%s: unknown key; retries has max, delay, factor, max_delay, "
				"jitter",
				place->path, path);
		else if (!retries_keys[row].accepts(value))
			keys_fault(place, path, retries_keys[row].expected, value);
	}
}

/* A name; or what the store has of a workflow that was started: {name, hash}. */
static void check_workflow(const struct place *place, const json_t *workflow)
{
	const char *hash = jsontext_member(workflow, "hash");
	bool is_resolved = hash && strlen(hash) == WORKFLOW_HASH_SIZE - 1 &&
			   !hash[strspn(hash, "0123456789abcdef")];
	if (!is_text_name(
		    json_is_object(workflow) ? json_object_get(workflow, "name") : workflow) ||
		(json_is_object(workflow) && !is_resolved))
		keys_fault(place, "workflow", "the name of a workflow", workflow);
}

static const struct {
	const char *key;
	void (*check)(const struct place *place, const json_t *value);
	bool may_be_null; /* Qyu takes null for a missing reference */
} task_keys[] = {
	{ "queue", check_queue, true },
	{ "starts", keys_check_starts, true },
	{ "starts_with_params", keys_check_starts_with_params, true },
	{ "starts_manually", keys_check_starts_manually, true },
	{ "starts_parallel", keys_check_starts_parallel, true },
	{ "starts_on_failure", keys_check_starts_on_failure, false },
	{ "waits_for", keys_check_waits_for, true },
	{ "after", keys_check_after, false },
	{ "payload", check_payload, false },
	{ "retries", check_retries, false },
	{ "timeout", check_timeout, false },
	{ "delay", check_delay, false },
	{ "priority", check_priority, false },
	{ "if_failed", check_if_failed, false },
	{ "when", when_check, false },
	{ "workflow", check_workflow, false },
};

/* Nothing of a nested job's own runs: it has no handler, and ends as its job does. */
static void check_nested(const struct place *place, const char *name, const json_t *task)
{
	static const char *const idle[] = { "waits_for", "starts_parallel", "starts_manually",
		"retries", "timeout" };
	for (size_t i = 0; i < ARRAY_SIZE(idle) && json_object_get(task, "workflow"); i++) {
		const json_t *value = json_object_get(task, idle[i]);
		if (value && !json_is_null(value))
			descriptor_fault(place->faults,
				"tasks.%s: has both workflow and %s; a nested job runs in place of "
				"a handler",
				name, idle[i]);
	}
}

static void check_task(
	const json_t *tasks, const char *name, const json_t *task, struct workflow_faults *faults)
{
	OWNED(free) char *path = xprintf("tasks.%s.", name);
	const struct place place = { .tasks = tasks, .path = path, .faults = faults };
	for (size_t i = 0; i < ARRAY_SIZE(task_keys); i++) {
		const json_t *value = json_object_get(task, task_keys[i].key);
		if (value && !(task_keys[i].may_be_null && json_is_null(value)))
			task_keys[i].check(&place, value);
	}
	if (json_object_get(task, "after") && json_object_size(json_object_get(task, "waits_for")))
		descriptor_fault(faults,
			"tasks.%s: has both after and waits_for; a task waits in one way", name);
	check_nested(&place, name, task);
}

static void check_name(const struct place *place, const char *key, const json_t *name)
{
	if (!is_text_name(name))
		keys_fault(place, key, "a name of 1 to 200 bytes without control characters", name);
}

static void check_top(const struct place *place, const json_t *descriptor)
{
	const json_t *payload = json_object_get(descriptor, "payload");
	const json_t *starts = json_object_get(descriptor, "starts");
	check_name(place, "name", json_object_get(descriptor, "name"));
	if (payload)
		check_payload(place, payload);
	if (json_is_array(starts))
		keys_check_references(place, "starts", starts);
	if (json_object_size(place->tasks) > WORKFLOW_TASKS_MAX)
		descriptor_fault(place->faults, "tasks: expected at most %d, got %zu",
			WORKFLOW_TASKS_MAX, json_object_size(place->tasks));
}

void descriptor_check_keys(const json_t *descriptor, struct workflow_faults *faults)
{
	json_t *tasks = json_object_get(descriptor, "tasks");
	const struct place top = { .tasks = tasks, .path = "", .faults = faults };
	const char *name;
	json_t *task;
	check_top(&top, descriptor);
	json_object_foreach(tasks, name, task)
	{
		OWNED(json) json_t *text = json_string(name);
		check_name(&top, "tasks", text);
		if (json_is_object(task))
			check_task(tasks, name, task, faults);
	}
}
