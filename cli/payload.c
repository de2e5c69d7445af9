/* Payloads of start, push and eager; see payload.h. */
#include "cli/payload.h"

#include "base/jsontext.h"

#include <errno.h>
#include <stdio.h>

static const char *const type_names[] = {
	[JSON_OBJECT] = "an object",
	[JSON_ARRAY] = "an array",
	[JSON_STRING] = "a string",
	[JSON_INTEGER] = "a number",
	[JSON_REAL] = "a number",
	[JSON_TRUE] = "true",
	[JSON_FALSE] = "false",
	[JSON_NULL] = "null",
};

/* Up to the limit and one byte more. */
static bool read_file(FILE *file, char **text, size_t *length, struct error *err)
{
	char *body = xmalloc(JSONTEXT_PAYLOAD_MAX + 1);
	*length = fread(body, 1, JSONTEXT_PAYLOAD_MAX + 1, file);
	*text = body;
	return !ferror(file) || error_set(err, ERROR_INVALID, "%s", strerror(errno));
}

static bool read_text(const char *given, char **text, size_t *length, struct error *err)
{
	if (strcmp(given, "-") == 0)
		return read_file(stdin, text, length, err) || error_wrap(err, "standard input");
	if (given[0] != '@') {
		*text = xstrdup(given);
		*length = strlen(given);
		return true;
	}
	FILE *file = fopen(given + 1, "re");
	if (!file)
		return error_set(err, ERROR_INVALID, "%.100s: %s", given + 1, strerror(errno));
	bool ok = read_file(file, text, length, err) || error_wrap(err, "%.100s", given + 1);
	fclose(file);
	return ok;
}

bool payload_read(const char *given, json_t **out, struct error *err)
{
	OWNED(free) char *text = NULL;
	size_t length;
	if (!read_text(given, &text, &length, err))
		return error_wrap(err, "payload");
	if (length > JSONTEXT_PAYLOAD_MAX)
		return error_set(err, ERROR_INVALID, "payload: over 1 MiB");
	return jsontext_parse(text, length, out, err) || error_wrap(err, "payload");
}

bool payload_read_object(const char *given, json_t **out, struct error *err)
{
	OWNED(json) json_t *value = NULL;
	if (!given) {
		*out = json_object();
		return true;
	}
	if (!payload_read(given, &value, err))
		return false;
	if (!json_is_object(value))
		return error_set(err, ERROR_INVALID, "payload: expected an object, got %s",
			type_names[json_typeof(value)]);
	*out = GIVE(value);
	return true;
}
