#pragma once
/* What the supervisor knows, for `reeve status` and the log. */
#include <jansson.h>

struct pool;
struct supervisor;

/* Who keeps the queue's workers from taking tasks: "supervisor" (a command to this one), "store"
 * (a command for all hosts), "both"; NULL: nobody. */
const char *status_paused_by(const struct pool *pool);

/* The object that `reeve status --json` prints. Owned. */
json_t *status_describe(struct supervisor *supervisor);
/* The last deaths, oldest first: [{"at","worker","pid","cause","task"}]. Owned. */
json_t *status_deaths(const struct supervisor *supervisor);
/* One line per queue, then the last deaths, in the log. */
void status_log(struct supervisor *supervisor);
