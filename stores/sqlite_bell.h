#pragma once
/*
 * The file beside the database, PATH-bell: a page of futex words that idle workers sleep on, and
 * the lock that writers queue for. It holds nothing that must survive: a lost one is made again.
 */
#include "base/error.h"

#include <stdint.h>

#define BELL_WORDS   1024
#define BELL_NURSERY 0 /* the word of queues that do not exist yet */

struct bell {
	int fd;
	struct bell_page *page;
	uint32_t *waiting; /* the word that this process sleeps on; read by the signal handler */
	int interrupted;
};

/* path: the database's real path. */
bool bell_open(struct bell *bell, const char *path, struct error *err);
void bell_close(struct bell *bell);

/* The writers' lock: waits in line; the kernel frees it at death. */
bool bell_lock(struct bell *bell);
void bell_unlock(struct bell *bell);

/* The word of a queue by its number; two queues share one only beyond BELL_WORDS queues. */
uint32_t bell_index(int64_t queue);
/* Tells every process that there are more queues than words, so that rings wake everybody. */
void bell_share(struct bell *bell);

uint32_t bell_ticket(struct bell *bell, uint32_t index);
/* Wakes at most `count` sleepers of the word, and whoever is about to sleep with an old ticket. */
void bell_ring(struct bell *bell, uint32_t index, int64_t count);
void bell_wait(struct bell *bell, uint32_t index, uint32_t ticket, int64_t timeout_ms);
/* Safe in a signal handler. */
void bell_interrupt(struct bell *bell);
