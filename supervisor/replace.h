#pragma once
/*
 * USR2: another binary in our place, under the same pid, with every worker, descriptor and lock as
 * they are. The binary first rehearses as a child, with a copy of the state and the configuration
 * of now; where it does not agree in time, all stays as it is. What the binary does is takeover.h.
 */
#include <stdbool.h>

struct supervisor;

void replace_init(struct supervisor *supervisor);
void replace_finish(struct supervisor *supervisor);
/* Starts a rehearsal. */
void replace_request(struct supervisor *supervisor);
/* Gives up what is on: the supervisor is stopping. */
void replace_cancel(struct supervisor *supervisor);
/* The rehearsal (supervisor->replace.pid) has ended. */
void replace_on_reaped(struct supervisor *supervisor, int exit_status);

/* True where the loop was left for replace_exec. */
bool replace_is_agreed(const struct supervisor *supervisor);
/* Outside the loop. Comes back only where it failed: then the loop goes on. */
void replace_exec(struct supervisor *supervisor);
