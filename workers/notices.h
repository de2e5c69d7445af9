#pragma once
/*
 * `failure_queue: true`: a task that is set aside for good is told to QUEUE-failed on the broker.
 * The notice is a pushed task of its own in the queue NOTICES_QUEUE, written before the end is
 * committed; the courier sends it once the end is in the store, and drops it where the task has
 * gone on instead. So none is missed and none is untrue, whoever dies in between.
 */
#include "config/config.h"
#include "stores/store.h"

#define NOTICES_QUEUE "@failed" /* no name that a configuration could have */

/* A task of the queue will end so with this attempt. Repeats are one notice. */
bool notices_write(struct store *store, const char *queue, const char *task_id, uint32_t attempt,
	struct error *err);

struct notice {
	char *task_id, *door; /* door: QUEUE-failed, or NAME-failed.fifo */
	uint32_t attempt;
};
/* False: it is no notice. */
bool notice_read(const char *payload, struct notice *out);
void notice_finish(struct notice *notice);

enum notice_state { NOTICE_TRUE, NOTICE_EARLY /* not ended yet */, NOTICE_PAST };
/* Whether the task has ended as the notice says. */
bool notice_judge(struct store *store, const struct notice *notice, enum notice_state *state,
	struct error *err);
