#pragma once
/*
 * The port to a broker: a door in and out of the store, for whole batches of messages. It is
 * asynchronous, since one process talks to all queues at once: each act begins a request on the
 * loop and answers by its callback, later and never from within the call. A broker repeats what is
 * safe to repeat (throttled, 5xx, a broken connection) by itself, with back-off; the callback gets
 * UNAVAILABLE when that has gone on for a minute, INVALID for what can never succeed. At most one
 * receive per queue is under way; sends and acks may be several. Names of queues are reeve's own:
 * the broker adds its prefix.
 */
#include "base/error.h"
#include "base/memory.h"

#include <ev.h>
#include <stdint.h>

/* All text is owned by the list. */
struct broker_message {
	char *id;      /* the broker's own, the same for each delivery of one message */
	char *receipt; /* what ack takes */
	char *body;    /* whole and NUL-terminated; length tells of NULs within */
	size_t length;
	char *group;        /* FIFO: its message group; or NULL */
	int64_t sent_at_ms; /* wall; 0: unknown */
	int deliveries;     /* this one included; 0: unknown */
};
struct broker_messages {
	struct broker_message *rows;
	size_t count;
};
struct broker_outgoing {
	const char *body;
	int64_t delay_ms;
	const char *group, *dedup_id; /* FIFO; or NULL */
};
struct broker_depth {
	int64_t ready, in_flight, delayed; /* approximate */
};

/* err is NULL on success. The list is the callee's to finish. */
typedef void broker_on_messages(
	void *context, struct broker_messages *messages, const struct error *err);
/* is_done[i] tells of each entry; err is the first failure, NULL where all are done. */
typedef void broker_on_done(
	void *context, const bool *is_done, size_t count, const struct error *err);
typedef void broker_on_depth(
	void *context, const struct broker_depth *depth, const struct error *err);

struct broker;
struct broker_ops {
	size_t max_batch;     /* messages of one request */
	int64_t max_delay_ms; /* what a message can be delayed by natively, one of a FIFO queue
			       * excepted: that is INVALID; 0: not at all */
	int64_t max_wait_ms;  /* of one receive */

	/* Makes the queue where it is missing and the URL allows it; else NOT_FOUND. */
	void (*prepare)(struct broker *, const char *queue, broker_on_done *, void *context);
	/* Waits up to wait_ms for 1…max messages; none is success. Those not acked come back. */
	void (*receive)(struct broker *, const char *queue, size_t max, int64_t wait_ms,
		broker_on_messages *, void *context);
	/* Ends a receive that waits; its callback comes with what it has. */
	void (*stop_receiving)(struct broker *, const char *queue);
	void (*send)(struct broker *, const char *queue, const struct broker_outgoing *,
		size_t count, broker_on_done *, void *context);
	void (*ack)(struct broker *, const char *queue, const char *const *receipts, size_t count,
		broker_on_done *, void *context);
	void (*depth)(struct broker *, const char *queue, broker_on_depth *, void *context);
	/* Calls no callback that is still due. */
	void (*close)(struct broker *);
};

/* Embedded first in each backend's struct. */
struct broker {
	const struct broker_ops *ops;
	/* Called for each request that goes out, for counting; may be NULL. */
	void (*on_request)(void *context, const char *queue);
	void *request_context;
};

/* owner names this process (random, never used again): what it took and did not ack can be told
 * from what others hold. Opens lazily: an unreachable broker is told by the callbacks. INVALID: a
 * URL that can't be right, or a library that is not there. */
bool broker_open(const char *url, const char *owner, struct ev_loop *loop, struct broker **out,
	struct error *err);
void broker_close(struct broker *broker);
/* INVALID, with the sentence to show and no secret in it. */
bool broker_check_url(const char *url, struct error *err);
void broker_messages_finish(struct broker_messages *messages);

MEMORY_DROP(broker, struct broker *, broker_close)
