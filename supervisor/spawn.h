#pragma once
/* Fork without exec: the child becomes a worker or a built-in process and never comes back. */
#include "supervisor/child.h"

/* False (and a line in the log) where there is no slot or the kernel refuses. */
bool spawn_child(struct child *child);
