#pragma once
/* Rolling replacement: workers end after their task and are started anew, one or a quarter of a
 * pool at a time; the next ones go when the new ones are ready. */
#include <stdbool.h>

struct supervisor;
struct pool;

void roll_init(struct supervisor *supervisor);
/* All present workers of the pool are to be replaced. */
void roll_pool(struct pool *pool);
void roll_processes(struct supervisor *supervisor);
/* Tells as many workers to end as may be missing just now. */
void roll_advance(struct supervisor *supervisor);
