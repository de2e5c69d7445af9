#pragma once
/* Where a process stands: what it waits for, as far as the kernel lets us read it. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct whereabouts_life {
	char state;     /* as ps(1) shows it */
	uint64_t ticks; /* of CPU time */
};

/* False where the process is gone. */
bool whereabouts_read_life(pid_t pid, struct whereabouts_life *out);
/* State, wait channel, system call and stack in the kernel (which wants root) on one line, "-" for
 * what we may not read. Owned; NULL where the process is gone. */
char *whereabouts_describe(pid_t pid);
/* The first child of its first child, and so on: whom a shell waits for. */
pid_t whereabouts_innermost(pid_t pid);
