#pragma once
/*
 * Parts of the courier; courier.c has the loop. It holds nothing that is not in the store or in the
 * broker: where it dies, messages come back and claims are given back.
 */
#include "brokers/broker.h"
#include "workers/formats.h"
#include "workers/self.h"

#include <ev.h>

struct courier;
struct parcel;

/* A delay that doubles from failure to failure. */
struct courier_backoff {
	ev_timer timer; /* active: wait */
	int64_t ms;     /* the next one; 0: the first */
};

/* Messages on their way in; courier_in.c. */
struct courier_in {
	bool is_receiving, is_held;   /* held back: workers have enough to do */
	int64_t began_at_ms;          /* steady: of the receive */
	size_t asked;                 /* messages of the receive that is under way */
	struct broker_messages taken; /* received and not adopted */
	char **receipts;              /* adopted and not acked */
	size_t receipt_count, receipt_room;
	int acks_under_way;
	ev_timer ack, again;
	struct courier_backoff backoff;
	/* of a queue that is held */
	bool is_uncrewed;   /* nobody works on it */
	int64_t held_at_ms; /* steady */
	uint64_t ended_then;
};

/* References on their way out; courier_out.c. */
struct courier_out {
	struct parcel *parcels;
	size_t under_way; /* parcels */
	ev_timer again, mark;
	struct courier_backoff backoff;
	int64_t claimed_at_ms; /* steady: the last claim that was not full; 0: it was full or empty
				*/
};

/* What the scoreboard says of the queue's workers. */
struct courier_crew {
	size_t alive, paused;
	uint64_t ended; /* completed + failed + retried of those alive */
};

struct courier_queue {
	struct courier *courier;
	const struct config_queue *config;
	const char *name;
	struct queue_board *row; /* NULL: the table is full */
	bool has_door;           /* its tasks are sent */
	bool is_served;          /* its messages are received here */
	bool is_fifo;
	enum { DOOR_UNKNOWN, DOOR_ASKED, DOOR_READY } prepared;
	int64_t asked_at_ms; /* steady: prepared is DOOR_ASKED since */
	struct courier_backoff preparing;
	struct courier_crew crew;
	struct courier_in in;
	struct courier_out out;
	/* courier_resend.c; steady times */
	int64_t resend_look_at_ms, sent_since_ms;
	bool was_looked_at, is_measuring;
};

struct courier {
	struct self self;
	struct ev_loop *loop;
	struct broker *broker;
	struct courier_queue *queues;
	size_t queue_count;
	ev_async wake, outbox;      /* a signal; the bell of all outboxes */
	ev_timer tick;              /* once a second */
	ev_timer scan, hold;        /* the next scan of outboxes; the next look at held queues */
	ev_timer store_again, late; /* the store is out; the drain is over */
	int64_t store_backoff_ms, hold_ms, crew_at_ms;
	int64_t doubt_at_ms; /* steady: the last claim whose answer was lost; 0: none */
	int64_t claims;      /* that have taken anything */
	bool is_rung, is_stopping, is_broker_out;
	struct courier_bell *bell;
	struct courier_notices *notices;
	struct courier_depth *depths;
	size_t depth_count;
	ev_timer depth_look;
};

/* courier.c */
/* Tells the log; true where the act went well. After UNAVAILABLE everything is driven again soon.
 */
bool courier_note_store(
	struct courier *courier, bool ok, const char *what, const struct error *err);
/* True while the store is out: no act is tried. */
bool courier_is_store_out(const struct courier *courier);
/* Tells the log, once each, when the broker stops or starts to answer. */
void courier_note_broker(const struct courier_queue *queue, const struct error *err);
void courier_arm(struct courier *courier, ev_timer *timer, int64_t ms);
void courier_back_off(struct courier *courier, struct courier_backoff *backoff);
void courier_count(_Atomic uint64_t *counter, size_t more);
/* Begins whatever can begin; safe to call at any time. */
void courier_drive(struct courier_queue *queue);
/* Makes the queue known to the broker; true once it is. */
bool courier_prepare(struct courier_queue *queue);
/* While draining: ends the loop when nothing is under way. */
void courier_end_if_done(struct courier *courier);

/* courier_in.c */
void courier_in_open(struct courier_queue *queue);
void courier_in_drive(struct courier_queue *queue);
/* No further receive; what is received is still adopted and acked. */
void courier_in_stop(struct courier_queue *queue);
bool courier_in_is_busy(const struct courier_queue *queue);
void courier_in_close(struct courier_queue *queue);

/* courier_room.c */
/* How many messages may be taken in now; 0: none, and the queue is held. */
size_t courier_find_room(struct courier_queue *queue);
void courier_open_hold(struct courier *courier);
/* A queue whose workers are all paused, or that has none, takes nothing in. */
bool courier_is_worked_on(struct courier_queue *queue);

/* courier_out.c */
void courier_out_open(struct courier_queue *queue);
/* Sends what can be sent; while draining it only marks what has gone out. */
void courier_out_drive(struct courier_queue *queue);
bool courier_out_is_busy(const struct courier_queue *queue);
void courier_out_close(struct courier_queue *queue);

/* courier_address.c: what a FIFO queue needs beside the body. Owned. */
char *courier_name_group(const struct courier_queue *queue, const struct outgoing *row);
char *courier_name_dedup(const struct outgoing *row);

/* Text that fits as one of these. Owned. */
char *courier_fit_address(const char *text);

/* courier_notices.c: what was set aside for good goes to QUEUE-failed. */
void courier_notices_open(struct courier *courier);
/* Sends what is due, where memory shows that there may be something. */
void courier_notices_look(struct courier *courier);
bool courier_notices_are_busy(const struct courier *courier);
void courier_notices_close(struct courier *courier);

/* courier_resend.c */
void courier_resend_look(struct courier_queue *queue);

/* courier_depth.c: asks for depths that programs follow. */
void courier_depth_open(struct courier *courier);
void courier_depth_close(struct courier *courier);

/* courier_bell.c: a thread that waits for the bell of all outboxes and wakes the loop. */
struct courier_bell *courier_bell_create(struct courier *courier);
void courier_bell_destroy(struct courier_bell *bell);
