#pragma once
/* One supervisor per configuration: a classic lock of fcntl(2), which fork does not hand on and
 * the kernel drops with the process. */
#include "base/error.h"

#include <sys/types.h>

/* CONFLICT with the holder's pid in err where it is taken. The descriptor must stay open; closing
 * any descriptor of the file in this process gives the lock up. */
bool lock_take(const char *path, const char *config_path, int *fd, struct error *err);
/* Removes the file while it is still locked, then closes it. */
void lock_drop(const char *path, int fd);
