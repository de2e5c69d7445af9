/* workers/: the worker and the keeper as the processes they are, on a store in a file. */
#include "tests/worker_fixture.h"

#include "base/clock.h"
#include "workers/keeper.h"
#include "workers/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define ONE         "{\"starts\":[\"a\"],\"tasks\":{\"a\":{\"queue\":\"q\"}}}"

static int lifeline[2], depth_bell = -1;
static struct worker_setup setup;

static void open_processes(void)
{
	fixture_open_file();
	CU_ASSERT_EQUAL_FATAL(pipe2(lifeline, O_CLOEXEC), 0);
}

static void close_processes(void)
{
	close(lifeline[0]);
	if (lifeline[1] >= 0)
		close(lifeline[1]);
	fixture_close();
}

/* A child as the supervisor makes it. queue NULL: the keeper. */
static pid_t start(const char *queue, struct slot *slot, const char *owner)
{
	setup = *fixture_setup(queue);
	setup.slot = slot;
	setup.owner = owner;
	setup.lifeline = lifeline[0];
	setup.supervisor = getpid();
	setup.depth_bell = depth_bell;
	setup.name = queue ? "q#1" : "keeper";
	snprintf(slot->owner, sizeof slot->owner, "%s", owner);
	snprintf(slot->queue, sizeof slot->queue, "%s", queue ? queue : "");
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	close(lifeline[1]);
	if (queue)
		worker_main(&setup);
	keeper_main(&setup);
}

static void pass_a_moment(void)
{
	poll(NULL, 0, 10);
}

#define AWAIT(condition)                                           \
	do {                                                       \
		int64_t until_ = clock_steady_ms() + PATIENCE_MS;  \
		while (!(condition) && clock_steady_ms() < until_) \
			pass_a_moment();                           \
		CU_ASSERT_TRUE(condition);                         \
	} while (0)

static int exit_of(pid_t pid)
{
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int command(pid_t pid, struct slot *slot, enum slot_command wanted)
{
	atomic_store(&slot->command, wanted);
	kill(pid, SIGTERM);
	return exit_of(pid);
}

static void an_idle_worker_wakes_for_a_task_and_drains_at_once(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct slot *slot = &board->slots[0];
	pid_t pid = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_IDLE);
	const char *job = fixture_start(ONE, "{}");
	AWAIT(fixture_job_state(job) == JOB_COMPLETED);
	AWAIT(slot->completed == 1);
	AWAIT(slot->state == SLOT_IDLE);
	CU_ASSERT_STRING_EQUAL(slot->task_id, "");
	CU_ASSERT_EQUAL(command(pid, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

static void a_paused_worker_takes_nothing_until_it_is_resumed(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct slot *slot = &board->slots[0];
	atomic_store(&slot->is_paused, 1);
	pid_t pid = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_IDLE);
	const char *job = fixture_start(ONE, "{}");
	int64_t beat = slot->beat_ms;
	kill(pid, SIGTERM); /* looks, is still paused */
	AWAIT(slot->beat_ms != beat);
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_QUEUED), 1);
	atomic_store(&slot->is_paused, 0);
	kill(pid, SIGTERM);
	AWAIT(fixture_job_state(job) == JOB_COMPLETED);
	CU_ASSERT_EQUAL(command(pid, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

static void a_draining_worker_ends_its_task_first(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "until [ -e go ]; do sleep 0.02; done");
	struct slot *slot = &board->slots[0];
	const char *job = fixture_start(ONE, "{}");
	pid_t pid = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_BUSY && slot->handler_group > 0);
	atomic_store(&slot->command, COMMAND_DRAIN);
	kill(pid, SIGTERM);
	fixture_write("go", "");
	CU_ASSERT_EQUAL(exit_of(pid), WORKER_EXIT_OK);
	CU_ASSERT_EQUAL(fixture_job_state(job), JOB_COMPLETED);
	close_processes();
}

static void a_halted_worker_gives_back_and_says_so(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "sleep 60");
	struct slot *slot = &board->slots[0];
	const char *job = fixture_start(ONE, "{}");
	pid_t pid = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_BUSY && slot->handler_group > 0);
	CU_ASSERT_EQUAL(command(pid, slot, COMMAND_HALT), WORKER_EXIT_GAVE_BACK);
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_QUEUED), 1);
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	ASSERT_JSON(json_object_get(task, "losses"), "0");
	close_processes();
}

static void an_idle_worker_ends_when_its_supervisor_is_gone(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct slot *slot = &board->slots[0];
	pid_t pid = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_IDLE);
	close(lifeline[1]);
	lifeline[1] = -1;
	kill(pid, SIGTERM); /* what the kernel sends at the parent's death */
	CU_ASSERT_EQUAL(exit_of(pid), WORKER_EXIT_OK);
	close_processes();
}

static void a_worker_without_supervisor_gives_back_when_the_grace_is_over(void)
{
	open_processes();
	fixture_config()->shutdown_grace_ms = 100;
	fixture_queue("q", QUEUE_HANDLER, "sleep 60");
	struct slot *slot = &board->slots[0];
	const char *job = fixture_start(ONE, "{}");
	pid_t pid = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_BUSY && slot->handler_group > 0);
	close(lifeline[1]);
	lifeline[1] = -1;
	kill(pid, SIGTERM);
	CU_ASSERT_EQUAL(exit_of(pid), WORKER_EXIT_GAVE_BACK);
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_QUEUED), 1);
	close_processes();
}

static void a_told_death_puts_the_task_back_with_its_cause_in_the_trace(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exec sleep 60");
	struct slot *slot = &board->slots[0];
	const char *job = fixture_start(ONE, "{}");
	pid_t worker = start("q", slot, "owner-1");
	AWAIT(slot->state == SLOT_BUSY && slot->handler_group > 0);
	pid_t group = slot->handler_group;
	kill(worker, SIGKILL);
	kill(-group, SIGKILL);
	CU_ASSERT_EQUAL(exit_of(worker), -SIGKILL);
	scoreboard_tell_death(
		board, "owner-1", slot->task_id, "q", "q#1", "killed by signal 9 (SIGKILL)");
	pid_t keeper = start(NULL, &board->slots[1], "owner-2");
	AWAIT(board->deaths_handled == 1);
	CU_ASSERT_EQUAL(fixture_count(job, "a", TASK_QUEUED), 1);
	OWNED(json) json_t *task = fixture_task(job, "a", 0);
	const json_t *entry = json_array_get(json_object_get(task, "trace"), 0);
	ASSERT_JSON(json_object_get(entry, "status"), "\"lost\"");
	ASSERT_JSON(json_object_get(entry, "worker"), "\"q#1\"");
	ASSERT_JSON(json_object_get(entry, "message"), "\"killed by signal 9 (SIGKILL)\"");
	ASSERT_JSON(json_object_get(task, "losses"), "1");
	CU_ASSERT_EQUAL(command(keeper, &board->slots[1], COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

static void the_keeper_measures_queues_when_they_change(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct slot *slot = &board->slots[1];
	pid_t keeper = start(NULL, slot, "owner-2");
	struct queue_board *row = scoreboard_find_queue(board, "q");
	AWAIT(row->measured_at_ms > 0);
	CU_ASSERT_EQUAL(row->depth, 0);
	fixture_push("q", "1");
	fixture_push("q", "2");
	AWAIT(row->depth == 2);
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

static void the_first_task_of_an_awaited_queue_rings_the_supervisor(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	fixture_queue("other", QUEUE_HANDLER, "exit 0");
	depth_bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct slot *slot = &board->slots[2];
	struct queue_board *row = scoreboard_find_queue(board, "q");
	struct queue_board *other = scoreboard_find_queue(board, "other");
	row->attention = ATTENTION_AWAITED;
	pid_t keeper = start(NULL, slot, "owner-2");
	AWAIT(row->measured_at_ms > 0 && other->measured_at_ms > 0);
	fixture_push("other", "1");
	AWAIT(other->depth == 1);
	struct pollfd bell = { .fd = depth_bell, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&bell, 1, 0), 0);
	fixture_push("q", "1");
	CU_ASSERT_EQUAL(poll(&bell, 1, PATIENCE_MS), 1);
	CU_ASSERT_EQUAL(row->depth, 1);
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close(depth_bell);
	depth_bell = -1;
	close_processes();
}

static void a_depth_without_a_sign_of_change_stays_known(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct slot *slot = &board->slots[1];
	pid_t keeper = start(NULL, slot, "owner-2");
	struct queue_board *row = scoreboard_find_queue(board, "q");
	AWAIT(row->measured_at_ms > 0);
	int64_t measured_ms = row->measured_at_ms, known_ms = row->known_at_ms;
	AWAIT(row->known_at_ms > known_ms);
	CU_ASSERT_EQUAL(row->measured_at_ms, measured_ms);
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

/* The heartbeats in the store as {ID: TEXT}. Owned. */
static json_t *heartbeats(void)
{
	struct beat_list list;
	struct error err;
	json_t *object = json_object();
	if (!store->ops->beat(store, NULL, &list, &err))
		return object;
	for (size_t i = 0; i < list.count; i++) {
		json_t *text = NULL;
		jsontext_parse(list.rows[i].text, strlen(list.rows[i].text), &text, NULL);
		json_object_set_new(object, list.rows[i].id, text);
	}
	beat_list_finish(&list);
	return object;
}

static size_t count_heartbeats(void)
{
	OWNED(json) json_t *all = heartbeats();
	return json_object_size(all);
}

/* Another supervisor, with 20 places for q, of which it keeps 2; its id is before or behind ours.
 * busy −1: it has gone. */
static void say(const char *id, int busy, int served)
{
	OWNED(free)
	char *text = xprintf("{\"host\":\"afar\",\"queues\":{\"q\":{\"busy\":%d,\"capacity\":20,"
			     "\"floor\":2,\"served\":%d,\"busy_ms\":%d},\"other\":7}}",
		busy, served, served * 100);
	const struct heartbeat beat = { id, text, busy < 0 ? 0 : 60000 };
	struct error err;
	CU_ASSERT_TRUE_FATAL(store->ops->beat(store, &beat, NULL, &err));
}

static int32_t hosts_seen(const struct fleet_row *row)
{
	struct fleet_view view;
	scoreboard_read_view(row, &view);
	return view.hosts;
}

static int32_t busy_seen(const struct fleet_row *row)
{
	struct fleet_view view;
	scoreboard_read_view(row, &view);
	return view.busy;
}

static void the_keeper_tells_others_and_takes_it_back_when_the_supervisor_ends(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	fixture_queue("unserved", QUEUE_HANDLER, "exit 0");
	struct fleet_row *row = scoreboard_fleet_row(board, scoreboard_find_queue(board, "q"));
	row->presence = PRESENCE_PAUSED;
	row->capacity = 3;
	row->past_served = 5;
	struct slot *slot = &board->slots[1];
	pid_t keeper = start(NULL, slot, "owner-2");
	AWAIT(count_heartbeats() == 1);
	OWNED(json) json_t *all = heartbeats();
	const json_t *queues = json_object_get(json_object_get(all, board->fleet_id), "queues");
	CU_ASSERT_EQUAL(json_object_size(queues), 1);
	const json_t *q = json_object_get(queues, "q");
	ASSERT_JSON(json_object_get(q, "capacity"), "3");
	ASSERT_JSON(json_object_get(q, "served"), "5");
	ASSERT_JSON(json_object_get(q, "paused"), "true");
	/* It is only replaced: the next one goes on. */
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	CU_ASSERT_EQUAL(count_heartbeats(), 1);
	memset(slot, 0, sizeof *slot);
	keeper = start(NULL, slot, "owner-3");
	AWAIT(slot->state == SLOT_IDLE);
	board->is_ending = 1;
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	CU_ASSERT_EQUAL(count_heartbeats(), 0);
	close_processes();
}

static void the_keeper_hears_what_others_have_for_a_queue_that_is_followed(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct queue_board *queue = scoreboard_find_queue(board, "q");
	struct fleet_row *row = scoreboard_fleet_row(board, queue);
	queue->attention = ATTENTION_FOLLOWED;
	struct slot *slot = &board->slots[1];
	pid_t keeper = start(NULL, slot, "owner-2");
	AWAIT(board->fleet_known_at_ms > 0);
	CU_ASSERT_EQUAL(hosts_seen(row), 0);
	say("!", 1, 1000);
	say("~", 9, 10);
	AWAIT(hosts_seen(row) == 2);
	say("!", 25, 1003);
	AWAIT(busy_seen(row) == 34);
	struct fleet_view view;
	scoreboard_read_view(row, &view);
	CU_ASSERT_TRUE(view.before_capacity == 20 && view.behind_capacity == 20);
	CU_ASSERT_TRUE(view.before_kept == 20 && view.behind_kept == 9);
	/* What was done before it was heard of teaches nothing. */
	CU_ASSERT_TRUE(view.served == 3 && view.busy_ms == 300);
	say("!", -1, 0);
	say("~", -1, 0);
	AWAIT(hosts_seen(row) == 0);
	scoreboard_read_view(row, &view);
	CU_ASSERT_TRUE(view.before_capacity == 0 && view.behind_kept == 0 && view.served == 3);
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

static void a_pause_for_all_hosts_is_seen_by_the_supervisor(void)
{
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	struct queue_board *row = scoreboard_find_queue(board, "q");
	struct slot *slot = &board->slots[1];
	pid_t keeper = start(NULL, slot, "owner-2");
	AWAIT(row->measured_at_ms > 0);
	struct error err;
	CU_ASSERT_TRUE(store->ops->set_pause(store, "q", true, &err));
	AWAIT(row->paused_at_ms > 0);
	CU_ASSERT_TRUE(store->ops->set_pause(store, "q", false, &err));
	AWAIT(row->paused_at_ms == 0);
	CU_ASSERT_EQUAL(command(keeper, slot, COMMAND_DRAIN), WORKER_EXIT_OK);
	close_processes();
}

/* Nothing leads to the watched queue any more, or something does. */
static void the_keeper_tells_when_nothing_is_left(void)
{
	static const char *const watched[] = { "q" };
	open_processes();
	fixture_queue("q", QUEUE_HANDLER, "exit 0");
	fixture_queue("other", QUEUE_HANDLER, "exit 0");
	struct worker_setup watching = *fixture_setup(NULL);
	watching.watch_idle = true;
	watching.idle_queues = watched;
	watching.idle_queue_count = 1;
	struct keeper keeper = { .self = { .setup = &watching, .store = store },
		.jobs = jobs_create() };
	keeper_open_watch(&keeper);
	keeper_judge_idle(&keeper);
	CU_ASSERT_EQUAL(board->is_idle, 1);
	fixture_start("{\"starts\":[\"b\"],\"tasks\":{\"b\":{\"queue\":\"other\"}}}", "{}");
	keeper_judge_idle(&keeper);
	CU_ASSERT_EQUAL(board->is_idle, 1);
	fixture_start("{\"starts\":[\"b\"],\"tasks\":{\"b\":{\"queue\":\"other\","
		      "\"starts\":[\"a\"]},\"a\":{\"queue\":\"q\"}}}",
		"{}");
	keeper_judge_idle(&keeper);
	CU_ASSERT_EQUAL(board->is_idle, 0);
	fixture_drain();
	keeper_judge_idle(&keeper);
	CU_ASSERT_EQUAL(board->is_idle, 1);
	fixture_push("q", "{}");
	keeper_judge_idle(&keeper);
	CU_ASSERT_EQUAL(board->is_idle, 0);
	jobs_destroy(keeper.jobs);
	free(keeper.watched);
	close_processes();
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(an_idle_worker_wakes_for_a_task_and_drains_at_once),
		SUITE_TEST(a_paused_worker_takes_nothing_until_it_is_resumed),
		SUITE_TEST(a_draining_worker_ends_its_task_first),
		SUITE_TEST(a_halted_worker_gives_back_and_says_so),
		SUITE_TEST(an_idle_worker_ends_when_its_supervisor_is_gone),
		SUITE_TEST(a_worker_without_supervisor_gives_back_when_the_grace_is_over),
		SUITE_TEST(a_told_death_puts_the_task_back_with_its_cause_in_the_trace),
		SUITE_TEST(the_keeper_measures_queues_when_they_change),
		SUITE_TEST(the_first_task_of_an_awaited_queue_rings_the_supervisor),
		SUITE_TEST(a_depth_without_a_sign_of_change_stays_known),
		SUITE_TEST(the_keeper_tells_others_and_takes_it_back_when_the_supervisor_ends),
		SUITE_TEST(the_keeper_hears_what_others_have_for_a_queue_that_is_followed),
		SUITE_TEST(a_pause_for_all_hosts_is_seen_by_the_supervisor),
		SUITE_TEST(the_keeper_tells_when_nothing_is_left),
	};
	return suite_run("processes", tests, ARRAY_SIZE(tests));
}
