/* The folder for cgroups of handlers; see confine.h. */
#include "supervisor/confine.h"

#include "base/log.h"
#include "base/memory.h"
#include "supervisor/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"

static bool write_file(const char *folder, const char *file, const char *text)
{
	OWNED(free) char *path = xprintf("%s/%s", folder, file);
	OWNED_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Owned; NULL where the kernel has no version 2, or mounts it elsewhere. */
static char *find_own(void)
{
	char line[4096];
	char *found = NULL;
	FILE *groups = fopen("/proc/self/cgroup", "re");
	while (groups && !found && fgets(line, sizeof line, groups)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) == 0)
			found = xprintf(ROOT "%s", line[4] ? line + 3 : "");
	}
	if (groups)
		fclose(groups);
	return found;
}

static bool has_memory(const char *folder)
{
	OWNED(free) char *path = xprintf("%s/cgroup.controllers", folder);
	char names[512] = "";
	FILE *file = fopen(path, "re");
	const bool is_read = file && fgets(names, sizeof names, file);
	if (file)
		fclose(file);
	char *rest = names;
	const char *name;
	while (is_read && (name = strsep(&rest, " \n")))
		if (strcmp(name, "memory") == 0)
			return true;
	return false;
}

static bool has_mark(const char *folder, const char *name)
{
	char value[4];
	return getxattr(folder, name, value, sizeof value) == 1 && value[0] == '1';
}

/* systemd marks what it delegates (Delegate=, systemd.resource-control(5)) and owns the rest. Where
 * it does not run, as in a container, what we can write is ours. */
static bool may_divide(const char *folder)
{
	return access("/run/systemd/system", F_OK) != 0 || has_mark(folder, "user.delegate") ||
	       has_mark(folder, "trusted.delegate");
}

static bool wants_memory(const struct config *config)
{
	for (size_t i = 0; i < config->queue_count; i++)
		if (config->queues[i].limits.memory > 0)
			return true;
	return false;
}

/* own/reeve.PID holds the groups of handlers, own/reeve.PID/main ourselves with our workers. */
static bool divide(const char *own, const char *folder, const char *main)
{
	if (mkdir(folder, 0755) == 0 && mkdir(main, 0755) == 0 &&
		write_file(main, "cgroup.procs", "0") &&
		write_file(own, "cgroup.subtree_control", "+memory") &&
		write_file(folder, "cgroup.subtree_control", "+memory"))
		return true;
	write_file(own, "cgroup.procs", "0");
	rmdir(main);
	rmdir(folder);
	return false;
}

void confine_init(struct supervisor *supervisor)
{
	if (!wants_memory(supervisor->config))
		return;
	OWNED(free) char *own = find_own();
	OWNED(free) char *folder = own ? xprintf("%s/reeve.%d", own, (int)getpid()) : NULL;
	OWNED(free) char *main = folder ? xprintf("%s/main", folder) : NULL;
	if (own && has_memory(own) && may_divide(own) && divide(own, folder, main)) {
		log_line(LOG_INFO, "limits.memory: handlers run in cgroups below %s", folder);
		supervisor->cgroup = GIVE(folder);
	} else {
		log_line(LOG_INFO, "limits.memory: no cgroup of version 2 with memory is ours to "
				   "divide; the memory of handlers is watched");
	}
}

void confine_kill(const struct supervisor *supervisor, const char *worker)
{
	if (!supervisor->cgroup)
		return;
	OWNED(free) char *folder = xprintf("%s/%s", supervisor->cgroup, worker);
	write_file(folder, "cgroup.kill", "1"); /* Linux 5.14; missing where no limit is set */
}

/* The groups of handlers were removed by their workers, or go with our own. */
void confine_finish(struct supervisor *supervisor)
{
	free(supervisor->cgroup);
	supervisor->cgroup = NULL;
}
