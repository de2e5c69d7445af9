#pragma once
/*
 * The newest log lines of all our processes, in shared memory made before the first fork. Many
 * writers, no locks: one that is killed while it writes leaves a hole that readers step over. The
 * supervisor alone reads.
 */
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_RING_CELLS    1024
#define LOG_RING_CELL     256
#define LOG_RING_LINE_MAX 15000 /* a longer line is cut here */
#define LOG_RING_NAME_MAX 256
#define LOG_RING_STUCK_MS 200 /* a writer that takes longer is dead */
#define LOG_RING_VERSION  1   /* raised with each change that another version could not take */

struct log_ring;

struct log_entry {
	char queue[LOG_RING_NAME_MAX]; /* or the process's name */
	char task[LOG_RING_NAME_MAX];  /* "" where the line is about none */
	char line[LOG_RING_LINE_MAX + 1];
};

/* A reader's place. Begins at the oldest line with { 0 }. */
struct log_cursor {
	uint64_t next;
	int64_t stuck_since_ms; /* steady; 0: not */
	bool has_missed; /* lines were overwritten before it came to them; the reader resets it */
};

enum log_read { LOG_READ_ENTRY, LOG_READ_END, LOG_READ_STUCK };

bool log_ring_create(struct log_ring **out, struct error *err);
/* One that another program has made, by its descriptors, which are taken over. Nobody follows it.
 */
bool log_ring_adopt(int fd, int bell, struct log_ring **out, struct error *err);
void log_ring_destroy(struct log_ring *ring);

/* Takes every line of this process, and of those that it forks, from now on. */
void log_ring_attach(struct log_ring *ring);
void log_ring_write(struct log_ring *ring, const char *queue, const char *task, const char *line,
	size_t length);

/* STUCK: the next line is being written; ask again soon. now_ms: steady. */
enum log_read log_ring_read(
	struct log_ring *ring, struct log_cursor *cursor, int64_t now_ms, struct log_entry *out);

/* An eventfd that each line makes readable while somebody follows. */
int log_ring_bell(const struct log_ring *ring);
/* The descriptor of the memory. */
int log_ring_memory(const struct log_ring *ring);
void log_ring_follow(struct log_ring *ring, int change);
