#pragma once
/*
 * What the supervisor's children share: signals, the lifeline, the store with its outages. A child
 * looks at its command between tasks and after each signal; a signal says no more than "look".
 */
#include "stores/store.h"
#include "workers/worker.h"

struct self {
	const struct worker_setup *setup;
	struct store *store;
	int64_t orphaned_at_ms; /* steady: when the supervisor was found gone; 0: it lives */
	int64_t out_since_ms;   /* steady: since when the store has not answered; 0: it answers */
	int64_t backoff_ms;     /* of the next try meanwhile */
};

/* After fork: signals, death signal, name of the process and of its log lines. */
void self_begin(struct self *self, const struct worker_setup *setup, const char *role);
/* Opens the store, and tries again while it is UNAVAILABLE, for at most patience_ms
 * (CONFIG_NO_LIMIT: for ever) or until told to end. */
bool self_open_store(struct self *self, int64_t patience_ms, struct error *err);
_Noreturn void self_end(struct self *self, enum worker_exit code);

/* The parent's command. Without a parent: DRAIN, and HALT when the grace is over. */
enum slot_command self_command(struct self *self);
bool self_is_paused(const struct self *self);
/* Called by the signal handler, beside what it does itself: for a process that sleeps in a loop of
 * its own. NULL ends it. */
void self_set_wake(void (*wake)(void));
/* Sleeps until the time is over, a signal came (also just before), or the supervisor has gone. */
void self_sleep(struct self *self, int64_t ms);

/* Tells the log when the store stops or starts to answer, once each. */
void self_note_store(struct self *self, bool ok, const struct error *err);
/*
 * `do ok = act(…); while (self_tries_again(self, ok, &err));` repeats an act while the store is
 * UNAVAILABLE, with back-off, until COMMAND_HALT.
 */
bool self_tries_again(struct self *self, bool ok, const struct error *err);
