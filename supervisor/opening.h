#pragma once
/* Opening hours of queues: workers are drained where a window closes and started where it opens. */
struct supervisor;

/* Notes which queues are open, and wakes up when that changes next; the caller settles the pools.
 */
void opening_look(struct supervisor *supervisor);
void opening_stop(struct supervisor *supervisor);
