/* JSON text; see jsontext.h. */
#include "base/jsontext.h"

#include <stdio.h>

#define FEWEST_DIGITS 15
#define MOST_DIGITS   17

bool jsontext_parse(const char *text, size_t length, json_t **out, struct error *err)
{
	json_error_t fault;
	const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	json_t *value = json_loadb(text, length, flags, &fault);
	if (!value)
		return error_set(err, ERROR_INVALID, "not JSON at line %d column %d: %s",
			fault.line, fault.column, fault.text);
	*out = value;
	return true;
}

static int digits_for_real(double number)
{
	char text[40];
	for (int digits = FEWEST_DIGITS; digits < MOST_DIGITS; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return digits;
	}
	return MOST_DIGITS;
}

/* jansson takes one precision for a whole text: the most that any real in it needs. */
static int digits_needed(const json_t *value)
{
	int most = FEWEST_DIGITS;
	int digits;
	if (json_is_real(value))
		return digits_for_real(json_real_value(value));
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			if ((digits = digits_needed(json_array_get(value, i))) > most)
				most = digits;
	} else if (json_is_object(value)) {
		json_t *object = (json_t *)value;
		for (void *at = json_object_iter(object); at;
			at = json_object_iter_next(object, at))
			if ((digits = digits_needed(json_object_iter_value(at))) > most)
				most = digits;
	}
	return most;
}

static char *print(const json_t *value, size_t flags)
{
	size_t precision = JSON_REAL_PRECISION((size_t)digits_needed(value));
	char *text = json_dumps(value, flags | precision | JSON_ENCODE_ANY);
	if (!text)
		abort();
	return text;
}

char *jsontext_print(const json_t *value)
{
	return print(value, JSON_COMPACT);
}

char *jsontext_print_pretty(const json_t *value)
{
	return print(value, JSON_INDENT(2));
}

json_t *jsontext_merge(const json_t *base, const json_t *over)
{
	json_t *merged = json_object();
	if (json_is_object(base))
		json_object_update(merged, (json_t *)base);
	if (json_is_object(over))
		json_object_update(merged, (json_t *)over);
	return merged;
}

const char *jsontext_member(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}
