#pragma once
/* The files of a store on disk: where they may be, whose they are, and their modes. */
#include "base/error.h"

/* The real path of the database, made empty where it is missing; owned by the caller. */
bool sqlite_find_file(const char *path, char **real_path, struct error *err);
/* Whether a database may lie there: UNAVAILABLE where its folder is not there, INVALID where that
 * is no local disk. */
bool sqlite_check_place(const char *path, struct error *err);
/* Opens or makes a file with the owner and mode of its folder. */
bool sqlite_open_beside(const char *path, int *fd, struct error *err);
