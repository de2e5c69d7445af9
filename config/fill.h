#pragma once
/*
 * ${NAME}, ${NAME:-default}, ${file:PATH} and ${credential:NAME} in a text. What was filled in
 * never shows: messages quote the text as written, `shown` has *** in its place.
 */
#include "config/faults.h"

struct filled {
	const char *text;  /* the value */
	const char *shown; /* the value with *** for what came from outside the file */
	bool is_filled;    /* anything came from outside */
	bool is_hidden;    /* … from a file or a credential */
};

/* Names of environment variables, each once. */
struct fill_names {
	const char **names;
	size_t count, room;
};

struct fill {
	struct arena *arena;
	struct faults *faults;
	struct fill_names *used; /* gets the variables that filled the text; may be NULL */
};

/* Fills one scalar. All in the arena. */
bool fill_text(const struct fill *fill, const struct where *at, const struct node *scalar,
	struct filled *out);
