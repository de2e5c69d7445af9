/*
 * Starting and ending programs; see process.h. The child of vfork shares our memory until it
 * executes: it runs with all signals blocked, allocates nothing and writes only to its own frame
 * and to the group's number, which the supervisor must know before the program can do anything.
 */
#include "workers/process.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#define DEFAULT_PATH      "/usr/local/bin:/usr/bin:/bin"
#define FDS_SEARCHED      65536 /* where close_range is not allowed */
#define EXIT_NOT_EXECUTED 127

static char shell_path[] = "/bin/sh";

enum step { STEP_START, STEP_ENTER, STEP_NICE, STEP_OOM, STEP_FDS };

/* What the child tells when it can't become the program. */
struct fault {
	enum step step;
	int number;
};

void process_command_init(struct process_command *command, char *const *prefix, size_t prefix_count,
	char *const *words, size_t count)
{
	const size_t total = prefix_count + count;
	command->argv = xcalloc(total + 1, sizeof *command->argv);
	for (size_t i = 0; i < total; i++)
		command->argv[i] = xstrdup(i < prefix_count ? prefix[i] : words[i - prefix_count]);
	command->shell_argv = xcalloc(total + 2, sizeof *command->shell_argv);
	command->shell_argv[0] = shell_path;
	for (size_t i = 1; i < total; i++)
		command->shell_argv[i + 1] = command->argv[i];
}

void process_command_finish(struct process_command *command)
{
	for (char **word = command->argv; word && *word; word++)
		free(*word);
	free(command->argv);
	free(command->shell_argv);
	*command = (struct process_command){ 0 };
}

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

static _Noreturn void give_up(int report, enum step step)
{
	const struct fault fault = { .step = step, .number = errno };
	ssize_t ignored = write(report, &fault, sizeof fault);
	(void)ignored;
	_exit(EXIT_NOT_EXECUTED);
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

static _Noreturn void become(const struct process_plan *plan, pid_t parent, int report)
{
	/* Not setsid(2): with autogroups (sched(7)) a session of its own voids nice. */
	setpgid(0, 0);
	if (plan->group)
		atomic_store(plan->group, getpid());
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NOT_EXECUTED);
	arrange_descriptors(plan, report);
	if (plan->cwd && chdir(plan->cwd) < 0)
		give_up(report, STEP_ENTER);
	if (plan->umask >= 0)
		umask((mode_t)plan->umask);
	if (plan->has_nice && setpriority(PRIO_PROCESS, 0, plan->nice) < 0)
		give_up(report, STEP_NICE);
	if (plan->has_oom_score_adj)
		set_oom_score_adj(plan->oom_score_adj, report);
	reset_signals();
	const char *path = find_variable(plan->environment, "PATH");
	errno = strchr(plan->command->argv[0], '/')
			? execute(plan, plan->command->argv[0])
			: search_and_execute(plan, path ? path : DEFAULT_PATH);
	give_up(report, STEP_START);
}

static __attribute__((noinline)) pid_t fork_and_become(
	const struct process_plan *plan, pid_t parent, int report)
{
	const pid_t pid = vfork();
	if (pid == 0)
		become(plan, parent, report);
	return pid;
}

static pid_t start_with_signals_blocked(const struct process_plan *plan, int report)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	const pid_t pid = fork_and_become(plan, getpid(), report);
	const int number = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = number;
	return pid;
}

/* False where the child reported why it did not become the program. */
static bool has_executed(int report, struct fault *fault)
{
	ssize_t got;
	do
		got = read(report, fault, sizeof *fault);
	while (got < 0 && errno == EINTR);
	return got != (ssize_t)sizeof *fault;
}

static bool name_fault(
	const struct process_plan *plan, const struct fault *fault, struct error *err)
{
	const char *program = plan->command->argv[0];
	const char *why = strerror(fault->number);
	switch (fault->step) {
	case STEP_ENTER:
		return error_set(err, ERROR_INVALID, "cannot enter %s: %s", plan->cwd, why);
	case STEP_NICE:
		return error_set(err, ERROR_INVALID, "cannot set nice to %d: %s", plan->nice, why);
	case STEP_OOM:
		return error_set(err, ERROR_INVALID, "cannot set oom_score_adj to %d: %s",
			plan->oom_score_adj, why);
	case STEP_FDS:
		return error_set(err, ERROR_UNAVAILABLE, "cannot hand on descriptors: %s", why);
	case STEP_START:
		break;
	}
	const bool is_script =
		fault->number == ENOENT && strchr(program, '/') && access(program, F_OK) == 0;
	return error_set(err, ERROR_NOT_FOUND, "cannot start %s: %s%s", program, why,
		is_script ? " (the interpreter that it names)" : "");
}

static bool wait_for_start(
	const struct process_plan *plan, int report, struct process *process, struct error *err)
{
	struct fault fault;
	struct process_end end;
	if (has_executed(report, &fault))
		return true;
	if (plan->group)
		atomic_store(plan->group, 0);
	process_reap(process, &end);
	return name_fault(plan, &fault, err);
}

int process_lift_fd(int fd)
{
	if (fd < 0 || fd >= PROCESS_FDS)
		return fd;
	const int lifted = fcntl(fd, F_DUPFD_CLOEXEC, PROCESS_FDS);
	close(fd);
	return lifted;
}

bool process_start(const struct process_plan *plan, struct process *out, struct error *err)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, ERROR_UNAVAILABLE, "pipe: %s", strerror(errno));
	OWNED_FD int reading = report[0];
	const int writing = process_lift_fd(report[1]);
	struct process process = { .pid = start_with_signals_blocked(plan, writing) };
	const int number = errno;
	close(writing);
	if (process.pid < 0)
		return error_set(err, ERROR_UNAVAILABLE, "fork: %s", strerror(number));
	if (!wait_for_start(plan, reading, &process, err))
		return false;
	*out = process;
	return true;
}

void process_signal(const struct process *process, int signal)
{
	if (process->pid > 0)
		kill(-process->pid, signal);
}

bool process_has_ended(const struct process *process)
{
	siginfo_t seen = { 0 };
	return waitid(P_PID, (id_t)process->pid, &seen, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       seen.si_pid != 0;
}

void process_reap(struct process *process, struct process_end *end)
{
	siginfo_t seen = { 0 };
	while (waitid(P_PID, (id_t)process->pid, &seen, WEXITED) < 0 && errno == EINTR)
		continue;
	const bool has_exited = seen.si_code == CLD_EXITED;
	*end = (struct process_end){ .exit_code = has_exited ? seen.si_status : -1,
		.signal = has_exited ? 0 : seen.si_status };
	process->pid = 0;
}
