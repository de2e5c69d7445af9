#pragma once
/* What a look at a store's server, or at the place of its file, finds before anything depends on
 * it. Nothing is made there. */
#include "base/error.h"

#include <stddef.h>

/* Sentences on what should be mended; owned. */
struct store_warnings {
	char **lines;
	size_t count;
};

/* connections: what the processes of this host hold at their most. UNAVAILABLE: it can't be
 * reached; INVALID: it can't be used as it is. Of a store in memory nothing is said. */
bool store_preflight(
	const char *url, size_t connections, struct store_warnings *out, struct error *err);
/* Takes the line over. */
void store_warnings_add(struct store_warnings *warnings, char *line);
void store_warnings_finish(struct store_warnings *warnings);
