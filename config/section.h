#pragma once
/* Reads one map of the file by a table of keys: the global keys, `defaults`, or a queue. */
#include "config/keys.h"

struct section {
	struct loading *loading;
	const struct key_table *table;
	const char *prefix; /* "queues.mail"; "" for the global keys */
	bool is_partial;    /* `defaults` alone */
	void *base;
	struct config_origin *origins; /* by row */
	struct where *places;          /* by row; source NULL: not in the file */
};

/* Origins on the heap, places in the arena. */
void section_init(struct section *section, struct loading *loading, const struct key_table *table,
	void *base);

/* Reads the keys of map and fills the rest from the defaults of the table. Mistakes go to loading.
 */
void section_read(struct section *section, const struct node *map);

/* Where a key stands; source NULL where it doesn't. */
const struct where *section_place(const struct section *section, const char *name);
