#pragma once
/* What the actions of the child table do in earnest: fork, signal, bury, tell. */
#include "supervisor/child.h"

extern const child_act acts_of_children[CHILD_ACTIONS];

/* The back-off timer's callback. */
void acts_on_due(struct ev_loop *loop, ev_timer *timer, int events);
/* Makes a worker look at its command and pause: SIGTERM, which means just that to a child. */
void acts_wake(const struct child *child);
