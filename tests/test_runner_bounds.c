/* workers/runner*: who a handler is and what it may use. */
#include "tests/runner_fixture.h"
#include "tests/suite.h"

#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static void open_shell(struct fixture *fixture, const char *script)
{
	static const char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	argv[2] = script;
	fixture_open(fixture, PROTOCOL_EXEC, argv);
}

static void become_nobody(struct fixture *fixture, gid_t *groups, size_t count)
{
	fixture->queue.user = (struct config_user){ .name = WORD("nobody"),
		.uid = NOBODY,
		.gid = NOBODY,
		.login = WORD("nobody"),
		.home = WORD("/nonexistent"),
		.shell = WORD("/usr/sbin/nologin"),
		.groups = groups,
		.group_count = count };
}

static void a_handler_runs_as_its_user_with_the_groups_of_it(void)
{
	struct fixture fixture;
	gid_t own[] = { NOBODY, 4 }, other[] = { 2, 3 };
	if (geteuid() != 0)
		return;
	open_shell(&fixture, "printf '{\"done\":\"%s %s %s\"}' \"$(id -u)\" \"$(id -g)\" "
			     "\"$(id -G)\" >&3");
	become_nobody(&fixture, own, ARRAY_SIZE(own));
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "\"65534 65534 65534 4\"");
	fixture.queue.groups = (struct config_groups){
		.names = (char *[]){ NULL }, .ids = other, .count = ARRAY_SIZE(other)
	};
	fixture_run(&fixture, TASK, 2);
	fixture_expect_done(&fixture, "\"65534 65534 65534 2 3\"");
	fixture.queue.groups.count = 0;
	fixture_run(&fixture, TASK, 3);
	fixture_expect_done(&fixture, "\"65534 65534 65534\"");
	CU_ASSERT_EQUAL(geteuid(), 0);
	fixture_close(&fixture);
}

static void a_handler_of_another_user_opens_its_output_anew(void)
{
	struct fixture fixture;
	if (geteuid() != 0)
		return;
	open_shell(&fixture, "echo out >/dev/stdout && echo err >/dev/stderr && "
			     "echo '{\"done\":1}' >/dev/fd/3");
	become_nobody(&fixture, NULL, 0);
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "1");
	CU_ASSERT_STRING_EQUAL(fixture.result.output, "out\nerr\n");
	fixture_close(&fixture);
}

static void the_folder_is_entered_with_the_rights_of_the_user(void)
{
	struct fixture fixture;
	char folder[] = "/tmp/reeve-closed-XXXXXX";
	if (geteuid() != 0 || !mkdtemp(folder))
		return;
	OWNED(free) char *message = xprintf("cannot enter %s: Permission denied", folder);
	open_shell(&fixture, "exit 0");
	become_nobody(&fixture, NULL, 0);
	fixture.queue.cwd = folder;
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_BROKEN, message);
	fixture_close(&fixture);
	rmdir(folder);
}

/* In a child: what it gives up does not come back. */
static void without_root(void (*act)(void))
{
	const pid_t pid = fork();
	int status = 0;
	if (pid == 0) {
		unsigned before = CU_get_number_of_failures();
		if (geteuid() == 0 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
			_exit(2);
		act();
		_exit(CU_get_number_of_failures() == before ? 0 : 1);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static void try_to_become_root(void)
{
	struct fixture fixture;
	gid_t none[] = { 0 };
	open_shell(&fixture, "exit 0");
	fixture.queue.user = (struct config_user){ .name = WORD("root"), .login = WORD("root") };
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_BROKEN, "cannot set groups: Operation not permitted");
	become_nobody(&fixture, NULL, 0); /* itself: that is no change */
	fixture.queue.user.uid = geteuid();
	fixture_run(&fixture, TASK, 2);
	fixture_expect(&fixture, RUN_DONE, "");
	fixture.queue.groups = (struct config_groups){ .names = (char *[]){ NULL }, .ids = none };
	fixture_run(&fixture, TASK, 3);
	fixture_expect(&fixture, RUN_BROKEN, "cannot set groups: Operation not permitted");
	fixture.queue.groups.names = NULL;
	fixture.queue.has_nice = true;
	fixture.queue.nice = -20;
	fixture_run(&fixture, TASK, 4);
	fixture_expect(&fixture, RUN_BROKEN, "cannot set nice to -20: Permission denied");
	fixture_close(&fixture);
}

static void without_root_another_user_is_a_named_failure(void)
{
	without_root(try_to_become_root);
}

/* The handler's pid as it wrote it; 0 where it did not within 10 s. */
static pid_t await_pid(const char *path)
{
	for (int round = 0; round < 1000; round++) {
		int pid = 0;
		FILE *file = fopen(path, "r");
		const bool is_there = file && fscanf(file, "%d\n", &pid) == 1;
		if (file)
			fclose(file);
		if (is_there)
			return (pid_t)pid;
		usleep(10000);
	}
	return 0;
}

static void a_handler_of_another_user_dies_with_its_worker(void)
{
	struct fixture fixture;
	char path[] = "/tmp/reeve-pid-XXXXXX";
	if (geteuid() != 0)
		return;
	OWNED_FD int file = mkstemp(path);
	fchmod(file, 0666);
	const pid_t worker = fork();
	if (worker == 0) {
		OWNED(free) char *script = xprintf("echo $$ >%s; exec sleep 1000", path);
		open_shell(&fixture, script);
		become_nobody(&fixture, NULL, 0);
		fixture_run(&fixture, TASK, 1);
		_exit(1);
	}
	const pid_t handler = await_pid(path);
	CU_ASSERT_TRUE(handler > 1);
	OWNED_FD int watched = (int)syscall(SYS_pidfd_open, handler, 0);
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	struct pollfd end = { .fd = watched, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&end, 1, 10000), 1);
	unlink(path);
}

static struct config_limit limit(int64_t value)
{
	return (struct config_limit){ .value = value, .is_set = true };
}

static void limits_are_soft_and_hard_ones_of_the_handler(void)
{
	struct fixture fixture;
	open_shell(&fixture,
		"printf '{\"done\":\"%s %s %s %s %s %s\"}' $(ulimit -Sn) $(ulimit -Hn) "
		"$(ulimit -Sc) $(ulimit -Hc) $(ulimit -St) $(ulimit -Hs) >&3");
	fixture.queue.limits = (struct config_limits){
		.nofile = limit(64), .core = limit(0), .cpu = limit(89001), .stack = limit(1 << 20)
	};
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "\"64 64 0 0 90 1024\"");
	fixture_close(&fixture);
}

static void who_goes_over_a_limit_is_told_which(void)
{
	struct fixture fixture;
	open_shell(&fixture, "while :; do :; done");
	fixture.queue.limits.cpu = limit(1000);
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_CRASHED, "killed by signal 24 (SIGXCPU), over limits.cpu");
	fixture_close(&fixture);
	open_shell(&fixture, "exec head -c 2000000 /dev/zero >/tmp/reeve-fsize-$PPID");
	fixture.queue.limits.fsize = limit(0);
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_CRASHED, "(SIGXFSZ), over limits.fsize");
	fixture_close(&fixture);
	OWNED(free) char *written = xprintf("/tmp/reeve-fsize-%d", (int)getpid());
	CU_ASSERT_EQUAL(unlink(written), 0);
	open_shell(&fixture, "exit 0");
	fixture.queue.limits.nofile = limit(INT32_MAX); /* above fs.nr_open: not even root may */
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_BROKEN, "cannot set limits.nofile: Operation not permitted");
	fixture_close(&fixture);
}

/* Grows without end in a process of another session, beside a small one. */
static const char *const grows[] = { "/usr/bin/python3", "-S", "-c",
	"import os, time\n"
	"if os.fork():\n"
	"    time.sleep(1000)\n"
	"os.setsid()\n"
	"kept = []\n"
	"while True:\n"
	"    kept.append(bytearray(b'x') * 1000000)\n"
	"    time.sleep(0.005)\n",
	NULL };

static void a_handler_over_its_memory_is_killed_with_all_it_started(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC, grows);
	fixture.queue.limits.memory = 64 << 20;
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_CRASHED, "killed, out of memory: ");
	fixture_expect(&fixture, RUN_CRASHED, " used, limits.memory is 64M");
	siginfo_t seen;
	CU_ASSERT_EQUAL(waitid(P_ALL, 0, &seen, WEXITED | WNOHANG | WNOWAIT), -1);
	fixture_close(&fixture);
}

/* Both map the same 40 MB: counted once, that is less than 64. */
static void shared_memory_counts_once(void)
{
	struct fixture fixture;
	static const char *const argv[] = { "/usr/bin/python3", "-S", "-c",
		"import os, sys, time\n"
		"kept = bytearray(b'x') * 40000000\n"
		"child = os.fork()\n"
		"time.sleep(1)\n"
		"if not child: os._exit(0)\n"
		"os.wait()\n"
		"os.write(3, b'{\"done\":1}')\n",
		NULL };
	fixture_open(&fixture, PROTOCOL_EXEC, argv);
	fixture.queue.limits.memory = 64 << 20;
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "1");
	fixture_close(&fixture);
}

static const char *const streams[] = { "/usr/bin/python3", "-S", "-c",
	"import json, os, socket\n"
	"lines = socket.socket(fileno=int(os.environ['REEVE_FD'])).makefile('rw')\n"
	"def say(**message):\n"
	"    lines.write(json.dumps(message) + '\\n')\n"
	"    lines.flush()\n"
	"kept = bytearray(b'x') * int(os.environ.get('KEPT', '0'))\n"
	"say(ready=True)\n"
	"for line in lines:\n"
	"    order = json.loads(line)\n"
	"    if 'task' in order:\n"
	"        say(id=order['task']['id'], done=os.getpid())\n"
	"    elif 'stop' in order:\n"
	"        break\n",
	NULL };

static void a_limit_below_what_the_handler_needs_at_rest_is_refused(void)
{
	struct fixture fixture;
	setenv("KEPT", "100000000", 1);
	fixture_open(&fixture, PROTOCOL_STREAM, streams);
	fixture.queue.limits.memory = 64 << 20;
	fixture_run(&fixture, TASK, 1);
	unsetenv("KEPT");
	fixture_expect(&fixture, RUN_BROKEN, "the handler uses ");
	fixture_expect(&fixture, RUN_BROKEN, " at rest, limits.memory is 64M");
	fixture_close(&fixture);
}

static int run_and_get_pid(struct fixture *fixture, uint32_t attempt)
{
	OWNED(free) char *id = xprintf("%s%u", TASK, attempt);
	fixture_run(fixture, id, attempt);
	runner_note_task(fixture->runner);
	fixture_expect(fixture, RUN_DONE, "");
	return fixture->result.result ? atoi(fixture->result.result) : 0;
}

static void a_stream_handler_is_recycled_between_tasks(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_STREAM, streams);
	fixture.queue.recycle.tasks = 3;
	int before = run_and_get_pid(&fixture, 1);
	CU_ASSERT_FALSE(runner_is_worn(fixture.runner));
	CU_ASSERT_EQUAL(runner_tasks_left(fixture.runner), 2);
	CU_ASSERT_EQUAL(run_and_get_pid(&fixture, 2), before);
	CU_ASSERT_FALSE(runner_is_worn(fixture.runner));
	CU_ASSERT_EQUAL(run_and_get_pid(&fixture, 3), before);
	CU_ASSERT_TRUE_FATAL(runner_is_worn(fixture.runner));
	CU_ASSERT_TRUE(runner_recycle(fixture.runner));
	CU_ASSERT_TRUE(fixture_is_gone(before));
	CU_ASSERT_FALSE(runner_is_worn(fixture.runner));
	CU_ASSERT_NOT_EQUAL(run_and_get_pid(&fixture, 4), before);
	CU_ASSERT_FALSE(runner_is_worn(fixture.runner));
	CU_ASSERT_EQUAL(fixture.slot->recycled, 1);
	fixture_close(&fixture);
}

static void a_handler_that_grew_is_recycled_after_its_task(void)
{
	struct fixture fixture;
	setenv("KEPT", "50000000", 1);
	fixture_open(&fixture, PROTOCOL_STREAM, streams);
	fixture.queue.recycle.memory = 32 << 20;
	fixture_start(&fixture);
	CU_ASSERT_TRUE(runner_warm(fixture.runner, &fixture.watch, NULL));
	CU_ASSERT_FALSE(runner_is_worn(fixture.runner)); /* it has not done anything yet */
	run_and_get_pid(&fixture, 1);
	CU_ASSERT_TRUE(runner_is_worn(fixture.runner));
	unsetenv("KEPT");
	fixture_close(&fixture);
}

static void with_exec_it_is_the_worker_that_is_recycled(void)
{
	struct fixture fixture;
	open_shell(&fixture, "echo '{\"done\":1}' >&3");
	fixture.queue.recycle.tasks = 2;
	run_and_get_pid(&fixture, 1);
	CU_ASSERT_FALSE(runner_is_worn(fixture.runner));
	run_and_get_pid(&fixture, 2);
	CU_ASSERT_TRUE(runner_is_worn(fixture.runner));
	CU_ASSERT_FALSE(runner_recycle(fixture.runner));
	fixture_close(&fixture);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_handler_runs_as_its_user_with_the_groups_of_it),
	SUITE_TEST(a_handler_of_another_user_opens_its_output_anew),
	SUITE_TEST(the_folder_is_entered_with_the_rights_of_the_user),
	SUITE_TEST(without_root_another_user_is_a_named_failure),
	SUITE_TEST(a_handler_of_another_user_dies_with_its_worker),
	SUITE_TEST(limits_are_soft_and_hard_ones_of_the_handler),
	SUITE_TEST(who_goes_over_a_limit_is_told_which),
	SUITE_TEST(a_handler_over_its_memory_is_killed_with_all_it_started),
	SUITE_TEST(shared_memory_counts_once),
	SUITE_TEST(a_limit_below_what_the_handler_needs_at_rest_is_refused),
	SUITE_TEST(a_stream_handler_is_recycled_between_tasks),
	SUITE_TEST(a_handler_that_grew_is_recycled_after_its_task),
	SUITE_TEST(with_exec_it_is_the_worker_that_is_recycled),
};

int main(void)
{
	log_set_level(LOG_ERROR);
	return suite_run("runner_bounds", tests, ARRAY_SIZE(tests));
}
