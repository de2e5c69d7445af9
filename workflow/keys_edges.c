/* Keys that refer to other tasks: what starts, what waits and for what; see keys.h. */
#include "workflow/keys.h"

#include "base/jsontext.h"

static void check_reference(const struct place *place, const char *key, const json_t *name)
{
	const char *text = json_string_value(name);
	if (!text || strlen(text) != json_string_length(name))
		keys_fault(place, key, "the name of a task", name);
	else if (!json_is_object(json_object_get(place->tasks, text)))
		descriptor_fault(
			place->faults, "%s%s: there is no task \"%s\"", place->path, key, text);
}

void keys_check_references(const struct place *place, const char *key, const json_t *names)
{
	size_t i;
	json_t *name;
	json_array_foreach((json_t *)names, i, name)
	{
		check_reference(place, key, name);
	}
}

void keys_check_starts(const struct place *place, const json_t *names)
{
	keys_check_references(place, "starts", names);
}

void keys_check_starts_parallel(const struct place *place, const json_t *names)
{
	keys_check_references(place, "starts_parallel", names);
}

void keys_check_starts_manually(const struct place *place, const json_t *names)
{
	keys_check_references(place, "starts_manually", names);
}

void keys_check_starts_on_failure(const struct place *place, const json_t *names)
{
	if (!json_is_array(names))
		keys_fault(place, "starts_on_failure", "a list of tasks", names);
	keys_check_references(place, "starts_on_failure", names);
}

void keys_check_after(const struct place *place, const json_t *names)
{
	if (json_is_string(names))
		check_reference(place, "after", names);
	else if (json_array_size(names) == 0)
		keys_fault(place, "after", "a task or a list of tasks", names);
	keys_check_references(place, "after", names);
}

/* {PARAM: {count: NAME}} of one child. As in Qyu the first function counts; see ignored.c. */
static void check_start_params(const struct place *place, const char *child, const json_t *params)
{
	const char *param;
	json_t *function;
	json_object_foreach((json_t *)params, param, function)
	{
		OWNED(free) char *key = xprintf("starts_with_params.%s.%s", child, param);
		const json_t *counted = json_object_get(function, "count");
		if (!start_function_is_count(function))
			keys_fault(place, key, "{\"count\": NAME}, the only function there is",
				function);
		else
			check_reference(place, key, counted);
	}
}

void keys_check_starts_with_params(const struct place *place, const json_t *starts)
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
			keys_fault(place, key, "an object of parameters", params);
		check_start_params(place, child, params);
	}
}

/* Around and within Qyu's wrapper any key may stand, as in Qyu; see ignored.c. */
static void check_condition_keys(
	const struct place *place, const char *key, const json_t *condition)
{
	const char *member;
	json_t *value;
	json_object_foreach((json_t *)condition, member, value)
	{
		if (!condition_has_key(member))
			descriptor_fault(place->faults,
				"%s%s: unknown key \"%s\"; a condition has function, param, "
				"value, timeout",
				place->path, key, member);
	}
}

static void check_condition_timeout(
	const struct place *place, const char *key, const json_t *condition)
{
	const json_t *timeout = json_object_get(condition, "timeout");
	if (timeout && !keys_is_none(timeout) &&
		!keys_is_duration(timeout, 100, 3650 * KEYS_DAY_MS))
		keys_fault(place, key, "a timeout from 100ms to 3650d", timeout);
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
			keys_fault(place, key, "at_least with a value of 0 or more", value);
		break;
	case GATE_PERCENT:
		if (!json_is_number(value) || number < 0 || number > 100)
			keys_fault(place, key, "percent with a value from 0 to 100", value);
		break;
	case GATE_FUNCTIONS:
		keys_fault(place, key,
			"the function eq_completed, completed, all_finished, at_least or percent",
			condition);
		break;
	default:
		break;
	}
}

void keys_check_waits_for(const struct place *place, const json_t *waits_for)
{
	const char *awaited;
	json_t *condition;
	json_object_foreach((json_t *)waits_for, awaited, condition)
	{
		OWNED(free) char *key = xprintf("waits_for.%s", awaited);
		const json_t *body = condition_body(condition);
		if (!json_is_object(json_object_get(place->tasks, awaited)))
			descriptor_fault(place->faults, "%swaits_for: there is no task \"%s\"",
				place->path, awaited);
		if (body == condition)
			check_condition_keys(place, key, body);
		else
			check_condition_timeout(place, key, body);
		check_condition_timeout(place, key, condition);
		check_condition_values(place, key, condition);
	}
}
