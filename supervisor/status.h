#pragma once
/* What the supervisor knows, for `reeve status` and the log. */
#include <jansson.h>

struct supervisor;

/* The object that `reeve status --json` prints. Owned. */
json_t *status_describe(struct supervisor *supervisor);
/* The last deaths, oldest first: [{"at","worker","pid","cause","task"}]. Owned. */
json_t *status_deaths(const struct supervisor *supervisor);
/* One line per queue, then the last deaths, in the log. */
void status_log(struct supervisor *supervisor);
