#pragma once
/*
 * Starts one program in a process group of its own, and ends it with everything that it started.
 * The caller must be single-threaded: the program dies with the thread that started it.
 */
#include "base/error.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define PROCESS_FDS 4 /* standard input, output, error, and one descriptor for messages */

/* An argument vector that is ready to be executed. */
struct process_command {
	char **argv;       /* NULL-terminated */
	char **shell_argv; /* "/bin/sh", a free word, argv[1] …: for a script without "#!" */
};

/* Who the program runs as. */
struct process_owner {
	const char *name; /* NULL: our own user, and uid and gid mean nothing */
	uid_t uid;
	gid_t gid;
	bool has_groups; /* false: our own */
	const gid_t *groups;
	size_t group_count;
};

/* One of setrlimit(2). */
struct process_limit {
	const char *name; /* for messages: "limits.nofile" */
	int resource;
	struct rlimit value;
};

struct process_plan {
	const struct process_command *command;
	char *const *environment; /* its PATH is searched */
	struct process_owner owner;
	const char *cwd; /* NULL: ours; entered as the owner */
	int umask;       /* -1: ours */
	bool has_nice;
	int nice;
	bool has_oom_score_adj;
	int oom_score_adj;
	const struct process_limit *limits;
	size_t limit_count;
	int cgroup;           /* the open cgroup.procs to join (cgroups(7)); -1: ours */
	int fds[PROCESS_FDS]; /* they become 0, 1, 2, 3; each ≥ PROCESS_FDS, the last may be -1 */
	_Atomic int32_t *group; /* receives the process group before the program runs; or NULL */
};

struct process {
	pid_t pid; /* and process group; 0: none */
};

/* How a process ended. */
struct process_end {
	int exit_code; /* -1 where a signal ended it */
	int signal;    /* 0 where it exited */
};

/* Copies the words of both lists one after the other; finished with process_command_finish. */
void process_command_init(struct process_command *command, char *const *prefix, size_t prefix_count,
	char *const *words, size_t count);
void process_command_finish(struct process_command *command);

/* The same open file under a number ≥ PROCESS_FDS, out of the way of a program's own descriptors;
 * the old number is closed. -1 where there is none left. */
int process_lift_fd(int fd);

/*
 * Starts the program and answers once it runs. Where it can't be executed: false, and err names
 * the program and the reason.
 */
bool process_start(const struct process_plan *plan, struct process *out, struct error *err);

/* Sends a signal to the whole group. Only before process_reap: the number is ours until then. */
void process_signal(const struct process *process, int signal);

/* True once it only waits for process_reap. SIGCHLD tells when to look. */
bool process_has_ended(const struct process *process);

/* Collects a process that has ended (waits where it has not). */
void process_reap(struct process *process, struct process_end *end);

/*
 * Kills and reaps every child of ours except `keep` (0: none) and the children that are handed to
 * us thereby, until none is left; gives up after two seconds and answers false. We must be a child
 * subreaper, or what was handed up is out of reach.
 */
bool process_sweep(pid_t keep);
/* Reaps children that have ended by themselves, except these two (0: none); kills nothing. */
void process_reap_strays(pid_t keep, pid_t keep_too);

/* How often the kernel's OOM killer struck in our cgroup (version 2); -1 where nobody counts. */
int process_open_oom_events(void);
int64_t process_read_oom_kills(int events);

/*
 * The memory of all our descendants, in bytes, swapped pages included: what is resident, or, where
 * that is more than `enough`, the proportional share (which needs more time to find out, but does
 * not count shared pages twice). Linux, proc(5).
 */
int64_t process_measure_descendants(int64_t enough);
/* The same of our own process alone. */
int64_t process_measure_self(void);
