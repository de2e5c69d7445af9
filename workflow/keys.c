/*
 * The rules of reeve's own keys and of what Qyu left unchecked: each mistake with its path and what
 * was expected. One table row per key.
 */
#include "workflow/descriptor.h"

#include "base/jsontext.h"
#include "config/config.h"

#define SECOND_MS 1000
#define DAY_MS    (24LL * 3600 * SECOND_MS)
#define SHOWN_MAX 40 /* bytes of a wrong value in a message */

struct place {
	const json_t *tasks;
	const char *path; /* "tasks.NAME.", or empty at the top */
	struct workflow_faults *faults;
};

static void fault_at(
	const struct place *place, const char *key, const char *expected, const json_t *got)
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

static bool is_duration(const json_t *value, int64_t least_ms, int64_t most_ms)
{
	int64_t ms;
	const char *text = json_string_value(value);
	if (json_is_integer(value) && json_integer_value(value) == 0)
		return least_ms == 0;
	return text && config_parse_duration(text, &ms) && ms >= least_ms && ms <= most_ms;
}

static bool is_none(const json_t *value)
{
	const char *text = json_string_value(value);
	return text && strcmp(text, "none") == 0;
}

static void check_queue(const struct place *place, const json_t *queue)
{
	if (json_is_string(queue) &&
		(strlen(json_string_value(queue)) != json_string_length(queue) ||
			!config_is_queue_name(json_string_value(queue))))
		fault_at(place, "queue",
			"1 to 80 letters, digits, _ or -, with .fifo allowed at the end", queue);
}

static void check_reference(const struct place *place, const char *key, const json_t *name)
{
	const char *text = json_string_value(name);
	if (!text || strlen(text) != json_string_length(name))
		fault_at(place, key, "the name of a task", name);
	else if (!json_is_object(json_object_get(place->tasks, text)))
		descriptor_fault(
			place->faults, "%s%s: there is no task \"%s\"", place->path, key, text);
}

static void check_references(const struct place *place, const char *key, const json_t *names)
{
	size_t i;
	json_t *name;
	json_array_foreach((json_t *)names, i, name)
	{
		check_reference(place, key, name);
	}
}

static void check_starts(const struct place *place, const json_t *names)
{
	check_references(place, "starts", names);
}

static void check_starts_parallel(const struct place *place, const json_t *names)
{
	check_references(place, "starts_parallel", names);
}

static void check_starts_manually(const struct place *place, const json_t *names)
{
	check_references(place, "starts_manually", names);
}

static void check_starts_on_failure(const struct place *place, const json_t *names)
{
	if (!json_is_array(names))
		fault_at(place, "starts_on_failure", "a list of tasks", names);
	check_references(place, "starts_on_failure", names);
}

static void check_after(const struct place *place, const json_t *names)
{
	if (json_is_string(names))
		check_reference(place, "after", names);
	else if (json_array_size(names) == 0)
		fault_at(place, "after", "a task or a list of tasks", names);
	check_references(place, "after", names);
}

/* {PARAM: {count: NAME}} of one child. */
static void check_start_params(const struct place *place, const char *child, const json_t *params)
{
	const char *param;
	json_t *function;
	json_object_foreach((json_t *)params, param, function)
	{
		OWNED(free) char *key = xprintf("starts_with_params.%s.%s", child, param);
		const json_t *counted = json_object_get(function, "count");
		if (json_object_size(function) != 1 || !counted)
			fault_at(place, key, "{\"count\": NAME}, the only function there is",
				function);
		else
			check_reference(place, key, counted);
	}
}

static void check_starts_with_params(const struct place *place, const json_t *starts)
{
	const char *child;
	json_t *params;
	json_object_foreach((json_t *)starts, child, params)
	{
		OWNED(free) char *key = xprintf("starts_with_params.%s", child);
		if (!json_is_object(json_object_get(place->tasks, child)))
			descriptor_fault(place->faults,
				"%sstarts_with_params: there is no task \"%s\"", place->path,
				child);
		if (!json_is_object(params))
			fault_at(place, key, "an object of parameters", params);
		check_start_params(place, child, params);
	}
}

static void check_condition_keys(
	const struct place *place, const char *key, const json_t *condition)
{
	static const char *const known[] = { "function", "param", "value", "timeout" };
	const char *member;
	json_t *value;
	bool is_wrapper = condition_body(condition) != condition;
	json_object_foreach((json_t *)condition, member, value)
	{
		bool is_known = is_wrapper && strcmp(member, "condition") == 0;
		for (size_t i = is_wrapper ? 3 : 0; i < ARRAY_SIZE(known); i++)
			is_known = is_known || strcmp(member, known[i]) == 0;
		if (!is_known)
			descriptor_fault(place->faults,
				"%s%s: unknown key \"%s\"; a condition has function, param, "
				"value, timeout",
				place->path, key, member);
	}
	const json_t *timeout = json_object_get(condition, "timeout");
	if (timeout && !is_none(timeout) && !is_duration(timeout, 100, 3650 * DAY_MS))
		fault_at(place, key, "a timeout from 100ms to 3650d", timeout);
}

/* What a function needs beside its name. */
static void check_condition_values(
	const struct place *place, const char *key, const json_t *condition)
{
	const json_t *body = condition_body(condition);
	const json_t *value = json_object_get(body, "value");
	const char *param = jsontext_member(body, "param");
	double number = json_number_value(value);
	switch (condition_function(condition)) {
	case GATE_EQ_COMPLETED:
		if (!param || !*param)
			descriptor_fault(place->faults, "%s%s: eq_completed needs a param",
				place->path, key);
		break;
	case GATE_AT_LEAST:
		if (!json_is_integer(value) || number < 0)
			fault_at(place, key, "at_least with a value of 0 or more", value);
		break;
	case GATE_PERCENT:
		if (!json_is_number(value) || number < 0 || number > 100)
			fault_at(place, key, "percent with a value from 0 to 100", value);
		break;
	case GATE_FUNCTIONS:
		fault_at(place, key,
			"the function eq_completed, completed, all_finished, at_least or percent",
			condition);
		break;
	default:
		break;
	}
}

static void check_waits_for(const struct place *place, const json_t *waits_for)
{
	const char *awaited;
	json_t *condition;
	if (json_is_object(waits_for) && json_object_size(waits_for) == 0)
		fault_at(place, "waits_for", "at least one task to wait for", waits_for);
	json_object_foreach((json_t *)waits_for, awaited, condition)
	{
		OWNED(free) char *key = xprintf("waits_for.%s", awaited);
		const json_t *body = condition_body(condition);
		if (!json_is_object(json_object_get(place->tasks, awaited)))
			descriptor_fault(place->faults, "%swaits_for: there is no task \"%s\"",
				place->path, awaited);
		check_condition_keys(place, key, condition);
		if (body != condition)
			check_condition_keys(place, key, body);
		check_condition_values(place, key, condition);
	}
}

static void check_payload(const struct place *place, const json_t *payload)
{
	if (!json_is_object(payload))
		fault_at(place, "payload", "an object of defaults", payload);
}

static void check_timeout(const struct place *place, const json_t *timeout)
{
	if (!is_none(timeout) && !is_duration(timeout, 100, 30 * DAY_MS))
		fault_at(place, "timeout", "a duration from 100ms to 30d, or none", timeout);
}

static void check_delay(const struct place *place, const json_t *delay)
{
	if (!is_duration(delay, 0, 3650 * DAY_MS))
		fault_at(place, "delay", "a duration such as 250ms, 5s, 10m, 6h, 7d", delay);
}

static void check_priority(const struct place *place, const json_t *priority)
{
	json_int_t value = json_integer_value(priority);
	if (!json_is_integer(priority) || value < -100 || value > 100)
		fault_at(place, "priority", "a whole number from -100 to 100", priority);
}

static void check_if_failed(const struct place *place, const json_t *policy)
{
	const char *text = json_string_value(policy);
	for (size_t i = 0; text && i < IF_FAILED_POLICIES; i++)
		if (strcmp(text, if_failed_names[i]) == 0)
			return;
	fault_at(place, "if_failed", "fail, continue or ignore", policy);
}

static bool is_retries_max(const json_t *value)
{
	json_int_t max = json_integer_value(value);
	return json_is_integer(value) && max >= 0 && max <= 1000;
}

static bool is_retries_delay(const json_t *value)
{
	return is_duration(value, 0, DAY_MS);
}

static bool is_retries_factor(const json_t *value)
{
	double factor = json_number_value(value);
	return json_is_number(value) && factor >= 1 && factor <= 10;
}

static bool is_retries_max_delay(const json_t *value)
{
	return is_duration(value, 0, 7 * DAY_MS);
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
		fault_at(place, "retries", "an object of max, delay, factor, max_delay, jitter",
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
			fault_at(place, path, retries_keys[row].expected, value);
	}
}

static void refuse_when(const struct place *place, const json_t *value)
{
	(void)value;
	descriptor_fault(place->faults, "%swhen: not supported yet", place->path);
}

static void refuse_workflow(const struct place *place, const json_t *value)
{
	(void)value;
	descriptor_fault(place->faults, "%sworkflow: not supported yet", place->path);
}

static const struct {
	const char *key;
	void (*check)(const struct place *place, const json_t *value);
	bool may_be_null; /* Qyu takes null for a missing reference */
} task_keys[] = {
	{ "queue", check_queue, true },
	{ "starts", check_starts, true },
	{ "starts_with_params", check_starts_with_params, true },
	{ "starts_manually", check_starts_manually, true },
	{ "starts_parallel", check_starts_parallel, true },
	{ "starts_on_failure", check_starts_on_failure, false },
	{ "waits_for", check_waits_for, true },
	{ "after", check_after, false },
	{ "payload", check_payload, false },
	{ "retries", check_retries, false },
	{ "timeout", check_timeout, false },
	{ "delay", check_delay, false },
	{ "priority", check_priority, false },
	{ "if_failed", check_if_failed, false },
	{ "when", refuse_when, false },
	{ "workflow", refuse_workflow, false },
};

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
}

static void check_name(const struct place *place, const char *key, const json_t *name)
{
	if (!json_is_string(name) || strlen(json_string_value(name)) != json_string_length(name) ||
		!is_name(json_string_value(name)))
		fault_at(place, key, "a name of 1 to 200 bytes without control characters", name);
}

static void check_top(const struct place *place, const json_t *descriptor)
{
	const json_t *payload = json_object_get(descriptor, "payload");
	const json_t *starts = json_object_get(descriptor, "starts");
	check_name(place, "name", json_object_get(descriptor, "name"));
	if (payload)
		check_payload(place, payload);
	if (json_is_array(starts))
		check_references(place, "starts", starts);
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
