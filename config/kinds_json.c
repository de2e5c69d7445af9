/* The kind of a value of any shape: YAML as JSON. What stands without quotes is null, true, false
 * or a number where it reads as one (YAML 1.2's core); what ${…} filled in is a text. */
#include "base/jsontext.h"
#include "config/kinds.h"
#include "config/reading.h"
#include "config/units.h"

#define DEPTH_MAX 100

/* One value twice: as it is, and with *** for what came from outside the file. */
struct pair {
	json_t *value, *shown;
};

static json_t *read_plain(const char *text)
{
	int64_t number;
	char *end = NULL;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(*text == 't');
	if (units_parse_integer(text, 10, &number))
		return json_integer(number);
	/* No hexadecimal, no names of what is no number. */
	if (!strpbrk(text, "0123456789") || text[strspn(text, "+-.0123456789eE")] != '\0')
		return NULL;
	double real = strtod(text, &end);
	return *end ? NULL : json_real(real);
}

static bool read_scalar(const struct reading *reading, const struct where *at,
	const struct node *node, struct pair *out, bool *is_filled)
{
	struct filled filled;
	if (node_is_null(node)) {
		*out = (struct pair){ json_null(), json_null() };
		return true;
	}
	if (!reading_text(reading, at, node, &filled))
		return false;
	json_t *plain = node->is_plain && !filled.is_filled ? read_plain(filled.text) : NULL;
	out->value = plain ? plain : json_string(filled.text);
	out->shown = plain ? json_incref(plain) : json_string(filled.shown);
	*is_filled |= filled.is_filled;
	if (out->value && out->shown)
		return true;
	json_decref(out->value);
	json_decref(out->shown);
	return faults_add(&reading->loading->faults, at, "expected UTF-8, got something else");
}

static bool read_value(const struct reading *reading, const struct where *at,
	const struct node *node, int depth, struct pair *out, bool *is_filled)
{
	if (node->kind == NODE_SCALAR)
		return read_scalar(reading, at, node, out, is_filled);
	if (depth == DEPTH_MAX)
		return faults_add(
			&reading->loading->faults, at, "nested deeper than %d", DEPTH_MAX);
	bool is_map = node->kind == NODE_MAP, is_whole = true;
	*out = is_map ? (struct pair){ json_object(), json_object() }
		      : (struct pair){ json_array(), json_array() };
	for (size_t i = 0; is_whole && i < node->count; i++) {
		const struct entry *entry = &node->entries[i];
		struct where below = faults_inside(&reading->loading->arena, at, entry);
		struct pair inner;
		is_whole = read_value(reading, &below, entry->value, depth + 1, &inner, is_filled);
		if (is_whole && is_map) {
			json_object_set_new(out->value, entry->key, inner.value);
			json_object_set_new(out->shown, entry->key, inner.shown);
		} else if (is_whole) {
			json_array_append_new(out->value, inner.value);
			json_array_append_new(out->shown, inner.shown);
		}
	}
	if (!is_whole) {
		json_decref(out->value);
		json_decref(out->shown);
	}
	return is_whole;
}

static json_t **value_of(const struct key *key, void *base)
{
	return reading_field(key, base);
}

static json_t *get(const struct key *key, const void *base)
{
	return *(json_t *const *)reading_field_of(key, base);
}

static bool read_json(struct reading *reading)
{
	struct pair pair;
	bool is_filled = false;
	/* The fallback is a text of the table. */
	if (reading->node->kind == NODE_SCALAR && reading->node->line == 0) {
		pair.value = json_object();
	} else {
		if (reading->node->weight > JSONTEXT_PAYLOAD_MAX)
			return reading_fault(reading, "over 1 MiB as JSON");
		if (!read_value(reading, &reading->at, reading->node, 0, &pair, &is_filled))
			return false;
		if (is_filled)
			reading->origin->shown = json_incref(pair.shown);
		json_decref(pair.shown);
	}
	json_decref(get(reading->key, reading->base));
	*value_of(reading->key, reading->base) = pair.value;
	OWNED(free) char *text = jsontext_print(pair.value);
	if (strlen(text) > JSONTEXT_PAYLOAD_MAX)
		return reading_fault(reading, "over 1 MiB as JSON");
	return true;
}

static bool equal_json(const struct key *key, const void *base, const void *other)
{
	return json_equal(get(key, base), get(key, other));
}

static json_t *show_json(const struct key *key, const void *base)
{
	return json_deep_copy(get(key, base));
}

static void drop_json(const struct key *key, void *base)
{
	json_decref(get(key, base));
}

const struct kind kind_json = {
	.noun = "a value",
	.read = read_json,
	.equal = equal_json,
	.show = show_json,
	.drop = drop_json,
};
