/* A YAML text as a tree; see node.h. */
#include "config/node.h"

#include "base/memory.h"

const struct entry *node_find(const struct node *map, const char *key)
{
	if (map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->entries[i].key, key) == 0)
			return &map->entries[i];
	return NULL;
}

bool node_is_null(const struct node *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };
	if (node->kind != NODE_SCALAR || !node->is_plain)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(node->text, words[i]) == 0)
			return true;
	return false;
}

struct node node_scalar(const char *text)
{
	static const struct source nowhere = { .shown = "default", .folder = "/" };
	return (struct node){
		.kind = NODE_SCALAR, .source = &nowhere, .is_plain = true, .text = text, .weight = 1
	};
}

static int by_key(const void *left, const void *right)
{
	const struct entry *const *a = left, *const *b = right;
	return strcmp((*a)->key, (*b)->key);
}

/* The map's entries sorted by key; the caller frees the list. */
static const struct entry **sort_entries(const struct node *map)
{
	const struct entry **sorted = xcalloc(map->count, sizeof(*sorted));
	for (size_t i = 0; i < map->count; i++)
		sorted[i] = &map->entries[i];
	if (map->count)
		qsort(sorted, map->count, sizeof(*sorted), by_key);
	return sorted;
}

static const struct entry *find_sorted(
	const struct entry **sorted, size_t count, const struct entry *like)
{
	const struct entry **found =
		count ? bsearch(&like, sorted, count, sizeof(*sorted), by_key) : NULL;
	return found ? *found : NULL;
}

/* Over's entries in their order, then what only under has. */
static size_t merge_entries(struct arena *arena, const struct node *under, const struct node *over,
	struct entry *entries)
{
	OWNED(free) const struct entry **below = sort_entries(under);
	OWNED(free) const struct entry **above = sort_entries(over);
	size_t count = 0;
	for (size_t i = 0; i < over->count; i++) {
		const struct entry *own = &over->entries[i];
		const struct entry *beaten = find_sorted(below, under->count, own);
		entries[count] = *own;
		if (beaten)
			entries[count].value = node_merge(arena, beaten->value, own->value);
		count++;
	}
	for (size_t i = 0; i < under->count; i++)
		if (!find_sorted(above, over->count, &under->entries[i])) {
			entries[count] = under->entries[i];
			entries[count++].is_inherited = true;
		}
	return count;
}

const struct node *node_merge(
	struct arena *arena, const struct node *under, const struct node *over)
{
	if (under->kind != NODE_MAP || (over->kind != NODE_MAP && !node_is_null(over)))
		return over;
	struct node *merged = arena_take(arena, sizeof *merged);
	*merged = *over;
	merged->kind = NODE_MAP;
	size_t room = over->count + under->count;
	struct entry *entries = arena_take(arena, (room ? room : 1) * sizeof *entries);
	merged->count = merge_entries(arena, under, over, entries);
	merged->entries = entries;
	merged->weight = 1;
	for (size_t i = 0; i < merged->count; i++)
		merged->weight += entries[i].value->weight;
	return merged;
}
