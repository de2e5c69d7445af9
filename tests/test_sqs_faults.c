/* sqs:// behind a proxy that recomputes each signature with botocore and does harm (sqs_proxy.py):
 * every fault is survived, or told by its name. */
#include "base/clock.h"
#include "tests/python_server.h"
#include "tests/sqs_ground.h"

#include <stdio.h>
#include <unistd.h>

#define KEYS                                                                   \
	"{\"AKIAREEVETEST\": [\"reeve-test-secret\", null], \"ASIASESSION\": " \
	"[\"second+/secret=\", \"session+/token==\"]}"
#define OTHER "{\"AKIAOTHER\": [\"other-secret\", null]}"

static struct python_server proxy;
static struct broker *broker;
static char queue[64];

static json_t *tell(const char *path, const char *body)
{
	return python_server_post(ground_loop, &proxy, path, body);
}

static void harm(const char *action, const char *kind, int count)
{
	OWNED(free)
	char *body =
		xprintf("{\"action\":\"%s\",\"kind\":\"%s\",\"count\":%d}", action, kind, count);
	json_decref(tell("/-/fault", body));
}

/* How often the proxy has refused, and forgets it. */
static int count_refused(void)
{
	OWNED(json) json_t *told = tell("/-/seen", "{}");
	int refused = 0;
	const char *code;
	json_t *count;
	json_object_foreach(json_object_get(told, "refused"), code, count) refused +=
		(int)json_integer_value(count);
	return refused;
}

static void set_up(const char *ending)
{
	json_decref(tell("/-/keys", KEYS));
	json_decref(tell("/-/clock", "{\"offset_s\": 0}"));
	count_refused();
	broker = ground_open(proxy.url, "");
	ground_name(queue, ending);
	ground_prepare(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	seen.requests = 0;
}

static void tear_down(void)
{
	broker_close(broker);
}

/* Each act once; answers how many messages came. */
static size_t go_round(void)
{
	ground_send_texts(broker, queue, "ü {\"a\": 1}", 3);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	size_t count = 0;
	do {
		ground_receive(broker, queue, 10, 0);
		CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
		count += seen.messages.count;
		if (seen.messages.count)
			ground_ack_seen(broker, queue);
		CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	} while (seen.messages.count);
	return count;
}

static void signatures_are_right(void)
{
	set_up("");
	CU_ASSERT_EQUAL(go_round(), 3);
	CU_ASSERT_EQUAL(count_refused(), 0);
	tear_down();
}

static void paths_of_endpoints_are_signed_as_they_are_sent(void)
{
	static const char *const paths[] = { "/", "/sqs", "/sqs/", "/a-b_c.d~e/0/", "/..a/b..//" };
	set_up("_-x.fifo");
	tear_down();
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		OWNED(free) char *endpoint = xprintf("%s%s", proxy.url, paths[i]);
		struct error err = { 0 };
		OWNED(free) char *url = xprintf("sqs://r-1/p?endpoint=%s", endpoint);
		bool is_good = broker_check_url(url, &err);
		CU_ASSERT_EQUAL(is_good, i + 1 < ARRAY_SIZE(paths));
		if (!is_good)
			continue;
		broker = ground_open(endpoint, "");
		ground_prepare(broker, queue);
		CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
		CU_ASSERT_EQUAL(go_round(), 3);
		CU_ASSERT_EQUAL(count_refused(), 0);
		tear_down();
	}
}

static void session_tokens_are_sent_and_signed(void)
{
	setenv("AWS_ACCESS_KEY_ID", "ASIASESSION", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "second+/secret=", 1);
	setenv("AWS_SESSION_TOKEN", "session+/token==", 1);
	set_up("");
	CU_ASSERT_EQUAL(go_round(), 3);
	CU_ASSERT_EQUAL(count_refused(), 0);
	tear_down();
	setenv("AWS_ACCESS_KEY_ID", "AKIAREEVETEST", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "reeve-test-secret", 1);
	unsetenv("AWS_SESSION_TOKEN");
}

static void each_fault_is_survived_by_each_act(void)
{
	static const char *const actions[] = { "GetQueueUrl", "CreateQueue", "SendMessageBatch",
		"GetQueueAttributes", "ReceiveMessage", "DeleteMessageBatch" };
	static const char *const kinds[] = { "throttle", "throttle-http", "500", "503", "badjson",
		"list", "empty", "reset", "close", "overlimit" };
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		json_decref(tell("/-/seen", "{}"));
		for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
			harm(actions[i], kinds[kind], 2);
		broker = ground_open(proxy.url, "");
		ground_name(queue, "");
		CU_ASSERT_EQUAL(go_round(), 3);
		OWNED(json) json_t *told = tell("/-/seen", "{}");
		for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
			CU_ASSERT(json_integer_value(json_object_get(
					  json_object_get(told, "requests"), actions[i])) >= 3);
		tear_down();
	}
}

static void a_reply_of_another_form_is_survived(void)
{
	set_up("");
	harm("SendMessageBatch", "strange", 1);
	harm("DeleteMessageBatch", "strange", 1);
	CU_ASSERT_EQUAL(go_round(), 3);
	harm("ReceiveMessage", "strange", 1);
	ground_receive(broker, queue, 10, 0);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	harm("GetQueueAttributes", "strange", 1);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	tear_down();
}

static void a_lost_or_cut_reply_to_a_send_may_make_a_double(void)
{
	set_up("");
	harm("SendMessageBatch", "lostreply", 1);
	CU_ASSERT_EQUAL(go_round(), 6);
	harm("SendMessageBatch", "truncated", 1);
	CU_ASSERT_EQUAL(go_round(), 6);
	harm("DeleteMessageBatch", "lostreply", 1);
	CU_ASSERT_EQUAL(go_round(), 3);
	tear_down();
}

static void a_lost_reply_to_a_fifo_send_makes_one_message(void)
{
	set_up(".fifo");
	harm("SendMessageBatch", "lostreply", 2);
	CU_ASSERT_EQUAL(go_round(), 3);
	tear_down();
}

static void only_entries_that_failed_are_repeated(void)
{
	set_up("");
	harm("SendMessageBatch", "partial", 2);
	ground_send_texts(broker, queue, "m", 10);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	CU_ASSERT_EQUAL(seen.requests, 3);
	harm("DeleteMessageBatch", "partial", 1);
	ground_receive(broker, queue, 10, 1000);
	CU_ASSERT_EQUAL(seen.messages.count, 10);
	ground_ack_seen(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.ready + seen.depth.in_flight, 0);
	tear_down();
}

static void entries_that_go_on_failing_are_told_after_a_minute(void)
{
	set_up("");
	harm("SendMessageBatch", "partial", 1000);
	broker->ops->send(broker, queue,
		(struct broker_outgoing[]){ { .body = "a" }, { .body = "b" } }, 2, ground_on_done,
		NULL);
	while (seen.requests < 4)
		ev_run(ground_loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(seen.answers, 0);
	clock_set_offset_ms(61000);
	ground_await(1);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	tear_down();
}

static void a_hanging_request_is_given_up_and_repeated(void)
{
	set_up("");
	harm("SendMessageBatch", "hang", 1);
	CU_ASSERT_EQUAL(go_round(), 3);
	tear_down();
}

static int64_t most(const json_t *told, const char *what)
{
	return json_integer_value(json_object_get(json_object_get(told, "most"), what));
}

static void connections_are_kept_and_requests_bounded(void)
{
	set_up("");
	for (int i = 0; i < 20; i++)
		ground_send_texts(broker, queue, "m", 1);
	json_t *told = tell("/-/seen", "{}");
	CU_ASSERT(most(told, "connections") <= 1);
	json_decref(told);
	/* More at once than there is room for; a poll needs none. */
	harm("SendMessageBatch", "slow", 60);
	for (int i = 0; i < 60; i++)
		broker->ops->send(broker, queue, &(struct broker_outgoing){ .body = "m" }, 1,
			ground_on_done, NULL);
	broker->ops->receive(broker, queue, 10, 1000, ground_on_messages, NULL);
	ground_await(61);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	told = tell("/-/seen", "{}");
	CU_ASSERT(most(told, "at once") > 1 && most(told, "at once") <= 17);
	json_decref(told);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.ready + seen.depth.in_flight, 80);
	tear_down();
}

static void refused_for_good_is_invalid_and_says_why(void)
{
	set_up("");
	harm("SendMessageBatch", "denied", 1);
	ground_send_texts(broker, queue, "m", 2);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_INVALID);
	CU_ASSERT(!seen.is_done[0] && !seen.is_done[1]);
	CU_ASSERT_EQUAL(seen.requests, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "AccessDeniedException: User is not"));
	tear_down();
}

static void a_queue_that_is_gone_is_made_again(void)
{
	set_up("");
	harm("SendMessageBatch", "missing", 1);
	CU_ASSERT_EQUAL(go_round(), 3);
	tear_down();
}

static void a_reply_that_is_too_long_is_asked_for_in_pieces(void)
{
	set_up("");
	harm("ReceiveMessage", "toolong", 1);
	CU_ASSERT_EQUAL(go_round(), 3);
	harm("GetQueueAttributes", "toolong", 1);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "longer than 16 MiB"));
	tear_down();
}

static void a_clock_that_is_wrong_is_corrected(void)
{
	set_up("");
	const char *const offsets[] = { "{\"offset_s\": 7200}", "{\"offset_s\": -86400}" };
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		json_decref(tell("/-/clock", offsets[i]));
		CU_ASSERT_EQUAL(go_round(), 3);
		CU_ASSERT_EQUAL(count_refused(), 1);
	}
	tear_down();
}

static void write_keys(const char *path, const char *id, const char *secret)
{
	FILE *file = fopen(path, "w");
	CU_ASSERT_FATAL(file != NULL);
	fprintf(file, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id,
		secret);
	fclose(file);
}

static void keys_that_are_rotated_in_a_file_are_followed(void)
{
	char path[] = "/tmp/reeve-keys.XXXXXX";
	close(mkstemp(path));
	write_keys(path, "AKIAREEVETEST", "reeve-test-secret");
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	unsetenv("AWS_ACCESS_KEY_ID");
	set_up("");
	CU_ASSERT_EQUAL(go_round(), 3);
	json_decref(tell("/-/keys", OTHER));
	ground_send_texts(broker, queue, "m", 1);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "403 InvalidClientTokenId"));
	write_keys(path, "AKIAOTHER", "other-secret");
	CU_ASSERT_EQUAL(go_round(), 3);
	/* And a secret that is wrong. */
	write_keys(path, "AKIAOTHER", "wrong-secret");
	clock_set_offset_ms(2000);
	for (int i = 0; i < 2; i++) /* the first finds the file changed, in the background */
		ground_send_texts(broker, queue, "m", 1);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "SignatureDoesNotMatch"));
	tear_down();
	setenv("AWS_ACCESS_KEY_ID", "AKIAREEVETEST", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	unlink(path);
}

static void errors_show_no_secret(void)
{
	setenv("AWS_ACCESS_KEY_ID", "ASIASESSION", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "second+/secret=", 1);
	setenv("AWS_SESSION_TOKEN", "a-stolen-token", 1);
	json_decref(tell("/-/keys", KEYS));
	broker = ground_open(proxy.url, "");
	ground_prepare(broker, "q");
	/* The proxy's answer repeats the whole request. */
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "The request is refused."));
	CU_ASSERT_PTR_NULL(strstr(seen.err.text, "stolen"));
	CU_ASSERT_PTR_NULL(strstr(seen.err.text, "secret"));
	broker_close(broker);
	setenv("AWS_ACCESS_KEY_ID", "AKIAREEVETEST", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "reeve-test-secret", 1);
	unsetenv("AWS_SESSION_TOKEN");
}

static const char *upstream_port(void)
{
	return strrchr(getenv("REEVE_TEST_SQS"), ':') + 1;
}

static void an_address_of_ipv6_is_signed_as_it_is_sent(void)
{
	if (access("/proc/net/if_inet6", R_OK) != 0)
		return;
	struct python_server plain = proxy;
	const char *const arguments[] = { "::1", upstream_port(), NULL };
	python_server_start(&proxy, "http", "[::1]", "sqs_proxy.py", arguments);
	signatures_are_right();
	python_server_stop(&proxy);
	proxy = plain;
}

static void certificates_are_checked(void)
{
	char folder[] = "/tmp/reeve-tls.XXXXXX";
	CU_ASSERT_FATAL(mkdtemp(folder) != NULL);
	OWNED(free) char *pem = xprintf("%s/pem", folder);
	OWNED(free)
	char *command = xprintf(
		"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
		"subjectAltName=IP:127.0.0.1 -keyout %s/key -out %s/crt 2>/dev/null && "
		"cat %s/key %s/crt >%s/pem",
		folder, folder, folder, folder, folder);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	struct python_server server;
	const char *const arguments[] = { "127.0.0.1", upstream_port(), pem, NULL };
	python_server_start(&server, "https", "127.0.0.1", "sqs_proxy.py", arguments);
	const char *before = getenv("AWS_CA_BUNDLE");
	OWNED(free) char *kept = xstrdup(before);
	unsetenv("AWS_CA_BUNDLE");
	broker = ground_open(server.url, "");
	seen.requests = 0;
	broker->ops->prepare(broker, "q", ground_on_done, NULL);
	while (seen.requests < 2)
		ev_run(ground_loop, EVRUN_ONCE);
	clock_set_offset_ms(61000);
	ground_await(1);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "ertificate"));
	broker_close(broker);

	/* With the certificate's authority it goes as far as the keys, which this proxy lacks. */
	OWNED(free) char *authority = xprintf("%s/crt", folder);
	setenv("AWS_CA_BUNDLE", authority, 1);
	broker = ground_open(server.url, "");
	ground_prepare(broker, "q");
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "403 InvalidClientTokenId"));
	broker_close(broker);
	unsetenv("AWS_CA_BUNDLE");
	if (kept)
		setenv("AWS_CA_BUNDLE", kept, 1);
	python_server_stop(&server);
	OWNED(free) char *remove = xprintf("rm -r %s", folder);
	CU_ASSERT_EQUAL(system(remove), 0);
}

int main(void)
{
	ground_begin();
	const char *const arguments[] = { "127.0.0.1", upstream_port(), NULL };
	python_server_start(&proxy, "http", "127.0.0.1", "sqs_proxy.py", arguments);
	const struct suite_test tests[] = {
		SUITE_TEST(signatures_are_right),
		SUITE_TEST(paths_of_endpoints_are_signed_as_they_are_sent),
		SUITE_TEST(session_tokens_are_sent_and_signed),
		SUITE_TEST(connections_are_kept_and_requests_bounded),
		SUITE_TEST(each_fault_is_survived_by_each_act),
		SUITE_TEST(a_reply_of_another_form_is_survived),
		SUITE_TEST(a_lost_or_cut_reply_to_a_send_may_make_a_double),
		SUITE_TEST(a_lost_reply_to_a_fifo_send_makes_one_message),
		SUITE_TEST(only_entries_that_failed_are_repeated),
		SUITE_TEST(entries_that_go_on_failing_are_told_after_a_minute),
		SUITE_TEST(a_hanging_request_is_given_up_and_repeated),
		SUITE_TEST(refused_for_good_is_invalid_and_says_why),
		SUITE_TEST(a_queue_that_is_gone_is_made_again),
		SUITE_TEST(a_reply_that_is_too_long_is_asked_for_in_pieces),
		SUITE_TEST(a_clock_that_is_wrong_is_corrected),
		SUITE_TEST(keys_that_are_rotated_in_a_file_are_followed),
		SUITE_TEST(errors_show_no_secret),
		SUITE_TEST(an_address_of_ipv6_is_signed_as_it_is_sent),
		SUITE_TEST(certificates_are_checked),
	};
	int failed = suite_run("sqs_faults", tests, ARRAY_SIZE(tests));
	python_server_stop(&proxy);
	ground_end();
	return failed;
}
