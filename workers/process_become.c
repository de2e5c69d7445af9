/*
 * From fork to exec; see process_become.h. The child of vfork shares our memory until it executes:
 * it runs with all signals blocked, allocates nothing and writes only to its own frame and to the
 * group's number, which the supervisor must know before the program can do anything. Its
 * credentials are changed by bare system calls, because those of libc would change every thread
 * that shares the memory.
 */
#include "workers/process_become.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#define DEFAULT_PATH      "/usr/local/bin:/usr/bin:/bin"
#define FDS_SEARCHED      65536 /* where close_range is not allowed */
#define EXIT_NOT_EXECUTED 127

static char shell_path[] = PROCESS_SHELL;

static const char *find_variable(char *const *environment, const char *name)
{
	const size_t length = strlen(name);
	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static int execute(const struct process_plan *plan, const char *path)
{
	execve(path, plan->command->argv, plan->environment);
	if (errno == ENOEXEC) {
		memcpy(&plan->command->shell_argv[1], &path, sizeof path);
		execve(shell_path, plan->command->shell_argv, plan->environment);
	}
	return errno;
}

/* Tries each folder of PATH as execvp(3) does, but that of the program's own environment. */
static int search_and_execute(const struct process_plan *plan, const char *path)
{
	const char *name = plan->command->argv[0];
	int told = ENOENT;
	for (;;) {
		char candidate[PATH_MAX];
		const size_t length = strcspn(path, ":");
		if (length + strlen(name) + 2 <= sizeof candidate) {
			memcpy(candidate, path, length);
			candidate[length] = '/';
			strcpy(candidate + length + (length > 0), name);
			const int number = execute(plan, candidate);
			if (number == EACCES)
				told = EACCES;
			else if (number != ENOENT && number != ENOTDIR)
				return number;
		}
		if (path[length] == '\0')
			return told;
		path += length + 1;
	}
}

static _Noreturn void give_up_at(int report, enum step step, size_t which)
{
	const struct fault fault = { .step = step, .number = errno, .which = which };
	ssize_t ignored = write(report, &fault, sizeof fault);
	(void)ignored;
	_exit(EXIT_NOT_EXECUTED);
}

static _Noreturn void give_up(int report, enum step step)
{
	give_up_at(report, step, 0);
}

/* Everything above the program's own descriptors closes when it is executed. */
static void hide_descriptors(int first)
{
	if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = first; fd < FDS_SEARCHED; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void arrange_descriptors(const struct process_plan *plan, int report)
{
	int first = PROCESS_FDS;
	for (int fd = 0; fd < PROCESS_FDS; fd++)
		if (plan->fds[fd] < 0)
			first = fd;
		else if (dup2(plan->fds[fd], fd) < 0)
			give_up(report, STEP_FDS);
	hide_descriptors(first);
}

/* proc(5): the file of a process that is not dumpable belongs to root; until execve we share that
 * mark with the parent. */
static int open_own_oom_score_adj(void)
{
	const int dumpable = prctl(PR_GET_DUMPABLE);
	if (dumpable == 0)
		prctl(PR_SET_DUMPABLE, 1);
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (dumpable == 0)
		prctl(PR_SET_DUMPABLE, 0);
	return fd;
}

static void set_oom_score_adj(int value, int report)
{
	char text[16];
	const int length = snprintf(text, sizeof text, "%d", value);
	const int fd = open_own_oom_score_adj();
	if (fd < 0 || write(fd, text, (size_t)length) != length)
		give_up(report, STEP_OOM);
	close(fd);
}

/* What was ignored stays ignored over exec, and no handler of ours may run on shared memory. */
static void reset_signals(void)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &standard, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Where the worker died before this took effect, nobody would end us. */
static void die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_NOT_EXECUTED);
}

/* What only the user that reeve runs as may do. */
static void set_bounds(const struct process_plan *plan, int report)
{
	if (plan->cgroup >= 0 && write(plan->cgroup, "0", 1) < 0)
		give_up(report, STEP_CGROUP);
	for (size_t i = 0; i < plan->limit_count; i++)
		if (setrlimit((__rlimit_resource_t)plan->limits[i].resource,
			    &plan->limits[i].value) < 0)
			give_up_at(report, STEP_LIMIT, i);
	if (plan->has_nice && setpriority(PRIO_PROCESS, 0, plan->nice) < 0)
		give_up(report, STEP_NICE);
	if (plan->has_oom_score_adj)
		set_oom_score_adj(plan->oom_score_adj, report);
}

static void change_owner(const struct process_owner *owner, int report)
{
	if (owner->has_groups && syscall(SYS_setgroups, owner->group_count, owner->groups) < 0)
		give_up(report, STEP_GROUPS);
	if (owner->name && (syscall(SYS_setresgid, owner->gid, owner->gid, owner->gid) < 0 ||
				   syscall(SYS_setresuid, owner->uid, owner->uid, owner->uid) < 0))
		give_up(report, STEP_USER);
}

/* As the user that the program runs as: it is this one's rights that count. */
static void take_place(const struct process_plan *plan, int report)
{
	if (plan->cwd && chdir(plan->cwd) < 0)
		give_up(report, STEP_ENTER);
	if (plan->umask >= 0)
		umask((mode_t)plan->umask);
}

static _Noreturn void become(const struct process_plan *plan, pid_t parent, int report)
{
	/* Not setsid(2): with autogroups (sched(7)) a session of its own voids nice. */
	setpgid(0, 0);
	if (plan->group)
		atomic_store(plan->group, getpid());
	die_with(parent);
	set_bounds(plan, report);
	arrange_descriptors(plan, report);
	change_owner(&plan->owner, report);
	die_with(parent); /* prctl(2): a change of user has cleared it */
	take_place(plan, report);
	reset_signals();
	const char *path = find_variable(plan->environment, "PATH");
	errno = strchr(plan->command->argv[0], '/')
			? execute(plan, plan->command->argv[0])
			: search_and_execute(plan, path ? path : DEFAULT_PATH);
	give_up(report, STEP_START);
}

__attribute__((noinline)) pid_t process_fork_and_become(
	const struct process_plan *plan, pid_t parent, int report)
{
	const pid_t pid = vfork();
	if (pid == 0)
		become(plan, parent, report);
	return pid;
}
