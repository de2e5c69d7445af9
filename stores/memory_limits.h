#pragma once
/* What a queue lets in: rate and max_working of a lease request. */
#include "stores/memory_tables.h"

struct memory_room {
	size_t tasks;    /* that may be leased now */
	int64_t wait_ms; /* 0 tasks: until the rate lets more in; −1: a lease has to end */
};
/* What the queue's limits leave of `most`. */
struct memory_room memory_room(
	const struct queue *queue, const struct lease_limit *limit, size_t most);
/* The limit is the newest one, and one more was leased under it. */
void memory_count_taken(struct queue *queue, const struct lease_limit *limit);
void memory_note_limit(struct queue *queue, const struct lease_limit *limit);
/* What counts for the rate that was noted last, and until the first of it does no more. */
int64_t memory_taken(const struct queue *queue, int64_t rate_ms, int64_t *next_ms);
