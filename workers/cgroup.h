#pragma once
/*
 * A cgroup (version 2, cgroups(7)) for the handler of one worker: its memory is bounded by the
 * kernel, its OOM kills are its own, and all that it started can be killed in one step. The
 * supervisor makes the folder in which workers make theirs.
 */
#include <stdbool.h>
#include <stdint.h>

struct cgroup {
	char *path; /* NULL: none */
	int procs;  /* for processes that join it; -1: none */
};

/* Makes or takes over the cgroup of this name. False: the kernel or its owner does not allow it. */
bool cgroup_open(struct cgroup *cgroup, const char *parent, const char *name, int64_t memory);
/* Removes the cgroup, which must be empty. */
void cgroup_close(struct cgroup *cgroup);
/* memory.events, for process_read_oom_kills; -1 where there is none. */
int cgroup_open_events(const struct cgroup *cgroup);
/* SIGKILL for every process in it. */
void cgroup_kill(const char *folder);
bool cgroup_write(const char *folder, const char *file, const char *text);
