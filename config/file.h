#pragma once
/* Small files as a whole: configuration, includes, env files, ${file:…}. */
#include "base/error.h"
#include "config/node.h"

/* Reads a regular file of at most max bytes; *out is NUL-terminated, the caller frees it. The error
 * says why, without the path. */
bool file_read(const char *path, size_t max, char **out, size_t *length, struct error *err);

/* A relative path starts at the folder of the file that it stands in. */
const char *file_resolve(struct arena *arena, const struct source *source, const char *path);

bool file_is_there(const char *path);
bool file_is_folder(const char *path);
