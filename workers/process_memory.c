/* How much memory our descendants use, from proc(5); see process.h. */
#include "workers/process.h"

#include "base/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KIB INT64_C(1024)

struct tree {
	pid_t *pids;
	size_t count, room;
};

static void add(struct tree *tree, pid_t pid)
{
	tree->pids = xgrow(tree->pids, tree->count, &tree->room, sizeof *tree->pids);
	tree->pids[tree->count++] = pid;
}

static void add_children_of_thread(struct tree *tree, pid_t pid, const char *thread)
{
	char path[80];
	int child;
	snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)pid, thread);
	FILE *file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		add(tree, child);
	if (file)
		fclose(file);
}

/* A child belongs to the thread that started it. */
static void add_children(struct tree *tree, pid_t pid)
{
	char path[64];
	const struct dirent *entry;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *threads = opendir(path);
	while (threads && (entry = readdir(threads)))
		if (isdigit((unsigned char)entry->d_name[0]))
			add_children_of_thread(tree, pid, entry->d_name);
	if (threads)
		closedir(threads);
}

/* The sum of two rows of a file under /proc, in bytes; -1 where it can't be read. */
static int64_t sum_rows(pid_t pid, const char *name, const char *first, const char *second)
{
	char path[64], line[256];
	long long kib;
	int64_t bytes = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		const bool is_one = strncmp(line, first, strlen(first)) == 0 ||
				    strncmp(line, second, strlen(second)) == 0;
		if (is_one && sscanf(line + strcspn(line, ":"), ": %lld", &kib) == 1)
			bytes = (bytes < 0 ? 0 : bytes) + kib * KIB;
	}
	if (file)
		fclose(file);
	return bytes;
}

static int64_t measure_resident(pid_t pid)
{
	return sum_rows(pid, "status", "VmRSS:", "VmSwap:");
}

static int64_t measure_share(pid_t pid)
{
	const int64_t bytes = sum_rows(pid, "smaps_rollup", "Pss:", "SwapPss:");
	return bytes >= 0 ? bytes : measure_resident(pid);
}

static int64_t add_up(const struct tree *tree, int64_t (*measure)(pid_t pid))
{
	int64_t sum = 0;
	for (size_t i = 0; i < tree->count; i++) {
		const int64_t bytes = measure(tree->pids[i]);
		sum += bytes > 0 ? bytes : 0; /* it may have ended meanwhile */
	}
	return sum;
}

int64_t process_measure_descendants(int64_t enough)
{
	struct tree tree = { 0 };
	add_children(&tree, getpid());
	for (size_t i = 0; i < tree.count; i++)
		add_children(&tree, tree.pids[i]);
	int64_t bytes = add_up(&tree, measure_resident);
	if (bytes > enough)
		bytes = add_up(&tree, measure_share);
	free(tree.pids);
	return bytes;
}

int64_t process_measure_self(void)
{
	const int64_t bytes = measure_share(getpid());
	return bytes > 0 ? bytes : 0;
}
