#pragma once
/* The built-in processes beside the workers: one row each, one pool of one child each. */
#include "config/config.h"
#include "workers/worker.h"

enum process_kind { PROCESS_KEEPER, PROCESS_LISTENER, PROCESS_COURIER, PROCESS_KINDS };

struct process_row {
	const char *name;
	void (*main)(const struct worker_setup *setup); /* never returns */
	bool (*is_wanted)(const struct config *config);
	bool is_first; /* told to end with the workers; the others go when those are gone */
	bool holds;    /* what it holds in the store is released at any end of it */
};
extern const struct process_row processes[PROCESS_KINDS];
