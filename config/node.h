#pragma once
/*
 * A YAML text as a tree that remembers the place of each node. Nodes live in an arena and are never
 * changed; aliases share them.
 */
#include "config/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* A file: how messages call it and where its relative paths start. */
struct source {
	const char *shown;
	const char *folder; /* absolute */
	int order;          /* 0: the main file; includes after it */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node;
/* A member of a map, or of a list (then key is NULL and the place is the value's). */
struct entry {
	const char *key;
	int line, column; /* from 1 */
	const struct node *value;
	int rank;          /* 0: written here; n: from the n-th map of a merge key */
	bool is_inherited; /* came from `defaults` in a deep merge */
};

struct node {
	enum node_kind kind;
	const struct source *source;
	int line, column;
	bool is_plain;    /* a scalar without quotes */
	const char *text; /* scalar: as written, before ${…} */
	const struct entry *entries;
	size_t count;
	size_t weight; /* nodes in here, aliases counted in full */
};

/* The entry of this key in a map; NULL in anything else or where it is missing. */
const struct entry *node_find(const struct node *map, const char *key);

/* Nothing stands there: an empty value, `~` or `null`. */
bool node_is_null(const struct node *node);

/* A scalar that stands in no file. */
struct node node_scalar(const char *text);

/* `over` over `under`: maps by key at every depth, anything else replaced. What comes from under is
 * marked inherited. */
const struct node *node_merge(
	struct arena *arena, const struct node *under, const struct node *over);
