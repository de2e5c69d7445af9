/* What a PostgreSQL server and the network before it can do to a client: sessions that end, answers
 * that are lost, silence. Each is told as UNAVAILABLE, and the same store goes on afterwards. */
#include "tests/postgres_ground.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD "SELECT count(*) FROM lease"

static void expect_no_lease(struct store *from, const char *queue)
{
	struct lease_batch batch;
	struct error err = { 0 };
	CU_ASSERT_FALSE_FATAL(ground_try_lease(from, queue, &batch, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
}

/* As a worker does: again and again while the store can't be reached. */
static struct lease_batch lease_when_there(struct store *from, const char *queue)
{
	struct lease_batch batch;
	struct error err = { 0 };
	for (int i = 0; i < 2000; i++) {
		if (ground_try_lease(from, queue, &batch, &err))
			return batch;
		CU_ASSERT_EQUAL_FATAL(err.kind, ERROR_UNAVAILABLE);
		ground_pause_ms(10);
	}
	ground_check(false, &err);
	return batch;
}

static void expect_task(struct lease_batch *batch, const char *sql)
{
	CU_ASSERT_EQUAL_FATAL(batch->count, 1);
	CU_ASSERT_STRING_EQUAL(batch->tasks->id, ground_ask(raw, sql));
	lease_batch_finish(batch);
}

static void an_act_after_the_session_was_ended_reconnects(void)
{
	static const char end_all[] = "SELECT count(pg_terminate_backend(pid)) FROM "
				      "pg_stat_activity WHERE application_name = 'reeve'";
	ground_push(store, "mail", 1);
	ground_ask(raw, end_all);
	struct lease_batch batch = lease_when_there(store, "mail");
	CU_ASSERT_EQUAL(batch.count, 1);
	lease_batch_finish(&batch);
}

static void a_restart_of_the_server_keeps_what_was_acknowledged(void)
{
	ground_push(store, "mail", 1);
	ground_script("stop");
	expect_no_lease(store, "mail");
	ground_script("start");
	PQreset(raw);
	struct lease_batch batch = lease_when_there(store, "mail");
	CU_ASSERT_EQUAL(batch.count, 1);
	lease_batch_finish(&batch);
}

/* The processes are stopped where they are: connections are taken by the kernel, and nothing
 * answers. */
static void a_stopped_server_is_noticed_and_its_return_too(void)
{
	ground_push(store, "mail", 1);
	ground_signal(SIGSTOP);
	expect_no_lease(store, "mail");
	expect_no_lease(store, "mail");
	ground_signal(SIGCONT);
	struct lease_batch batch = lease_when_there(store, "mail");
	CU_ASSERT_EQUAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, HELD), "1");
	lease_batch_finish(&batch);
}

static void a_lease_whose_answer_was_lost_is_answered_by_the_next(void)
{
	struct store *cut = ground_open_at(ground_url_at(ground_proxy()));
	ground_push(store, "mail", 2);
	ground_tell("lose reeve_LEASE");
	expect_no_lease(cut, "mail");
	ground_await(HELD, "1");
	struct lease_batch batch = lease_when_there(cut, "mail");
	expect_task(&batch, "SELECT id_of(task) FROM lease");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, HELD), "1");
	batch = lease_when_there(cut, "mail");
	CU_ASSERT_EQUAL(batch.count, 1);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, HELD), "2");
	lease_batch_finish(&batch);
	store_close(cut);
}

static void a_commit_whose_answer_was_lost_is_repeated_with_the_lease_that_came_with_it(void)
{
	static const char both[] = "SELECT (SELECT count(*) FROM task WHERE state = 3) || ' ' || "
				   "(SELECT count(*) FROM lease)";
	struct store *cut = ground_open_at(ground_url_at(ground_proxy()));
	ground_push(store, "mail", 3);
	struct lease_batch first = ground_lease(cut, "mail");
	struct lease_batch next;
	struct commit_result result;
	struct error err = { 0 };
	ground_tell("lose reeve_COMMIT");
	CU_ASSERT_FALSE_FATAL(ground_try_complete(cut, first.tasks, "mail", &result, &next, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	ground_await(both, "1 1");
	ground_check(ground_try_complete(cut, first.tasks, "mail", &result, &next, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_REPEATED);
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, both), "1 1");
	expect_task(&next, "SELECT id_of(task) FROM lease");
	lease_batch_finish(&first);
	store_close(cut);
}

/* What was on its way when the client gave up arrives when the client has its work already. */
static void a_lease_that_comes_late_takes_nothing(void)
{
	struct store *cut = ground_open_at(ground_url_at(ground_proxy()));
	ground_push(store, "mail", 2);
	CU_ASSERT_EQUAL(ground_count_ready("other"), 0);
	ground_tell("hold reeve_LEASE");
	expect_no_lease(cut, "mail");
	struct lease_batch batch = lease_when_there(cut, "mail");
	CU_ASSERT_EQUAL(batch.count, 1);
	ground_tell("release");
	/* Ours, and the test's own store; the one that was given up has ended. */
	ground_await("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reeve'", "2");
	CU_ASSERT_STRING_EQUAL(ground_ask(raw, HELD), "1");
	lease_batch_finish(&batch);
	store_close(cut);
}

static int listen_in_silence(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 8) == 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	*port = ntohs(address.sin_port);
	return fd;
}

/* A host whose kernel takes connections and whose server hangs would keep libpq for ever. */
static void the_next_host_has_its_turn_when_one_is_silent(void)
{
	char url[256];
	int port;
	int fd = listen_in_silence(&port);
	ground_push(store, "mail", 1);
	snprintf(url, sizeof url,
		"postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres?schema=%s", port,
		ground_port(), ground_schema());
	struct store *other = ground_open_at(url);
	struct lease_batch batch = ground_lease(other, "mail");
	CU_ASSERT_EQUAL(batch.count, 1);
	lease_batch_finish(&batch);
	store_close(other);
	close(fd);
}

static const struct suite_test tests[] = {
	SUITE_TEST(an_act_after_the_session_was_ended_reconnects),
	SUITE_TEST(a_restart_of_the_server_keeps_what_was_acknowledged),
	SUITE_TEST(a_stopped_server_is_noticed_and_its_return_too),
	SUITE_TEST(a_lease_whose_answer_was_lost_is_answered_by_the_next),
	SUITE_TEST(a_commit_whose_answer_was_lost_is_repeated_with_the_lease_that_came_with_it),
	SUITE_TEST(a_lease_that_comes_late_takes_nothing),
	SUITE_TEST(the_next_host_has_its_turn_when_one_is_silent),
};

int main(void)
{
	return ground_run("postgres_outages", tests, ARRAY_SIZE(tests));
}
