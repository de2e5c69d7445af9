/* supervisor/room: how much memory is left, read from a made-up /proc and /sys, and from the real
 * ones. */
#include "base/memory.h"
#include "supervisor/room.h"
#include "tests/suite.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB INT64_C(1048576)
#define GIB (1024 * MIB)

static char root[64];

static void open_root(void)
{
	strcpy(root, "/tmp/reeve-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *walk)
{
	(void)at, (void)kind, (void)walk;
	return remove(path);
}

static void close_root(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text)
{
	OWNED(free) char *path = xprintf("%s%s", root, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *out = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs(text, out);
	fclose(out);
}

static void put_machine(void)
{
	put("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1048576 kB\n"
			     "MemAvailable:    4194304 kB\n");
}

static void nothing_to_read_is_unknown(void)
{
	open_root();
	CU_ASSERT_EQUAL(room_free_bytes(root), ROOM_UNKNOWN);
	close_root();
}

static void the_machine_leaves_what_is_available_above_a_reserve(void)
{
	open_root();
	put_machine();
	CU_ASSERT_EQUAL(room_free_bytes(root), 4 * GIB - GIB);
	put("/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 32768 kB\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), 32 * MIB - 64 * MIB);
	close_root();
}

static void a_group_of_version_2_leaves_its_limit_less_what_is_held(void)
{
	open_root();
	put_machine();
	put("/proc/self/cgroup", "0::/reeve.slice/reeve.service\n");
	put("/sys/fs/cgroup/reeve.slice/reeve.service/memory.max", "max\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), 3 * GIB);
	put("/sys/fs/cgroup/reeve.slice/reeve.service/memory.max", "536870912\n");
	put("/sys/fs/cgroup/reeve.slice/reeve.service/memory.current", "268435456\n");
	put("/sys/fs/cgroup/reeve.slice/reeve.service/memory.stat",
		"anon 1\nactive_file 5\ninactive_file 67108864\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), (512 - 256 + 64 - 32) * MIB);
	close_root();
}

static void a_limit_above_our_group_counts_too(void)
{
	open_root();
	put_machine();
	put("/proc/self/cgroup", "0::/reeve.slice/reeve.service\n");
	put("/sys/fs/cgroup/reeve.slice/memory.max", "167772160\n");
	put("/sys/fs/cgroup/reeve.slice/memory.current", "104857600\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), (160 - 100 - 10) * MIB);
	close_root();
}

static void in_a_container_the_limit_stands_at_the_root(void)
{
	open_root();
	put_machine();
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/memory.max", "167772160\n");
	put("/sys/fs/cgroup/memory.current", "0\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), 150 * MIB);
	put("/proc/self/cgroup", "0::/system.slice/docker-0123.scope\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), 150 * MIB);
	close_root();
}

static void groups_of_version_1_count(void)
{
	open_root();
	put_machine();
	put("/proc/self/cgroup", "8:pids:/a\n5:memory:/a/b\n0::/\n");
	put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "1\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), 3 * GIB);
	put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "167772160\n");
	put("/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "157286400\n");
	put("/sys/fs/cgroup/memory/a/b/memory.stat", "cache 5\ntotal_inactive_file 1048576\n");
	CU_ASSERT_EQUAL(room_free_bytes(root), (160 - 150 + 1 - 10) * MIB);
	close_root();
}

static void a_worker_weighs_what_it_and_its_descendants_share(void)
{
	open_root();
	put("/proc/10/smaps_rollup", "00400000-7fff ---p 00000000 00:00 0 [rollup]\n"
				     "Rss:  4096 kB\nPss:  1000 kB\nPss_Dirty: 7 kB\n");
	put("/proc/10/task/10/children", "11 12 ");
	put("/proc/11/smaps_rollup", "x\nPss: 200 kB\n");
	put("/proc/11/task/11/children", "13 ");
	put("/proc/13/smaps_rollup", "x\nPss: 30 kB\n");
	CU_ASSERT_EQUAL(room_weigh(root, 10), 1230 * 1024);
	/* 12 may not be looked into */
	put("/proc/12/statm", "1000 500 100 1 0 90 0\n");
	CU_ASSERT_EQUAL(room_weigh(root, 10), 1230 * 1024 + 400 * sysconf(_SC_PAGESIZE));
	CU_ASSERT_EQUAL(room_weigh_roughly(root, 10), 400 * sysconf(_SC_PAGESIZE));
	CU_ASSERT_EQUAL(room_weigh(root, 99), 0);
	close_root();
}

static void this_process_weighs_what_it_touches(void)
{
	int64_t before = room_weigh("", getpid());
	char *memory =
		mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(memory, MAP_FAILED);
	memset(memory, 1, 64 * MIB);
	int64_t after = room_weigh("", getpid());
	CU_ASSERT_TRUE(before > 0 && after - before >= 63 * MIB && after - before < 80 * MIB);
	munmap(memory, 64 * MIB);
	CU_ASSERT_NOT_EQUAL(room_free_bytes(""), ROOM_UNKNOWN);
}

static void room_is_what_fits_beside_those_that_will_take_theirs(void)
{
	CU_ASSERT_EQUAL(room_count(1000 * MIB, 100 * MIB, 0), 10);
	CU_ASSERT_EQUAL(room_count(1000 * MIB, 100 * MIB, 350 * MIB), 6);
	CU_ASSERT_EQUAL(room_count(1000 * MIB, 100 * MIB, 4000 * MIB), 0);
	CU_ASSERT_EQUAL(room_count(0, 100 * MIB, 0), 0);
	CU_ASSERT_EQUAL(room_count(-5, 0, 0), 0);
	CU_ASSERT_TRUE(room_count(1, 0, 0) > 1000000);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(nothing_to_read_is_unknown),
		SUITE_TEST(the_machine_leaves_what_is_available_above_a_reserve),
		SUITE_TEST(a_group_of_version_2_leaves_its_limit_less_what_is_held),
		SUITE_TEST(a_limit_above_our_group_counts_too),
		SUITE_TEST(in_a_container_the_limit_stands_at_the_root),
		SUITE_TEST(groups_of_version_1_count),
		SUITE_TEST(a_worker_weighs_what_it_and_its_descendants_share),
		SUITE_TEST(this_process_weighs_what_it_touches),
		SUITE_TEST(room_is_what_fits_beside_those_that_will_take_theirs),
	};
	return suite_run("room", tests, ARRAY_SIZE(tests));
}
