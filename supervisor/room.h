#pragma once
/*
 * Memory: what a worker with its handler takes, and how many more of them fit. Read from proc(5)
 * and from the memory controllers of cgroups of both versions. `root` is "" but in tests, where it
 * stands before /proc and /sys.
 */
#include <stdint.h>
#include <sys/types.h>

#define ROOM_UNKNOWN INT64_MIN

/*
 * Bytes that may still be taken without touching the reserve, which is a sixteenth of the whole but
 * at most 1 GiB: the least of MemAvailable and of what the limits of our cgroups leave (the page
 * cache can be given up and does not count as taken). Below 0: the reserve is touched.
 * ROOM_UNKNOWN where nothing can be read.
 */
int64_t room_free_bytes(const char *root);

/* The proportional share of a process and its descendants; of a process that may not be looked
 * into its private pages, by statm. 0: it is gone. */
int64_t room_weigh(const char *root, pid_t pid);
/* Their private pages only, which costs next to nothing to read. */
int64_t room_weigh_roughly(const char *root, pid_t pid);

/* How many more workers of this weight fit, when those that are there are still to take
 * coming_bytes; 0 and more. */
int room_count(int64_t free_bytes, int64_t worker_bytes, int64_t coming_bytes);
