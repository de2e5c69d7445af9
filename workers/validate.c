/* Payload rules; see validate.h. */
#include "workers/validate.h"

#include "base/jsontext.h"

static bool is_integer(const json_t *value)
{
	return json_is_integer(value);
}
static bool is_string(const json_t *value)
{
	return json_is_string(value);
}
static bool is_number(const json_t *value)
{
	return json_is_number(value);
}
static bool is_boolean(const json_t *value)
{
	return json_is_boolean(value);
}
static bool is_hash(const json_t *value)
{
	return json_is_object(value);
}
static bool is_array(const json_t *value)
{
	return json_is_array(value);
}

static const struct {
	const char *name;
	bool (*holds)(const json_t *value);
} types[] = {
	{ "integer", is_integer },
	{ "string", is_string },
	{ "number", is_number },
	{ "boolean", is_boolean },
	{ "hash", is_hash },
	{ "array", is_array },
};

static const char *type_of(const json_t *value)
{
	if (!value)
		return "nothing";
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].holds(value))
			return types[i].name;
	return json_is_real(value) ? "number" : "null";
}

static bool has_type(const json_t *value, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].holds(value);
	return false;
}

static bool is_truthy(const json_t *payload, const char *key)
{
	const json_t *value = json_object_get(payload, key);
	return value && !json_is_null(value) && !json_is_false(value);
}

static bool applies(const json_t *rule, const json_t *payload)
{
	const char *when = jsontext_member(rule, "if");
	const char *unless = jsontext_member(rule, "unless");
	return (!when || is_truthy(payload, when)) && (!unless || !is_truthy(payload, unless));
}

static void add_fault(json_t *faults, const char *name, const char *option, const char *expected,
	const json_t *value)
{
	OWNED(free) char *field = xprintf("%s.%s", name, option);
	json_object_set_new(faults, field,
		json_pack("{s:s, s:s}", "expected", expected, "got", type_of(value)));
}

static void check(json_t *faults, const char *name, const json_t *rule, const json_t *payload)
{
	const json_t *value = json_object_get(payload, name);
	bool is_there = value && !json_is_null(value);
	const char *type = jsontext_member(rule, "type");
	if (!applies(rule, payload))
		return;
	if (json_is_true(json_object_get(rule, "presence")) && !is_there)
		add_fault(faults, name, "presence", "a value", value);
	if (json_is_true(json_object_get(rule, "absence")) && is_there)
		add_fault(faults, name, "absence", "nothing", value);
	if (type && !has_type(value, type))
		add_fault(faults, name, "type", type, value);
}

bool validate_payload(const json_t *rules, const json_t *payload, char **reason)
{
	OWNED(json) json_t *faults = json_object();
	json_t *table = (json_t *)rules; /* jansson's iterators take no const */
	for (void *at = json_object_iter(table); at; at = json_object_iter_next(table, at))
		check(faults, json_object_iter_key(at), json_object_iter_value(at), payload);
	if (json_object_size(faults) == 0)
		return true;
	OWNED(free) char *text = jsontext_print(faults);
	*reason = xprintf("validation failed for payload fields: %s", text);
	return false;
}
