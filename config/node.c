/* A YAML text as a tree; see node.h. */
#include "config/node.h"

#include <string.h>

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

const struct node *node_scalar(struct arena *arena, const char *text)
{
	static const struct source nowhere = { .shown = "default", .folder = "/" };
	struct node *node = arena_take(arena, sizeof *node);
	*node = (struct node){
		.kind = NODE_SCALAR, .source = &nowhere, .is_plain = true, .text = text, .weight = 1
	};
	return node;
}

static size_t merge_entries(struct arena *arena, const struct node *under, const struct node *over,
	struct entry *entries)
{
	size_t count = 0;
	for (size_t i = 0; i < over->count; i++) {
		const struct entry *below = node_find(under, over->entries[i].key);
		entries[count] = over->entries[i];
		if (below)
			entries[count].value =
				node_merge(arena, below->value, over->entries[i].value);
		count++;
	}
	for (size_t i = 0; i < under->count; i++)
		if (!node_find(over, under->entries[i].key)) {
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
	return merged;
}
