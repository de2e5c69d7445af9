#pragma once
/* What a new process does until it is the program: everything that a plan says, in an order in
 * which each step is still allowed. Private to process.c. */
#include "workers/process.h"

#define PROCESS_SHELL "/bin/sh"

enum step {
	STEP_START,
	STEP_ENTER,
	STEP_NICE,
	STEP_OOM,
	STEP_LIMIT,
	STEP_CGROUP,
	STEP_GROUPS,
	STEP_USER,
	STEP_FDS
};

/* What the child tells when it can't become the program. */
struct fault {
	enum step step;
	int number;   /* errno */
	size_t which; /* of the limits */
};

/* vfork; signals must be blocked. The child writes a fault to `report`, or the program runs and
 * `report` is closed. */
pid_t process_fork_and_become(const struct process_plan *plan, pid_t parent, int report);
