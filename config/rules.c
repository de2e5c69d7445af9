/* The kind of `validate`: rules on the keys of a payload, by Qyu's names
 * (https://github.com/QyuTeam/qyu). */
#include "config/kinds.h"
#include "config/reading.h"

#include "base/jsontext.h"

enum option_value { OPTION_TYPE, OPTION_TRUTH, OPTION_NAME };

static const struct {
	const char *name;
	enum option_value value;
} options[] = {
	{ "type", OPTION_TYPE },
	{ "presence", OPTION_TRUTH },
	{ "absence", OPTION_TRUTH },
	{ "if", OPTION_NAME },
	{ "unless", OPTION_NAME },
};

static json_t *take_type(const char *text)
{
	static const char *const types[] = { "integer", "string", "number", "boolean", "hash",
		"array" };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(text, types[i]) == 0)
			return json_string(text);
	return NULL;
}

static json_t *take_truth(const char *text)
{
	int64_t truth = 0;
	return kind_boolean.parse(text, &truth) ? json_boolean(truth) : NULL;
}

static json_t *take_name(const char *text)
{
	return *text ? json_string(text) : NULL;
}

static const struct {
	const char *expected;
	json_t *(*take)(const char *text);
} values[] = {
	[OPTION_TYPE] = { "integer, string, number, boolean, hash or array", take_type },
	[OPTION_TRUTH] = { "true or false", take_truth },
	[OPTION_NAME] = { "the name of a key of the payload", take_name },
};

static bool read_value(const struct reading *reading, const struct where *at,
	const struct entry *entry, enum option_value value, json_t *rule)
{
	struct filled filled = { 0 };
	struct loading *loading = reading->loading;
	bool is_text = entry->value->kind == NODE_SCALAR && !node_is_null(entry->value);
	if (is_text && !reading_text(reading, at, entry->value, &filled))
		return false;
	json_t *taken = is_text ? values[value].take(filled.text) : NULL;
	if (!taken)
		return faults_add(&loading->faults, at, "expected %s, got %s",
			values[value].expected, faults_found(&loading->arena, entry->value));
	json_object_set_new(rule, entry->key, taken);
	return true;
}

static bool read_option(const struct reading *reading, const struct where *rule_at,
	const struct entry *entry, json_t *rule)
{
	struct loading *loading = reading->loading;
	struct where at = faults_inside(&loading->arena, rule_at, entry);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(entry->key, options[i].name) == 0)
			return read_value(reading, &at, entry, options[i].value, rule);
	at.path = rule_at->path;
	return faults_add(&loading->faults, &at, "Validation option %s is unknown",
		faults_bare(&loading->arena, entry->key));
}

static bool read_rule(const struct reading *reading, const struct entry *entry, json_t *rules)
{
	struct loading *loading = reading->loading;
	struct where at = faults_inside(&loading->arena, &reading->at, entry);
	const struct node *map = entry->value;
	if (map->kind != NODE_MAP)
		return faults_add(&loading->faults, &at,
			"expected a map of type, presence, absence, if and unless, got %s",
			faults_found(&loading->arena, map));
	json_t *rule = json_object();
	json_object_set_new(rules, entry->key, rule);
	bool is_whole = true;
	for (size_t i = 0; i < map->count; i++)
		is_whole &= read_option(reading, &at, &map->entries[i], rule);
	return is_whole;
}

static json_t **rules_of(const struct key *key, void *base)
{
	return reading_field(key, base);
}

static json_t *get(const struct key *key, const void *base)
{
	return *(json_t *const *)reading_field_of(key, base);
}

static bool read_rules(struct reading *reading)
{
	const struct node *map = reading->node;
	OWNED(json) json_t *rules = json_object();
	bool is_whole = true;
	if (map->kind != NODE_MAP && !node_is_null(map))
		return reading_unexpected(reading, &reading->at, map);
	for (size_t i = 0; i < map->count; i++)
		is_whole &= read_rule(reading, &map->entries[i], rules);
	if (is_whole)
		*rules_of(reading->key, reading->base) = GIVE(rules);
	return is_whole;
}

static bool equal_rules(const struct key *key, const void *base, const void *other)
{
	return json_equal(get(key, base), get(key, other));
}

static json_t *show_rules(const struct key *key, const void *base)
{
	return json_deep_copy(get(key, base));
}

static void drop_rules(const struct key *key, void *base)
{
	json_decref(*rules_of(key, base));
	*rules_of(key, base) = NULL;
}

const struct kind kind_rules = {
	.noun = "a map of rules",
	.read = read_rules,
	.equal = equal_rules,
	.show = show_rules,
	.drop = drop_rules,
};
