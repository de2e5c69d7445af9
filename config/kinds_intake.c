/* Kinds that say what is taken from where: rates, and the queues of a pool. */
#include "config/kinds.h"
#include "config/reading.h"
#include "config/units.h"

static const struct {
	char letter;
	int64_t ms;
} spans[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 } };

static int64_t find_span(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (text[0] == spans[i].letter && text[1] == '\0')
			return spans[i].ms;
	return 0;
}

/* "10/s" */
static bool parse(struct reading *reading, const char *text, struct config_rate *out)
{
	const char *slash = strchr(text, '/');
	int64_t count = 0, span = slash ? find_span(slash + 1) : 0;
	if (!slash || span == 0)
		return false;
	const char *digits = arena_copy(&reading->loading->arena, text, (size_t)(slash - text));
	if (!units_parse_integer(digits, 10, &count) || count < reading->key->low ||
		count > reading->key->high)
		return false;
	*out = (struct config_rate){ count, span };
	return true;
}

static bool read_rate(struct reading *reading)
{
	struct filled filled;
	struct config_rate *rate = reading_field(reading->key, reading->base);
	if (!reading_own_text(reading, &filled))
		return false;
	if (strcmp(filled.text, reading->key->word) == 0)
		*rate = (struct config_rate){ 0 };
	else if (!parse(reading, filled.text, rate))
		return reading_unexpected(reading, &reading->at, reading->node);
	return true;
}

static bool equal_rate(const struct key *key, const void *base, const void *other)
{
	const struct config_rate *a = reading_field_of(key, base);
	const struct config_rate *b = reading_field_of(key, other);
	return a->count == b->count && a->ms == b->ms;
}

static json_t *show_rate(const struct key *key, const void *base)
{
	const struct config_rate *rate = reading_field_of(key, base);
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (rate->count > 0 && rate->ms == spans[i].ms)
			return json_sprintf("%" JSON_INTEGER_FORMAT "/%c", (json_int_t)rate->count,
				spans[i].letter);
	return json_string(key->word);
}

const struct kind kind_rate = {
	.noun = "a rate like 10/s, 5/m or 100/h",
	.read = read_rate,
	.equal = equal_rate,
	.show = show_rate,
};

#define PULL_MAX 100

static void drop_pull(const struct key *key, void *base)
{
	struct config_pull *pull = reading_field(key, base);
	for (size_t i = 0; i < pull->count; i++)
		free(pull->names[i]);
	free(pull->names);
	free(pull->weights);
	*pull = (struct config_pull){ 0 };
}

static bool read_weight(
	const struct reading *reading, const struct where *at, const struct node *node, int *out)
{
	struct filled filled;
	int64_t weight = 0;
	if (node->kind == NODE_SCALAR && !reading_text(reading, at, node, &filled))
		return false;
	if (node->kind != NODE_SCALAR || !units_parse_integer(filled.text, 10, &weight) ||
		weight < reading->key->low || weight > reading->key->high)
		return faults_add(&reading->loading->faults, at,
			"expected a weight from %d to %d, got %s", (int)reading->key->low,
			(int)reading->key->high, faults_found(&reading->loading->arena, node));
	*out = (int)weight;
	return true;
}

static bool has_name(const struct config_pull *pull, const char *name)
{
	for (size_t i = 0; i < pull->count; i++)
		if (strcmp(pull->names[i], name) == 0)
			return true;
	return false;
}

/* "urgent" of a list, or urgent: 3 of a map. */
static bool add_pulled(struct reading *reading, const struct entry *entry, struct config_pull *pull)
{
	struct faults *faults = &reading->loading->faults;
	struct where at = faults_inside(&reading->loading->arena, &reading->at, entry);
	struct filled filled = { .text = entry->key };
	int weight = 0;
	if (!entry->key && entry->value->kind != NODE_SCALAR)
		return reading_unexpected(reading, &at, entry->value);
	if (!entry->key && !reading_text(reading, &at, entry->value, &filled))
		return false;
	if (!config_is_queue_name(filled.text))
		return faults_add(faults, &at, "expected the name of a queue, got %s",
			faults_quote(&reading->loading->arena, filled.text));
	if (has_name(pull, filled.text))
		return faults_add(faults, &at, "%s stands here twice",
			faults_quote(&reading->loading->arena, filled.text));
	if (entry->key && !read_weight(reading, &at, entry->value, &weight))
		return false;
	pull->names[pull->count] = xstrdup(filled.text);
	pull->weights[pull->count++] = weight;
	return true;
}

static bool read_pull(struct reading *reading)
{
	const struct node *node = reading->node;
	struct config_pull *pull = reading_field(reading->key, reading->base);
	bool is_whole = true;
	if (node->kind != NODE_LIST && node->kind != NODE_MAP)
		return reading_unexpected(reading, &reading->at, node);
	if (node->count == 0 || node->count > PULL_MAX)
		return reading_fault(
			reading, "expected 1 to %d queues, got %zu", PULL_MAX, node->count);
	drop_pull(reading->key, reading->base);
	pull->names = xcalloc(node->count + 1, sizeof *pull->names);
	pull->weights = xcalloc(node->count, sizeof *pull->weights);
	for (size_t i = 0; i < node->count; i++)
		is_whole &= add_pulled(reading, &node->entries[i], pull);
	if (node->kind == NODE_LIST) {
		free(pull->weights);
		pull->weights = NULL;
	}
	return is_whole;
}

static bool equal_pull(const struct key *key, const void *base, const void *other)
{
	const struct config_pull *a = reading_field_of(key, base);
	const struct config_pull *b = reading_field_of(key, other);
	if (a->count != b->count || !a->weights != !b->weights)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->names[i], b->names[i]) != 0 ||
			(a->weights && a->weights[i] != b->weights[i]))
			return false;
	return true;
}

static json_t *show_pull(const struct key *key, const void *base)
{
	const struct config_pull *pull = reading_field_of(key, base);
	if (!pull->names)
		return json_null();
	json_t *shown = pull->weights ? json_object() : json_array();
	for (size_t i = 0; i < pull->count; i++)
		if (pull->weights)
			json_object_set_new(shown, pull->names[i], json_integer(pull->weights[i]));
		else
			json_array_append_new(shown, reading_json(pull->names[i]));
	return shown;
}

const struct kind kind_pull = {
	.noun = "a list of queues or a map of their weights",
	.read = read_pull,
	.equal = equal_pull,
	.show = show_pull,
	.drop = drop_pull,
};
