/* workers/runner*: stream. One handler for many tasks, and what it may do wrong. */
#include "base/jsontext.h"
#include "tests/runner_fixture.h"
#include "tests/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGV(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void open_mode(struct fixture *fixture, const char *mode)
{
	static const char *argv[] = { HANDLER, NULL, NULL };
	argv[1] = mode;
	fixture_open(fixture, PROTOCOL_STREAM, argv);
}

/* Runs a task that the handler answers with its process id. */
static pid_t run_good(struct fixture *fixture)
{
	fixture_run(fixture, "good.1", 1);
	fixture_expect(fixture, RUN_DONE, "");
	return fixture->result.result ? (pid_t)atoi(fixture->result.result) : 0;
}

/* Tends the idle handler until it is found out and gone. */
static void tend_until_gone(struct fixture *fixture)
{
	for (int i = 0; i < 10000 && fixture->slot->handler_group != 0; i++) {
		runner_tend(fixture->runner);
		usleep(1000);
	}
	CU_ASSERT_EQUAL(fixture->slot->handler_group, 0);
}

static void one_handler_serves_many_tasks(void)
{
	struct fixture fixture;
	struct error err = { 0 };
	open_mode(&fixture, "stream-echo");
	fixture_start(&fixture);
	CU_ASSERT_TRUE(runner_warm(fixture.runner, &fixture.watch, &err));
	const pid_t first = fixture.slot->handler_group;
	CU_ASSERT_TRUE(first > 0);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(run_good(&fixture), first);
	runner_tend(fixture.runner);
	CU_ASSERT_EQUAL(run_good(&fixture), first);
	fixture_close(&fixture);
	CU_ASSERT_TRUE(fixture_is_gone(first));
}

static void a_handler_in_python_is_served(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_STREAM,
		ARGV("/usr/bin/python3", "-S", "-c",
			"import json, os, socket\n"
			"lines = socket.socket(fileno=int(os.environ['REEVE_FD'])).makefile('rw')\n"
			"def say(**message):\n"
			"    lines.write(json.dumps(message) + '\\n')\n"
			"    lines.flush()\n"
			"say(ready=True)\n"
			"for line in lines:\n"
			"    order = json.loads(line)\n"
			"    if 'task' in order:\n"
			"        task = order['task']\n"
			"        say(id=task['id'], spawn=[{'task': 'row', 'payload': 1}])\n"
			"        say(id=task['id'], progress=0.5, message='half')\n"
			"        say(id=task['id'], done=task['payload'])\n"));
	for (int i = 1; i <= 3; i++) {
		fixture_run(&fixture, TASK, 1);
		fixture_expect_done(&fixture, "{\"a\":1}");
		CU_ASSERT_EQUAL(fixture.spawned, i);
		CU_ASSERT_STRING_EQUAL(fixture.progress, "half");
	}
	fixture_close(&fixture);
}

/* Every way to go wrong with a task: a failure by name, and the next task meets a new handler. */
static void bad_habits_are_named_and_leave_the_next_task_alone(void)
{
	static const struct {
		const char *mode;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ "stream-garbage", RUN_BROKEN, "message is not understood: this is no message" },
		{ "stream-long-line", RUN_BROKEN, "a message line is longer than 1 MiB" },
		{ "stream-half-line", RUN_BROKEN, "ended with the task open: exited with 0" },
		{ "stream-other-id", RUN_BROKEN, "answered for another task: somebody-else" },
		{ "stream-no-id", RUN_BROKEN, "it has no \"id\"" },
		{ "stream-exit", RUN_BROKEN,
			"ended with the task open: exited with 3: no more of this" },
		{ "stream-crash", RUN_CRASHED, "killed by signal 11 (SIGSEGV)" },
		{ "stream-closes-socket", RUN_BROKEN, "closed its socket but did not exit" },
		{ "stream-silent", RUN_TIMED_OUT, "timed out after 200ms" },
		{ "stream-deaf-to-term", RUN_TIMED_OUT,
			"timed out after 200ms; it ignored SIGTERM and was killed" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		open_mode(&fixture, rows[i].mode);
		const pid_t first = run_good(&fixture);
		if (rows[i].status == RUN_TIMED_OUT) {
			fixture.queue.timeout_ms = 200;
			fixture.queue.kill_after_ms = 50;
		}
		fixture_run(&fixture, "bad.1", 1);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		fixture.queue.timeout_ms = 60000;
		const pid_t second = run_good(&fixture);
		CU_ASSERT_NOT_EQUAL(first, second);
		CU_ASSERT_TRUE(fixture_is_gone(first));
		fixture_close(&fixture);
	}
}

static void a_handler_that_never_gets_ready_is_named(void)
{
	static const struct {
		const char *script;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ "exec sleep 1000", RUN_BROKEN,
			"the handler did not say {\"ready\":true} within 300ms" },
		{ "echo no luck >&2; exit 3", RUN_BROKEN,
			"the handler ended before it was ready: exited with 3: no luck" },
		{ "kill -SEGV $$", RUN_CRASHED,
			"the handler ended before it was ready: killed by signal 11" },
		{ "echo hello >&3; sleep 1000", RUN_BROKEN, "message is not understood: hello" },
		{ "echo '{\"id\":\"x\",\"done\":1}' >&3; sleep 1000", RUN_BROKEN,
			"the handler spoke before it said {\"ready\":true}" },
		{ "exec 3>&-; sleep 1000", RUN_BROKEN, "closed its socket but did not exit" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		struct error err = { 0 };
		fixture_open(&fixture, PROTOCOL_STREAM, ARGV("/bin/sh", "-c", rows[i].script));
		fixture.queue.timeout_ms = strncmp(rows[i].script, "exec s", 6) ? 60000 : 300;
		fixture_run(&fixture, "good.1", 1);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		CU_ASSERT_FALSE(runner_warm(fixture.runner, &fixture.watch, &err));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i].message));
		fixture_close(&fixture);
	}
}

static void a_program_that_is_not_there_is_named(void)
{
	struct fixture fixture;
	fixture_open(&fixture, PROTOCOL_STREAM, ARGV("/no/such/program"));
	fixture_run(&fixture, "good.1", 1);
	fixture_expect(&fixture, RUN_BROKEN, "cannot start /no/such/program: No such file");
	fixture_close(&fixture);
}

static void a_second_answer_costs_the_handler_not_the_task(void)
{
	struct fixture fixture;
	open_mode(&fixture, "stream-two-answers");
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_DONE, "");
	const pid_t first = fixture.slot->handler_group;
	tend_until_gone(&fixture);
	CU_ASSERT_NOT_EQUAL(run_good(&fixture), first);
	fixture_close(&fixture);
}

static void a_second_answer_during_the_next_task_gives_that_back(void)
{
	struct fixture fixture;
	open_mode(&fixture, "stream-late-answer");
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_DONE, "");
	fixture_run(&fixture, "good.1", 1);
	fixture_expect(&fixture, RUN_HANDLER_LATE, "a second time for task bad.1");
	run_good(&fixture);
	fixture_close(&fixture);
}

static void a_late_beat_is_no_harm(void)
{
	struct fixture fixture;
	open_mode(&fixture, "stream-late-beat");
	fixture_run(&fixture, "bad.1", 1);
	const pid_t first = fixture.slot->handler_group;
	CU_ASSERT_EQUAL(run_good(&fixture), first);
	CU_ASSERT_EQUAL(run_good(&fixture), first);
	fixture_close(&fixture);
}

static void a_handler_that_leaves_between_tasks_is_not_blamed(void)
{
	static const char *const modes[] = { "stream-leaves", "stream-leaves-at-once" };
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fixture fixture;
		open_mode(&fixture, modes[i]);
		fixture_run(&fixture, "bad.1", 1);
		fixture_expect(&fixture, RUN_DONE, "");
		const pid_t first = atoi(fixture.result.result);
		CU_ASSERT_NOT_EQUAL(run_good(&fixture), first);
		fixture_run(&fixture, "bad.2", 1);
		tend_until_gone(&fixture);
		run_good(&fixture);
		fixture_close(&fixture);
	}
}

static void silence_past_the_heartbeat_is_a_hang(void)
{
	struct fixture fixture;
	open_mode(&fixture, "stream-silent");
	fixture.queue.heartbeat_ms = 200;
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_TIMED_OUT, "hung: no sign of life for 200ms");
	fixture_close(&fixture);
	open_mode(&fixture, "stream-beats"); /* for longer than the heartbeat */
	fixture.queue.heartbeat_ms = 1000;
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_DONE, "");
	fixture_close(&fixture);
}

static void a_handler_that_obeys_a_cancel_is_kept(void)
{
	struct fixture fixture;
	open_mode(&fixture, "stream-waits-for-cancel");
	fixture.order = ORDER_CANCEL;
	fixture.order_at_progress = true;
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_CANCELLED, "cancelled");
	const pid_t first = fixture.slot->handler_group;
	fixture.order = ORDER_GO_ON;
	CU_ASSERT_EQUAL(run_good(&fixture), first);
	fixture_close(&fixture);
}

static void what_is_done_when_told_to_stop_is_done(void)
{
	struct fixture fixture;
	open_mode(&fixture, "stream-done-at-cancel");
	fixture.order = ORDER_HALT;
	fixture.order_at_progress = true;
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_DONE, "");
	fixture.order = ORDER_CANCEL;
	fixture_run(&fixture, "bad.2", 1);
	fixture_expect(&fixture, RUN_CANCELLED, "cancelled");
	fixture_close(&fixture);
}

static void orders_end_a_handler_that_does_not_answer(void)
{
	static const struct {
		enum run_order order;
		enum run_status status;
	} rows[] = {
		{ ORDER_CANCEL, RUN_CANCELLED },
		{ ORDER_HALT, RUN_HALTED },
		{ ORDER_LOST, RUN_LOST },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture fixture;
		open_mode(&fixture, "stream-deaf-to-term");
		fixture.queue.kill_after_ms = 100;
		fixture.order = rows[i].order;
		fixture.order_from = 3;
		fixture_run(&fixture, "bad.1", 1);
		fixture_expect(&fixture, rows[i].status, "ignored SIGTERM and was killed");
		fixture.order = ORDER_GO_ON;
		run_good(&fixture);
		fixture_close(&fixture);
	}
}

static void an_envelope_of_four_megabytes_arrives(void)
{
	const size_t length = 4 * 1024 * 1024;
	struct fixture fixture;
	OWNED(free) char *blank = xmalloc(length);
	memset(blank, ' ', length);
	blank[length - 64] = '\0';
	OWNED(free) char *envelope = xprintf("{\"id\":\"good.1\",\"payload\":%s1}", blank);
	open_mode(&fixture, "stream-echo");
	fixture_run_envelope(&fixture, "good.1", 1, envelope);
	fixture_expect(&fixture, RUN_DONE, "");
	fixture_close(&fixture);
	/* One that is never read does not keep the time-out from coming. */
	fixture_open(&fixture, PROTOCOL_STREAM,
		ARGV("/bin/sh", "-c", "echo '{\"ready\":true}' >&3; exec sleep 1000"));
	fixture.queue.timeout_ms = 300;
	fixture_run_envelope(&fixture, "good.1", 1, envelope);
	fixture_expect(&fixture, RUN_TIMED_OUT, "timed out after 300ms");
	fixture_close(&fixture);
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = xcalloc(1, 65536);
	if (file) {
		const size_t got = fread(text, 1, 65535, file);
		text[got] = '\0';
		fclose(file);
	}
	return text;
}

static void output_between_tasks_is_logged_without_one(void)
{
	char path[] = "/tmp/reeve-log-XXXXXX";
	close(mkstemp(path));
	const struct log_settings to_file = {
		.level = LOG_INFO, .format = LOG_JSON, .to = path, .line_max_bytes = 16384
	};
	const struct log_settings to_stderr = { .level = LOG_ERROR };
	struct fixture fixture;
	CU_ASSERT_TRUE(log_open(&to_file, NULL));
	open_mode(&fixture, "stream-prints-late");
	fixture_run(&fixture, "bad.1", 1);
	CU_ASSERT_PTR_NULL(strstr(fixture.result.output, "tasks\nsaid"));
	OWNED(free) char *text = read_file(path);
	for (int i = 0; i < 10000 && !strstr(text, "said between"); i++) {
		usleep(1000);
		runner_tend(fixture.runner);
		free(text);
		text = read_file(path);
	}
	fixture_close(&fixture);
	log_open(&to_stderr, NULL);
	log_set_level(LOG_ERROR);
	const char *line = strstr(text, "said between the tasks");
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"queue\":\"mail\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"stream\":\"stdout\""));
	unlink(path);
}

static void the_end_of_a_runner_stops_its_handler_and_what_it_left(void)
{
	char path[] = "/tmp/reeve-stopped-XXXXXX";
	struct fixture fixture;
	close(mkstemp(path));
	unlink(path);
	setenv("STOPPED_FILE", path, 1);
	open_mode(&fixture, "stream-daemon");
	fixture_run(&fixture, "bad.1", 1);
	fixture_expect(&fixture, RUN_DONE, "");
	const pid_t daemon = fixture.result.result ? (pid_t)atoi(fixture.result.result) : 0;
	const pid_t handler = fixture.slot->handler_group;
	CU_ASSERT_TRUE(daemon > 0);
	CU_ASSERT_FALSE(fixture_is_gone(daemon));
	fixture_close(&fixture);
	unsetenv("STOPPED_FILE");
	CU_ASSERT_TRUE(fixture_is_gone(handler));
	CU_ASSERT_TRUE(fixture_is_gone(daemon));
	CU_ASSERT_EQUAL(access(path, F_OK), 0); /* it had heard {"stop":true} */
	unlink(path);
}

static void failing_runs_leave_no_descriptors(void)
{
	static const char *const modes[] = { "stream-garbage", "stream-half-line",
		"stream-other-id", "stream-exit", "stream-crash", "stream-two-answers",
		"stream-leaves-at-once" };
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct fixture fixture;
		open_mode(&fixture, modes[i]);
		run_good(&fixture);
		const size_t before = fixture_count_descriptors();
		for (int run = 0; run < 200; run++)
			fixture_run(&fixture, "bad.1", 1);
		fixture_run(&fixture, "good.1", 1); /* may meet a late answer */
		run_good(&fixture);
		CU_ASSERT_EQUAL(fixture_count_descriptors(), before);
		fixture_close(&fixture);
		CU_ASSERT_TRUE(waitpid(-1, NULL, WNOHANG) < 0);
	}
}

static void a_hook_beside_the_handler_leaves_it_alone(void)
{
	struct fixture fixture;
	struct error err = { 0 };
	char *words[] = { WORD("/bin/sh"), WORD("-c"), WORD("setsid sleep 1000 & exit 0"), NULL };
	const struct config_argv argv = { .words = words, .count = 3 };
	const struct log_subject subject = { .queue = "mail", .task = TASK, .attempt = 1 };
	open_mode(&fixture, "stream-echo");
	const pid_t first = run_good(&fixture);
	CU_ASSERT_TRUE(runner_run_hook(fixture.runner, &argv, "{}", &subject, 60000, &err));
	CU_ASSERT_EQUAL(fixture.slot->handler_group, first);
	CU_ASSERT_EQUAL(run_good(&fixture), first);
	fixture_close(&fixture);
}

static const struct suite_test tests[] = {
	SUITE_TEST(one_handler_serves_many_tasks),
	SUITE_TEST(a_handler_in_python_is_served),
	SUITE_TEST(bad_habits_are_named_and_leave_the_next_task_alone),
	SUITE_TEST(a_handler_that_never_gets_ready_is_named),
	SUITE_TEST(a_program_that_is_not_there_is_named),
	SUITE_TEST(a_second_answer_costs_the_handler_not_the_task),
	SUITE_TEST(a_second_answer_during_the_next_task_gives_that_back),
	SUITE_TEST(a_late_beat_is_no_harm),
	SUITE_TEST(a_handler_that_leaves_between_tasks_is_not_blamed),
	SUITE_TEST(silence_past_the_heartbeat_is_a_hang),
	SUITE_TEST(a_handler_that_obeys_a_cancel_is_kept),
	SUITE_TEST(what_is_done_when_told_to_stop_is_done),
	SUITE_TEST(orders_end_a_handler_that_does_not_answer),
	SUITE_TEST(an_envelope_of_four_megabytes_arrives),
	SUITE_TEST(output_between_tasks_is_logged_without_one),
	SUITE_TEST(the_end_of_a_runner_stops_its_handler_and_what_it_left),
	SUITE_TEST(failing_runs_leave_no_descriptors),
	SUITE_TEST(a_hook_beside_the_handler_leaves_it_alone),
};

int main(void)
{
	log_set_level(LOG_ERROR);
	return suite_run("runner_stream", tests, ARRAY_SIZE(tests));
}
