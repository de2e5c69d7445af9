/* Memory that is left; see room.h. */
#include "supervisor/room.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX      16384
#define KIB           INT64_C(1024)
#define RESERVE_SHARE 16
#define RESERVE_MAX   (KIB * KIB * KIB)
#define LIMIT_MAX     (INT64_MAX / 2) /* version 1 writes nearly 2^63 for no limit */
#define TREE_MAX      64              /* processes of one worker that are looked at */

static bool read_text(const char *path, char text[TEXT_MAX])
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* The number after a name that begins a line. */
static bool find_number(const char *text, const char *name, int64_t *out)
{
	size_t length = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0) {
			*out = strtoll(line + length, NULL, 10);
			return true;
		}
	}
	return false;
}

static int64_t less_reserve(int64_t left, int64_t whole)
{
	int64_t reserve = whole / RESERVE_SHARE;
	return left - (reserve < RESERVE_MAX ? reserve : RESERVE_MAX);
}

static int64_t read_machine(const char *root)
{
	char path[PATH_MAX], text[TEXT_MAX];
	int64_t total, available;
	snprintf(path, sizeof path, "%s/proc/meminfo", root);
	if (!read_text(path, text) || !find_number(text, "MemTotal:", &total) ||
		!find_number(text, "MemAvailable:", &available))
		return ROOM_UNKNOWN;
	return less_reserve(available * KIB, total * KIB);
}

/* The files of a memory controller. */
static const struct controller {
	const char *mount, *limit, *used, *cache;
} version_1 = { "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	"total_inactive_file " },
  version_2 = { "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file " };

static bool read_group_file(const char *root, const struct controller *controller,
	const char *group, const char *name, char text[TEXT_MAX])
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%s%s%s/%s", root, controller->mount, group, name);
	return length < (int)sizeof path && read_text(path, text);
}

static int64_t read_group(const char *root, const struct controller *controller, const char *group)
{
	char text[TEXT_MAX];
	int64_t cache = 0;
	/* "max" is version 2's word for none. */
	if (!read_group_file(root, controller, group, controller->limit, text) || text[0] == 'm')
		return ROOM_UNKNOWN;
	int64_t limit = strtoll(text, NULL, 10);
	if (limit >= LIMIT_MAX || !read_group_file(root, controller, group, controller->used, text))
		return ROOM_UNKNOWN;
	int64_t used = strtoll(text, NULL, 10);
	if (read_group_file(root, controller, group, "memory.stat", text))
		find_number(text, controller->cache, &cache);
	return less_reserve(limit - used + cache, limit);
}

static int64_t least(int64_t a, int64_t b)
{
	if (a == ROOM_UNKNOWN || b == ROOM_UNKNOWN)
		return a == ROOM_UNKNOWN ? b : a;
	return a < b ? a : b;
}

/* A limit may stand at any group above ours too. In a container the path may be the host's, and
 * only its end, the root, be there. */
static int64_t read_line_of_groups(
	const char *root, const struct controller *controller, char *group)
{
	int64_t left = ROOM_UNKNOWN;
	for (;;) {
		size_t length = strlen(group);
		if (length == 1)
			group[0] = '\0';
		left = least(left, read_group(root, controller, group));
		char *end = strrchr(group, '/');
		if (!end)
			return left;
		end[end == group] = '\0';
	}
}

/* Lines are "0::/PATH" and "NUMBER:CONTROLLERS:/PATH"; see cgroups(7). */
static int64_t read_groups(const char *root)
{
	char path[PATH_MAX], text[TEXT_MAX], *rest = text, *line;
	int64_t left = ROOM_UNKNOWN;
	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	if (!read_text(path, text))
		return left;
	while ((line = strsep(&rest, "\n"))) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group || group[1] != '/')
			continue;
		*group++ = '\0';
		if (strncmp(line, "0:", 2) == 0)
			left = least(left, read_line_of_groups(root, &version_2, group));
		else if (strcmp(controllers + 1, "memory") == 0)
			left = least(left, read_line_of_groups(root, &version_1, group));
	}
	return left;
}

int64_t room_free_bytes(const char *root)
{
	return least(read_machine(root), read_groups(root));
}

static int64_t weigh_private(const char *root, pid_t pid)
{
	char path[PATH_MAX], text[TEXT_MAX];
	long long resident, shared;
	snprintf(path, sizeof path, "%s/proc/%d/statm", root, (int)pid);
	if (!read_text(path, text) || sscanf(text, "%*d %lld %lld", &resident, &shared) != 2)
		return 0;
	return (resident - shared) * sysconf(_SC_PAGESIZE);
}

static int64_t weigh_share(const char *root, pid_t pid)
{
	char path[PATH_MAX], text[TEXT_MAX];
	int64_t kib;
	snprintf(path, sizeof path, "%s/proc/%d/smaps_rollup", root, (int)pid);
	if (read_text(path, text) && find_number(text, "Pss:", &kib))
		return kib * KIB;
	return weigh_private(root, pid);
}

/* Appends the children of a process; answers the new count. */
static size_t add_children(const char *root, pid_t *tree, size_t count, pid_t pid)
{
	char path[PATH_MAX], text[TEXT_MAX], *at = text;
	snprintf(path, sizeof path, "%s/proc/%d/task/%d/children", root, (int)pid, (int)pid);
	if (!read_text(path, text))
		return count;
	while (count < TREE_MAX) {
		char *end;
		long child = strtol(at, &end, 10);
		if (end == at)
			break;
		tree[count++] = (pid_t)child;
		at = end;
	}
	return count;
}

static int64_t weigh_tree(
	const char *root, pid_t pid, int64_t (*weigh_one)(const char *root, pid_t pid))
{
	pid_t tree[TREE_MAX] = { pid };
	int64_t bytes = 0;
	for (size_t i = 0, count = 1; i < count; i++) {
		bytes += weigh_one(root, tree[i]);
		count = add_children(root, tree, count, tree[i]);
	}
	return bytes;
}

int64_t room_weigh(const char *root, pid_t pid)
{
	return weigh_tree(root, pid, weigh_share);
}

int64_t room_weigh_roughly(const char *root, pid_t pid)
{
	return weigh_tree(root, pid, weigh_private);
}

int room_count(int64_t free_bytes, int64_t worker_bytes, int64_t coming_bytes)
{
	if (free_bytes <= coming_bytes)
		return 0;
	if (worker_bytes <= 0)
		return INT_MAX / 2;
	int64_t count = (free_bytes - coming_bytes) / worker_bytes;
	return count > INT_MAX / 2 ? INT_MAX / 2 : (int)count;
}
