#pragma once
/*
 * Containers of the memory store. A map keeps values by text, in the order of the text, and can be
 * read on from any place (a skip list: Pugh, "Skip Lists: A Probabilistic Alternative to Balanced
 * Trees", 1990). A heap knows its smallest node; a line is first in, first out. Nodes and links
 * stand inside what they order and know where they are, so that anything can leave at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_LEVELS 20

struct map_entry {
	char *key;
	void *value;
	struct map_entry *before;
	struct map_entry *next[]; /* one per level of this entry */
};
struct map {
	struct map_entry *first[MAP_LEVELS];
	struct map_entry *last;
	size_t count;
};
void map_finish(struct map *map); /* the values are the caller's */
void *map_find(const struct map *map, const char *key);
/* The key must not be there yet. It is copied. */
void map_add(struct map *map, const char *key, void *value);
void map_drop(struct map *map, const char *key);
/* The first entry whose key is greater; NULL as key: the first of all. NULL where there is none. */
struct map_entry *map_after(const struct map *map, const char *key);
/* The last entry whose key is smaller; NULL as key: the last of all. */
struct map_entry *map_before(const struct map *map, const char *key);

struct heap;
struct heap_node {
	struct heap *heap; /* NULL: in none */
	void *self;        /* what it stands in */
	int64_t rank;      /* smallest first, */
	int64_t order;     /* then this */
	size_t place;
};
struct heap {
	struct heap_node **nodes;
	size_t count, room;
};
void heap_finish(struct heap *heap);
void heap_add(struct heap *heap, struct heap_node *node, int64_t rank, int64_t order);
/* Takes the node out of whatever heap it is in, if any. */
void heap_leave(struct heap_node *node);
struct heap_node *heap_first(const struct heap *heap); /* NULL: empty */

struct line;
struct link {
	struct line *line; /* NULL: in none */
	void *self;
	struct link *before, *behind;
};
struct line {
	struct link *first, *last;
	size_t count;
};
void line_add(struct line *line, struct link *link);
void line_leave(struct link *link);
