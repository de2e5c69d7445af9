#pragma once
/*
 * The end: every worker ends after its task; at grace − kill_after those that are left give theirs
 * back; at the grace's end they are killed. The keeper and the listener go last: it handles their
 * deaths.
 */
#include <stdbool.h>

struct supervisor;

void drain_init(struct supervisor *supervisor);
/* TERM, INT, `stop`, nothing left to do. A second call changes nothing. */
void drain_begin(struct supervisor *supervisor);
/* QUIT: everything at once. */
void drain_kill(struct supervisor *supervisor);
/* Takes the next step where the workers (or the keeper) are gone; called when places get free. */
void drain_advance(struct supervisor *supervisor);
