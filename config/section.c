/* Reads one map of the file by a table of keys; see section.h. */
#include "config/section.h"

#include "config/suggest.h"

#include <assert.h>

/* A map on its way: the section itself, or what stands below a key such as `retries`. */
struct level {
	struct section *section;
	const char *inner; /* "" or "retries." */
	bool is_inherited; /* all of it comes from `defaults` */
};

void section_init(
	struct section *section, struct loading *loading, const struct key_table *table, void *base)
{
	*section = (struct section){ .loading = loading,
		.table = table,
		.prefix = "",
		.base = base,
		.origins = xcalloc(table->count, sizeof(struct config_origin)),
		.places = arena_take(&loading->arena, table->count * sizeof(struct where)) };
}

static const char *join(struct arena *arena, const char *prefix, const char *name)
{
	return *prefix && *name ? arena_print(arena, "%s.%s", prefix, name)
				: arena_print(arena, "%s%s", prefix, name);
}

static const char *prefix_of(const struct level *level)
{
	return level->is_inherited ? "defaults" : level->section->prefix;
}

static struct where where_key(
	const struct level *level, const struct entry *entry, const char *dotted)
{
	struct arena *arena = &level->section->loading->arena;
	return (struct where){ entry->value->source, entry->line, entry->column,
		join(arena, prefix_of(level), dotted) };
}

static void apply_default(struct section *section, size_t row)
{
	const struct key *key = &section->table->rows[row];
	const struct node node = node_scalar(key->fallback);
	struct reading reading = { .loading = section->loading,
		.key = key,
		.at = { .source = node.source, .path = key->name },
		.node = &node,
		.base = section->base,
		.origin = &section->origins[row] };
	bool is_read = key->kind->read(&reading);
	assert(is_read);
	(void)is_read;
}

static void read_row(
	const struct level *level, size_t row, const struct entry *entry, const char *dotted)
{
	struct section *section = level->section;
	struct config_origin *origin = &section->origins[row];
	struct reading reading = { .loading = section->loading,
		.key = &section->table->rows[row],
		.at = where_key(level, entry, dotted),
		.node = entry->value,
		.base = section->base,
		.origin = origin,
		.is_partial = section->is_partial };
	section->places[row] = reading.at;
	struct where value_at = { entry->value->source, entry->value->line, entry->value->column,
		"" };
	free(origin->from);
	origin->from = xstrdup(faults_place(&section->loading->arena, &value_at));
	/* What follows from a wrong value would only be noise. */
	if (!reading.key->kind->read(&reading) && reading.key->fallback)
		apply_default(section, row);
}

static bool starts_group(const struct key_table *table, const char *dotted)
{
	size_t length = strlen(dotted);
	for (size_t i = 0; i < table->count; i++)
		if (strncmp(table->rows[i].name, dotted, length) == 0 &&
			table->rows[i].name[length] == '.')
			return true;
	return false;
}

/* Offers the names that may stand at this level, each up to its next dot. */
static void offer_names(const struct level *level, struct suggest *suggest)
{
	const struct key_table *table = level->section->table;
	size_t length = strlen(level->inner);
	for (size_t i = 0; i < table->count; i++) {
		if (strncmp(table->rows[i].name, level->inner, length) != 0)
			continue;
		const char *rest = table->rows[i].name + length;
		suggest_offer(suggest,
			arena_copy(&level->section->loading->arena, rest, strcspn(rest, ".")));
	}
}

static void report_unknown(const struct level *level, const struct entry *entry)
{
	struct loading *loading = level->section->loading;
	struct arena *arena = &loading->arena;
	size_t length = strlen(level->inner);
	const char *container = arena_copy(arena, level->inner, length - (length > 0));
	struct where at = where_key(level, entry, container);
	struct suggest suggest = { .typed = entry->key };
	offer_names(level, &suggest);
	if (suggest.nearest)
		faults_add(&loading->faults, &at, "unknown key %s, did you mean \"%s\"?",
			faults_quote(arena, entry->key), suggest.nearest);
	else
		faults_add(
			&loading->faults, &at, "unknown key %s", faults_quote(arena, entry->key));
}

static void read_level(const struct level *level, const struct node *map);

static void read_group(const struct level *level, const struct entry *entry, const char *dotted)
{
	struct arena *arena = &level->section->loading->arena;
	struct level below = *level;
	below.inner = arena_print(arena, "%s.", dotted);
	struct where at = where_key(level, entry, dotted);
	if (entry->value->kind == NODE_MAP)
		read_level(&below, entry->value);
	else if (!node_is_null(entry->value))
		faults_add(&level->section->loading->faults, &at, "expected a map of keys, got %s",
			faults_found(arena, entry->value));
}

static void read_entry(const struct level *level, const struct entry *entry)
{
	const struct key_table *table = level->section->table;
	/* A dot in the file's own key is not a path. */
	bool is_plain_name = !strchr(entry->key, '.');
	const char *dotted =
		arena_print(&level->section->loading->arena, "%s%s", level->inner, entry->key);
	const struct key *key = is_plain_name ? keys_find(table, dotted) : NULL;
	if (key)
		read_row(level, (size_t)(key - table->rows), entry, dotted);
	else if (is_plain_name && starts_group(table, dotted))
		read_group(level, entry, dotted);
	else
		report_unknown(level, entry);
}

static void read_level(const struct level *level, const struct node *map)
{
	for (size_t i = 0; i < map->count; i++) {
		struct level own = *level;
		own.is_inherited |= map->entries[i].is_inherited;
		read_entry(&own, &map->entries[i]);
	}
}

void section_read(struct section *section, const struct node *map)
{
	struct level top = { .section = section, .inner = "" };
	read_level(&top, map);
	for (size_t row = 0; row < section->table->count; row++)
		if (!section->places[row].source && section->table->rows[row].fallback)
			apply_default(section, row);
}

const struct where *section_place(const struct section *section, const char *name)
{
	const struct key *key = keys_find(section->table, name);
	assert(key);
	return &section->places[key - section->table->rows];
}
