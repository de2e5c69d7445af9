/* supervisor/handover: a state that is written is the state that is restored, and nothing else is.
 */
#include "supervisor/handover.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "supervisor/deaths.h"
#include "supervisor/deaths_untold.h"
#include "supervisor/fields.h"
#include "supervisor/logring.h"
#include "supervisor/orphans.h"
#include "supervisor/pools.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"
#include "tests/config_files.h"
#include "tests/suite.h"

#include <stdio.h>
#include <unistd.h>

static const char usual[] = "store: sqlite:none.db\n"
			    "queues:\n"
			    "  mail: { run: [\"true\"], workers: { min: 1, max: 9 } }\n"
			    "  rows: { run: [\"true\"], workers: 2 }\n";

static struct supervisor *open_supervisor(const char *yaml)
{
	struct supervisor *supervisor = xcalloc(1, sizeof *supervisor);
	supervisor->config = files_load_good(yaml);
	CU_ASSERT_PTR_NOT_NULL_FATAL(supervisor->config);
	supervisor->loop = ev_loop_new(EVFLAG_AUTO);
	struct error err;
	CU_ASSERT_TRUE_FATAL(scoreboard_create(&supervisor->board, &supervisor->board_fd, &err) &&
			     log_ring_create(&supervisor->ring, &err) &&
			     bells_create_shared(&supervisor->bells, &supervisor->bells_fd, &err));
	const struct control_port port = { 0 };
	supervisor->socket_path = xprintf("%s/socket", files_folder());
	supervisor->lock_path = xprintf("%s/lock", files_folder());
	CU_ASSERT_TRUE_FATAL(control_server_open(
		supervisor->loop, supervisor->socket_path, NULL, &port, &supervisor->server, &err));
	orphans_init(supervisor);
	deaths_init(supervisor);
	slots_init(supervisor);
	pools_create(supervisor);
	return supervisor;
}

static void close_supervisor(struct supervisor *supervisor)
{
	control_server_close(supervisor->server);
	deaths_finish(supervisor);
	orphans_finish(supervisor);
	pools_destroy(supervisor);
	pids_finish(&supervisor->pids);
	ev_loop_destroy(supervisor->loop);
	log_ring_destroy(supervisor->ring);
	scoreboard_destroy(supervisor->board, supervisor->board_fd);
	bells_destroy(&supervisor->bells);
	close(supervisor->bells_fd);
	free(supervisor->free_slots);
	free(supervisor->socket_path);
	free(supervisor->lock_path);
	config_destroy(supervisor->config);
	free(supervisor);
}

static struct child *add(struct pool *pool, int number, enum child_state state, pid_t pid)
{
	struct child *child = pool_append_child(pool, number);
	ids_owner(child->owner);
	child->state = state;
	child->start_tick = 77 + (uint64_t)number;
	if (state != CHILD_WAITING)
		child->slot = slots_take(pool->supervisor, child);
	child->pid = pid;
	if (pid)
		pids_add(&pool->supervisor->pids, child);
	return child;
}

/* One place in every state, and something in every member. */
static struct supervisor *open_busy(void)
{
	struct supervisor *supervisor = open_supervisor(usual);
	struct pool *mail = pool_find(supervisor, "mail");
	supervisor->started_at_ms = 1234;
	supervisor->watch.is_ready = true;
	supervisor->orphans.since_tick = 99;
	supervisor->orphans.inherited = xcalloc(2, sizeof(pid_t));
	supervisor->orphans.inherited[supervisor->orphans.inherited_count++] = 4711;
	supervisor->deaths[supervisor->death_count++] = (struct death_note){
		.at_ms = 5, .pid = 6, .worker = "mail#1", .task_id = "x.1", .cause = "ü"
	};
	const struct untold untold = { .owner = "someone",
		.worker = "mail#2",
		.cause = "gone",
		.queue = xstrdup("mail"),
		.task_id = xstrdup("x.2") };
	deaths_keep_untold(supervisor, &untold);
	pool_append_child(mail, 1)->state = CHILD_FREE;
	add(mail, 2, CHILD_RUNNING, 1001)->told_at_ms = 3;
	add(mail, 3, CHILD_ROLLING, 1002)->was_stopped = true;
	add(mail, 4, CHILD_RETIRING, 1003)->quiet_looks = 4;
	add(mail, 5, CHILD_HALTING, 1004);
	add(mail, 6, CHILD_KILLED, 1005)->is_hung = true;
	add(mail, 7, CHILD_CLEARING, 0)->exit_status = 9;
	add(mail, 8, CHILD_CLOSING, 0);
	struct child *waiting = add(mail, 9, CHILD_WAITING, 0);
	waiting->backoff =
		(struct backoff){ .streak = 7, .recent_ms = { 1, 2, 3, 4, 5 }, .is_probing = true };
	ev_timer_set(&waiting->timer, 30, 0);
	ev_timer_start(supervisor->loop, &waiting->timer);
	mail->desired = 5;
	mail->is_paused = true;
	mail->completed = UINT64_C(1) << 40;
	mail->scaling.state = (struct scaling_state){ .has_begun = true,
		.busy = 0.1,
		.slots = { [3] = { 55, 6 } },
		.newest = 3,
		.slot_count = 4 };
	struct pool *rows = pool_find(supervisor, "rows");
	rows->desired = 6;
	rows->scaling.is_overridden = true;
	add(supervisor->processes[PROCESS_KEEPER], 1, CHILD_RUNNING, 1006);
	return supervisor;
}

static struct child *find(const struct supervisor *supervisor, const char *queue, int number)
{
	const struct pool *pool = pool_find(supervisor, queue);
	for (size_t i = 0; pool && i < pool->count; i++)
		if (pool->children[i]->number == number)
			return pool->children[i];
	return NULL;
}

/* What can't be the same twice is taken out. */
static json_t *write_comparably(const struct supervisor *supervisor)
{
	json_t *state = handover_write(supervisor);
	size_t index, place;
	json_t *pool, *child;
	json_object_del(state, "descriptors");
	json_array_foreach(json_object_get(state, "pools"), index, pool)
	{
		json_array_foreach(json_object_get(pool, "children"), place, child)
		{
			json_object_del(child, "due_in_s");
			json_object_del(child, "is_stale");
		}
	}
	return state;
}

static void a_restored_supervisor_writes_what_it_was_given(void)
{
	struct error err;
	struct supervisor *one = open_busy(), *two = open_supervisor(usual);
	OWNED(json) json_t *state = handover_write(one);
	OWNED(json) json_t *before = write_comparably(one);
	CU_ASSERT_TRUE_FATAL(handover_check(state, getpid(), &err));
	CU_ASSERT_TRUE_FATAL(handover_restore(two, state, &err));
	OWNED(json) json_t *after = write_comparably(two);
	CU_ASSERT_TRUE(json_equal(before, after));
	CU_ASSERT_EQUAL(two->orphans.hunts, 2);
	CU_ASSERT_EQUAL(two->free_slot_count, SCOREBOARD_SLOTS - 8);
	CU_ASSERT_PTR_EQUAL(pids_find(&two->pids, 1003), find(two, "mail", 4));
	CU_ASSERT_STRING_EQUAL(find(two, "mail", 4)->owner, find(one, "mail", 4)->owner);
	close_supervisor(one);
	close_supervisor(two);
}

static void what_runs_is_to_be_replaced_and_a_back_off_goes_on(void)
{
	struct error err;
	struct supervisor *one = open_busy(), *two = open_supervisor(usual);
	OWNED(json) json_t *state = handover_write(one);
	CU_ASSERT_TRUE_FATAL(handover_restore(two, state, &err));
	CU_ASSERT_TRUE(find(two, "mail", 2)->is_stale);
	struct child *waiting = find(two, "mail", 9);
	CU_ASSERT_FALSE(waiting->is_stale);
	CU_ASSERT_TRUE(ev_is_active(&waiting->timer));
	double left_s = ev_timer_remaining(two->loop, &waiting->timer);
	CU_ASSERT_TRUE(left_s > 0 && left_s <= 30.1);
	CU_ASSERT_TRUE(waiting->backoff.is_probing);
	close_supervisor(one);
	close_supervisor(two);
}

/* A queue that went, one that came, one whose count the file has changed. */
static void the_file_may_have_changed(void)
{
	struct error err;
	struct supervisor *one = open_busy();
	struct supervisor *two = open_supervisor("store: sqlite:none.db\n"
						 "queues:\n"
						 "  rows: { run: [\"true\"], workers: 3 }\n"
						 "  more: { run: [\"true\"] }\n");
	OWNED(json) json_t *state = handover_write(one);
	CU_ASSERT_TRUE_FATAL(handover_restore(two, state, &err));
	CU_ASSERT_PTR_NULL(pool_find(two, "mail"));
	CU_ASSERT_PTR_NOT_NULL(pids_find(&two->pids, 1001));
	CU_ASSERT_EQUAL(pids_find(&two->pids, 1001)->pool->desired, 0);
	CU_ASSERT_EQUAL(pool_find(two, "rows")->desired, 6);
	CU_ASSERT_EQUAL(pool_find(two, "more")->desired, 1);
	close_supervisor(one);
	close_supervisor(two);
}

/* {JSON pointer of names and numbers, its new value as JSON, part of the error}. */
static const struct spoiled {
	const char *path, *value, *complaint;
} spoiled[] = {
	{ "pools", "null", "there are no pools" },
	{ "pools/3/name", "7", "no name" },
	{ "pools/3/name", "\"rows\"", "comes twice" },
	{ "pools/3/desired", "\"many\"", "\"desired\" can't be read" },
	{ "pools/3/children/0/state", "\"dreaming\"", "can't be" },
	{ "pools/3/children/0/pid", "0", "can't be" },
	{ "pools/3/children/0/pid", "12345678901234", "\"pid\" can't be read" },
	{ "pools/3/children/0/slot", "null", "can't be" },
	{ "pools/3/children/0/slot", "10240", "slot 10240" },
	{ "pools/3/children/0/slot", "-1", "slot -1" },
	{ "pools/3/children/1/slot", "0", "one slot" },
	{ "pools/3/children/1/number", "2", "place 2 comes after 2" },
	{ "pools/3/children/1/backoff.streak", "-1", "can't be" },
	{ "pools/3/children/1/owner", "\"0123456789012345678901234567890123456789\"", "\"owner\"" },
	{ "deaths/0/pid", "\"x\"", "\"pid\"" },
	{ "untold/0/owner", "5", "\"owner\"" },
	{ "supervisor", "[]", "expected an object" },
};

static void spoil(json_t *state, const char *path, const char *text)
{
	OWNED(free) char *copy = xstrdup(path);
	char *rest = copy;
	json_t *at = state;
	const char *name;
	while ((name = strsep(&rest, "/")) && rest)
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(name))
				       : json_object_get(at, name);
	CU_ASSERT_EQUAL_FATAL(
		json_object_set_new(at, name, json_loads(text, JSON_DECODE_ANY, NULL)), 0);
}

static void what_can_not_be_is_refused(void)
{
	struct supervisor *one = open_busy();
	for (size_t i = 0; i < ARRAY_SIZE(spoiled); i++) {
		struct error err = { 0 };
		struct supervisor *two = open_supervisor(usual);
		OWNED(json) json_t *state = handover_write(one);
		spoil(state, spoiled[i].path, spoiled[i].value);
		CU_ASSERT_FALSE(handover_restore(two, state, &err));
		if (!strstr(err.text, spoiled[i].complaint))
			printf("\n%s: \"%s\"\n", spoiled[i].path, err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, spoiled[i].complaint));
		close_supervisor(two);
	}
	close_supervisor(one);
}

static void another_version_layout_or_process_is_refused(void)
{
	static const struct spoiled others[] = {
		{ "version", "2", "version 2, this binary knows 1" },
		{ "pid", "1", "of process 1" },
		{ "layouts/scoreboard", "99", "the scoreboard is of version 99" },
		{ "layouts/log_ring", "99", "the log_ring is of version 99" },
		{ "layouts/bells", "null", "the bells is of version 0" },
	};
	struct supervisor *one = open_busy();
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct error err = { 0 };
		OWNED(json) json_t *state = handover_write(one);
		spoil(state, others[i].path, others[i].value);
		CU_ASSERT_FALSE(handover_check(state, getpid(), &err));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, others[i].complaint));
	}
	close_supervisor(one);
}

/* Other versions read them: a name that goes is a new HANDOVER_VERSION. */
static void the_names_of_version_1_are_kept(void)
{
	static const char *const of_child[] = { "number", "state", "slot", "due_in_s", "pid",
		"owner", "backoff.streak", "backoff.recent_ms", "backoff.is_probing", "is_stale",
		"start_tick", "forked_at_ms", "told_at_ms", "exit_status", "was_stopped" };
	static const char *const of_pool[] = { "name", "is_process", "desired", "is_paused",
		"children", "window", "fatal_in_s", "scaling.is_overridden", "completed", "failed",
		"retried", "restarts", "deaths", "recycled", "kill_after_ms", "restart.delay_ms" };
	static const char *const of_state[] = { "version", "pid", "layouts", "descriptors",
		"supervisor", "socket_path", "lock_path", "inherited", "deaths", "untold",
		"pools" };
	CU_ASSERT_EQUAL_FATAL(HANDOVER_VERSION, 1);
	struct supervisor *one = open_busy();
	OWNED(json) json_t *state = handover_write(one);
	const json_t *pool = json_array_get(json_object_get(state, "pools"), 3);
	const json_t *child = json_array_get(json_object_get(pool, "children"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(of_state); i++)
		CU_ASSERT_PTR_NOT_NULL(json_object_get(state, of_state[i]));
	for (size_t i = 0; i < ARRAY_SIZE(of_pool); i++)
		CU_ASSERT_PTR_NOT_NULL(json_object_get(pool, of_pool[i]));
	for (size_t i = 0; i < ARRAY_SIZE(of_child); i++)
		CU_ASSERT_PTR_NOT_NULL(json_object_get(child, of_child[i]));
	close_supervisor(one);
}

static void a_path_that_is_no_text_is_told(void)
{
	struct supervisor *one = open_busy();
	free(one->lock_path);
	one->lock_path = xstrdup("/tmp/\xff.lock");
	OWNED(json) json_t *state = handover_write(one);
	CU_ASSERT_PTR_NULL(state);
	close_supervisor(one);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_restored_supervisor_writes_what_it_was_given),
		SUITE_TEST(what_runs_is_to_be_replaced_and_a_back_off_goes_on),
		SUITE_TEST(the_file_may_have_changed),
		SUITE_TEST(what_can_not_be_is_refused),
		SUITE_TEST(another_version_layout_or_process_is_refused),
		SUITE_TEST(the_names_of_version_1_are_kept),
		SUITE_TEST(a_path_that_is_no_text_is_told),
	};
	files_enter();
	int code = suite_run("handover", tests, ARRAY_SIZE(tests));
	files_leave();
	return code;
}
