#pragma once
/* What compose.c and compose_map.c share; nobody else includes this. */
#include "config/compose.h"

#include <yaml.h>

struct anchor {
	const char *name;
	const struct node *node;
};

struct composer {
	struct arena *arena;
	struct faults *faults;
	const struct source *source;
	const char *text;
	size_t length;
	yaml_parser_t parser;
	struct anchor *anchors;
	size_t anchor_count, anchor_room;
	size_t expanded;
	int depth;
};

/* The next node and where it is mentioned (an alias has another place than its node); or the end of
 * what contains it. */
struct composed {
	const struct node *node;
	int line, column;
	bool is_end;
};

bool compose_fault(struct composer *c, yaml_mark_t mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool compose_next(struct composer *c, yaml_event_t *event);
bool compose_node(struct composer *c, struct composed *out);
/* Counts nodes that an alias or a merge key adds; false over the limit. */
bool compose_expand(struct composer *c, yaml_mark_t mark, size_t weight);
void compose_close(
	struct composer *c, struct node *node, const struct entry *entries, size_t count);
bool compose_map(struct composer *c, struct node *node);
