#pragma once
/* The scoreboard's slots as a stack: taken before fork, given back after the death is told. */
#include "workers/scoreboard.h"

struct supervisor;
struct child;

void slots_init(struct supervisor *supervisor);
/* Free are those that no child has; false where two have one. */
bool slots_recount(struct supervisor *supervisor);
/* A clean slot that carries the child's owner and queue; NULL where all are taken. */
struct slot *slots_take(struct supervisor *supervisor, const struct child *child);
void slots_release(struct supervisor *supervisor, struct slot *slot);
