#pragma once
/*
 * Starts what is due by the clock. Each keeper of a store does: an instant is started by whoever is
 * first to write so, together with the job or task itself, and by nobody else. What waits costs
 * nothing: schedules stand in the order of their next instants.
 */
#include "config/config.h"
#include "stores/store.h"

struct schedules;

/* Borrows the configuration. */
struct schedules *schedules_create(const struct config *config);
void schedules_destroy(struct schedules *schedules);

/*
 * Does what is due at this wall time, a bounded part of it. *wait_ms: until there is more to do (0:
 * at once); −1: never. UNAVAILABLE where the store can't be reached: nothing is lost, call it
 * again. What else goes wrong is logged, and that schedule is tried again in a minute.
 */
bool schedules_look(struct schedules *schedules, struct store *store, int64_t now_ms,
	int64_t *wait_ms, struct error *err);
