#pragma once
/* The priority of a task that is born: its descriptor's, else its queue's, else 0. */
#include "config/config.h"
#include "stores/store.h"
#include "workflow/workflow.h"

/* config: NULL where nobody knows the queues. */
void priority_fill(const struct config *config, const struct workflow *workflow,
	struct new_task *tasks, size_t count);
