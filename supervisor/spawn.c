/*
 * Fork. What must exist before it: owner id, slot, name. What the child must undo before anything
 * else: the lifeline's write end, our sockets and lock, the loop, the signals.
 */
#include "supervisor/spawn.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "supervisor/lock.h"
#include "supervisor/logring.h"
#include "supervisor/signals.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* These are for the supervisor; a handler that inherits them would speak in its name. */
static const char *const own_variables[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };

/* Signals are blocked until the end: none may reach a handler of the parent's in the child. */
static void leave_parent(struct supervisor *supervisor)
{
	close(supervisor->lifeline_write);
	control_server_forget(supervisor->server);
	if (supervisor->lock_fd >= 0)
		close(supervisor->lock_fd);
	close(supervisor->board_fd);
	close(supervisor->bells_fd);
	close(log_ring_memory(supervisor->ring));
	signals_finish(supervisor);
	ev_loop_destroy(supervisor->loop);
	for (size_t i = 0; i < ARRAY_SIZE(own_variables); i++)
		unsetenv(own_variables[i]);
}

static _Noreturn void become(struct child *child, const sigset_t *mask)
{
	struct supervisor *supervisor = child->pool->supervisor;
	const struct process_row *process = child->pool->process;
	leave_parent(supervisor);
	/* A group of its own: Ctrl-C in a terminal is for the supervisor, which then drains. */
	setpgid(0, 0);
	log_set_process(child->name);
	log_set_queue(child->pool->queue ? child->pool->name : NULL);
	atomic_store(&child->slot->pid, (int32_t)getpid());
	const struct worker_setup setup = {
		.config = supervisor->config,
		.queue = child->pool->queue,
		.board = supervisor->board,
		.slot = child->slot,
		.owner = child->owner,
		.name = child->name,
		.lifeline = supervisor->lifeline_read,
		.supervisor = getppid(),
		.cgroup = supervisor->cgroup,
		.bells = &supervisor->bells,
		.depth_bell = supervisor->scaler.bell_fd,
		.watch_idle = process && supervisor->options.until_idle,
		.idle_queues = supervisor->options.only,
		.idle_queue_count = supervisor->options.only_count,
	};
	/* What we may send it waits until it can take it: it unblocks when its handlers are set. */
	sigset_t at_first = *mask;
	sigaddset(&at_first, SIGTERM);
	sigaddset(&at_first, SIGUSR1);
	sigprocmask(SIG_SETMASK, &at_first, NULL);
	fault_set_role(process ? process->name : "worker");
	if (process)
		process->main(&setup);
	worker_main(&setup);
}

static void adopt(struct child *child, pid_t pid)
{
	child->pid = pid;
	child->forked_at_ms = clock_steady_ms();
	child->start_tick = orphans_start_tick(pid);
	atomic_store(&child->slot->pid, (int32_t)pid);
	pids_add(&child->pool->supervisor->pids, child);
	log_line(LOG_DEBUG, "%s: started, pid %d", child->name, (int)pid);
}

static pid_t fork_child(struct child *child)
{
	sigset_t all, mask;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid_t pid = fork();
	int reason = errno;
	if (pid == 0)
		become(child, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	errno = reason;
	return pid;
}

bool spawn_child(struct child *child)
{
	struct supervisor *supervisor = child->pool->supervisor;
	assert(!child->slot && !child->pid);
	ids_owner(child->owner);
	child->slot = slots_take(supervisor, child);
	if (!child->slot) {
		log_line(LOG_ERROR, "%s: no slot is free, %d processes are the most", child->name,
			SCOREBOARD_SLOTS);
		return false;
	}
	pid_t pid = fork_child(child);
	if (pid < 0) {
		log_line(LOG_ERROR, "%s: fork: %s", child->name, strerror(errno));
		slots_release(supervisor, child->slot);
		child->slot = NULL;
		return false;
	}
	adopt(child, pid);
	return true;
}
