#pragma once
/* How a child ended: described, logged, remembered, and told to the keeper. */
#include "supervisor/child.h"

#include <jansson.h>

struct supervisor;

/* "killed by signal 9 (SIGKILL)", "exited with 4 (the store could not be opened)"; answers out. */
char *deaths_describe(int exit_status, char out[SCOREBOARD_TEXT]);

/* At the reaping: logs and remembers the death. */
void deaths_note(struct child *child);

/*
 * When nothing that it started is left: puts the death on the ring for the keeper, adds its
 * counters to the pool's and frees its slot. Answers whether it had served well.
 */
bool deaths_tell(struct child *child);
/* True where it has committed a task or was ready for good_after. It has a slot. */
bool deaths_served_well(const struct child *child);

void deaths_init(struct supervisor *supervisor);
void deaths_finish(struct supervisor *supervisor);
/* True while the keeper has not handled every death, or has not even heard of it. */
bool deaths_are_open(const struct supervisor *supervisor);
/* For handover.h: what is remembered, and what the ring had no room for. Owned. */
json_t *deaths_write_notes(const struct supervisor *supervisor);
json_t *deaths_write_untold(const struct supervisor *supervisor);
bool deaths_restore_notes(struct supervisor *supervisor, const json_t *list, struct error *err);
/* After deaths_init. */
bool deaths_restore_untold(struct supervisor *supervisor, const json_t *list, struct error *err);
/* Tells what is untold, as far as the ring has room. */
void deaths_tell_waiting(struct supervisor *supervisor);
/* True where a worker ended between tasks because its queue's `recycle` says so: no death. */
bool deaths_is_recycling(const struct child *child);
