/* The Redis store beyond the contract: what lost answers, silences, wiped servers, inboxes and many
 * processes at once do to it, and how little it asks of the server. */
#include "tests/redis_ground.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The server knows the scripts of leases and commits from here on. */
static void warm(struct store *store)
{
	ground_push(store, "warm", "warm");
	struct lease_batch batch = ground_lease(store, "warm", GROUND_OTHER);
	CU_ASSERT_EQUAL(ground_complete(store, batch.tasks), COMMIT_DONE);
	lease_batch_finish(&batch);
}

static void a_lease_whose_answer_was_lost_is_not_done_twice(void)
{
	ground_begin();
	int port;
	struct error err = { 0 };
	pid_t proxy = ground_proxy(&port);
	struct store *store = ground_open_at(ground_url(port));
	warm(store);
	ground_push(store, "mail", "a");
	ground_push(store, "mail", "b");
	const char *queue = "mail";
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = 30000,
		.max = 1 };
	struct lease_batch batch;
	ground_cut(proxy);
	CU_ASSERT_FALSE(store->ops->lease(store, &request, &batch, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").working, 1); /* it was done */
	batch = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, "a");
	CU_ASSERT_EQUAL(batch.tasks[0].token.attempt, 1);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").working, 1);
	CU_ASSERT_EQUAL(ground_complete(store, batch.tasks), COMMIT_DONE);
	lease_batch_finish(&batch);
	batch = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].id, "b");
	lease_batch_finish(&batch);
	store_close(store);
	ground_stop(proxy);
}

static void a_commit_whose_answer_was_lost_is_repeated_with_the_task_it_leased(void)
{
	ground_begin();
	int port;
	struct error err = { 0 };
	pid_t proxy = ground_proxy(&port);
	struct store *store = ground_open_at(ground_url(port));
	warm(store);
	for (int i = 0; i < 3; i++)
		ground_push(store, "mail", (const char *const[]){ "a", "b", "c" }[i]);
	struct lease_batch first = ground_lease(store, "mail", GROUND_OWNER), next;
	const char *queue = "mail";
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = 30000,
		.max = 1 };
	struct commit commit = ground_commit_of(first.tasks);
	struct commit_result result;
	ground_cut(proxy);
	CU_ASSERT_FALSE(store->ops->commit(store, &commit, 1, &result, &request, &next, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	ground_check(store->ops->commit(store, &commit, 1, &result, &request, &next, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL_FATAL(next.count, 1);
	CU_ASSERT_STRING_EQUAL(next.tasks[0].id, "b");
	CU_ASSERT_EQUAL(ground_queue(store, "mail").working, 1);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").completed, 1);
	lease_batch_finish(&first);
	lease_batch_finish(&next);
	store_close(store);
	ground_stop(proxy);
}

/* As if nobody had talked to the store for so long. */
static void set_silence(int64_t ms)
{
	ground_ask(ground_port(), "HSET %smeta alive %lld", ground_prefix(),
		(long long)(clock_wall_ms() - ms));
}

static void end_leases(void)
{
	ground_ask(ground_port(), "EVAL %s 1 %sclock:mail",
		"for _, m in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
		"redis.call('ZADD', KEYS[1], 1, m) end",
		ground_prefix());
}

static void after_a_silence_of_the_store_expired_leases_wait_once_more(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER), other;
	end_leases();
	set_silence(60000);
	other = ground_lease(store, "mail", GROUND_OTHER);
	CU_ASSERT_EQUAL(other.count, 0);
	/* Were all silent until it has waited, that would be the next outage. */
	CU_ASSERT_TRUE(other.next_ms > 2000 && other.next_ms <= 3000);
	clock_set_offset_ms(29000);
	CU_ASSERT_EQUAL(ground_lease(store, "mail", GROUND_OTHER).count, 0);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	lease_batch_finish(&held);
	/* A known death needs no waiting. */
	ground_push(store, "mail", "b");
	held = ground_lease(store, "mail", GROUND_OWNER);
	size_t released;
	struct error err;
	ground_check(
		store->ops->release_owner(store, GROUND_OWNER, NULL, NULL, &released, &err), &err);
	CU_ASSERT_EQUAL(released, 1);
	lease_batch_finish(&held);
	store_close(store);
}

static void without_a_silence_they_are_put_back_at_once(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	set_silence(4000); /* one host was cut off while others worked */
	end_leases();
	struct lease_batch other = ground_lease(store, "mail", GROUND_OTHER);
	CU_ASSERT_EQUAL_FATAL(other.count, 1);
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_STALE);
	lease_batch_finish(&held);
	lease_batch_finish(&other);
	store_close(store);
}

static void a_wiped_server_gets_a_new_store_and_work_goes_on(void)
{
	ground_begin();
	struct store *store = ground_open();
	uint32_t tag = store->tag;
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	ground_ask(ground_port(), "FLUSHALL");
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_STALE);
	CU_ASSERT_NOT_EQUAL(store->tag, tag);
	enum renewal renewal;
	struct error err;
	ground_check(
		store->ops->renew(store, "a", &held.tasks[0].token, 30000, &renewal, &err), &err);
	CU_ASSERT_EQUAL(renewal, RENEW_STALE);
	ground_push(store, "mail", "b");
	lease_batch_finish(&held);
	held = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(held.count, 1);
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	lease_batch_finish(&held);
	store_close(store);
}

static void what_is_pushed_into_an_inbox_becomes_a_task(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_ask(ground_port(), "RPUSH %sinbox:mail %s %s %s", ground_prefix(), "{\"to\":\"a\"}",
		"no json", "[0x10]");
	struct lease_batch batch = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].payload, "{\"to\":\"a\"}");
	CU_ASSERT_STRING_EQUAL(batch.tasks[0].name, "mail");
	CU_ASSERT_TRUE(store_has_tag(store, batch.tasks[0].id));
	CU_ASSERT_EQUAL(ground_complete(store, batch.tasks), COMMIT_DONE);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").dead, 2);
	struct task_filter filter = { .queue = "mail",
		.parent = -1,
		.state = -1,
		.is_dead = true,
		.with_bodies = true,
		.limit = 10 };
	struct task_list list;
	struct error err;
	ground_check(store->ops->list_tasks(store, &filter, &list, &err), &err);
	CU_ASSERT_EQUAL_FATAL(list.count, 2);
	CU_ASSERT_STRING_EQUAL(list.rows[0].payload, "\"no json\"");
	CU_ASSERT_PTR_NOT_NULL(list.rows[0].reason);
	task_list_finish(&list);
	lease_batch_finish(&batch);
	/* A sweep takes in what no worker asks for. */
	ground_ask(ground_port(), "RPUSH %sinbox:mail 1", ground_prefix());
	struct sweep_report report;
	ground_check(store->ops->sweep(store, 100, &report, &err), &err);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth, 1);
	store_close(store);
}

static long commands(void)
{
	return ground_info("stats", "total_commands_processed:");
}

/* A job whose entry task has written `count` rows ahead; commits it and answers how many commands
 * the server ran for that. */
static long commands_of_birth(struct store *store, uint32_t count)
{
	char id[IDS_UUID_SIZE], answered[STORE_ID_SIZE];
	struct error err;
	struct new_task entry = {
		.name = "split", .queue = "split", .payload = "{}", .scopes = "0"
	};
	struct submission submission = { .id = id,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = { .children = &entry, .children_count = 1 } };
	store_new_id(store, id);
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
	struct lease_batch held = ground_lease(store, "split", GROUND_OWNER);
	struct new_task rows[100];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = (struct new_task){
			.name = "row", .queue = "row", .payload = "{}", .scopes = "0"
		};
	for (uint32_t first = 0; first < count; first += ARRAY_SIZE(rows))
		ground_check(store->ops->spawn(store, held.tasks[0].id, &held.tasks[0].token, first,
				     rows, ARRAY_SIZE(rows), &err),
			&err);
	long before = commands();
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	lease_batch_finish(&held);
	return commands() - before;
}

static void a_birth_costs_the_same_for_a_hundred_and_ten_thousand(void)
{
	ground_begin();
	struct store *store = ground_open();
	commands_of_birth(store, 100); /* loads the scripts */
	long few = commands_of_birth(store, 100);
	long many = commands_of_birth(store, 10000);
	CU_ASSERT_EQUAL(few, many);
	CU_ASSERT_EQUAL(ground_queue(store, "row").depth, 10200);
	store_close(store);
}

static void a_task_costs_one_script_in_the_steady_state(void)
{
	ground_begin();
	struct store *store = ground_open();
	char id[16];
	for (int i = 0; i < 101; i++) {
		snprintf(id, sizeof id, "%d", i);
		ground_push(store, "mail", id);
	}
	const char *queue = "mail";
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = 30000,
		.max = 1 };
	struct lease_batch batch = ground_lease(store, "mail", GROUND_OWNER), next;
	struct commit commit = ground_commit_of(batch.tasks);
	struct commit_result result;
	struct error err;
	long before = 0;
	for (int i = 0; i < 100; i++) {
		ground_check(store->ops->commit(store, &commit, 1, &result, &request, &next, &err),
			&err);
		CU_ASSERT_EQUAL_FATAL(next.count, 1);
		if (i == 0) /* from here on the script is known */
			before = ground_info("commandstats", "cmdstat_evalsha:calls=");
		lease_batch_finish(&batch);
		batch = next;
		commit = ground_commit_of(batch.tasks);
	}
	CU_ASSERT_EQUAL(ground_info("commandstats", "cmdstat_evalsha:calls=") - before, 99);
	lease_batch_finish(&batch);
	store_close(store);
}

#define CREW  4
#define TASKS 400

static int work_off(void)
{
	struct store *store = ground_open();
	char owner[IDS_OWNER_SIZE];
	const char *queue = "mail";
	ids_owner(owner);
	struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = owner, .lease_ms = 30000, .max = 2
	};
	struct lease_batch batch, next;
	struct error err;
	int refused = 0;
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	while (batch.count > 0) {
		struct commit commits[2];
		struct commit_result results[2];
		for (size_t i = 0; i < batch.count; i++)
			commits[i] = ground_commit_of(&batch.tasks[i]);
		ground_check(store->ops->commit(
				     store, commits, batch.count, results, &request, &next, &err),
			&err);
		for (size_t i = 0; i < batch.count; i++)
			refused += results[i].answer != COMMIT_DONE ||
				   batch.tasks[i].token.attempt != 1;
		lease_batch_finish(&batch);
		batch = next;
	}
	store_close(store);
	return refused > 0;
}

static void many_processes_lease_each_task_once(void)
{
	ground_begin();
	struct store *store = ground_open();
	char id[16];
	for (int i = 0; i < TASKS; i++) {
		snprintf(id, sizeof id, "%d", i);
		ground_push(store, "mail", id);
	}
	/* A child has the parent's store in its memory: it is not its own to close. */
	for (int i = 0; i < CREW; i++)
		if (fork() == 0) {
			int code = work_off();
			kill(getpid(), code == 0 ? SIGKILL : SIGABRT);
		}
	int status;
	for (int i = 0; i < CREW; i++) {
		CU_ASSERT_TRUE(wait(&status) > 0);
		CU_ASSERT_EQUAL(WTERMSIG(status), SIGKILL);
	}
	struct queue_stats stats = ground_queue(store, "mail");
	CU_ASSERT_EQUAL(stats.completed, TASKS);
	CU_ASSERT_EQUAL(stats.depth + stats.working, 0);
	store_close(store);
}

static bool goes_on(void *context)
{
	(void)context;
	return true;
}

static void rings_come_from_other_hosts(void)
{
	ground_begin();
	struct bells bells;
	struct store *far = ground_open(), *near;
	struct error err;
	CU_ASSERT_TRUE_FATAL(bells_create(&bells));
	pid_t listener = fork();
	if (listener == 0) {
		ground_check(store_open(ground_url(ground_port()), &bells, &near, &err), &err);
		near->ops->listen(near, goes_on, NULL);
		_exit(0);
	}
	ground_check(store_open(ground_url(ground_port()), &bells, &near, &err), &err);
	while (!bells_are_listened(&bells))
		usleep(1000);
	uint32_t ticket = near->ops->bell(near, "mail");
	ground_push(far, "mail", "a"); /* far has bells of its own */
	alarm(60);                     /* a ring that never comes ends the run */
	while (near->ops->bell(near, "mail") == ticket)
		near->ops->wait(near, "mail", ticket, -1);
	alarm(0);
	kill(listener, SIGKILL);
	waitpid(listener, NULL, 0);
	store_close(near);
	store_close(far);
	bells_destroy(&bells);
}

static void a_socket_and_a_database_are_places_too(void)
{
	ground_begin();
	char url[320];
	snprintf(url, sizeof url, "redis://%s/socket?db=3&prefix=%s",
		getenv("REEVE_TEST_REDIS_DIR"), ground_prefix());
	struct store *store = ground_open_at(url);
	ground_push(store, "mail", "a");
	snprintf(url, sizeof url, "redis://127.0.0.1:%d/3?prefix=%s", ground_port(),
		ground_prefix());
	struct store *same = ground_open_at(url);
	struct store *other = ground_open();
	CU_ASSERT_EQUAL(ground_queue(same, "mail").depth, 1);
	CU_ASSERT_EQUAL(ground_queue(other, "mail").depth, 0);
	CU_ASSERT_EQUAL(same->tag, store->tag);
	store_close(store);
	store_close(same);
	store_close(other);
}

static void bad_urls_are_refused_without_their_secrets(void)
{
	static const char *const urls[] = { "redis://:Secret7@h:port", "redis://:Secret7@h/x",
		"redis://:Secret7@h?nonsense=1", "redis://:Secret7@h?wait=many",
		"redis://:Secret7@a,b", "redis+sentinel://:Secret7@h", "redis://:Secret7@h?db=x" };
	struct error err;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CU_ASSERT_FALSE(store_check_url(urls[i], &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_PTR_NULL(strstr(err.text, "Secret7"));
	}
	CU_ASSERT_TRUE(store_check_url("redis://u:p@[::1]:6380/2?prefix={a}:&wait=1", &err));
	CU_ASSERT_TRUE(store_check_url("redis+sentinel://:p@a,b:26380/main/1", &err));
	CU_ASSERT_TRUE(store_check_url("redis:///run/redis.sock", &err));
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_lease_whose_answer_was_lost_is_not_done_twice),
	SUITE_TEST(a_commit_whose_answer_was_lost_is_repeated_with_the_task_it_leased),
	SUITE_TEST(after_a_silence_of_the_store_expired_leases_wait_once_more),
	SUITE_TEST(without_a_silence_they_are_put_back_at_once),
	SUITE_TEST(a_wiped_server_gets_a_new_store_and_work_goes_on),
	SUITE_TEST(what_is_pushed_into_an_inbox_becomes_a_task),
	SUITE_TEST(a_birth_costs_the_same_for_a_hundred_and_ten_thousand),
	SUITE_TEST(a_task_costs_one_script_in_the_steady_state),
	SUITE_TEST(many_processes_lease_each_task_once),
	SUITE_TEST(rings_come_from_other_hosts),
	SUITE_TEST(a_socket_and_a_database_are_places_too),
	SUITE_TEST(bad_urls_are_refused_without_their_secrets),
};

int main(void)
{
	return suite_run("redis", tests, ARRAY_SIZE(tests));
}
