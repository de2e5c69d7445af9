/*
 * A value out of the JSON on standard input, by python's own name for it: v["queues"]["mail"][0],
 * or len(v["workers"]). Stories ask for one many times a second, and python takes ten times as long
 * to start. What is more than a name, or is no text, number or truth, is left to python.
 */
#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const script = "import json,sys; v=json.load(sys.stdin); r=eval(sys.argv[1]); "
				  "print(r if isinstance(r,str) else json.dumps(r))";

/* Goes one ["key"], ['key'] or [index] down; NULL where python must say what is wrong. */
static const json_t *step(const json_t *value, const char **at)
{
	const char quote = (*at)[1];
	if (quote == '"' || quote == '\'') {
		const char *key = *at + 2;
		const size_t length = strcspn(key, "\"'\\");
		if (key[length] != quote || key[length + 1] != ']')
			return NULL;
		*at = key + length + 2;
		return json_object_getn(value, key, length);
	}
	char *end;
	if (!isdigit((unsigned char)quote))
		return NULL;
	const unsigned long index = strtoul(*at + 1, &end, 10);
	if (*end != ']')
		return NULL;
	*at = end + 1;
	return json_array_get(value, index);
}

static const json_t *find(const json_t *value, const char **at)
{
	if (*(*at)++ != 'v')
		return NULL;
	while (value && **at == '[')
		value = step(value, at);
	return value;
}

static bool print(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return puts(json_string_value(value)) >= 0;
	case JSON_INTEGER:
		return printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(value)) > 0;
	case JSON_TRUE:
		return puts("true") >= 0;
	case JSON_FALSE:
		return puts("false") >= 0;
	case JSON_NULL:
		return puts("null") >= 0;
	default:
		return false;
	}
}

static bool print_length(const json_t *value)
{
	if (!json_is_array(value) && !json_is_object(value))
		return false;
	return printf("%zu\n",
		       json_is_array(value) ? json_array_size(value) : json_object_size(value)) > 0;
}

static bool answer(FILE *input, const char *name)
{
	const json_t *value = json_loadf(input, JSON_DECODE_ANY, NULL);
	const bool length = strncmp(name, "len(", 4) == 0;
	name += length ? 4 : 0;
	value = value ? find(value, &name) : NULL;
	if (!value || strcmp(name, length ? ")" : "") != 0)
		return false;
	return length ? print_length(value) : print(value);
}

int main(int argc, char **argv)
{
	assert(argc == 2);
	FILE *text = fdopen(memfd_create("json", 0), "w+");
	assert(text);
	char part[65536];
	for (size_t n; (n = fread(part, 1, sizeof(part), stdin)) > 0;)
		fwrite(part, 1, n, text);
	rewind(text);
	if (answer(text, argv[1]))
		return 0;
	lseek(fileno(text), 0, SEEK_SET);
	dup2(fileno(text), STDIN_FILENO);
	execl("/usr/bin/python3", "python3", "-c", script, argv[1], (char *)NULL);
	return 127;
}
