/*
 * Starting and ending programs; see process.h. What happens between fork and exec is in
 * process_become.c.
 */
#include "workers/process.h"

#include "base/memory.h"
#include "workers/process_become.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char shell_path[] = PROCESS_SHELL;

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

static pid_t start_with_signals_blocked(const struct process_plan *plan, int report)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	const pid_t pid = process_fork_and_become(plan, getpid(), report);
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

static bool name_start(
	const struct process_plan *plan, const char *why, int number, struct error *err)
{
	const char *program = plan->command->argv[0];
	const bool is_script =
		number == ENOENT && strchr(program, '/') && access(program, F_OK) == 0;
	return error_set(err, ERROR_NOT_FOUND, "cannot start %s: %s%s", program, why,
		is_script ? " (the interpreter that it names)" : "");
}

static bool name_fault(
	const struct process_plan *plan, const struct fault *fault, struct error *err)
{
	const char *why = strerror(fault->number);
	switch (fault->step) {
	case STEP_ENTER:
		return error_set(err, ERROR_INVALID, "cannot enter %s: %s", plan->cwd, why);
	case STEP_NICE:
		return error_set(err, ERROR_INVALID, "cannot set nice to %d: %s", plan->nice, why);
	case STEP_OOM:
		return error_set(err, ERROR_INVALID, "cannot set oom_score_adj to %d: %s",
			plan->oom_score_adj, why);
	case STEP_LIMIT:
		return error_set(err, ERROR_INVALID, "cannot set %s: %s",
			plan->limits[fault->which].name, why);
	case STEP_CGROUP:
		return error_set(err, ERROR_UNAVAILABLE, "cannot join its cgroup: %s", why);
	case STEP_GROUPS:
		return error_set(err, ERROR_INVALID, "cannot set groups: %s", why);
	case STEP_USER:
		return error_set(
			err, ERROR_INVALID, "cannot become user %s: %s", plan->owner.name, why);
	case STEP_FDS:
		return error_set(err, ERROR_UNAVAILABLE, "cannot hand on descriptors: %s", why);
	case STEP_START:
		break;
	}
	return name_start(plan, why, fault->number, err);
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
