#pragma once
/* Memory that processes share, behind a descriptor of its own (memfd_create(2)): it lives on over
 * fork, and over an exec that keeps the descriptor. */
#include "base/error.h"

/* Zeroed memory of that size; untouched pages cost nothing. The descriptor is close-on-exec. */
bool shared_create(const char *name, size_t size, int *fd, void **memory, struct error *err);

/* Maps what shared_create has made, perhaps in another program; INVALID where its size is not
 * `size`. is_copy: what is written stays here. */
bool shared_map(
	const char *name, size_t size, int fd, bool is_copy, void **memory, struct error *err);
