/* workers/runner*: exec. A process per task, and what it may do wrong. */
#include "base/clock.h"
#include "tests/runner_fixture.h"
#include "tests/suite.h"
#include "workers/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGV(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define SHELL(script) ARGV("/bin/sh", "-c", script)

static void open_shell(struct fixture *fixture, const char *script)
{
	static const char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	argv[2] = script;
	fixture_open(fixture, PROTOCOL_EXEC, argv);
}

static void run_shell(struct fixture *fixture, const char *script)
{
	open_shell(fixture, script);
	fixture_run(fixture, TASK, 1);
}

static void exit_codes_have_their_meaning(void)
{
	static const struct {
		const char *script;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ "exit 0", RUN_DONE, "" },
		{ "echo why >&2; exit 1", RUN_FAILED, "exited with 1: why" },
		{ "exit 65", RUN_INVALID, "exited with 65 (the payload is invalid)" },
		{ "echo busy >&2; exit 75", RUN_RETRY, "exited with 75 (try again): busy" },
		{ "exit 125", RUN_PERMANENT, "exited with 125 (failed for good)" },
		{ "exit 255", RUN_FAILED, "exited with 255" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		run_shell(&fixture, rows[i].script);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		CU_ASSERT_PTR_NULL(fixture.result.result);
		CU_ASSERT_EQUAL(fixture.result.retry_in_ms, -1);
		fixture_close(&fixture);
	}
}

static void an_answer_stands_in_its_order(void)
{
	static const struct {
		const char *script;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ "echo '{\"done\":[1,2]}' >&3", RUN_DONE, "" },
		{ "echo '{\"done\":1}' >&3; exit 4", RUN_FAILED, "exited with 4" },
		{ "echo '{\"fail\":\"no\"}' >&3", RUN_FAILED, "no" },
		{ "echo '{\"fail\":\"no\"}' >&3; exit 65", RUN_FAILED, "no" },
		{ "echo '{\"done\":1}' >&3; echo '{\"fail\":\"no\"}' >&3", RUN_FAILED, "no" },
		{ "echo '{\"fail\":\"no\",\"permanent\":true}' >&3", RUN_PERMANENT, "no" },
		{ "echo '{\"fail\":\"no\"}' >&3; kill -SEGV $$", RUN_CRASHED,
			"killed by signal 11 (SIGSEGV)" },
		{ "kill -KILL $$", RUN_CRASHED, "killed by signal 9 (SIGKILL)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		run_shell(&fixture, rows[i].script);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		fixture_close(&fixture);
	}
}

static void a_failure_carries_its_delay_and_backtrace(void)
{
	struct fixture fixture;
	run_shell(&fixture,
		"printf '{\"fail\":\"later\",\"retry_in\":\"90s\",\"backtrace\":\"' >&3;"
		"head -c 30000 /dev/zero | tr '\\0' x >&3; echo '\"}' >&3");
	fixture_expect(&fixture, RUN_RETRY, "later");
	CU_ASSERT_EQUAL(fixture.result.retry_in_ms, 90000);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.result.backtrace);
	CU_ASSERT_EQUAL(strlen(fixture.result.backtrace), 16384);
	fixture_close(&fixture);
	run_shell(&fixture, "echo '{\"fail\":\"later\",\"retry_in\":true}' >&3");
	fixture_expect(&fixture, RUN_RETRY, "later");
	CU_ASSERT_EQUAL(fixture.result.retry_in_ms, -1);
	fixture_close(&fixture);
}

static void the_task_is_in_environment_and_input(void)
{
	struct fixture fixture;
	setenv("REEVE_TASK_ID", "of another reeve", 1);
	run_shell(&fixture,
		"read line; printf '{\"done\":\"%s %s %s %s %s %s %s %s\"}\\n' \"$REEVE_TASK_ID\" "
		"\"$REEVE_JOB_ID\" $REEVE_TASK $REEVE_QUEUE $REEVE_ATTEMPT $REEVE_DEADLINE_MS "
		"$TRACEPARENT \"$(echo $line | tr -d '\"')\" >&$REEVE_FD");
	unsetenv("REEVE_TASK_ID");
	fixture_expect_done(&fixture,
		"\"" TASK " 0190f0aa-0000-7000-8000-000000000001 send mail 1 1795358984125 "
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 "
		"{id:" TASK ",payload:{a:1}}\"");
	fixture_close(&fixture);
}

static void a_handler_in_python_is_served(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC,
		ARGV("/usr/bin/python3", "-S", "-c",
			"import json, os, sys\n"
			"task = json.load(sys.stdin)\n"
			"out = os.fdopen(int(os.environ['REEVE_FD']), 'w')\n"
			"print(json.dumps({'spawn': [{'task': 'row', 'payload': {'n': n}} "
			"for n in range(3)]}), file=out)\n"
			"print(json.dumps({'spawn': {'task': 'row'}}), file=out)\n"
			"print(json.dumps({'progress': 0.25, 'message': 'a quarter'}), file=out)\n"
			"out.write(json.dumps({'done': task['payload']}))\n"));
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "{\"a\":1}");
	CU_ASSERT_EQUAL(fixture.spawned, 4);
	CU_ASSERT_EQUAL(fixture.fraction, 0.25);
	CU_ASSERT_STRING_EQUAL(fixture.progress, "a quarter");
	fixture_close(&fixture);
}

static void a_spawn_that_is_refused_fails_the_attempt(void)
{
	struct fixture fixture;
	open_shell(&fixture, "echo '{\"spawn\":{\"task\":\"x\"}}' >&3; sleep 1000");
	fixture.is_spawn_refused = true;
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_BROKEN, "may not spawn that");
	fixture_close(&fixture);
}

/* Every way to go wrong: the first attempt is a failure by name, the second is well. */
static void bad_habits_are_named_and_leave_the_next_task_alone(void)
{
	static const struct {
		const char *mode;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ "garbage", RUN_BROKEN, "message is not understood: this is no message" },
		{ "long-line", RUN_BROKEN, "a message line is longer than 1 MiB" },
		{ "half-line", RUN_BROKEN, "ended in the middle of a line" },
		{ "two-answers", RUN_BROKEN, "two answers" },
		{ "other-id", RUN_BROKEN, "answered for another task: somebody-else" },
		{ "deaf-to-term", RUN_TIMED_OUT,
			"timed out after 200ms; it ignored SIGTERM and was killed" },
		{ "hang", RUN_TIMED_OUT, "timed out after 200ms" },
		{ "closes-all", RUN_TIMED_OUT, "timed out after 200ms" },
		{ "crash", RUN_CRASHED, "killed by signal 11 (SIGSEGV): about to crash" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, rows[i].mode));
		const bool is_slow = rows[i].status == RUN_TIMED_OUT;
		fixture.queue.timeout_ms = is_slow ? 200 : 60000;
		fixture.queue.kill_after_ms = is_slow ? 50 : 20000;
		fixture_run(&fixture, TASK, 1);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		fixture.queue.timeout_ms = 60000;
		fixture_run(&fixture, TASK, 2);
		fixture_expect_done(&fixture, "\"well\"");
		fixture_close(&fixture);
	}
}

static void failing_runs_leave_no_descriptors(void)
{
	const struct {
		const char *const *argv;
		int64_t timeout_ms;
	} kinds[] = {
		{ ARGV("/bin/false"), 60000 },
		{ ARGV("/no/such/program"), 60000 },
		{ SHELL("kill -SEGV $$"), 60000 },
		{ SHELL("echo garbage >&3"), 60000 },
		{ SHELL("printf '{\"done\":' >&3"), 60000 },
		{ SHELL("echo '{\"done\":1}' >&3; echo '{\"done\":1}' >&3"), 60000 },
		{ SHELL("head -c 1100000 /dev/zero >&3"), 60000 },
		{ SHELL("sleep 1000 & echo '{\"done\":1}' >&3; exit 1"), 60000 },
		{ ARGV("/bin/sleep", "1000"), 1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fixture fixture;
		fixture_open(&fixture, PROTOCOL_EXEC, kinds[i].argv);
		fixture.queue.timeout_ms = kinds[i].timeout_ms;
		fixture_run(&fixture, TASK, 1);
		CU_ASSERT_NOT_EQUAL(fixture.result.status, RUN_DONE);
		const size_t before = fixture_count_descriptors();
		for (int run = suite_many(200, 20); run > 0; run--)
			fixture_run(&fixture, TASK, 1);
		CU_ASSERT_EQUAL(fixture_count_descriptors(), before);
		CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0); /* no child is left either */
		fixture_close(&fixture);
	}
}

static void who_holds_the_descriptors_does_not_delay_the_verdict(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, "daemon"));
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_DONE, "");
	const pid_t daemon = fixture.result.result ? (pid_t)atoi(fixture.result.result) : 0;
	CU_ASSERT_TRUE(daemon > 0);
	CU_ASSERT_TRUE(fixture_is_gone(daemon));
	fixture_close(&fixture);
}

static void a_handler_has_no_descriptor_of_ours(void)
{
	struct fixture fixture;
	const int stray = fcntl(STDERR_FILENO, F_DUPFD, 50); /* not close-on-exec */
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, "descriptors"));
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "[0,1,2,3]");
	fixture_close(&fixture);
	close(stray);
}

static void a_handler_starts_from_a_clean_state(void)
{
	struct fixture fixture;
	sigset_t blocked, before;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGHUP, SIG_IGN);
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, "setup"));
	fixture.queue.cwd = WORD("/usr");
	fixture.queue.umask = 027;
	fixture.queue.has_nice = true;
	fixture.queue.nice = 7;
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture,
		"{\"blocked\":\"0000000000000000\",\"ignored\":\"0000000000000000\","
		"\"leads\":true,\"umask\":23,\"nice\":7,\"cwd\":\"/usr\"}");
	signal(SIGHUP, SIG_DFL);
	sigset_t now;
	sigprocmask(SIG_SETMASK, &before, &now);
	CU_ASSERT_TRUE(sigismember(&now, SIGUSR1)); /* ours is as it was */
	fixture_close(&fixture);
}

static void what_can_not_start_is_named(void)
{
	static const struct {
		const char *program, *cwd, *message;
	} rows[] = {
		{ "/no/such/program", NULL,
			"cannot start /no/such/program: No such file or directory" },
		{ "reeve-has-no-such-program", NULL,
			"cannot start reeve-has-no-such-program: No such file or directory" },
		{ "/etc/passwd", NULL, "cannot start /etc/passwd: Permission denied" },
		{ "/bin/true", "/no/such/folder",
			"cannot enter /no/such/folder: No such file or directory" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		char *cwd = xstrdup(rows[i].cwd);
		fixture_open(&fixture, PROTOCOL_EXEC, ARGV(rows[i].program));
		fixture.queue.cwd = cwd;
		fixture_run(&fixture, TASK, 1);
		fixture_expect(&fixture, RUN_BROKEN, rows[i].message);
		fixture_close(&fixture);
		free(cwd);
	}
}

static void write_script(char *path, const char *text)
{
	const int fd = mkstemp(path);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	fchmod(fd, 0755);
	close(fd);
}

static void a_script_without_interpreter_line_is_the_shells(void)
{
	char path[] = "/tmp/reeve-script-XXXXXX";
	struct fixture fixture;
	write_script(path, "echo \"{\\\"done\\\":\\\"$1\\\"}\" >&3\n");
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(path, "word"));
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "\"word\"");
	fixture_close(&fixture);
	unlink(path);
}

static void a_script_whose_interpreter_is_missing_says_so(void)
{
	char path[] = "/tmp/reeve-script-XXXXXX";
	const char *preloaded = getenv("LD_PRELOAD");
	struct fixture fixture;
	if (preloaded && strstr(preloaded, "vgpreload"))
		return; /* valgrind dies of this failing execve */
	write_script(path, "#!/no/such/interpreter\n");
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(path));
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_BROKEN, "(the interpreter that it names)");
	fixture_close(&fixture);
	unlink(path);
}

static void around_stands_in_front_of_the_handler(void)
{
	struct fixture fixture;
	char *around[] = { WORD("/usr/bin/env"), WORD("AROUND=yes"), NULL };
	open_shell(&fixture, "echo \"{\\\"done\\\":\\\"$AROUND\\\"}\" >&3");
	fixture.queue.around = (struct config_argv){ .words = around, .count = 2 };
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "\"yes\"");
	fixture_close(&fixture);
}

static char *big_envelope(size_t length)
{
	char *envelope = xmalloc(length + 1);
	memset(envelope, ' ', length);
	envelope[0] = '{';
	envelope[length - 1] = '}';
	envelope[length] = '\0';
	return envelope;
}

static void an_envelope_of_four_megabytes_is_read_or_left(void)
{
	const size_t length = 4 * 1024 * 1024;
	OWNED(free) char *envelope = big_envelope(length);
	OWNED(free) char *expected = xprintf("%zu", length + 1);
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, "count-input"));
	fixture_run_envelope(&fixture, TASK, 1, envelope);
	fixture_expect_done(&fixture, expected);
	fixture_close(&fixture);
	static const char *const scripts[] = { "exit 0", "exec 0<&-; sleep 0.05",
		"head -c 100000 >/dev/null" };
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		open_shell(&fixture, scripts[i]);
		fixture_run_envelope(&fixture, TASK, 1, envelope);
		fixture_expect(&fixture, RUN_DONE, "");
		fixture_close(&fixture);
	}
}

static void the_end_of_the_output_is_kept(void)
{
	struct fixture fixture;
	run_shell(&fixture, "yes 0123456789abcde | head -c 100000; printf 'a\\377b' >&2; exit 1");
	fixture_expect(&fixture, RUN_FAILED, "exited with 1: a?b");
	CU_ASSERT_EQUAL(strlen(fixture.result.output), 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(fixture.result.output, "0123456789abcde\n"));
	fixture_close(&fixture);
	run_shell(&fixture, "seq 1 3000 >&2; exit 1");
	fixture_expect(&fixture, RUN_FAILED, "\n2999\n3000");
	CU_ASSERT_TRUE(strlen(fixture.result.message) < 4096 + 40);
	fixture_close(&fixture);
}

static void an_endless_line_of_output_is_no_failure(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, "long-output"));
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "1");
	fixture_close(&fixture);
}

static void orders_end_the_handler(void)
{
	static const struct {
		enum run_order order;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ ORDER_CANCEL, RUN_CANCELLED, "cancelled" },
		{ ORDER_HALT, RUN_HALTED, "stopped" },
		{ ORDER_LOST, RUN_LOST, "lease was lost" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		fixture_open(&fixture, PROTOCOL_EXEC, ARGV(HANDLER, "pid"));
		fixture.order = rows[i].order;
		fixture.order_at_progress = true;
		fixture_run(&fixture, TASK, 1);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		/* The supervisor knew the group while it ran. */
		CU_ASSERT_TRUE(fixture.group_at_tick > 0);
		CU_ASSERT_EQUAL(fixture.group_at_tick, atoi(fixture.progress));
		CU_ASSERT_TRUE(fixture_is_gone(atoi(fixture.progress)));
		fixture_close(&fixture);
	}
}

static void what_is_done_when_told_to_stop_is_done(void)
{
	static const struct {
		enum run_order order;
		const char *answer;
		enum run_status status;
	} rows[] = {
		{ ORDER_HALT, "{\"done\":1}", RUN_DONE },
		{ ORDER_HALT, "{\"fail\":\"interrupted\"}", RUN_HALTED },
		{ ORDER_HALT, "{\"beat\":true}", RUN_HALTED },
		{ ORDER_HALT, "{\"done\":1}\n{\"done\":2}", RUN_HALTED },
		{ ORDER_CANCEL, "{\"done\":1}", RUN_CANCELLED },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		open_shell(&fixture, "trap 'echo \"$ANSWER\" >&3; exit 0' TERM;"
				     "echo '{\"progress\":0.1}' >&3; while :; do sleep 0.01; done");
		setenv("ANSWER", rows[i].answer, 1);
		fixture.order = rows[i].order;
		fixture.order_at_progress = true;
		fixture_run(&fixture, TASK, 1);
		fixture_expect(&fixture, rows[i].status, "");
		fixture_close(&fixture);
	}
	unsetenv("ANSWER");
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void a_signal_is_followed_by_a_tick(void)
{
	struct fixture fixture;
	const struct sigaction caught = { .sa_handler = on_alarm };
	const struct itimerval often = { { .tv_usec = 50000 }, { .tv_usec = 50000 } };
	const struct itimerval never = { 0 };
	sigaction(SIGALRM, &caught, NULL);
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV("/bin/sleep", "1000"));
	fixture.queue.timeout_ms = CONFIG_NO_LIMIT;
	fixture.watch.tick_ms = 1000 * 3600;
	fixture.order = ORDER_HALT;
	fixture.order_from = 0;
	fixture_start(&fixture);
	setitimer(ITIMER_REAL, &often, NULL);
	fixture_run(&fixture, TASK, 1);
	setitimer(ITIMER_REAL, &never, NULL);
	fixture_expect(&fixture, RUN_HALTED, "stopped");
	CU_ASSERT_TRUE(fixture.ticks >= 1);
	fixture_close(&fixture);
	signal(SIGALRM, SIG_DFL);
}

/* A worker that is killed takes its handler with it; the group is in the slot for what is left. */
static void a_handler_dies_with_its_worker(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV("/bin/sleep", "1000"));
	fixture_start(&fixture); /* makes us the subreaper that the handler comes to */
	const pid_t worker = fork();
	if (worker == 0) {
		fixture_run(&fixture, TASK, 1);
		_exit(0);
	}
	while (fixture.slot->handler_group == 0)
		usleep(1000);
	const pid_t handler = fixture.slot->handler_group;
	kill(worker, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(worker, NULL, 0), worker);
	CU_ASSERT_EQUAL(waitpid(handler, NULL, 0), handler);
	fixture.slot->handler_group = 0;
	fixture_close(&fixture);
}

static void hooks_get_their_input_and_are_judged_by_their_exit(void)
{
	static const struct {
		const char *script;
		bool is_well;
		const char *message;
	} rows[] = {
		{ "test \"$(cat)\" = '{\"a\":1}' -a $REEVE_QUEUE = mail", true, "" },
		{ "echo broken >&2; exit 3", false, "exited with 3: broken" },
		{ "kill -9 $$", false, "killed by signal 9 (SIGKILL)" },
		{ "sleep 1000", false, "timed out after 300ms" },
		{ "setsid sleep 1000 & exit 0", true, "" },
		{ "test -z \"$REEVE_FD\" && ! true 2>/dev/null >&3", true, "" },
	};
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_EXEC, ARGV("/bin/true"));
	fixture_start(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *words[] = { WORD("/bin/sh"), WORD("-c"), xstrdup(rows[i].script), NULL };
		const struct config_argv argv = { .words = words, .count = 3 };
		const struct log_subject subject = { .queue = "mail", .task = TASK, .attempt = 1 };
		struct error err = { 0 };
		const int64_t limit = strncmp(rows[i].script, "sleep", 5) == 0 ? 300 : 60000;
		CU_ASSERT_EQUAL(
			runner_run_hook(fixture.runner, &argv, "{\"a\":1}", &subject, limit, &err),
			rows[i].is_well);
		CU_ASSERT_STRING_EQUAL(err.text, rows[i].message);
		CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0);
		free(words[2]);
	}
	fixture_close(&fixture);
}

static void oom_kills_are_counted_where_the_kernel_does(void)
{
	static const char text[] = "low 0\nhigh 0\nmax 7\noom 5\noom_kill 3\noom_group_kill 1\n";
	const int events = memfd_create("events", MFD_CLOEXEC);
	CU_ASSERT_EQUAL(process_read_oom_kills(events), -1);
	CU_ASSERT_EQUAL(write(events, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	CU_ASSERT_EQUAL(process_read_oom_kills(events), 3);
	CU_ASSERT_EQUAL(process_read_oom_kills(-1), -1);
	close(events);
}

static bool has_variable(char **environment, const char *wanted)
{
	for (char **variable = environment; *variable; variable++)
		if (strcmp(*variable, wanted) == 0)
			return true;
	return false;
}

static void handlers_inherit_all_but_secrets(void)
{
	char *secrets[] = { WORD("STORE_PASSWORD"), WORD("AWS_PROFILE"), NULL };
	char *names[] = { WORD("LANG"), WORD("LANG") };
	char *values[] = { WORD("C"), WORD("es_ES") };
	char *globs[] = { WORD("KEEP_*"), NULL };
	const struct config config = { .secret_variables = secrets };
	struct config_queue queue = { .name = WORD("mail"),
		.env = { .names = names, .values = values, .count = 2 } };
	setenv("STORE_PASSWORD", "x", 1);
	setenv("AWS_PROFILE", "p", 1);
	setenv("LANG", "old", 1);
	setenv("KEEP_THIS", "1", 1);
	setenv("NOTIFY_SOCKET", "/run/s", 1);
	char **environment = runner_build_environment(&config, &queue);
	CU_ASSERT_FALSE(has_variable(environment, "STORE_PASSWORD=x"));
	CU_ASSERT_FALSE(has_variable(environment, "NOTIFY_SOCKET=/run/s"));
	CU_ASSERT_FALSE(has_variable(environment, "LANG=old"));
	CU_ASSERT_FALSE(has_variable(environment, "LANG=C"));
	CU_ASSERT_TRUE(has_variable(environment, "AWS_PROFILE=p"));
	CU_ASSERT_TRUE(has_variable(environment, "LANG=es_ES"));
	runner_free_environment(environment);
	queue.pass_env = globs;
	environment = runner_build_environment(&config, &queue);
	CU_ASSERT_STRING_EQUAL(environment[0], "KEEP_THIS=1");
	CU_ASSERT_STRING_EQUAL(environment[1], "LANG=es_ES");
	CU_ASSERT_PTR_NULL(environment[2]);
	runner_free_environment(environment);
	unsetenv("NOTIFY_SOCKET");
}

static const struct suite_test tests[] = {
	SUITE_TEST(exit_codes_have_their_meaning),
	SUITE_TEST(an_answer_stands_in_its_order),
	SUITE_TEST(a_failure_carries_its_delay_and_backtrace),
	SUITE_TEST(the_task_is_in_environment_and_input),
	SUITE_TEST(a_handler_in_python_is_served),
	SUITE_TEST(a_spawn_that_is_refused_fails_the_attempt),
	SUITE_TEST(bad_habits_are_named_and_leave_the_next_task_alone),
	SUITE_TEST(failing_runs_leave_no_descriptors),
	SUITE_TEST(who_holds_the_descriptors_does_not_delay_the_verdict),
	SUITE_TEST(a_handler_has_no_descriptor_of_ours),
	SUITE_TEST(a_handler_starts_from_a_clean_state),
	SUITE_TEST(what_can_not_start_is_named),
	SUITE_TEST(a_script_without_interpreter_line_is_the_shells),
	SUITE_TEST(a_script_whose_interpreter_is_missing_says_so),
	SUITE_TEST(around_stands_in_front_of_the_handler),
	SUITE_TEST(an_envelope_of_four_megabytes_is_read_or_left),
	SUITE_TEST(the_end_of_the_output_is_kept),
	SUITE_TEST(an_endless_line_of_output_is_no_failure),
	SUITE_TEST(orders_end_the_handler),
	SUITE_TEST(what_is_done_when_told_to_stop_is_done),
	SUITE_TEST(a_signal_is_followed_by_a_tick),
	SUITE_TEST(a_handler_dies_with_its_worker),
	SUITE_TEST(hooks_get_their_input_and_are_judged_by_their_exit),
	SUITE_TEST(oom_kills_are_counted_where_the_kernel_does),
	SUITE_TEST(handlers_inherit_all_but_secrets),
};

int main(void)
{
	log_set_level(LOG_ERROR);
	return suite_run("runner", tests, ARRAY_SIZE(tests));
}
