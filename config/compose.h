#pragma once
/*
 * From YAML text to nodes: anchors, aliases and merge keys, with limits on size, depth and what
 * aliases expand to, so that a small file cannot become a large one.
 */
#include "config/faults.h"

#define COMPOSE_SIZE_MAX     (1024 * 1024) /* bytes of one file */
#define COMPOSE_DEPTH_MAX    64
#define COMPOSE_EXPANDED_MAX 100000 /* nodes of one file, aliases counted in full */
#define COMPOSE_ANCHORS_MAX  1000

/* The tree of one text, or NULL with at least one mistake added. Mistakes that leave a tree (keys
 * that stand twice) are added too. */
const struct node *compose_text(struct arena *arena, const struct source *source, const char *text,
	size_t length, struct faults *faults);
