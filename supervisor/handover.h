#pragma once
/*
 * What a supervisor hands to the next program in its place, as JSON in a memfd: the numbers of the
 * descriptors that stay open over the exec, its places and their processes, what it remembers.
 *
 * Changing it: members are only added, and a reader takes a missing one as its default; what no
 * older reader could do without raises HANDOVER_VERSION, and then the older one refuses.
 */
#include "base/error.h"

#include <jansson.h>

#define HANDOVER_VERSION 1

struct supervisor;

/* The descriptors that are handed on, by name; each is the address of a member of the supervisor's.
 */
struct handover_descriptors {
	int board, log_ring, log_bell, bells, lifeline_read, lifeline_write, lock, control,
		depth_bell;
};
void handover_list(const struct supervisor *supervisor, struct handover_descriptors *out);
/* Whether an exec closes them. */
void handover_set_inherited(const struct handover_descriptors *descriptors, bool is_inherited);

/* Owned; NULL where the control socket's path is not UTF-8. */
json_t *handover_write(const struct supervisor *supervisor);

/* False where this program can't understand it: another version, another layout of what is shared,
 * a state of another process than `pid`. */
bool handover_check(const json_t *state, int pid, struct error *err);
bool handover_read_descriptors(
	const json_t *state, struct handover_descriptors *out, struct error *err);
/* Fills a supervisor that has its configuration, a loop, the scoreboard and fresh pools. Starts,
 * signals and reaps nobody. */
bool handover_restore(struct supervisor *supervisor, const json_t *state, struct error *err);
