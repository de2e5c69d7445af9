#pragma once
/*
 * The file beside the database, PATH-bell: a page of futex words that idle workers sleep on, and
 * the lock that writers queue for. It holds nothing that must survive: a lost one is made again.
 */
#include "base/bells.h"
#include "base/error.h"

#include <stdint.h>

struct bell {
	int fd;
	struct bells bells;
};

/* path: the database's real path. */
bool bell_open(struct bell *bell, const char *path, struct error *err);
void bell_close(struct bell *bell);

/* The writers' lock: waits in line; the kernel frees it at death. */
bool bell_lock(struct bell *bell);
void bell_unlock(struct bell *bell);

/* The word of a queue by its number; two queues share one only beyond BELLS_WORDS queues. */
uint32_t bell_index(int64_t queue);
