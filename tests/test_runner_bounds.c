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

static const struct suite_test tests[] = {
	SUITE_TEST(a_handler_runs_as_its_user_with_the_groups_of_it),
	SUITE_TEST(a_handler_of_another_user_opens_its_output_anew),
	SUITE_TEST(the_folder_is_entered_with_the_rights_of_the_user),
	SUITE_TEST(without_root_another_user_is_a_named_failure),
	SUITE_TEST(a_handler_of_another_user_dies_with_its_worker),
};

int main(void)
{
	log_set_level(LOG_ERROR);
	return suite_run("runner_bounds", tests, ARRAY_SIZE(tests));
}
