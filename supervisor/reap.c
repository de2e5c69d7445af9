/* One waitpid loop for everything; see reap.h. */
#include "supervisor/reap.h"

#include "supervisor/replace.h"
#include "supervisor/state.h"

#include <errno.h>
#include <sys/wait.h>

static void bury(struct supervisor *supervisor, struct child *child, int status)
{
	child->exit_status = status;
	pids_remove(&supervisor->pids, child);
	child_handle(child, EVENT_DIED);
	child->pid = 0;
}

void reap_ended(struct supervisor *supervisor)
{
	int status = 0;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR)) {
		struct child *child = pid > 0 ? pids_find(&supervisor->pids, pid) : NULL;
		if (child)
			bury(supervisor, child, status);
		else if (pid > 0 && pid == supervisor->replace.pid)
			replace_on_reaped(supervisor, status);
		else if (pid > 0)
			orphans_forget(supervisor, pid);
	}
}

static bool is_missing(const struct child *child)
{
	siginfo_t unused;
	return child->pid &&
	       waitid(P_PID, (id_t)child->pid, &unused, WEXITED | WNOHANG | WNOWAIT) &&
	       errno == ECHILD;
}

static void bury_missing(struct supervisor *supervisor, const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (is_missing(pool->children[i]))
			bury(supervisor, pool->children[i], W_EXITCODE(WORKER_EXIT_INTERNAL, 0));
}

void reap_missing(struct supervisor *supervisor)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		bury_missing(supervisor, supervisor->processes[i]);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		bury_missing(supervisor, supervisor->pools[i]);
}
