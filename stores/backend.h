#pragma once
/* What the backends of stores/ share with each other, and with nobody else. */
#include "stores/store.h"

#define BACKEND_PUT_BACK_MAX 16   /* expired leases, and due rows, that one lease act puts back */
#define BACKEND_LIST_MAX     1000 /* rows of one page */
#define BACKEND_ENDING_PAGE  200  /* tasks of a cancelled job that one transaction ends */
/* When children of a cancelled job are due that a lease has met together: never, in 9999. They
 * leave there in pages, with the others of their job. */
#define BACKEND_NEVER_MS 253402300799000
/* Sent rows are kept by the number of their message, so that a page of those to be sent again is
 * found without passing over the others; from this number on they wait no longer. */
#define BACKEND_SENT_LEVELS 16

/* The trace entry of an attempt whose lease ended before its worker did. JSON text, owned. */
char *backend_lost_entry(const char *name, const char *queue, uint32_t attempt,
	int64_t leased_at_ms, int64_t ended_at_ms);

/* Why a job fails when nothing of it can run any more and `waiting` tasks still wait. Owned. */
char *backend_stuck_reason(int64_t waiting);

/* Whether messages of the queue go out one claim after another; see claim_unsent. */
bool backend_has_order(const char *queue);
/* From 0: where a row with this dispatch stands, and how long it is left alone. */
int backend_sent_level(uint32_t dispatch);
int64_t backend_resend_ms(int64_t after_ms, int level);

/*
 * How a rate is kept: tasks are counted by the slot of time that they are leased in, a fiftieth of
 * the rate's span each, and count until the span after their slot's end is over. So it takes at
 * most 51 numbers whatever the rate is, no span has more than the rate allows, and what is counted
 * lasts longer than it has to by 2 % of the span at most.
 */
struct backend_slots {
	int64_t width_ms;
	int64_t first, last; /* what counts now; last: that of this moment */
};
struct backend_slots backend_slots(int64_t rate_ms, int64_t now_ms);
/* Until what was leased in the slot does not count any more. */
int64_t backend_slot_ms(const struct backend_slots *slots, int64_t slot, int64_t now_ms);
#define BACKEND_SLOTS 51

/* The limit of the i-th queue of a request; all 0 where it has none. */
struct lease_limit backend_limit(const struct lease_request *request, size_t i);

/* The state that an outcome ends a task in; TASK_STATES where it does not end it. */
enum task_state backend_end_state(enum outcome outcome);

/* Refuses, as INVALID, what no backend can keep. */
bool backend_check_push(const struct push *push, struct error *err);
bool backend_check_submission(const struct submission *submission, struct error *err);
/* CONFLICT: the task in whose place the job would run goes on no more. Answers false. */
bool backend_refuse_place(const struct submission *submission, struct error *err);
bool backend_check_arrival(const struct arrival *arrival, struct error *err);
bool backend_check_firing(const struct firing *firing, struct error *err);
/* The heartbeat may be NULL. */
bool backend_check_beat(const struct heartbeat *beat, struct error *err);
