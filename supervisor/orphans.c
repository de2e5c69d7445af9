/* The hunt for what dead workers left; see orphans.h. */
#include "supervisor/orphans.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/reap.h"
#include "supervisor/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ROUNDS_AT_ONCE   16
#define SWEEP_AGAIN_MS   5
#define PATIENCE_MS      5000
#define CHILDREN_AT_ONCE 4096

struct process {
	pid_t parent;
	uint64_t start_tick;
};

/* proc(5): the name in parentheses may hold anything, so the fields count from the last one. */
static bool read_process(pid_t pid, struct process *out)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	const char *rest = strrchr(text, ')');
	int parent;
	unsigned long long tick;
	if (!rest || sscanf(rest + 1,
			     " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			     " %*d %*d %llu",
			     &parent, &tick) != 2)
		return false;
	*out = (struct process){ .parent = parent, .start_tick = tick };
	return true;
}

uint64_t orphans_start_tick(pid_t pid)
{
	struct process process;
	return read_process(pid, &process) ? process.start_tick : 0;
}

/* Our children by the kernel's own list; false where it was built without CONFIG_PROC_CHILDREN. */
static bool list_children(pid_t **out, size_t *count)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	size_t room = 0;
	int pid;
	*out = NULL;
	*count = 0;
	while (fscanf(file, "%d", &pid) == 1) {
		*out = xgrow(*out, *count, &room, sizeof **out);
		(*out)[(*count)++] = pid;
	}
	fclose(file);
	return true;
}

/* The same by looking at every process. */
static void search_children(pid_t **out, size_t *count)
{
	DIR *proc = opendir("/proc");
	size_t room = 0;
	const struct dirent *entry;
	*out = NULL;
	*count = 0;
	while (proc && (entry = readdir(proc))) {
		struct process process;
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 0 || !read_process(pid, &process) || process.parent != getpid())
			continue;
		*out = xgrow(*out, *count, &room, sizeof **out);
		(*out)[(*count)++] = pid;
	}
	if (proc)
		closedir(proc);
}

static void find_children(pid_t **out, size_t *count)
{
	if (!list_children(out, count))
		search_children(out, count);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	orphans_sweep(timer->data);
}

void orphans_init(struct supervisor *supervisor)
{
	struct orphans *orphans = &supervisor->orphans;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	ev_init(&orphans->timer, on_again);
	orphans->timer.data = supervisor;
}

void orphans_note_inherited(struct supervisor *supervisor)
{
	struct orphans *orphans = &supervisor->orphans;
	find_children(&orphans->inherited, &orphans->inherited_count);
}

void orphans_forget(struct supervisor *supervisor, pid_t pid)
{
	struct orphans *orphans = &supervisor->orphans;
	for (size_t i = 0; i < orphans->inherited_count; i++)
		if (orphans->inherited[i] == pid)
			orphans->inherited[i] = orphans->inherited[--orphans->inherited_count];
}

void orphans_finish(struct supervisor *supervisor)
{
	ev_timer_stop(supervisor->loop, &supervisor->orphans.timer);
	free(supervisor->orphans.inherited);
}

static bool is_inherited(const struct orphans *orphans, pid_t pid)
{
	for (size_t i = 0; i < orphans->inherited_count; i++)
		if (orphans->inherited[i] == pid)
			return true;
	return false;
}

/* A descendant of a dead worker is younger than the worker; an older orphan is somebody else's. */
static bool is_left(const struct supervisor *supervisor, pid_t pid)
{
	if (pids_find(&supervisor->pids, pid) || is_inherited(&supervisor->orphans, pid) ||
		pid == supervisor->replace.pid)
		return false;
	struct process process;
	return !read_process(pid, &process) || process.start_tick >= supervisor->orphans.since_tick;
}

/* An orphan that leads a group takes its family with it, so that none has time to fork. Its pid,
 * and so the group's number, can't be another's before we reap it. */
static void kill_family(pid_t pid)
{
	if (getpgid(pid) == pid)
		kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}

static size_t kill_left(const struct supervisor *supervisor)
{
	OWNED(free) pid_t *children = NULL;
	size_t count, left = 0;
	find_children(&children, &count);
	for (size_t i = 0; i < count; i++)
		if (is_left(supervisor, children[i])) {
			kill_family(children[i]);
			left++;
		}
	return left;
}

static void end_hunt(struct supervisor *supervisor)
{
	supervisor->orphans.hunts = 0;
	ev_timer_stop(supervisor->loop, &supervisor->orphans.timer);
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		pool_raise(supervisor->processes[i], EVENT_CLEARED);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_raise(supervisor->pools[i], EVENT_CLEARED);
}

void orphans_hunt(struct supervisor *supervisor, const struct child *child)
{
	struct orphans *orphans = &supervisor->orphans;
	if (orphans->hunts++ == 0) {
		orphans->since_tick = child->start_tick;
		orphans->began_at_ms = clock_steady_ms();
	} else if (child->start_tick < orphans->since_tick) {
		orphans->since_tick = child->start_tick;
	}
}

static bool sweep_some(struct supervisor *supervisor)
{
	for (int round = 0; round < ROUNDS_AT_ONCE; round++) {
		if (kill_left(supervisor) == 0)
			return true;
		reap_ended(supervisor);
	}
	return false;
}

void orphans_sweep(struct supervisor *supervisor)
{
	struct orphans *orphans = &supervisor->orphans;
	if (orphans->hunts == 0)
		return;
	if (sweep_some(supervisor)) {
		end_hunt(supervisor);
	} else if (clock_steady_ms() - orphans->began_at_ms > PATIENCE_MS) {
		log_line(LOG_ERROR, "a dead worker's process can't be killed; going on without");
		end_hunt(supervisor);
	} else {
		ev_timer_stop(supervisor->loop, &orphans->timer);
		ev_timer_set(&orphans->timer, SWEEP_AGAIN_MS / 1000.0, 0);
		ev_timer_start(supervisor->loop, &orphans->timer);
	}
}
