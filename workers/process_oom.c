/*
 * The kernel's count of OOM kills in our cgroup, to tell them from other SIGKILLs. Only cgroup
 * version 2 keeps it in a place that a process finds by itself (cgroups(7), memory.events).
 */
#include "workers/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

int process_open_oom_events(void)
{
	char path[4096 + sizeof CGROUP_ROOT + sizeof "/memory.events"];
	char line[4096];
	int events = -1;
	FILE *groups = fopen("/proc/self/cgroup", "re");
	while (groups && events < 0 && fgets(line, sizeof line, groups)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		snprintf(path, sizeof path, CGROUP_ROOT "%s/memory.events", line + 3);
		events = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (groups)
		fclose(groups);
	return events;
}

int64_t process_read_oom_kills(int events)
{
	char text[512];
	const ssize_t got = events < 0 ? -1 : pread(events, text, sizeof text - 1, 0);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	const char *row = strstr(text, "oom_kill ");
	return row ? strtoll(row + strlen("oom_kill "), NULL, 10) : -1;
}
