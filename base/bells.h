#pragma once
/*
 * Futex words (futex(2)) that processes sleep on while there is nothing to do, in memory that they
 * share: an anonymous page made before a fork, or a mapped file. A handle belongs to one thread of
 * one process; handles of several processes and threads may have the same page.
 */
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define BELLS_WORDS       1024
#define BELLS_NURSERY     0           /* the word of names that have none yet */
#define BELLS_OUTBOX      BELLS_WORDS /* words of their own, beyond those of names */
#define BELLS_CANCELLED   (BELLS_WORDS + 1)
#define BELLS_CANCEL_NAME "!" /* what stands for it where rings travel by name */

struct bells_page {
	uint32_t is_shared; /* more names than words: rings wake all sleepers of a word */
	uint32_t outbox;
	int64_t listened_ms; /* see bells_note_listening */
	uint64_t id;         /* see bells_id */
	uint32_t cancelled;  /* grows when something that is worked on may have been cancelled */
	uint32_t reserved[9];
	uint32_t words[BELLS_WORDS];
	uint64_t names[BELLS_WORDS]; /* hashes, claimed by bells_index; 0: free */
};

struct bells {
	struct bells_page *page;
	uint32_t *waiting; /* the word that this handle sleeps on; read by the signal handler */
	int interrupted;
};

/* Raised with each change of the page that another version could not take. */
#define BELLS_VERSION 2

/* An anonymous page, inherited by fork. False: no memory. */
bool bells_create(struct bells *bells);
/* A page with a descriptor, which an exec can hand on. */
bool bells_create_shared(struct bells *bells, int *fd, struct error *err);
bool bells_attach(struct bells *bells, int fd, struct error *err);
void bells_destroy(struct bells *bells);

/* The word of a name: the same in all processes that have the page. Beyond BELLS_WORDS − 1 names
 * words are shared. */
uint32_t bells_index(struct bells *bells, const char *name);
/* A random number that tells this page from all others; never 0. */
uint64_t bells_id(struct bells *bells);
/* Tells all processes that names share words. */
void bells_share(struct bells *bells);

uint32_t bells_ticket(struct bells *bells, uint32_t index);
/* Wakes at most `count` sleepers of the word, and whoever is about to sleep with an old ticket. */
void bells_ring(struct bells *bells, uint32_t index, int64_t count);
/* Wakes everybody: rings may have been missed. */
void bells_ring_all(struct bells *bells);
/* Until the word differs from the ticket, an interruption, or the time; −1: no time. */
void bells_wait(struct bells *bells, uint32_t index, uint32_t ticket, int64_t timeout_ms);
/* The same for several words at once; on a kernel without futex_waitv (before 5.16) it sleeps on
 * the first one, and for a quarter of a second at most. At most BELLS_WAIT_MAX. */
#define BELLS_WAIT_MAX 100
void bells_wait_any(struct bells *bells, const uint32_t *indexes, const uint32_t *tickets,
	size_t count, int64_t timeout_ms);
/* Ends a wait of this handle, now or about to begin. Safe in a signal handler. */
void bells_interrupt(struct bells *bells);

/* Whoever carries rings from elsewhere to the page says so at least once a second. */
void bells_note_listening(struct bells *bells);
/* False: nobody has said so for 3 s, and who waits had better look by himself. */
bool bells_are_listened(const struct bells *bells);
