/* Kinds whose field is a list: argv, globs, environment. */
#include "config/environment.h"
#include "config/kinds.h"
#include "config/reading.h"

#define WORDS_MAX 1000

static void drop_words(char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	free(words);
}

static size_t count_words(char *const *words)
{
	size_t count = 0;
	while (words && words[count])
		count++;
	return count;
}

static json_t *show_words(char *const *words, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, reading_json(words[i]));
	return list;
}

static bool equal_words(char *const *a, char *const *b)
{
	size_t count = count_words(a);
	if (count != count_words(b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/* Texts of a list with ${…} filled in, in the arena. */
struct words {
	struct filled *items;
	size_t count;
	bool is_filled;
};

static bool read_word(const struct reading *reading, const struct entry *entry, struct filled *out)
{
	struct where at = faults_inside(&reading->loading->arena, &reading->at, entry);
	const struct node *item = entry->value;
	if (item->kind == NODE_SCALAR && item->is_plain && !*item->text)
		return reading_unexpected(reading, &at, item);
	return reading_text(reading, &at, item, out);
}

static bool read_words(const struct reading *reading, struct words *out)
{
	const struct node *node = reading->node;
	if (node->kind == NODE_LIST && node->count == 0)
		return reading_fault(reading, "expected %s, got an empty list",
			keys_expected(&reading->loading->arena, reading->key));
	if (node->kind != NODE_LIST)
		return reading_unexpected(reading, &reading->at, node);
	if (node->count > WORDS_MAX)
		return reading_fault(reading, "more than %d words", WORDS_MAX);
	out->count = node->count;
	out->items = arena_take(&reading->loading->arena, node->count * sizeof *out->items);
	bool is_whole = true;
	for (size_t i = 0; i < node->count; i++) {
		is_whole &= read_word(reading, &node->entries[i], &out->items[i]);
		out->is_filled |= out->items[i].is_filled;
	}
	return is_whole;
}

static char **keep_words(struct reading *reading, const struct words *words)
{
	char **kept = xcalloc(words->count + 1, sizeof *kept);
	for (size_t i = 0; i < words->count; i++)
		kept[i] = xstrdup(words->items[i].text);
	if (words->is_filled) {
		reading->origin->shown = json_array();
		for (size_t i = 0; i < words->count; i++)
			json_array_append_new(
				reading->origin->shown, reading_json(words->items[i].shown));
	}
	return kept;
}

static void set_argv(struct reading *reading, const struct words *words)
{
	struct config_argv *argv = reading_field(reading->key, reading->base);
	argv->words = keep_words(reading, words);
	argv->count = words->count;
}

static bool read_argv_list(struct reading *reading)
{
	struct words words = { 0 };
	if (!read_words(reading, &words))
		return false;
	struct filled *program = &words.items[0];
	if (!*program->text)
		return reading_fault(reading, "the program's name is empty");
	/* A name without a slash is looked up in PATH. */
	if (strchr(program->text, '/'))
		reading_resolve(reading, reading->node->entries[0].value, program);
	set_argv(reading, &words);
	return true;
}

static bool read_argv(struct reading *reading)
{
	struct filled items[] = {
		{ .text = "/bin/sh", .shown = "/bin/sh" },
		{ .text = "-c", .shown = "-c" },
		{ 0 },
	};
	if (reading->node->kind != NODE_SCALAR)
		return read_argv_list(reading);
	if (!reading_own_text(reading, &items[2]))
		return false;
	struct words words = { items, ARRAY_SIZE(items), items[2].is_filled };
	set_argv(reading, &words);
	return true;
}

static bool equal_argv(const struct key *key, const void *base, const void *other)
{
	const struct config_argv *a = reading_field_of(key, base);
	const struct config_argv *b = reading_field_of(key, other);
	return equal_words(a->words, b->words);
}

static json_t *show_argv(const struct key *key, const void *base)
{
	const struct config_argv *argv = reading_field_of(key, base);
	return argv->count ? show_words(argv->words, argv->count) : json_null();
}

static void drop_argv(const struct key *key, void *base)
{
	struct config_argv *argv = reading_field(key, base);
	drop_words(argv->words, argv->count);
	*argv = (struct config_argv){ 0 };
}

/* One text is a list of one. */
static bool read_globs(struct reading *reading)
{
	struct words words = { 0 };
	struct filled single;
	char ***field = reading_field(reading->key, reading->base);
	if (reading->node->kind == NODE_SCALAR) {
		if (!reading_own_text(reading, &single))
			return false;
		words = (struct words){ &single, 1, single.is_filled };
	} else if (reading->node->kind == NODE_LIST && reading->node->count == 0) {
		words = (struct words){ 0 };
	} else if (!read_words(reading, &words))
		return false;
	*field = keep_words(reading, &words);
	return true;
}

static char **globs_of(const struct key *key, const void *base)
{
	return *(char **const *)reading_field_of(key, base);
}

static bool equal_globs(const struct key *key, const void *base, const void *other)
{
	return equal_words(globs_of(key, base), globs_of(key, other));
}

static json_t *show_globs(const struct key *key, const void *base)
{
	char **globs = globs_of(key, base);
	return show_words(globs, count_words(globs));
}

static void drop_globs(const struct key *key, void *base)
{
	char ***field = reading_field(key, base);
	drop_words(*field, count_words(*field));
	*field = NULL;
}

static bool is_variable(const char *name)
{
	return *name && !strchr(name, '=');
}

static bool read_variable(
	const struct reading *reading, const struct entry *entry, struct filled *out)
{
	struct where at = faults_inside(&reading->loading->arena, &reading->at, entry);
	if (!is_variable(entry->key))
		return faults_add(
			&reading->loading->faults, &at, "not the name of an environment variable");
	if (node_is_null(entry->value)) {
		*out = (struct filled){ .text = "", .shown = "" };
		return true;
	}
	return reading_text(reading, &at, entry->value, out);
}

static void keep_environment(struct reading *reading, const struct filled *values)
{
	const struct node *map = reading->node;
	struct config_environment *env = reading_field(reading->key, reading->base);
	env->names = xcalloc(map->count, sizeof *env->names);
	env->values = xcalloc(map->count, sizeof *env->values);
	env->count = map->count;
	reading->origin->shown = json_object();
	for (size_t i = 0; i < map->count; i++) {
		env->names[i] = xstrdup(map->entries[i].key);
		env->values[i] = xstrdup(values[i].text);
		json_object_set_new(
			reading->origin->shown, env->names[i], reading_json(values[i].shown));
	}
}

static bool read_environment(struct reading *reading)
{
	const struct node *map = reading->node;
	bool is_whole = true;
	if (node_is_null(map))
		return true;
	if (map->kind != NODE_MAP)
		return reading_unexpected(reading, &reading->at, map);
	if (map->count > ENVIRONMENT_COUNT_MAX)
		return reading_fault(reading, "more than %d variables", ENVIRONMENT_COUNT_MAX);
	struct filled *values = arena_take(
		&reading->loading->arena, (map->count ? map->count : 1) * sizeof *values);
	for (size_t i = 0; i < map->count; i++)
		is_whole &= read_variable(reading, &map->entries[i], &values[i]);
	if (is_whole)
		keep_environment(reading, values);
	return is_whole;
}

static bool has_variable(const struct config_environment *env, const char *name, const char *value)
{
	for (size_t i = 0; i < env->count; i++)
		if (strcmp(env->names[i], name) == 0)
			return strcmp(env->values[i], value) == 0;
	return false;
}

/* In any order: each name stands once. */
static bool equal_environment(const struct key *key, const void *base, const void *other)
{
	const struct config_environment *a = reading_field_of(key, base);
	const struct config_environment *b = reading_field_of(key, other);
	for (size_t i = 0; i < a->count; i++)
		if (!has_variable(b, a->names[i], a->values[i]))
			return false;
	return a->count == b->count;
}

/* What env_file added is shown by name only: such files are made to hold secrets. */
static json_t *show_environment(const struct key *key, const void *base)
{
	const struct config_environment *env = reading_field_of(key, base);
	json_t *map = json_object();
	for (size_t i = 0; i < env->count; i++)
		json_object_set_new(map, env->names[i], json_string("***"));
	return map;
}

static void drop_environment(const struct key *key, void *base)
{
	struct config_environment *env = reading_field(key, base);
	drop_words(env->names, env->count);
	drop_words(env->values, env->count);
	*env = (struct config_environment){ 0 };
}

const struct kind kind_argv = {
	.noun = "a list of words or a text",
	.read = read_argv,
	.equal = equal_argv,
	.show = show_argv,
	.drop = drop_argv,
};
const struct kind kind_wrapper = {
	.noun = "a list of words",
	.read = read_argv_list,
	.equal = equal_argv,
	.show = show_argv,
	.drop = drop_argv,
};
const struct kind kind_globs = {
	.noun = "a list of patterns",
	.read = read_globs,
	.equal = equal_globs,
	.show = show_globs,
	.drop = drop_globs,
};
const struct kind kind_environment = {
	.noun = "a map of variables",
	.read = read_environment,
	.equal = equal_environment,
	.show = show_environment,
	.drop = drop_environment,
};
