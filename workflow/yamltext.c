/* YAML to JSON through libyaml's document tree; see yamltext.h. */
#include "workflow/yamltext.h"

#include "base/jsontext.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <yaml.h>

#define DEPTH_MAX  64
#define VALUES_MAX 100000

struct reader {
	yaml_document_t document;
	size_t values; /* read so far, aliases followed */
	struct error *err;
};

static bool fail_at(struct reader *reader, const yaml_node_t *node, const char *reason)
{
	return error_set(reader->err, ERROR_INVALID, "line %zu column %zu: %s",
		node->start_mark.line + 1, node->start_mark.column + 1, reason);
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* YAML's 0o17 and 0x1f; C's own octal is a decimal here. */
static int base_of(const char *digits, size_t *skipped)
{
	bool is_prefixed = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'o');
	*skipped = is_prefixed ? 2 : 0;
	return !is_prefixed ? 10 : digits[1] == 'x' ? 16 : 8;
}

static json_t *read_integer(const char *text)
{
	size_t skipped;
	bool has_sign = *text == '-' || *text == '+';
	const char *digits = text + has_sign;
	int base = base_of(digits, &skipped);
	if ((has_sign && skipped) || !isxdigit((unsigned char)digits[skipped]))
		return NULL;
	char *end = NULL;
	errno = 0;
	long long number = strtoll(skipped ? digits + skipped : text, &end, base);
	return *end || errno ? NULL : json_integer(number);
}

static json_t *read_real(const char *text)
{
	char *end = NULL;
	const char *digits = text + (*text == '-' || *text == '+');
	if (digits[strspn(digits, "0123456789.eE+-")] != '\0' || !strpbrk(digits, "0123456789"))
		return NULL;
	double number = strtod(text, &end);
	return *end || !isfinite(number) ? NULL : json_real(number);
}

static bool is_refused_number(const char *text)
{
	static const char *const words[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL };
	size_t sign = *text == '-' || *text == '+';
	size_t digits = strspn(text + sign, "0123456789");
	return is_one_of(text + sign, words) || (digits > 0 && text[sign + digits] == '\0');
}

static json_t *read_plain(const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	json_t *number = read_integer(text);
	if (!number && !is_refused_number(text))
		number = read_real(text);
	return number;
}

static bool read_scalar(struct reader *reader, const yaml_node_t *node, json_t **out)
{
	const char *text = (const char *)node->data.scalar.value;
	bool is_plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	json_t *value = is_plain ? read_plain(text) : NULL;
	if (!value && is_plain && is_refused_number(text))
		return fail_at(reader, node, "a number that JSON or 64 bits can't hold");
	if (!value)
		value = json_stringn(text, node->data.scalar.length);
	if (!value)
		return fail_at(reader, node, "not UTF-8");
	*out = value;
	return true;
}

static bool read_node(struct reader *reader, int index, int depth, json_t **out);

static bool read_sequence(struct reader *reader, const yaml_node_t *node, int depth, json_t **out)
{
	OWNED(json) json_t *array = json_array();
	const yaml_node_item_t *item = node->data.sequence.items.start;
	for (; item < node->data.sequence.items.top; item++) {
		json_t *value = NULL;
		if (!read_node(reader, *item, depth + 1, &value))
			return false;
		json_array_append_new(array, value);
	}
	*out = GIVE(array);
	return true;
}

static bool is_merge_key(const yaml_node_t *key)
{
	return key->type == YAML_SCALAR_NODE && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

/* A key of its own: a scalar, once. */
static bool read_pair(
	struct reader *reader, const yaml_node_pair_t *pair, int depth, json_t *object)
{
	const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
	json_t *value = NULL;
	if (is_merge_key(key))
		return true;
	if (key->type != YAML_SCALAR_NODE)
		return fail_at(reader, key, "a key must be a text");
	const char *name = (const char *)key->data.scalar.value;
	if (strlen(name) != key->data.scalar.length)
		return fail_at(reader, key, "a key has a NUL in it");
	if (json_object_get(object, name))
		return fail_at(reader, key, "this key is there already");
	if (!read_node(reader, pair->value, depth + 1, &value))
		return false;
	if (json_object_set_new(object, name, value) < 0)
		return fail_at(reader, key, "not UTF-8");
	return true;
}

/* What `<<` names: a mapping or a list of them; keys that are there already win. */
static bool merge(
	struct reader *reader, const yaml_node_t *node, const json_t *from, json_t *object)
{
	if (json_is_object(from)) {
		json_object_update_missing(object, (json_t *)from);
		return true;
	}
	bool are_objects = json_is_array(from);
	for (size_t i = 0; i < json_array_size(from) && are_objects; i++) {
		json_t *one = json_array_get(from, i);
		are_objects = json_is_object(one);
		json_object_update_missing(object, one);
	}
	return are_objects || fail_at(reader, node, "<< takes a mapping or a list of mappings");
}

static bool read_merge(
	struct reader *reader, const yaml_node_pair_t *pair, int depth, json_t *object)
{
	const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
	OWNED(json) json_t *from = NULL;
	if (!is_merge_key(key))
		return true;
	return read_node(reader, pair->value, depth + 1, &from) && merge(reader, key, from, object);
}

static bool read_mapping(struct reader *reader, const yaml_node_t *node, int depth, json_t **out)
{
	OWNED(json) json_t *object = json_object();
	const yaml_node_pair_t *first = node->data.mapping.pairs.start;
	const yaml_node_pair_t *end = node->data.mapping.pairs.top;
	for (const yaml_node_pair_t *pair = first; pair < end; pair++)
		if (!read_pair(reader, pair, depth, object))
			return false;
	for (const yaml_node_pair_t *pair = first; pair < end; pair++)
		if (!read_merge(reader, pair, depth, object))
			return false;
	*out = GIVE(object);
	return true;
}

static bool read_node(struct reader *reader, int index, int depth, json_t **out)
{
	const yaml_node_t *node = yaml_document_get_node(&reader->document, index);
	if (depth > DEPTH_MAX)
		return fail_at(reader, node, "nested too deep");
	if (++reader->values > VALUES_MAX)
		return fail_at(reader, node, "too many values, with its aliases followed");
	switch (node->type) {
	case YAML_SCALAR_NODE:
		return read_scalar(reader, node, out);
	case YAML_SEQUENCE_NODE:
		return read_sequence(reader, node, depth, out);
	default:
		return read_mapping(reader, node, depth, out);
	}
}

static bool load(yaml_parser_t *parser, yaml_document_t *document, struct error *err)
{
	if (yaml_parser_load(parser, document))
		return true;
	return error_set(err, ERROR_INVALID, "line %zu column %zu: %s",
		parser->problem_mark.line + 1, parser->problem_mark.column + 1,
		parser->problem ? parser->problem : "not YAML");
}

static bool check_end(yaml_parser_t *parser, struct error *err)
{
	yaml_document_t document;
	if (!load(parser, &document, err))
		return false;
	bool is_end = !yaml_document_get_root_node(&document);
	yaml_document_delete(&document);
	return is_end || error_set(err, ERROR_INVALID, "more than one YAML document");
}

static bool read_document(yaml_parser_t *parser, json_t **out, struct error *err)
{
	struct reader reader = { .err = err };
	OWNED(json) json_t *value = NULL;
	if (!load(parser, &reader.document, err))
		return false;
	bool is_read = yaml_document_get_root_node(&reader.document)
			       ? read_node(&reader, 1, 0, &value)
			       : error_set(err, ERROR_INVALID, "the file is empty");
	yaml_document_delete(&reader.document);
	if (!is_read || !check_end(parser, err))
		return false;
	*out = GIVE(value);
	return true;
}

bool workflow_parse_yaml(const char *text, size_t length, json_t **out, struct error *err)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return error_set(err, ERROR_INTERNAL, "libyaml can't start");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	bool is_read = read_document(&parser, out, err);
	yaml_parser_delete(&parser);
	return is_read;
}
