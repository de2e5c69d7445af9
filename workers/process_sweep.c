/*
 * Ends what a program left behind: descendants that moved to other groups or sessions come to us
 * when their parent dies, because we are a child subreaper (prctl(2)).
 */
#include "workers/process.h"

#include "base/clock.h"
#include "base/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS   2000
#define LIST_BYTES    4096
#define FIRST_PAUSE   50000   /* ns */
#define LONGEST_PAUSE 5000000 /* ns */

struct pids {
	pid_t *list;
	size_t count, room;
};

static void add_pid(struct pids *pids, pid_t pid)
{
	pids->list = xgrow(pids->list, pids->count, &pids->room, sizeof *pids->list);
	pids->list[pids->count++] = pid;
}

/* proc(5): the numbers of the children, each followed by a space. */
static bool read_children_file(struct pids *pids)
{
	OWNED_FD int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	char part[LIST_BYTES];
	ssize_t got;
	pid_t number = 0;
	while ((got = read(fd, part, sizeof part)) > 0)
		for (ssize_t i = 0; i < got; i++) {
			if (isdigit((unsigned char)part[i]))
				number = number * 10 + (part[i] - '0');
			else if (number > 0)
				add_pid(pids, number);
			if (!isdigit((unsigned char)part[i]))
				number = 0;
		}
	return got == 0;
}

/* proc(5): "pid (name) state ppid …"; the name may contain anything. */
static pid_t parent_of(const char *pid)
{
	char path[64], line[512];
	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
	if (got <= 0)
		return -1;
	line[got] = '\0';
	const char *rest = strrchr(line, ')');
	int parent;
	return rest && sscanf(rest + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : -1;
}

/* For kernels without the list of children (CONFIG_PROC_CHILDREN). */
static void search_all_processes(struct pids *pids)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
			parent_of(entry->d_name) == getpid())
			add_pid(pids, (pid_t)atoi(entry->d_name));
	if (proc)
		closedir(proc);
}

/* Kills every child but `keep`; answers how many are not gone yet. */
static size_t kill_children(pid_t keep)
{
	struct pids pids = { 0 };
	size_t left = 0;
	if (!read_children_file(&pids)) {
		pids.count = 0;
		search_all_processes(&pids);
	}
	for (size_t i = 0; i < pids.count; i++) {
		if (pids.list[i] == keep)
			continue;
		kill(pids.list[i], SIGKILL);
		left++;
		waitpid(pids.list[i], NULL, WNOHANG);
	}
	free(pids.list);
	return left;
}

static bool has_children(void)
{
	siginfo_t seen;
	return waitid(P_ALL, 0, &seen, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void process_reap_strays(pid_t keep, pid_t keep_too)
{
	for (;;) {
		siginfo_t seen = { 0 };
		if (waitid(P_ALL, 0, &seen, WEXITED | WNOHANG | WNOWAIT) < 0 || seen.si_pid == 0 ||
			seen.si_pid == keep || seen.si_pid == keep_too)
			return;
		waitpid(seen.si_pid, NULL, WNOHANG);
	}
}

bool process_sweep(pid_t keep)
{
	const int64_t until = clock_steady_ms() + PATIENCE_MS;
	long pause = FIRST_PAUSE;
	while (has_children()) {
		/* A list that is read while it changes may be short: where nobody is to be kept,
		 * only wait(2) says that nobody is left. */
		if (kill_children(keep) == 0 && keep != 0)
			return true;
		if (clock_steady_ms() >= until)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = pause }, NULL);
		pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
	return true;
}
