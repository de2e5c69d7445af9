#pragma once
/* What the actions of the child table do in earnest: fork, signal, bury, tell. */
#include "supervisor/child.h"

extern const child_act acts_of_children[CHILD_ACTIONS];

/* The back-off timer's callback. */
void acts_on_due(struct ev_loop *loop, ev_timer *timer, int events);
/* Makes a child with a slot look at its command and pause: SIGTERM, which means just that to a
 * child. One that is busy gets no signal: it looks by itself before its next task or rest. */
void acts_wake_idle(const struct child *child);
