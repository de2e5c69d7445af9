/* Where a process stands, from /proc (proc(5)); see whereabouts.h. */
#include "base/whereabouts.h"

#include "base/memory.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 16

/* The name in parentheses may hold anything. */
bool whereabouts_read_life(pid_t pid, struct whereabouts_life *out)
{
	char path[64], text[1024];
	unsigned long long user, system;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	const char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			     &out->state, &user, &system) != 3)
		return false;
	out->ticks = user + system;
	return true;
}

/* The first bytes of a file under /proc on one line; "-" where we may not read it. */
static const char *read_line(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, out, size - 1);
	while (length > 0 && isspace((unsigned char)out[length - 1]))
		length--;
	if (length <= 0)
		return "-";
	out[length] = '\0';
	for (char *at = out; *at; at++)
		if (*at == '\n')
			*at = '|';
	return out;
}

char *whereabouts_describe(pid_t pid)
{
	char wchan[128], call[256], stack[1024];
	struct whereabouts_life life;
	if (!whereabouts_read_life(pid, &life))
		return NULL;
	return xprintf("state %c, wchan %s, syscall %s, stack %s", life.state,
		read_line(pid, "wchan", wchan, sizeof wchan),
		read_line(pid, "syscall", call, sizeof call),
		read_line(pid, "stack", stack, sizeof stack));
}

pid_t whereabouts_innermost(pid_t pid)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		char path[64], text[256];
		snprintf(path, sizeof path, "task/%d/children", (int)pid);
		int child = atoi(read_line(pid, path, text, sizeof text));
		if (child <= 0)
			break;
		pid = child;
	}
	return pid;
}
