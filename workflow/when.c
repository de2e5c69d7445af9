/*
 * Conditions of `when:`; see when.h. A subject is `payload`, `result` (of every parent) or
 * `results.NAME` (of one parent), with a path of keys behind it; a test is a value, a list of
 * values, or an object of operators, each a row of one table.
 */
#include "workflow/when.h"

#include "base/jsontext.h"

#include <stdio.h>

#define REASON_MAX 400 /* bytes of a text that says which condition does not hold */

enum root { ROOT_PAYLOAD, ROOT_RESULT, ROOT_RESULTS, ROOTS };
static const char *const roots[ROOTS] = {
	[ROOT_PAYLOAD] = "payload",
	[ROOT_RESULT] = "result",
	[ROOT_RESULTS] = "results",
};

/* Which root a subject begins with, ROOTS for none; *path is what follows the dot, or "". */
static enum root root_of(const char *subject, const char **path)
{
	size_t length = strcspn(subject, ".");
	for (size_t i = 0; i < ROOTS; i++) {
		if (strlen(roots[i]) != length || strncmp(roots[i], subject, length) != 0)
			continue;
		*path = subject[length] ? subject + length + 1 : "";
		return (enum root)i;
	}
	return ROOTS;
}

static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value);
}

/* Numbers are equal by value: 1 and 1.0. */
static bool is_equal(const json_t *value, const json_t *wanted)
{
	if (is_nothing(value) || is_nothing(wanted))
		return is_nothing(value) && is_nothing(wanted);
	if (json_is_number(value) && json_is_number(wanted) &&
		!(json_is_integer(value) && json_is_integer(wanted)))
		return json_number_value(value) == json_number_value(wanted);
	return json_equal(value, wanted);
}

static bool is_among(const json_t *value, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_equal(value, json_array_get(list, i)))
			return true;
	return false;
}

static bool differs(const json_t *value, const json_t *wanted)
{
	return json_is_array(wanted) ? !is_among(value, wanted) : !is_equal(value, wanted);
}

/* Two numbers, or two texts by their bytes; false where they can't be compared. */
static bool compare(const json_t *value, const json_t *bound, int *order)
{
	if (json_is_integer(value) && json_is_integer(bound)) {
		json_int_t a = json_integer_value(value), b = json_integer_value(bound);
		*order = (a > b) - (a < b);
	} else if (json_is_number(value) && json_is_number(bound)) {
		double a = json_number_value(value), b = json_number_value(bound);
		*order = (a > b) - (a < b);
	} else if (json_is_string(value) && json_is_string(bound)) {
		*order = strcmp(json_string_value(value), json_string_value(bound));
	} else {
		return false;
	}
	return true;
}

static bool is_greater(const json_t *value, const json_t *bound)
{
	int order;
	return compare(value, bound, &order) && order > 0;
}

static bool is_less(const json_t *value, const json_t *bound)
{
	int order;
	return compare(value, bound, &order) && order < 0;
}

static bool is_at_least(const json_t *value, const json_t *bound)
{
	int order;
	return compare(value, bound, &order) && order >= 0;
}

static bool is_at_most(const json_t *value, const json_t *bound)
{
	int order;
	return compare(value, bound, &order) && order <= 0;
}

static bool is_present(const json_t *value, const json_t *wanted)
{
	return is_nothing(value) != json_is_true(wanted);
}

static bool is_absent(const json_t *value, const json_t *wanted)
{
	return is_nothing(value) == json_is_true(wanted);
}

static bool takes_any(const json_t *operand)
{
	(void)operand;
	return true;
}
static bool takes_list(const json_t *operand)
{
	return json_array_size(operand) > 0;
}
static bool takes_bound(const json_t *operand)
{
	return json_is_number(operand) || json_is_string(operand);
}
static bool takes_boolean(const json_t *operand)
{
	return json_is_boolean(operand);
}

static const struct {
	const char *name, *expected;
	bool (*takes)(const json_t *operand);
	bool (*holds)(const json_t *value, const json_t *operand);
} operators[] = {
	{ "equal", "a value", takes_any, is_equal },
	{ "not", "a value or a list of values", takes_any, differs },
	{ "in", "a list of values", takes_list, is_among },
	{ "greater_than", "a number or a text", takes_bound, is_greater },
	{ "less_than", "a number or a text", takes_bound, is_less },
	{ "at_least", "a number or a text", takes_bound, is_at_least },
	{ "at_most", "a number or a text", takes_bound, is_at_most },
	{ "presence", "true or false", takes_boolean, is_present },
	{ "absence", "true or false", takes_boolean, is_absent },
};
#define OPERATORS "equal, not, in, greater_than, less_than, at_least, at_most, presence, absence"

static size_t find_operator(const char *name)
{
	size_t i = 0;
	while (i < ARRAY_SIZE(operators) && strcmp(operators[i].name, name) != 0)
		i++;
	return i;
}

static bool passes(const json_t *value, const json_t *test)
{
	const char *name;
	json_t *operand;
	if (json_is_array(test))
		return is_among(value, test);
	if (!json_is_object(test))
		return is_equal(value, test);
	json_object_foreach((json_t *)test, name, operand)
	{
		size_t row = find_operator(name);
		if (row == ARRAY_SIZE(operators) || !operators[row].holds(value, operand))
			return false;
	}
	return true;
}

static void check_test(const struct place *place, const char *subject, const json_t *test)
{
	const char *name;
	json_t *operand;
	OWNED(free) char *path = xprintf("when.%s", subject);
	if (json_is_array(test) && json_array_size(test) == 0)
		keys_fault(place, path, "a list of at least one value", test);
	if (json_is_object(test) && json_object_size(test) == 0)
		keys_fault(place, path, "at least one of " OPERATORS, test);
	json_object_foreach((json_t *)test, name, operand)
	{
		OWNED(free) char *key = xprintf("%s.%s", path, name);
		size_t row = find_operator(name);
		if (row == ARRAY_SIZE(operators))
			descriptor_fault(place->faults, "%s%s: unknown test; there are " OPERATORS,
				place->path, key);
		else if (!operators[row].takes(operand))
			keys_fault(place, key, operators[row].expected, operand);
	}
}

/* How many bytes of `path` are the name of a parent among the keys of names: names have dots too,
 * so the longest that fits. */
static size_t parent_in(const json_t *names, const char *path)
{
	const char *name;
	json_t *value;
	size_t longest = 0;
	json_object_foreach((json_t *)names, name, value)
	{
		size_t length = strlen(name);
		bool is_whole = strncmp(name, path, length) == 0 &&
				(path[length] == '\0' || path[length] == '.');
		if (is_whole && length > longest)
			longest = length;
	}
	return longest;
}

static bool has_empty_key(const char *path)
{
	size_t length = strlen(path);
	return length > 0 && (path[0] == '.' || path[length - 1] == '.' || strstr(path, ".."));
}

void when_check(const struct place *place, const json_t *when)
{
	const char *subject;
	json_t *test;
	if (json_object_size(when) == 0)
		keys_fault(place, "when", "an object of conditions", when);
	json_object_foreach((json_t *)when, subject, test)
	{
		const char *path = "";
		enum root root = root_of(subject, &path);
		bool is_dot = subject[strlen(subject) ? strlen(subject) - 1 : 0] == '.';
		if (root == ROOTS || has_empty_key(path) || is_dot)
			descriptor_fault(place->faults,
				"%swhen.%s: expected payload.KEY, result.KEY or results.TASK.KEY",
				place->path, subject);
		else if (root == ROOT_RESULTS && !parent_in(place->tasks, path))
			descriptor_fault(place->faults,
				"%swhen.%s: expected the name of a task behind results",
				place->path, subject);
		check_test(place, subject, test);
	}
}

bool when_reads_results(const json_t *when)
{
	const char *subject, *path;
	json_t *test;
	json_object_foreach((json_t *)when, subject, test)
	{
		if (root_of(subject, &path) != ROOT_PAYLOAD)
			return true;
	}
	return false;
}

/* What stands at the path: keys of objects, numbers for elements of lists. NULL: nothing. */
static const json_t *walk(const json_t *value, const char *path)
{
	while (value && *path) {
		size_t length = strcspn(path, ".");
		OWNED(free) char *key = xstrndup(path, length);
		bool is_index = key[0] && !key[strspn(key, "0123456789")] && length < 10;
		value = json_is_array(value)
				? is_index ? json_array_get(value, (size_t)atoi(key)) : NULL
				: json_object_get(value, key);
		path += length + (path[length] == '.');
	}
	return value;
}

/* One subject with its test as it is gone through. */
struct condition_view {
	const char *subject, *path;
	const json_t *test;
	char *reason;
	bool is_unknown; /* the results are too many to look at */
};

static void tell(struct condition_view *view, const json_t *value)
{
	OWNED(free) char *got = value ? jsontext_print(value) : xstrdup("nothing");
	snprintf(view->reason, REASON_MAX, "when: %.150s is %.150s%s", view->subject, got,
		strlen(got) > 150 ? "…" : "");
}

static bool holds_for(struct condition_view *view, const json_t *whole)
{
	const json_t *value = walk(whole, view->path);
	if (passes(value, view->test))
		return true;
	tell(view, value);
	return false;
}

/* Of each of a parent's tasks; a parent without any has null. */
static bool holds_for_results(struct condition_view *view, const json_t *results)
{
	if (json_is_object(results)) { /* {"count": N}: too much to hand over */
		view->is_unknown = true;
		snprintf(view->reason, REASON_MAX,
			"when: %.150s can't be looked at: the results have over 1 MiB",
			view->subject);
		return false;
	}
	if (json_array_size(results) == 0)
		return holds_for(view, NULL);
	for (size_t i = 0; i < json_array_size(results); i++)
		if (!holds_for(view, json_array_get(results, i)))
			return false;
	return true;
}

static bool holds_for_all(struct condition_view *view, const json_t *inputs)
{
	const char *name;
	json_t *results;
	if (json_object_size(inputs) == 0)
		return holds_for_results(view, NULL);
	json_object_foreach((json_t *)inputs, name, results)
	{
		if (!holds_for_results(view, results))
			return false;
	}
	return true;
}

static bool holds_for_parent(struct condition_view *view, const json_t *inputs)
{
	size_t length = parent_in(inputs, view->path);
	OWNED(free) char *name = xstrndup(view->path, length);
	const json_t *results = length ? json_object_get(inputs, name) : NULL;
	if (length == 0)
		return holds_for_results(view, NULL);
	view->path += length + (view->path[length] == '.');
	return holds_for_results(view, results);
}

enum when_answer workflow_when(
	const json_t *when, const json_t *payload, const json_t *inputs, char **reason)
{
	const char *subject;
	json_t *test;
	char text[REASON_MAX];
	json_object_foreach((json_t *)when, subject, test)
	{
		struct condition_view view = { .subject = subject, .test = test, .reason = text };
		enum root root = root_of(subject, &view.path);
		bool holds = root == ROOT_PAYLOAD  ? holds_for(&view, payload)
			     : root == ROOT_RESULT ? holds_for_all(&view, inputs)
						   : holds_for_parent(&view, inputs);
		if (holds)
			continue;
		*reason = xstrdup(text);
		return view.is_unknown ? WHEN_UNKNOWN : WHEN_FALSE;
	}
	return WHEN_TRUE;
}
