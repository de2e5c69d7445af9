/* supervisor/, whole: it runs in a process of its own over fake children (tests/fake_children.h),
 * and is talked to through its control socket and signals. */
#include "base/clock.h"
#include "base/jsontext.h"
#include "config/config.h"
#include "supervisor/control.h"
#include "supervisor/supervisor.h"
#include "tests/fake_children.h"
#include "tests/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static char file[PATH_MAX + 16], place[PATH_MAX + 16];
static pid_t supervisor;

/* --- one supervisor --- */

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs(text, out);
	fclose(out);
}

static void write_config(const char *queues)
{
	OWNED(free)
	char *text = xprintf("store: sqlite:none.db\ncontrol: { path: %s }\nshutdown_grace: 600ms\n"
			     "defaults: { run: [true], kill_after: 300ms }\nlog: { to: %s/log }\n"
			     "queues:\n%s",
		place, fake_home, queues);
	OWNED(free) char *fresh = xprintf("%s.new", file);
	write_file(fresh, text);
	CU_ASSERT_EQUAL_FATAL(rename(fresh, file), 0);
}

/* In the forked process: CUnit's jumps are not for it. */
static int run(const struct supervisor_options *options)
{
	struct error err = { 0 };
	struct config_faults faults = { 0 };
	struct config *config = NULL;
	bool is_good = config_load(file, &config, &faults, &err);
	for (size_t i = 0; i < faults.count; i++)
		fprintf(stderr, "%s\n", faults.lines[i]);
	config_faults_finish(&faults);
	return is_good ? supervisor_run(config, options) : 99;
}

static json_t *ask(const char *request)
{
	struct error err = { 0 };
	OWNED(json) json_t *object = json_loads(request, 0, NULL);
	json_t *reply = NULL;
	if (!control_call(file, place, object, &reply, &err))
		reply = json_pack("{s:s}", "unreachable", err.text);
	return reply;
}

static json_t *status(void)
{
	OWNED(json) json_t *reply = ask("{\"command\":\"status\"}");
	return json_incref(json_object_get(reply, "status"));
}

static void nap(void)
{
	const struct timespec moment = { .tv_nsec = 5 * 1000000 };
	nanosleep(&moment, NULL);
}

#define AWAIT(condition)                                           \
	do {                                                       \
		int64_t until_ = clock_steady_ms() + PATIENCE_MS;  \
		while (!(condition) && clock_steady_ms() < until_) \
			nap();                                     \
		CU_ASSERT_TRUE_FATAL(condition);                   \
	} while (0)

static bool answers(void)
{
	OWNED(json) json_t *reply = ask("{\"command\":\"ping\"}");
	return json_integer_value(json_object_get(reply, "pid")) == supervisor;
}

static void make_home(void)
{
	char text[] = "/tmp/reeve-test.XXXXXX";
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(text));
	CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(text, fake_home));
	snprintf(file, sizeof file, "%s/reeve.yaml", fake_home);
	snprintf(place, sizeof place, "%s/reeve.sock", fake_home);
}

static pid_t fork_supervisor(const struct supervisor_options *options)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		exit(run(options));
	return pid;
}

static void start_with(const char *queues, const struct supervisor_options *options)
{
	make_home();
	write_config(queues);
	supervisor = fork_supervisor(options);
	AWAIT(answers());
}

static void start(const char *queues)
{
	static const struct supervisor_options usual;
	start_with(queues, &usual);
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *walk)
{
	(void)at, (void)kind, (void)walk;
	return remove(path);
}

static int await_exit(pid_t pid)
{
	int how = 0;
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(how) ? WEXITSTATUS(how) : 1000 + WTERMSIG(how);
}

/* Answers the exit code. */
static int stop(int number)
{
	kill(supervisor, number);
	int code = await_exit(supervisor);
	CU_ASSERT_EQUAL(access(place, F_OK), -1);
	nftw(fake_home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return code;
}

/* --- what can be seen --- */

static int queue_number(const char *queue, const char *key)
{
	OWNED(json) json_t *now = status();
	return (int)json_integer_value(
		json_object_get(json_object_get(json_object_get(now, "queues"), queue), key));
}

/* The pid of worker `slot` of a queue in a state (NULL: any); 0: none. */
static pid_t find_worker(const char *queue, int slot, const char *state)
{
	OWNED(json) json_t *now = status();
	const json_t *workers = json_object_get(now, "workers");
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *worker = json_array_get(workers, i);
		if (strcmp(jsontext_member(worker, "queue"), queue) == 0 &&
			json_integer_value(json_object_get(worker, "slot")) == slot &&
			(!state || strcmp(jsontext_member(worker, "state"), state) == 0))
			return (pid_t)json_integer_value(json_object_get(worker, "pid"));
	}
	return 0;
}

static pid_t await_worker(const char *queue, int slot, const char *state)
{
	AWAIT(find_worker(queue, slot, state) != 0);
	return find_worker(queue, slot, state);
}

static bool is_replaced(const char *queue, int slot, pid_t before)
{
	pid_t now = find_worker(queue, slot, "idle");
	return now != 0 && now != before;
}

static pid_t keeper_pid(void)
{
	OWNED(json) json_t *now = status();
	const json_t *first = json_array_get(json_object_get(now, "processes"), 0);
	return (pid_t)json_integer_value(json_object_get(first, "pid"));
}

/* The text of a file in the home; "" where there is none. Owned. */
static char *read_home(const char *name)
{
	OWNED(free) char *path = xprintf("%s/%s", fake_home, name);
	char text[65536];
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	return xstrndup(text, length > 0 ? (size_t)length : 0);
}

static bool home_has(const char *name, const char *part)
{
	OWNED(free) char *text = read_home(name);
	return strstr(text, part) != NULL;
}

/* A dead process that waits to be reaped is gone for all that matters. */
static bool is_gone(pid_t pid)
{
	char path[64], state = 'X';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *stat_file = fopen(path, "re");
	if (!stat_file)
		return true;
	if (fscanf(stat_file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(stat_file);
	return state == 'Z' || state == 'X';
}

static bool is_ok(const char *request)
{
	OWNED(json) json_t *reply = ask(request);
	return json_is_true(json_object_get(reply, "ok"));
}

/* "ok" or the error's text with its exit code. Owned. */
static char *outcome(const char *request)
{
	OWNED(json) json_t *reply = ask(request);
	if (json_is_true(json_object_get(reply, "ok")))
		return xstrdup("ok");
	return xprintf("%s (%lld)", jsontext_member(reply, "error"),
		(long long)json_integer_value(json_object_get(reply, "exit")));
}

/* --- tests --- */

static void workers_and_keeper_are_started_and_drained(void)
{
	start("  mail: { workers: 3 }\n  rows: { workers: { min: 1, max: 2 } }\n");
	AWAIT(find_worker("mail", 3, "idle") && find_worker("rows", 1, "idle"));
	CU_ASSERT_EQUAL(queue_number("mail", "workers"), 3);
	CU_ASSERT_EQUAL(queue_number("mail", "desired"), 3);
	CU_ASSERT_EQUAL(queue_number("rows", "desired"), 1);
	CU_ASSERT_EQUAL(queue_number("rows", "min"), 1);
	CU_ASSERT_EQUAL(queue_number("rows", "max"), 2);
	pid_t worker = find_worker("mail", 1, "idle"), keeper = keeper_pid();
	CU_ASSERT_TRUE(keeper > 0);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
	CU_ASSERT_TRUE(is_gone(worker) && is_gone(keeper));
}

static void a_killed_worker_is_replaced_after_its_death_is_told(void)
{
	start("  busy: { workers: 1 }\n");
	pid_t worker = await_worker("busy", 1, "busy");
	kill(worker, SIGKILL);
	AWAIT(home_has("deaths", "\n"));
	CU_ASSERT_TRUE(home_has("deaths", "busy#1|busy|job.7|killed by signal 9 (SIGKILL)|32\n"));
	AWAIT(queue_number("busy", "busy") == 1);
	CU_ASSERT_TRUE(find_worker("busy", 1, "busy") != worker);
	CU_ASSERT_EQUAL(queue_number("busy", "restarts"), 1);
	stop(SIGQUIT);
}

static void handlers_are_gone_before_the_death_is_told(void)
{
	start("  busy-handler: { workers: 1 }\n");
	pid_t worker = await_worker("busy-handler", 1, "busy");
	AWAIT(home_has("handlers", "\n"));
	OWNED(free) char *text = read_home("handlers");
	pid_t handler = atoi(text);
	CU_ASSERT_FALSE(is_gone(handler));
	kill(worker, SIGKILL);
	AWAIT(home_has("deaths", "busy-handler#1"));
	CU_ASSERT_TRUE(is_gone(handler));
	/* The grandchild that left the group is the handler's pid + 1 nowhere for sure: what counts
	 * is that the supervisor has no other children than its own. */
	AWAIT(find_worker("busy-handler", 1, "busy"));
	OWNED(free) char *path = xprintf("/proc/%d/task/%d/children", supervisor, supervisor);
	FILE *children = fopen(path, "re");
	int pid, count = 0;
	while (children && fscanf(children, "%d", &pid) == 1)
		count++;
	if (children)
		fclose(children);
	CU_ASSERT_EQUAL(count, 2); /* worker and keeper */
	stop(SIGQUIT);
}

static void children_from_before_the_start_are_left_alone(void)
{
	make_home();
	write_config("  mail: { workers: 1 }\n");
	fflush(stdout);
	int told[2];
	CU_ASSERT_EQUAL_FATAL(pipe2(told, O_CLOEXEC), 0);
	supervisor = fork();
	if (supervisor == 0) {
		static const struct supervisor_options usual;
		pid_t sidecar = fork();
		if (sidecar == 0)
			for (;;)
				pause();
		if (write(told[1], &sidecar, sizeof sidecar) != sizeof sidecar)
			abort();
		exit(run(&usual));
	}
	pid_t sidecar = 0;
	CU_ASSERT_EQUAL(read(told[0], &sidecar, sizeof sidecar), sizeof sidecar);
	close(told[0]);
	close(told[1]);
	AWAIT(answers());
	pid_t worker = await_worker("mail", 1, "idle");
	kill(worker, SIGKILL);
	AWAIT(is_replaced("mail", 1, worker));
	CU_ASSERT_FALSE(is_gone(sidecar));
	kill(sidecar, SIGKILL);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_dead_keeper_is_replaced(void)
{
	start("  mail: { workers: 1 }\n");
	AWAIT(keeper_pid() != 0);
	pid_t keeper = keeper_pid();
	kill(keeper, SIGKILL);
	AWAIT(keeper_pid() != 0 && keeper_pid() != keeper);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_crash_loop_is_probed_and_harms_no_other_queue(void)
{
	start("  crash: { workers: 1 }\n  mail: { workers: 1 }\n");
	AWAIT(home_has("log", "died 5 times before good service"));
	CU_ASSERT_TRUE(home_has("log", "exited with 4 (the store could not be opened)"));
	CU_ASSERT_TRUE(await_worker("mail", 1, "idle") != 0);
	CU_ASSERT_EQUAL(queue_number("mail", "restarts"), 0);
	CU_ASSERT_EQUAL(queue_number("crash", "restarts"), 5);
	OWNED(json) json_t *reply = ask("{\"command\":\"status\"}");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(reply, "deaths")), 5);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_fatal_queue_ends_the_supervisor(void)
{
	start("  crash: { workers: 2, exit_on: fatal, exit_after: 1s }\n  mail: {}\n");
	CU_ASSERT_EQUAL(await_exit(supervisor), 1);
	CU_ASSERT_TRUE(home_has("log", "crash: no worker serves, and exit_on is fatal"));
	nftw(fake_home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_busy_worker_gives_back_before_the_grace_ends(void)
{
	start("  busy: { workers: 1 }\n");
	await_worker("busy", 1, "busy");
	CU_ASSERT_EQUAL(stop(SIGTERM), 1);
}

static void a_busy_worker_gets_no_signal_until_the_grace_ends(void)
{
	start("  busy: { workers: { min: 2, max: 4 } }\n");
	AWAIT(find_worker("busy", 1, "busy") && find_worker("busy", 2, "busy"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"busy\",\"workers\":0}"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"pause\",\"queue\":\"busy\"}"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"resume\",\"queue\":\"busy\"}"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"restart\"}"));
	write_config("  busy: { workers: 1, lease: 7s }\n");
	CU_ASSERT_TRUE(is_ok("{\"command\":\"reload\"}"));
	write_config("  other: { workers: 1 }\n");
	CU_ASSERT_TRUE(is_ok("{\"command\":\"reload\"}"));
	AWAIT(find_worker("other", 1, "idle"));
	CU_ASSERT_FALSE(home_has("woken", "busy"));
	kill(supervisor, SIGTERM);
	AWAIT(home_has("woken", "busy"));
	CU_ASSERT_EQUAL(stop(SIGTERM), 1);
}

static void a_deaf_worker_is_killed_when_the_grace_ends(void)
{
	start("  deaf: { workers: 1 }\n");
	pid_t worker = await_worker("deaf", 1, "busy");
	CU_ASSERT_EQUAL(stop(SIGINT), 1);
	CU_ASSERT_TRUE(is_gone(worker));
}

static void a_stop_without_grace_kills_at_once(void)
{
	start("  busy-handler: { workers: 2 }\n");
	AWAIT(find_worker("busy-handler", 1, "busy") && find_worker("busy-handler", 2, "busy"));
	OWNED(free) char *text = read_home("handlers");
	CU_ASSERT_EQUAL(stop(SIGQUIT), 1);
	CU_ASSERT_TRUE(is_gone(atoi(text)));
}

static void a_second_supervisor_is_refused_with_the_firsts_pid(void)
{
	static const struct supervisor_options usual;
	start("  mail: { workers: 1 }\n");
	OWNED(free) char *said = xprintf("%s/said", fake_home);
	fflush(stdout);
	pid_t second = fork();
	if (second == 0) {
		if (!freopen(said, "w", stderr))
			abort();
		exit(run(&usual));
	}
	CU_ASSERT_EQUAL(await_exit(second), 1);
	OWNED(free) char *wanted = xprintf("pid %d already runs %s", (int)supervisor, file);
	CU_ASSERT_TRUE(home_has("said", wanted));
	CU_ASSERT_TRUE(answers());
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_socket_that_a_killed_supervisor_left_is_replaced(void)
{
	static const struct supervisor_options usual;
	start("  mail: { workers: 1 }\n");
	kill(supervisor, SIGKILL);
	await_exit(supervisor);
	CU_ASSERT_EQUAL(access(place, F_OK), 0);
	supervisor = fork_supervisor(&usual);
	AWAIT(answers());
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void counts_follow_scale_and_signals(void)
{
	start("  mail: { workers: 2 }\n  odd: { workers: 3 }\n");
	AWAIT(find_worker("odd", 1, "busy") && find_worker("odd", 3, "idle"));
	pid_t busy = find_worker("odd", 1, "busy");
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"mail\",\"workers\":\"+2\"}"));
	AWAIT(find_worker("mail", 4, "idle"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"odd\",\"workers\":1}"));
	AWAIT(queue_number("odd", "workers") == 1);
	CU_ASSERT_EQUAL(find_worker("odd", 1, "busy"), busy);
	kill(supervisor, SIGTTIN);
	AWAIT(queue_number("mail", "workers") == 5 && queue_number("odd", "workers") == 2);
	kill(supervisor, SIGTTOU);
	AWAIT(queue_number("mail", "workers") == 4 && queue_number("odd", "workers") == 1);
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"mail\",\"workers\":\"-100\"}"));
	AWAIT(queue_number("mail", "workers") == 0);
	CU_ASSERT_EQUAL(queue_number("mail", "desired"), 0);
	kill(supervisor, SIGHUP);
	AWAIT(queue_number("mail", "workers") == 2 && queue_number("odd", "workers") == 3);
	CU_ASSERT_EQUAL(find_worker("odd", 1, "busy"), busy);
	stop(SIGQUIT);
}

/* The keeper here measures nothing: every count that is a range stays where it is put. */
static void a_range_starts_at_min_and_keeps_what_is_set_by_hand_until_a_reload(void)
{
	start("  mail: { workers: { min: 2, max: 4 } }\n"
	      "  fixed: { workers: { min: 1, max: 3 }, scale: { strategy: fixed } }\n");
	AWAIT(find_worker("mail", 2, "idle") && find_worker("fixed", 1, "idle"));
	CU_ASSERT_EQUAL(queue_number("mail", "desired"), 2);
	CU_ASSERT_EQUAL(queue_number("fixed", "desired"), 1);
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"mail\",\"workers\":7}"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"fixed\",\"workers\":2}"));
	AWAIT(queue_number("mail", "workers") == 7 && queue_number("fixed", "workers") == 2);
	kill(supervisor, SIGHUP);
	AWAIT(queue_number("mail", "workers") == 4 && queue_number("fixed", "workers") == 1);
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"mail\",\"workers\":0}"));
	AWAIT(queue_number("mail", "workers") == 0);
	write_config("  mail: { workers: { min: 3, max: 4 } }\n");
	kill(supervisor, SIGHUP);
	AWAIT(find_worker("mail", 3, "idle"));
	CU_ASSERT_EQUAL(queue_number("mail", "workers"), 3);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_bad_scale_is_refused(void)
{
	start("  mail: { workers: 1 }\n");
	static const char *const counts[] = { "\"\"", "\"+\"", "\"x\"", "\"1x\"", "-1", "10001",
		"\"99999999999999999999\"", "1.5", "null", "[]", "\"--1\"" };
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		OWNED(free)
		char *request = xprintf(
			"{\"command\":\"scale\",\"queue\":\"mail\",\"workers\":%s}", counts[i]);
		OWNED(free) char *answer = outcome(request);
		CU_ASSERT_PTR_NOT_NULL(strstr(answer, "(2)"));
	}
	OWNED(free)
	char *unknown = outcome("{\"command\":\"scale\",\"queue\":\"mial\",\"workers\":1}");
	CU_ASSERT_STRING_EQUAL(unknown, "no queue \"mial\" runs here (1)");
	CU_ASSERT_EQUAL(queue_number("mail", "desired"), 1);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_reload_touches_only_what_changed(void)
{
	start("  mail: { workers: 2 }\n  rows: { workers: 1, lease: 7s }\n  old: {}\n");
	AWAIT(find_worker("mail", 2, "idle") && find_worker("rows", 1, "idle") &&
		find_worker("old", 1, "idle"));
	pid_t mail = find_worker("mail", 2, "idle"), rows = find_worker("rows", 1, "idle");
	write_config("  mail: { workers: 3 }\n  rows: { workers: 1, lease: 9s }\n  new: {}\n");
	OWNED(json) json_t *preview = ask("{\"command\":\"check\"}");
	OWNED(json) json_t *reply = ask("{\"command\":\"reload\"}");
	OWNED(free) char *told = jsontext_print(reply);
	CU_ASSERT_TRUE(json_equal(preview, reply));
	CU_ASSERT_STRING_EQUAL(told,
		"{\"ok\":true,\"changes\":[{\"queue\":\"mail\",\"change\":\"live\"},"
		"{\"queue\":\"rows\",\"change\":\"roll\"},{\"queue\":\"new\",\"change\":\"add\"},"
		"{\"queue\":\"old\",\"change\":\"remove\"}]}");
	AWAIT(find_worker("mail", 3, "idle") && find_worker("new", 1, "idle"));
	AWAIT(is_replaced("rows", 1, rows));
	AWAIT(!find_worker("old", 1, NULL));
	CU_ASSERT_EQUAL(find_worker("mail", 2, "idle"), mail);
	AWAIT(home_has("log", "rows#1: at work with lease of 9000 ms"));
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_bad_file_changes_nothing(void)
{
	start("  mail: { workers: 1 }\n");
	pid_t mail = await_worker("mail", 1, "idle");
	write_config("  mail: { workers: many }\n  rows: { wrokers: 1 }\n");
	OWNED(json) json_t *reply = ask("{\"command\":\"reload\"}");
	CU_ASSERT_TRUE(json_is_false(json_object_get(reply, "ok")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "exit")), 2);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(reply, "faults")), 2);
	AWAIT(home_has("log", "wrokers"));
	CU_ASSERT_EQUAL(find_worker("mail", 1, "idle"), mail);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void many_reloads_in_a_row_all_end_with_the_last_file(void)
{
	start("  mail: { workers: 1 }\n");
	for (int i = 1; i <= 20; i++) {
		OWNED(free) char *queues = xprintf("  mail: { workers: %d }\n", i);
		write_config(queues);
		kill(supervisor, SIGHUP);
	}
	AWAIT(queue_number("mail", "workers") == 20);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_restart_replaces_every_worker(void)
{
	start("  mail: { workers: 6 }\n  rows: { workers: 1 }\n");
	AWAIT(find_worker("mail", 6, "idle") && find_worker("rows", 1, "idle"));
	pid_t before[6], rows = find_worker("rows", 1, "idle");
	for (int i = 0; i < 6; i++)
		before[i] = find_worker("mail", i + 1, NULL);
	CU_ASSERT_TRUE(is_ok("{\"command\":\"restart\",\"queues\":[\"mail\"]}"));
	for (int i = 0; i < 6; i++)
		AWAIT(is_replaced("mail", i + 1, before[i]));
	CU_ASSERT_EQUAL(find_worker("rows", 1, "idle"), rows);
	CU_ASSERT_EQUAL(queue_number("mail", "restarts"), 0);
	OWNED(free) char *unknown = outcome("{\"command\":\"restart\",\"queues\":[\"mial\"]}");
	CU_ASSERT_STRING_EQUAL(unknown, "no queue \"mial\" runs here (1)");
	CU_ASSERT_TRUE(is_ok("{\"command\":\"restart\"}"));
	AWAIT(is_replaced("rows", 1, rows));
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static bool is_paused(const char *queue)
{
	OWNED(json) json_t *now = status();
	return json_is_true(
		json_object_get(json_object_get(json_object_get(now, "queues"), queue), "paused"));
}

static void a_moved_log_is_opened_anew_by_all(void)
{
	start("  mail: { workers: 1 }\n");
	await_worker("mail", 1, "idle");
	OWNED(free) char *log = xprintf("%s/log", fake_home);
	OWNED(free) char *old = xprintf("%s/log.1", fake_home);
	CU_ASSERT_EQUAL(rename(log, old), 0);
	kill(supervisor, SIGUSR1);
	AWAIT(home_has("log", "status of mail") && home_has("log", "mail#1: opened anew"));
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

/* Receives what systemd would, each datagram a line. Owned. */
static char *receive_notes(int fd, const char *until)
{
	char *text = xstrdup("");
	while (!strstr(text, until)) {
		char note[1024];
		ssize_t length = recv(fd, note, sizeof note - 1, 0);
		CU_ASSERT_TRUE_FATAL(length > 0);
		note[length] = '\0';
		char *longer = xprintf("%s%s\n", text, note);
		free(text);
		text = longer;
	}
	return text;
}

static void expect_note(int fd, const char *until, const char *part)
{
	OWNED(free) char *text = receive_notes(fd, until);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, part));
}

static void systemd_is_told_of_every_turn(void)
{
	static const struct supervisor_options usual;
	make_home();
	write_config("  busy: { workers: 2 }\n");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	OWNED(free) char *notes = xprintf("%s/notes", fake_home);
	memcpy(address.sun_path, notes, strlen(notes) + 1);
	OWNED_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	setenv("NOTIFY_SOCKET", notes, 1);
	setenv("WATCHDOG_USEC", "4000", 1);
	supervisor = fork_supervisor(&usual);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	expect_note(fd, "READY=1", "2 workers on 1 queues");
	expect_note(fd, "WATCHDOG=1", "WATCHDOG=1");
	kill(supervisor, SIGHUP);
	expect_note(fd, "RELOADING=1", "MONOTONIC_USEC=");
	expect_note(fd, "READY=1", "STATUS=");
	kill(supervisor, SIGTERM);
	expect_note(fd, "STOPPING=1", "STOPPING=1");
	/* Nobody reads any more, and the beats go on: that may not hold it up. */
	CU_ASSERT_EQUAL(await_exit(supervisor), 1);
	CU_ASSERT_FALSE(home_has("inherited", "NOTIFY_SOCKET"));
	nftw(fake_home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void no_more_than_allowed_are_replaced_at_a_time(void)
{
	start("  slow: { workers: 4, max_unavailable: 2 }\n");
	AWAIT(home_has("log", "slow#4: at work"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"restart\",\"queues\":[\"slow\"]}"));
	/* The new ones never get ready, so the other two must stay. */
	AWAIT(home_has("log", "slow#1 (pid") && home_has("log", "slow#2 (pid"));
	CU_ASSERT_FALSE(home_has("log", "slow#3 (pid") || home_has("log", "slow#4 (pid"));
	stop(SIGQUIT);
}

static void pauses_are_shown_and_end(void)
{
	start("  mail: {}\n  rows: {}\n");
	CU_ASSERT_TRUE(is_ok("{\"command\":\"pause\",\"queue\":\"mail\"}"));
	CU_ASSERT_TRUE(is_paused("mail") && !is_paused("rows"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"reload\"}"));
	CU_ASSERT_TRUE(is_paused("mail"));
	CU_ASSERT_TRUE(is_ok("{\"command\":\"resume\",\"queue\":\"mail\"}"));
	CU_ASSERT_FALSE(is_paused("mail"));
	kill(supervisor, SIGTSTP);
	AWAIT(is_paused("mail") && is_paused("rows"));
	kill(supervisor, SIGCONT);
	AWAIT(!is_paused("mail") && !is_paused("rows"));
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void only_named_queues_run(void)
{
	static const char *const names[] = { "rows" };
	const struct supervisor_options options = { .only = names, .only_count = 1 };
	start_with("  mail: {}\n  rows: {}\n", &options);
	await_worker("rows", 1, "idle");
	OWNED(json) json_t *now = status();
	CU_ASSERT_EQUAL(json_object_size(json_object_get(now, "queues")), 1);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void an_idle_supervisor_ends_when_it_is_told_to(void)
{
	static const struct supervisor_options options = { .until_idle = true };
	make_home();
	write_config("  mail: {}\n");
	CU_ASSERT_EQUAL(await_exit(fork_supervisor(&options)), 0);
	nftw(fake_home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the socket --- */

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, place, strlen(place) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* One line, or what came before the end. Owned. */
static char *hear(int fd)
{
	char text[4096];
	size_t length = 0;
	while (length < sizeof text - 1 && read(fd, text + length, 1) == 1 && text[length] != '\n')
		length++;
	return xstrndup(text, length);
}

static void say(int fd, const char *text)
{
	size_t length = strlen(text);
	while (length > 0) {
		ssize_t wrote = send(fd, text, length, MSG_NOSIGNAL);
		if (wrote <= 0)
			return;
		text += wrote;
		length -= (size_t)wrote;
	}
}

static void expect_reply(int fd, const char *request, const char *part)
{
	say(fd, request);
	OWNED(free) char *reply = hear(fd);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, part));
}

static void garbage_gets_an_error_and_the_line_goes_on(void)
{
	start("  mail: {}\n");
	OWNED_FD int fd = dial();
	expect_reply(fd, "garbage\n", "\"exit\":2");
	expect_reply(fd, "\n", "\"exit\":2");
	expect_reply(fd, "[1]\n", "\"command\\\"");
	expect_reply(fd, "{\"command\":7}\n", "\"command\\\"");
	expect_reply(fd, "{\"command\":\"dance\"}\n", "unknown command \\\"dance\\\"");
	expect_reply(fd, "\xff\xfe{}\n", "\"exit\":2");
	expect_reply(fd, "{\"command\":\"ping\"}\n", "\"ok\":true");
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void half_lines_wait_and_two_lines_are_two_requests(void)
{
	start("  mail: {}\n");
	OWNED_FD int fd = dial();
	say(fd, "{\"comm");
	CU_ASSERT_TRUE(answers());
	say(fd, "and\":\"ping\"}\n{\"command\":\"ping\"}\n");
	for (int i = 0; i < 2; i++) {
		OWNED(free) char *reply = hear(fd);
		CU_ASSERT_PTR_NOT_NULL(strstr(reply, "\"ok\":true"));
	}
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_line_without_end_is_cut_off(void)
{
	start("  mail: {}\n");
	OWNED_FD int fd = dial();
	OWNED(free) char *long_line = xprintf("%70000s", "");
	say(fd, long_line);
	OWNED(free) char *reply = hear(fd);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "longer than 64 KiB"));
	CU_ASSERT_TRUE(answers());
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void many_clients_are_served_and_too_many_turned_away(void)
{
	start("  mail: {}\n");
	int clients[200];
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = dial();
		expect_reply(clients[i], "{\"command\":\"ping\"}\n", "\"ok\":true");
	}
	OWNED_FD int last = dial();
	OWNED(free) char *reply = hear(last);
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "too many clients"));
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	AWAIT(answers());
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void the_socket_is_private(void)
{
	struct stat at;
	start("  mail: {}\n");
	CU_ASSERT_EQUAL(stat(place, &at), 0);
	CU_ASSERT_EQUAL(at.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
	OWNED(json) json_t *reply = ask("{\"command\":\"ping\"}");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(jsontext_member(reply, "unreachable"), "no supervisor is running for"));
}

struct hearing {
	int lines, ends;
	bool has_mail, has_rows;
};

/* To the reply that says that there is no more. */
static bool on_line(void *context, const json_t *reply)
{
	struct hearing *hearing = context;
	const char *line = jsontext_member(reply, "line");
	hearing->lines += line != NULL;
	hearing->ends += json_is_true(json_object_get(reply, "end"));
	hearing->has_mail |= line && strstr(line, "mail#1");
	hearing->has_rows |= line && strstr(line, "rows#1");
	return line != NULL;
}

static void recent_lines_of_a_queue_are_shown(void)
{
	start("  mail: {}\n  rows: {}\n");
	await_worker("mail", 1, "idle");
	await_worker("rows", 1, "idle");
	AWAIT(home_has("log", "mail#1: at work") && home_has("log", "rows#1: at work"));
	struct error err = { 0 };
	struct hearing all = { 0 }, one = { 0 };
	OWNED(json) json_t *request = json_pack("{s:s}", "command", "logs");
	CU_ASSERT_TRUE(control_stream(file, place, request, on_line, &all, &err));
	CU_ASSERT_TRUE(all.has_mail && all.has_rows && all.lines >= 3 && all.ends == 1);
	json_object_set_new(request, "queue", json_string("mail"));
	CU_ASSERT_TRUE(control_stream(file, place, request, on_line, &one, &err));
	CU_ASSERT_TRUE(one.has_mail && !one.has_rows);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void followed_logs_show_what_comes(void)
{
	start("  mail: {}\n");
	await_worker("mail", 1, "idle");
	OWNED_FD int fd = dial();
	const char *request = "{\"command\":\"logs\",\"follow\":true}\n";
	say(fd, request);
	CU_ASSERT_TRUE(is_ok("{\"command\":\"pause\",\"queue\":\"mail\"}"));
	bool is_seen = false;
	while (!is_seen) {
		OWNED(free) char *line = hear(fd);
		CU_ASSERT_TRUE_FATAL(line[0] != '\0');
		is_seen = strstr(line, "mail is paused");
	}
	/* A worker's line, written by another process. */
	CU_ASSERT_TRUE(is_ok("{\"command\":\"scale\",\"queue\":\"mail\",\"workers\":2}"));
	for (is_seen = false; !is_seen;) {
		OWNED(free) char *line = hear(fd);
		CU_ASSERT_TRUE_FATAL(line[0] != '\0');
		is_seen = strstr(line, "mail#2: at work");
	}
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

static void a_stop_keeps_the_connection_until_the_end(void)
{
	start("  mail: {}\n");
	OWNED_FD int fd = dial();
	expect_reply(fd, "{\"command\":\"stop\"}\n", "\"ok\":true");
	OWNED(free) char *rest = hear(fd);
	CU_ASSERT_STRING_EQUAL(rest, "");
	CU_ASSERT_EQUAL(await_exit(supervisor), 0);
	nftw(fake_home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void workers_end_when_the_supervisor_is_killed(void)
{
	start("  mail: {}\n");
	pid_t worker = await_worker("mail", 1, "idle"), keeper = keeper_pid();
	kill(supervisor, SIGKILL);
	await_exit(supervisor);
	AWAIT(is_gone(worker) && is_gone(keeper));
	nftw(fake_home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void many_workers_start_and_end(void)
{
	const int many = suite_many(100, 10);
	OWNED(free) char *queues = xstrdup("");
	for (int i = 0; i < many; i++) {
		char *longer = xprintf("%s  q%d: { workers: 5 }\n", queues, i);
		free(queues);
		queues = longer;
	}
	start(queues);
	OWNED(free) char *last = xprintf("q%d", many - 1);
	AWAIT(queue_number(last, "workers") == 5);
	CU_ASSERT_EQUAL(stop(SIGTERM), 0);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(workers_and_keeper_are_started_and_drained),
		SUITE_TEST(a_killed_worker_is_replaced_after_its_death_is_told),
		SUITE_TEST(handlers_are_gone_before_the_death_is_told),
		SUITE_TEST(children_from_before_the_start_are_left_alone),
		SUITE_TEST(a_dead_keeper_is_replaced),
		SUITE_TEST(a_crash_loop_is_probed_and_harms_no_other_queue),
		SUITE_TEST(a_fatal_queue_ends_the_supervisor),
		SUITE_TEST(a_busy_worker_gives_back_before_the_grace_ends),
		SUITE_TEST(a_busy_worker_gets_no_signal_until_the_grace_ends),
		SUITE_TEST(a_deaf_worker_is_killed_when_the_grace_ends),
		SUITE_TEST(a_stop_without_grace_kills_at_once),
		SUITE_TEST(a_second_supervisor_is_refused_with_the_firsts_pid),
		SUITE_TEST(a_socket_that_a_killed_supervisor_left_is_replaced),
		SUITE_TEST(counts_follow_scale_and_signals),
		SUITE_TEST(a_range_starts_at_min_and_keeps_what_is_set_by_hand_until_a_reload),
		SUITE_TEST(a_bad_scale_is_refused),
		SUITE_TEST(a_reload_touches_only_what_changed),
		SUITE_TEST(a_bad_file_changes_nothing),
		SUITE_TEST(many_reloads_in_a_row_all_end_with_the_last_file),
		SUITE_TEST(a_restart_replaces_every_worker),
		SUITE_TEST(a_moved_log_is_opened_anew_by_all),
		SUITE_TEST(systemd_is_told_of_every_turn),
		SUITE_TEST(no_more_than_allowed_are_replaced_at_a_time),
		SUITE_TEST(pauses_are_shown_and_end),
		SUITE_TEST(only_named_queues_run),
		SUITE_TEST(an_idle_supervisor_ends_when_it_is_told_to),
		SUITE_TEST(garbage_gets_an_error_and_the_line_goes_on),
		SUITE_TEST(half_lines_wait_and_two_lines_are_two_requests),
		SUITE_TEST(a_line_without_end_is_cut_off),
		SUITE_TEST(many_clients_are_served_and_too_many_turned_away),
		SUITE_TEST(the_socket_is_private),
		SUITE_TEST(recent_lines_of_a_queue_are_shown),
		SUITE_TEST(followed_logs_show_what_comes),
		SUITE_TEST(a_stop_keeps_the_connection_until_the_end),
		SUITE_TEST(workers_end_when_the_supervisor_is_killed),
		SUITE_TEST(many_workers_start_and_end),
	};
	return suite_run("supervising", tests, ARRAY_SIZE(tests));
}
