#pragma once
/* Whether the queue that a command names is one: acts on a name that is mistyped do nothing. */
#include "cli/session.h"

/* It is configured here, or a running supervisor serves it, or the store has something of it. Where
 * it is not, that is said, and *code is the exit code. */
bool known_queue(const struct session *session, const char *queue, int *code);
/* As that, and tasks can be in it: a pool that pulls others has none of its own. */
bool known_queue_of_tasks(const struct session *session, const char *queue, int *code);
