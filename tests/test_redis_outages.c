/* What a Redis server can do to its clients: each is told as UNAVAILABLE, without secrets, and the
 * same store goes on as soon as the server does. */
#include "tests/redis_ground.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS     20
#define PATIENCE_MS 30000

/* Pushes until the store takes it, as a worker does; answers the last error's text, "" for none. */
static const char *push_until_taken(struct store *store, const char *id)
{
	static struct error err;
	err.text[0] = '\0';
	for (int waited = 0; waited < PATIENCE_MS; waited += TICK_MS) {
		if (ground_try_push(store, "mail", id, &err))
			return err.text;
		CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
		poll(NULL, 0, TICK_MS);
	}
	CU_FAIL_FATAL("the store does not come back");
	return "";
}

static void expect_unavailable(struct store *store, const char *word)
{
	struct error err = { 0 };
	CU_ASSERT_FALSE_FATAL(ground_try_push(store, "mail", "never", &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
	if (!strstr(err.text, word))
		fprintf(stderr, "\n    %s\n", err.text);
}

static void forgotten_scripts_are_sent_again(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "a");
	ground_ask(ground_port(), "SCRIPT FLUSH");
	ground_push(store, "mail", "b");
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth, 2);
	store_close(store);
}

static void a_killed_server_comes_back_with_all_that_it_acknowledged(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	uint32_t tag = store->tag;
	ground_signal(SIGKILL);
	expect_unavailable(store, "redis 127.0.0.1:");
	ground_start();
	push_until_taken(store, "b");
	CU_ASSERT_EQUAL(store->tag, tag);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").working, 1);
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	lease_batch_finish(&held);
	store_close(store);
}

static void a_stopped_server_is_noticed_and_its_return_too(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "a");
	ground_signal(SIGSTOP);
	expect_unavailable(store, "no answer within");
	ground_signal(SIGCONT);
	push_until_taken(store, "b");
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth >= 2, true);
	store_close(store);
}

/* A command that keeps its own connection, in a process of its own. */
static pid_t ask_aside(const char *format, const char *argument)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ground_ask(ground_port(), format, argument);
		_exit(0);
	}
	return pid;
}

static void await_error(struct store *store, const char *word)
{
	struct error err = { 0 };
	for (int waited = 0; waited < PATIENCE_MS; waited += TICK_MS) {
		if (!ground_try_push(store, "mail", "a", &err) && strstr(err.text, word)) {
			CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
			return;
		}
		poll(NULL, 0, TICK_MS);
	}
	fprintf(stderr, "\n    %s\n", err.text);
	CU_FAIL("that was never said");
}

static void a_server_that_loads_its_data_is_waited_for(void)
{
	char value[3001];
	ground_begin();
	struct store *store = ground_open();
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	for (int i = 0; i < 40; i++)
		ground_ask(ground_port(), "SET %sfiller%d %s", ground_prefix(), i, value);
	ground_ask(ground_port(), "CONFIG SET rdbcompression no");
	ground_ask(ground_port(), "CONFIG SET loading-process-events-interval-bytes 1024");
	ground_ask(ground_port(), "CONFIG SET key-load-delay 50000"); /* µs */
	pid_t loader = ask_aside("DEBUG %s", "RELOAD");
	await_error(store, "loading");
	waitpid(loader, NULL, 0);
	ground_ask(ground_port(), "CONFIG SET key-load-delay 0");
	push_until_taken(store, "b");
	store_close(store);
}

static void a_server_that_is_busy_with_a_script_is_waited_for(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_ask(ground_port(), "CONFIG SET busy-reply-threshold 50"); /* ms */
	pid_t busy = ask_aside("EVAL %s 0", "while true do end");
	await_error(store, "busy");
	ground_ask(ground_port(), "SCRIPT KILL");
	waitpid(busy, NULL, 0);
	push_until_taken(store, "b");
	store_close(store);
}

static void a_full_server_takes_nothing_new_and_finishes_what_it_has(void)
{
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	ground_ask(ground_port(), "CONFIG SET maxmemory 1mb");
	expect_unavailable(store, "out of memory");
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").completed, 1);
	struct store *another = ground_open(); /* which is there already */
	store_close(another);
	ground_ask(ground_port(), "CONFIG SET maxmemory 0");
	push_until_taken(store, "b");
	lease_batch_finish(&held);
	store_close(store);
}

static void a_master_that_becomes_a_replica_is_told(void)
{
	ground_begin();
	struct store *store = ground_open();
	int port = ground_free_port();
	pid_t other = ground_serve(port, "--save ''");
	ground_ask(ground_port(), "REPLICAOF 127.0.0.1 %d", port);
	struct error err = { 0 };
	CU_ASSERT_FALSE(ground_try_push(store, "mail", "a", &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	ground_ask(ground_port(), "REPLICAOF NO ONE");
	push_until_taken(store, "b");
	ground_stop(other);
	store_close(store);
}

static void too_few_replicas_are_told_and_the_repeat_is_harmless(void)
{
	ground_begin();
	char url[224];
	snprintf(url, sizeof url, "%s&wait=1", ground_url(ground_port()));
	struct store *store = ground_open_at(url);
	expect_unavailable(store, "0 of 1 replicas");
	int port = ground_free_port();
	char extra[64];
	snprintf(extra, sizeof extra, "--save '' --replicaof 127.0.0.1 %d", ground_port());
	pid_t replica = ground_serve(port, extra);
	push_until_taken(store, "never");
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth, 1);
	ground_stop(replica);
	store_close(store);
}

/* A master, its replica and a sentinel that alone decides. */
struct trio {
	int ports[3];
	pid_t pids[3];
};

static void begin_trio(struct trio *trio)
{
	char text[512], path[256];
	for (int i = 0; i < 3; i++)
		trio->ports[i] = ground_free_port();
	trio->pids[0] = ground_serve(trio->ports[0], "--save ''");
	snprintf(text, sizeof text, "--save '' --replicaof 127.0.0.1 %d", trio->ports[0]);
	trio->pids[1] = ground_serve(trio->ports[1], text);
	while (!strstr(ground_ask(trio->ports[1], "INFO replication"), "master_link_status:up"))
		poll(NULL, 0, TICK_MS);
	snprintf(path, sizeof path, "%s/sentinel.conf", getenv("REEVE_TEST_REDIS_DIR"));
	FILE *file = fopen(path, "w");
	if (!file)
		abort();
	fprintf(file,
		"sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 300\n"
		"sentinel failover-timeout main 5000\n",
		trio->ports[0]);
	fclose(file);
	snprintf(text, sizeof text, "%s --sentinel", path);
	trio->pids[2] = ground_serve(trio->ports[2], text);
	while (!strstr(ground_ask(trio->ports[2], "INFO sentinel"), "slaves=1"))
		poll(NULL, 0, TICK_MS);
}

static void a_failover_is_followed_through_the_sentinels(void)
{
	ground_begin();
	struct trio trio;
	char url[256];
	begin_trio(&trio);
	snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/main?prefix=%s", trio.ports[2],
		ground_prefix());
	struct store *store = ground_open_at(url);
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	while (strcmp(ground_ask(trio.ports[1], "EXISTS %sowner:%s", ground_prefix(), GROUND_OWNER),
		       "1") != 0) /* the replica has the lease */
		poll(NULL, 0, TICK_MS);
	ground_stop(trio.pids[0]);
	push_until_taken(store, "b");
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	CU_ASSERT_EQUAL(ground_queue(store, "mail").completed, 1);
	CU_ASSERT_STRING_EQUAL(
		ground_ask(trio.ports[1], "HEXISTS %spushed b", ground_prefix()), "1");
	lease_batch_finish(&held);
	store_close(store);
	ground_stop(trio.pids[1]);
	ground_stop(trio.pids[2]);
}

static void passwords_are_asked_for_and_never_shown(void)
{
	ground_begin();
	int port = ground_free_port();
	char url[256];
	struct store *store;
	struct error err;
	pid_t server = ground_serve(port, "--save ''");
	ground_ask(port, "ACL SETUSER app on >Secret7 ~* &* +@all");
	ground_ask(port, "CONFIG SET requirepass Other8");
	snprintf(url, sizeof url, "redis://app:Secret7@127.0.0.1:%d?prefix=%s", port,
		ground_prefix());
	store_close(ground_open_at(url));
	snprintf(url, sizeof url, "redis://:Other8@127.0.0.1:%d?prefix=%s", port, ground_prefix());
	store_close(ground_open_at(url));
	static const char *const users[] = { "app:Wrong9@", ":Wrong9@", "" };
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		snprintf(url, sizeof url, "redis://%s127.0.0.1:%d", users[i], port);
		CU_ASSERT_FALSE(store_open(url, NULL, &store, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
		CU_ASSERT_PTR_NULL(strstr(err.text, "Wrong9"));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "password"));
	}
	ground_stop(server);
	snprintf(url, sizeof url, "redis://app:Secret7@127.0.0.1:%d", port);
	CU_ASSERT_FALSE(store_open(url, NULL, &store, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NULL(strstr(err.text, "Secret7"));
}

/* A node of a cluster; its own port is 10,000 higher. */
static pid_t serve_node(int *port)
{
	char text[128];
	do
		*port = ground_free_port();
	while (*port > 55535);
	snprintf(text, sizeof text,
		"--save '' --cluster-enabled yes --cluster-config-file nodes-%d.conf", *port);
	return ground_serve(*port, text);
}

static void await_cluster(int port)
{
	while (!strstr(ground_ask(port, "CLUSTER INFO"), "cluster_state:ok"))
		poll(NULL, 0, TICK_MS);
}

static void a_cluster_takes_a_prefix_with_a_tag_only(void)
{
	ground_begin();
	int port;
	char url[256];
	struct store *store;
	struct error err;
	pid_t server = serve_node(&port);
	ground_ask(port, "CLUSTER ADDSLOTSRANGE 0 16383");
	await_cluster(port);
	snprintf(url, sizeof url, "redis://127.0.0.1:%d?prefix=%s", port, ground_prefix());
	store = ground_open_at(url);
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL(held.count, 1);
	lease_batch_finish(&held);
	store_close(store);
	snprintf(url, sizeof url, "redis://127.0.0.1:%d?prefix=bare:", port);
	CU_ASSERT_FALSE(store_open(url, NULL, &store, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "hash tag"));
	ground_stop(server);
}

static void a_store_that_is_on_another_node_is_found_there(void)
{
	ground_begin();
	int ports[2];
	char url[256];
	pid_t nodes[2] = { serve_node(&ports[0]), serve_node(&ports[1]) };
	ground_ask(ports[0], "CLUSTER ADDSLOTSRANGE 0 8191");
	ground_ask(ports[1], "CLUSTER ADDSLOTSRANGE 8192 16383");
	ground_ask(ports[1], "CLUSTER SET-CONFIG-EPOCH 2");
	ground_ask(ports[0], "CLUSTER MEET 127.0.0.1 %d", ports[1]);
	await_cluster(ports[0]);
	await_cluster(ports[1]);
	int slot = atoi(ground_ask(ports[0], "CLUSTER KEYSLOT %s", ground_prefix()));
	int home = slot < 8192 ? 0 : 1;
	snprintf(url, sizeof url, "redis://127.0.0.1:%d?prefix=%s", ports[1 - home],
		ground_prefix());
	struct store *store = ground_open_at(url);
	ground_push(store, "mail", "a");
	struct lease_batch held = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(held.count, 1);
	CU_ASSERT_EQUAL(ground_complete(store, held.tasks), COMMIT_DONE);
	CU_ASSERT_STRING_EQUAL(ground_ask(ports[home], "HEXISTS %spushed a", ground_prefix()), "1");
	lease_batch_finish(&held);
	store_close(store);
	ground_stop(nodes[0]);
	ground_stop(nodes[1]);
}

static const struct suite_test tests[] = {
	SUITE_TEST(forgotten_scripts_are_sent_again),
	SUITE_TEST(a_killed_server_comes_back_with_all_that_it_acknowledged),
	SUITE_TEST(a_stopped_server_is_noticed_and_its_return_too),
	SUITE_TEST(a_server_that_loads_its_data_is_waited_for),
	SUITE_TEST(a_server_that_is_busy_with_a_script_is_waited_for),
	SUITE_TEST(a_full_server_takes_nothing_new_and_finishes_what_it_has),
	SUITE_TEST(a_master_that_becomes_a_replica_is_told),
	SUITE_TEST(too_few_replicas_are_told_and_the_repeat_is_harmless),
	SUITE_TEST(a_failover_is_followed_through_the_sentinels),
	SUITE_TEST(passwords_are_asked_for_and_never_shown),
	SUITE_TEST(a_cluster_takes_a_prefix_with_a_tag_only),
	SUITE_TEST(a_store_that_is_on_another_node_is_found_there),
};

int main(void)
{
	return suite_run("redis_outages", tests, ARRAY_SIZE(tests));
}
