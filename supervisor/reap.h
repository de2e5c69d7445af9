#pragma once
/* The one place that waits for processes: ours, and whatever became ours. */

struct supervisor;

/* Reaps all that have ended; each of our children gets EVENT_DIED. Never blocks. */
void reap_ended(struct supervisor *supervisor);
/* After an exec: whoever is no child of ours any more was reaped on the way, by a shell script in
 * front of the binary perhaps. He has died too. */
void reap_missing(struct supervisor *supervisor);
