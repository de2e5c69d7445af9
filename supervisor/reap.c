/* One waitpid loop for everything; see reap.h. */
#include "supervisor/reap.h"

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
		else if (pid > 0)
			orphans_forget(supervisor, pid);
	}
}
