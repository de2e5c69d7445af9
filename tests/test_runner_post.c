/* workers/runner_post, workers/runner_reply: what a reply means, and a request that does not end.
 */
#include "base/http.h"
#include "base/jsontext.h"
#include "tests/runner_fixture.h"
#include "tests/suite.h"
#include "workers/runner_parts.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_MS 784887151000 /* Tue, 15 Nov 1994 08:12:31 GMT */

static void a_reply_has_its_meaning(void)
{
	static const struct {
		int status;
		const char *headers, *body;
		enum run_status meaning;
		const char *result, *message;
		int64_t retry_ms;
	} rows[] = {
		{ 200, "", "{\"a\": [1, 2]}\n", RUN_DONE, "{\"a\":[1,2]}", "", -1 },
		{ 299, "", "text", RUN_DONE, "\"text\"", "", -1 },
		{ 200, "", "{\"a\":", RUN_DONE, "\"{\\\"a\\\":\"", "", -1 },
		{ 200, "", "\xc3(", RUN_DONE, "\"\xef\xbf\xbd(\"", "", -1 },
		{ 204, "", "", RUN_DONE, NULL, "", -1 },
		{ 200, "", " \r\n", RUN_DONE, NULL, "", -1 },
		{ 200, "", "null", RUN_DONE, NULL, "", -1 },
		{ 301, "HTTP/1.1 301 Moved\r\n", "", RUN_BROKEN, NULL,
			"HTTP 301 Moved (redirects are not followed)", -1 },
		{ 404, "HTTP/1.1 404 Not Found\r\n", "no page\n", RUN_PERMANENT, NULL,
			"HTTP 404 Not Found: no page", -1 },
		{ 400, "HTTP/1.1 400 No\r\nRetry-After: 5\r\n", "", RUN_PERMANENT, NULL,
			"HTTP 400 No", -1 },
		{ 429, "HTTP/1.1 429 Slow\r\n", "", RUN_RETRY, NULL, "HTTP 429 Slow", -1 },
		{ 429, "HTTP/1.1 429 Slow\r\nretry-after: 7\r\n", "", RUN_RETRY, NULL, "HTTP 429",
			7000 },
		{ 503, "HTTP/1.1 503 Busy\r\nRetry-After:  120 \r\n", "", RUN_RETRY, NULL,
			"HTTP 503", 120000 },
		{ 503, "HTTP/1.1 503 Busy\r\n", "", RUN_FAILED, NULL, "HTTP 503 Busy", -1 },
		{ 503, "HTTP/1.1 503 Busy\r\nRetry-After: soon\r\n", "", RUN_FAILED, NULL,
			"HTTP 503 Busy", -1 },
		{ 503, "HTTP/1.1 503 B\r\nRetry-After: Tue, 15 Nov 1994 08:12:41 GMT\r\n", "",
			RUN_RETRY, NULL, "HTTP 503 B", 10000 },
		{ 503, "HTTP/1.1 503 B\r\nRetry-After: Tuesday, 15-Nov-94 08:12:41 GMT\r\n", "",
			RUN_RETRY, NULL, "HTTP 503 B", 10000 },
		{ 503, "HTTP/1.1 503 B\r\nRetry-After: Tue Nov 15 08:12:41 1994\r\n", "", RUN_RETRY,
			NULL, "HTTP 503 B", 10000 },
		{ 503,
			"HTTP/1.1 503 B\r\nDate: Tue, 15 Nov 1994 08:12:40 GMT\r\n"
			"Retry-After: Tue, 15 Nov 1994 08:12:41 GMT\r\n",
			"", RUN_RETRY, NULL, "HTTP 503 B", 1000 },
		{ 503, "HTTP/1.1 503 B\r\nRetry-After: Tue, 15 Nov 1993 08:12:41 GMT\r\n", "",
			RUN_RETRY, NULL, "HTTP 503 B", 0 },
		{ 429, "HTTP/1.1 429 B\r\nRetry-After: 99999999999999999999\r\n", "", RUN_RETRY,
			NULL, "HTTP 429 B", INT64_C(604800000) },
		{ 500, "HTTP/1.1 500 Oh\r\nRetry-After: 9\r\n", "a\nb", RUN_FAILED, NULL,
			"HTTP 500 Oh: a\nb", -1 },
		{ 101, "HTTP/1.1 101 Other\r\n", "", RUN_BROKEN, NULL, "HTTP 101 Other", -1 },
		{ 400, "", "", RUN_PERMANENT, NULL, "HTTP 400", -1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run_result result = { .retry_in_ms = -1 };
		const struct http_reply reply = { .status = rows[i].status,
			.headers = rows[i].headers,
			.body = rows[i].body,
			.length = strlen(rows[i].body) };
		reply_judge(&reply, NOW_MS, &result);
		const char *message = result.message ? result.message : "";
		CU_ASSERT_EQUAL(result.status, rows[i].meaning);
		CU_ASSERT_EQUAL(result.retry_in_ms, rows[i].retry_ms);
		CU_ASSERT_PTR_NOT_NULL(strstr(message, rows[i].message));
		CU_ASSERT_EQUAL(!result.result, !rows[i].result);
		if (result.result && rows[i].result)
			CU_ASSERT_STRING_EQUAL(result.result, rows[i].result);
		run_result_finish(&result);
	}
}

static void a_result_over_1_mib_is_a_failure(void)
{
	const size_t length = JSONTEXT_PAYLOAD_MAX - 1;
	OWNED(free) char *body = xmalloc(length + 1);
	memset(body, 'x', length);
	body[length] = '\0';
	struct run_result result = { .retry_in_ms = -1 };
	/* With its quotes it is one byte too long. */
	reply_judge(
		&(struct http_reply){
			.status = 200, .headers = "", .body = body, .length = length },
		NOW_MS, &result);
	CU_ASSERT_EQUAL(result.status, RUN_BROKEN);
	CU_ASSERT_STRING_EQUAL(result.message, "the result is larger than 1 MiB");
	run_result_finish(&result);
}

/* A server of this process: it reads a request and writes this, once per connection. */
struct server {
	int fd;
	char url[64];
	const char *reply; /* NULL: it listens, and never answers */
	pthread_t thread;
};

static void *answer(void *context)
{
	const struct server *server = context;
	char request[4096];
	int fd;
	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		if (read(fd, request, sizeof request) > 0)
			CU_ASSERT_TRUE(write(fd, server->reply, strlen(server->reply)) > 0);
		close(fd);
	}
	return NULL;
}

static void open_server(struct server *server, struct fixture *fixture, const char *reply)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	*server = (struct server){ .reply = reply };
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(server->fd, (struct sockaddr *)&address, length), 0);
	CU_ASSERT_EQUAL_FATAL(listen(server->fd, 5), 0);
	getsockname(server->fd, (struct sockaddr *)&address, &length);
	snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
	if (reply)
		pthread_create(&server->thread, NULL, answer, server);
	fixture_open(fixture, PROTOCOL_EXEC, (const char *const[]){ NULL });
	fixture->queue.post = server->url;
}

static void close_server(struct server *server, struct fixture *fixture)
{
	fixture_close(fixture);
	shutdown(server->fd, SHUT_RDWR);
	if (server->reply)
		pthread_join(server->thread, NULL);
	close(server->fd);
}

static void a_task_is_posted(void)
{
	struct server server;
	struct fixture fixture;
	open_server(&server, &fixture,
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n[7]");
	fixture_run(&fixture, TASK, 1);
	fixture_expect_done(&fixture, "[7]");
	fixture_run(&fixture, TASK, 2);
	fixture_expect_done(&fixture, "[7]");
	close_server(&server, &fixture);
}

static void who_never_answers_is_left_at_an_order_or_in_time(void)
{
	static const struct {
		enum run_order order;
		enum run_status status;
		const char *message;
	} rows[] = {
		{ ORDER_CANCEL, RUN_CANCELLED, "cancelled" },
		{ ORDER_HALT, RUN_HALTED, "stopped before its end" },
		{ ORDER_LOST, RUN_LOST, "the lease was lost" },
		{ ORDER_GO_ON, RUN_TIMED_OUT, "timed out after 200ms" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct server server;
		struct fixture fixture;
		open_server(&server, &fixture, NULL);
		if (rows[i].order == ORDER_GO_ON)
			fixture.queue.timeout_ms = 200;
		fixture.order = rows[i].order;
		fixture.order_from = rows[i].order == ORDER_GO_ON ? -1 : 2;
		fixture_run(&fixture, TASK, 1);
		fixture_expect(&fixture, rows[i].status, rows[i].message);
		close_server(&server, &fixture);
	}
}

static void who_can_not_be_reached_is_named(void)
{
	struct server server;
	struct fixture fixture;
	open_server(&server, &fixture, NULL);
	close(server.fd);
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_BROKEN, "cannot post to 127.0.0.1:");
	fixture_close(&fixture);
}

static void nothing_is_left_open(void)
{
	const size_t before = fixture_count_descriptors();
	struct server server;
	struct fixture fixture;
	open_server(&server, &fixture, "HTTP/1.1 204 None\r\n\r\n");
	fixture_run(&fixture, TASK, 1);
	fixture_expect(&fixture, RUN_DONE, "");
	close_server(&server, &fixture);
	CU_ASSERT_EQUAL(fixture_count_descriptors(), before);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_reply_has_its_meaning),
		SUITE_TEST(a_result_over_1_mib_is_a_failure),
		SUITE_TEST(a_task_is_posted),
		SUITE_TEST(who_never_answers_is_left_at_an_order_or_in_time),
		SUITE_TEST(who_can_not_be_reached_is_named),
		SUITE_TEST(nothing_is_left_open),
	};
	return suite_run("runner_post", tests, ARRAY_SIZE(tests));
}
