/* A map by text, a heap, a line; see memory_map.h. */
#include "stores/memory_map.h"

#include "base/memory.h"

#include <string.h>

/* One entry in four reaches the next level: decided by a hash of the key and not by a coin, so that
 * the same acts always build the same map. */
static int levels_of(const char *key)
{
	uint64_t hash = 1469598103934665603u;
	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 1099511628211u;
	hash ^= hash >> 29;
	int levels = 1;
	for (; levels < MAP_LEVELS && (hash & 3) == 0; hash >>= 2)
		levels++;
	return levels;
}

/*
 * Walks to the place of the key. steps[level] becomes the pointer that leads past it on that
 * level; answers the last entry before it, or NULL.
 */
static struct map_entry *walk(
	const struct map *map, const char *key, struct map_entry **steps[MAP_LEVELS])
{
	struct map_entry **next = (struct map_entry **)map->first;
	struct map_entry *before = NULL;
	for (int level = MAP_LEVELS - 1; level >= 0; level--) {
		while (next[level] && strcmp(next[level]->key, key) < 0) {
			before = next[level];
			next = before->next;
		}
		steps[level] = &next[level];
	}
	return before;
}

static struct map_entry *entry_at(const struct map *map, const char *key)
{
	struct map_entry **steps[MAP_LEVELS];
	walk(map, key, steps);
	struct map_entry *entry = *steps[0];
	return entry && strcmp(entry->key, key) == 0 ? entry : NULL;
}

void *map_find(const struct map *map, const char *key)
{
	struct map_entry *entry = entry_at(map, key);
	return entry ? entry->value : NULL;
}

void map_add(struct map *map, const char *key, void *value)
{
	struct map_entry **steps[MAP_LEVELS];
	struct map_entry *before = walk(map, key, steps);
	int levels = levels_of(key);
	struct map_entry *entry =
		xmalloc(sizeof *entry + (size_t)levels * sizeof(struct map_entry *));
	entry->key = xstrdup(key);
	entry->value = value;
	entry->before = before;
	for (int level = 0; level < levels; level++) {
		entry->next[level] = *steps[level];
		*steps[level] = entry;
	}
	if (entry->next[0])
		entry->next[0]->before = entry;
	else
		map->last = entry;
	map->count++;
}

static void drop_entry(struct map_entry *entry)
{
	free(entry->key);
	free(entry);
}

void map_drop(struct map *map, const char *key)
{
	struct map_entry **steps[MAP_LEVELS];
	walk(map, key, steps);
	struct map_entry *entry = *steps[0];
	if (!entry || strcmp(entry->key, key) != 0)
		return;
	if (entry->next[0])
		entry->next[0]->before = entry->before;
	else
		map->last = entry->before;
	for (int level = 0; level < MAP_LEVELS && *steps[level] == entry; level++)
		*steps[level] = entry->next[level];
	drop_entry(entry);
	map->count--;
}

struct map_entry *map_after(const struct map *map, const char *key)
{
	if (!key)
		return map->first[0];
	struct map_entry **steps[MAP_LEVELS];
	walk(map, key, steps);
	struct map_entry *entry = *steps[0];
	return entry && strcmp(entry->key, key) == 0 ? entry->next[0] : entry;
}

struct map_entry *map_before(const struct map *map, const char *key)
{
	struct map_entry **steps[MAP_LEVELS];
	return key ? walk(map, key, steps) : map->last;
}

void map_finish(struct map *map)
{
	struct map_entry *entry = map->first[0];
	while (entry) {
		struct map_entry *next = entry->next[0];
		drop_entry(entry);
		entry = next;
	}
	*map = (struct map){ 0 };
}

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->order < b->order;
}

static void set_place(struct heap *heap, size_t place, struct heap_node *node)
{
	heap->nodes[place] = node;
	node->place = place;
}

static void rise(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;
	while (place > 0 && is_before(node, heap->nodes[(place - 1) / 2])) {
		set_place(heap, place, heap->nodes[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	set_place(heap, place, node);
}

static void sink(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;
	for (;;) {
		size_t child = 2 * place + 1;
		if (child + 1 < heap->count &&
			is_before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (child >= heap->count || !is_before(heap->nodes[child], node))
			break;
		set_place(heap, place, heap->nodes[child]);
		place = child;
	}
	set_place(heap, place, node);
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t rank, int64_t order)
{
	heap_leave(node);
	node->heap = heap;
	node->rank = rank;
	node->order = order;
	heap->nodes = xgrow(heap->nodes, heap->count, &heap->room, sizeof *heap->nodes);
	set_place(heap, heap->count++, node);
	rise(heap, node);
}

void heap_leave(struct heap_node *node)
{
	struct heap *heap = node->heap;
	if (!heap)
		return;
	node->heap = NULL;
	struct heap_node *last = heap->nodes[--heap->count];
	if (last == node)
		return;
	set_place(heap, node->place, last);
	rise(heap, last);
	sink(heap, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->nodes[0] : NULL;
}

void heap_finish(struct heap *heap)
{
	free(heap->nodes);
	*heap = (struct heap){ 0 };
}

void line_add(struct line *line, struct link *link)
{
	line_leave(link);
	link->line = line;
	link->before = line->last;
	link->behind = NULL;
	if (line->last)
		line->last->behind = link;
	else
		line->first = link;
	line->last = link;
	line->count++;
}

void line_leave(struct link *link)
{
	struct line *line = link->line;
	if (!line)
		return;
	if (link->before)
		link->before->behind = link->behind;
	else
		line->first = link->behind;
	if (link->behind)
		link->behind->before = link->before;
	else
		line->last = link->before;
	link->line = NULL;
	line->count--;
}
