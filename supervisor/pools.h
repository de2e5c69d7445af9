#pragma once
/* All pools: made from the configuration, changed by a plan. */
#include "supervisor/plan.h"

struct supervisor;

/* A pool per queue that the options name; nothing is started. */
void pools_create(struct supervisor *supervisor);
void pools_destroy(struct supervisor *supervisor);
/* Built-in processes first, then every queue's workers. */
void pools_start(struct supervisor *supervisor);
/* Follows a reload; supervisor->config is the new one already. Overrides of counts end. */
void pools_apply(struct supervisor *supervisor, const struct plan *plan);
/* The pool of a built-in process or a queue; one of a removed queue where this version has no such
 * process, or the configuration no such queue. */
struct pool *pools_find_or_remove(struct supervisor *supervisor, const char *name, bool is_process);
/* Gives up free places and pools that were removed and have ended. */
void pools_tidy(struct supervisor *supervisor);
