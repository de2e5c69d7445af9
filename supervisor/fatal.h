#pragma once
/* `exit_on: fatal`: the supervisor ends, with exit code 1, when all workers of a queue have been in
 * slow probe for exit_after. Somebody above (systemd, a container's host) is then to act. */
#include <stdbool.h>

struct pool;

void fatal_init(struct pool *pool);
/* True where each worker of the pool dies again and again before it serves. */
bool fatal_is_failing(const struct pool *pool);
/* A worker of the pool has died: starts the wait, or ends it. */
void fatal_consider(struct pool *pool);
