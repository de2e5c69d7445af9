/* The table of keys: search, clean-up, wording; see keys.h. The rows are in keys_global.c,
 * keys_queue.c and keys_schedule.c. */
#include "config/keys.h"

#include "base/jsontext.h"
#include "config/kinds.h"

const struct key *keys_find(const struct key_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	return NULL;
}

void keys_drop(const struct key_table *table, void *base, struct config_origin *origins)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->rows[i].kind->drop)
			table->rows[i].kind->drop(&table->rows[i], base);
		free(origins[i].from);
		json_decref(origins[i].shown);
	}
	free(origins);
}

static const char *list_choices(struct arena *arena, const char *const *choices)
{
	const char *list = choices[0];
	for (size_t i = 1; choices[i]; i++)
		list = arena_print(
			arena, "%s%s%s", list, choices[i + 1] ? ", " : " or ", choices[i]);
	return list;
}

/* A bound as the file would have it: the kind prints it, without the quotes of JSON. */
static const char *print_bound(struct arena *arena, const struct key *key, int64_t bound)
{
	OWNED(json)
	json_t *printed = key->kind->print ? key->kind->print(key, bound) : json_integer(bound);
	if (json_is_string(printed))
		return arena_print(arena, "%s", json_string_value(printed));
	return arena_print(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(printed));
}

const char *keys_expected(struct arena *arena, const struct key *key)
{
	if (key->choices)
		return list_choices(arena, key->choices);
	if (!key->kind->noun)
		return key->range;
	if (key->kind->drop || key->low == key->high || key->kind == &kind_workers ||
		key->kind == &kind_share)
		return key->kind->noun;
	return arena_print(arena, "%s from %s to %s%s%s", key->kind->noun,
		print_bound(arena, key, key->low), print_bound(arena, key, key->high),
		key->word ? " or " : "", key->word ? key->word : "");
}
