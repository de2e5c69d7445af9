/* A cgroup for each handler; see cgroup.h. */
#include "workers/cgroup.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(const char *folder, const char *file, int flags)
{
	OWNED(free) char *path = xprintf("%s/%s", folder, file);
	return open(path, flags | O_CLOEXEC);
}

bool cgroup_write(const char *folder, const char *file, const char *text)
{
	OWNED_FD int fd = open_file(folder, file, O_WRONLY);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Memory and swap together are at most `memory`; over it all its processes die at once. Kernels
 * without swap accounting have no file for that. */
static bool set_memory(const char *folder, int64_t memory)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, memory);
	cgroup_write(folder, "memory.swap.max", "0");
	return cgroup_write(folder, "memory.oom.group", "1") &&
	       cgroup_write(folder, "memory.max", text);
}

bool cgroup_open(struct cgroup *cgroup, const char *parent, const char *name, int64_t memory)
{
	*cgroup = (struct cgroup){ .path = xprintf("%s/%s", parent, name), .procs = -1 };
	/* One that a dead worker of this name left is empty, and as good. */
	const bool is_there = mkdir(cgroup->path, 0755) == 0 || errno == EEXIST;
	if (is_there && set_memory(cgroup->path, memory))
		cgroup->procs = open_file(cgroup->path, "cgroup.procs", O_WRONLY);
	if (cgroup->procs >= 0)
		return true;
	cgroup_close(cgroup);
	return false;
}

int cgroup_open_events(const struct cgroup *cgroup)
{
	return open_file(cgroup->path, "memory.events", O_RDONLY);
}

void cgroup_kill(const char *folder)
{
	cgroup_write(folder, "cgroup.kill", "1"); /* Linux 5.14 */
}

void cgroup_close(struct cgroup *cgroup)
{
	if (cgroup->path)
		rmdir(cgroup->path);
	memory_close_fd(&cgroup->procs);
	free(cgroup->path);
	*cgroup = (struct cgroup){ .procs = -1 };
}
