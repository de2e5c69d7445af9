#pragma once
/* The files of a configuration: the main one and what `include` names. */
#include "config/keys.h"

/* Reads and composes one file; NULL with a mistake added. */
const struct node *include_read_file(
	struct loading *loading, const struct source *source, const char *path);

/* The source of a file that is shown as this and lies at the absolute path. */
const struct source *include_new_source(
	struct arena *arena, const char *shown, const char *path, int order);

/* Trees of the included files, in the order of the patterns and of their names. */
struct include_list {
	const struct node **roots;
	size_t count;
};
void include_read_all(struct loading *loading, const struct source *main_source,
	const struct entry *include, struct include_list *out);
