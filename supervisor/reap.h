#pragma once
/* The one place that waits for processes: ours, and whatever became ours. */

struct supervisor;

/* Reaps all that have ended; each of our children gets EVENT_DIED. Never blocks. */
void reap_ended(struct supervisor *supervisor);
