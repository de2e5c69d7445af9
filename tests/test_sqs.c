/* The broker sqs:// on an emulator (tests/with_sqs.sh): what is sent arrives, what is not acked
 * comes back. Faults are in test_sqs_faults.c. */
#include "base/clock.h"
#include "tests/sqs_ground.h"

#include <stdio.h>

static struct broker *broker;
static char queue[64];

static void set_up(const char *ending)
{
	broker = ground_open(getenv("REEVE_TEST_SQS"), "");
	ground_name(queue, ending);
	seen.requests = 0;
}

static void tear_down(void)
{
	broker_close(broker);
}

static void messages_go_through_in_tens(void)
{
	set_up("");
	ground_prepare(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	seen.requests = 0;
	int64_t before_ms = clock_wall_ms();
	ground_send_texts(broker, queue, "{\"n\": \"ä <&> \\u2028\"}", 10);
	CU_ASSERT_EQUAL(seen.count, 10);
	ground_receive(broker, queue, 10, 20000);
	CU_ASSERT_EQUAL_FATAL(seen.messages.count, 10);
	bool is_seen[10] = { false };
	for (int i = 0; i < 10; i++) {
		const struct broker_message *message = &seen.messages.rows[i];
		int n = message->body[message->length - 1] - '0';
		CU_ASSERT(n >= 0 && n < 10 && !is_seen[n]);
		is_seen[n] = true;
		CU_ASSERT_NSTRING_EQUAL(message->body, "{\"n\": \"ä <&> \\u2028\"} ", 22);
		CU_ASSERT_EQUAL(strlen(message->body), message->length);
		CU_ASSERT_EQUAL(message->deliveries, 1);
		CU_ASSERT(message->id[0] && message->receipt[0] && !message->group);
		CU_ASSERT(message->sent_at_ms >= before_ms - 1000 &&
			  message->sent_at_ms <= clock_wall_ms() + 1000);
	}
	ground_ack_seen(broker, queue);
	CU_ASSERT_EQUAL(seen.requests, 3);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.ready + seen.depth.in_flight + seen.depth.delayed, 0);
	tear_down();
}

static void more_than_ten_take_several_requests_in_one_call(void)
{
	set_up("");
	ground_send_texts(broker, queue, "m", 25);
	CU_ASSERT_EQUAL(seen.requests, 2 + 3); /* GetQueueUrl, CreateQueue */
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.ready, 25);
	ground_receive(broker, queue, 3, 0);
	CU_ASSERT_EQUAL(seen.messages.count, 3);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.ready, 22);
	CU_ASSERT_EQUAL(seen.depth.in_flight, 3);
	tear_down();
}

static void long_messages_are_spread_over_requests(void)
{
	set_up("");
	ground_prepare(broker, queue);
	OWNED(free) char *text = xmalloc(1024 * 1024);
	memset(text, 'x', 1024 * 1024 - 1);
	text[1024 * 1024 - 1] = '\0';
	/* One of a MiB alone, then 100 KiB each: two fit under 256 KiB. */
	struct broker_outgoing messages[5] = { { .body = text } };
	for (int i = 1; i < 5; i++)
		messages[i].body = text + 1024 * 1024 - 1 - 100 * 1024;
	seen.requests = 0;
	ground_send(broker, queue, messages, 5);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	CU_ASSERT_EQUAL(seen.requests, 3);
	ground_receive(broker, queue, 10, 1000);
	CU_ASSERT_EQUAL(seen.messages.count, 5);
	tear_down();
}

static void a_bad_entry_fails_alone(void)
{
	set_up("");
	struct broker_outgoing messages[3] = { { .body = "good" }, { .body = "bad \x01" },
		{ .body = "not UTF-8 \xff" } };
	ground_send(broker, queue, messages, 3);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_INVALID);
	CU_ASSERT(seen.is_done[0] && !seen.is_done[1] && !seen.is_done[2]);
	ground_receive(broker, queue, 10, 1000);
	CU_ASSERT_EQUAL(seen.messages.count, 1);
	tear_down();
}

static void what_is_not_acked_comes_back_under_its_id(void)
{
	set_up("");
	OWNED(free)
	char *parameters = xprintf(
		"{\"QueueName\":\"reeve-%s\",\"Attributes\":{\"VisibilityTimeout\":\"1\"}}", queue);
	ground_call("CreateQueue", parameters);
	ground_send_texts(broker, queue, "m", 1);
	ground_receive(broker, queue, 10, 1000);
	CU_ASSERT_EQUAL_FATAL(seen.messages.count, 1);
	OWNED(free) char *id = xstrdup(seen.messages.rows[0].id);
	ground_receive(broker, queue, 10, 20000);
	CU_ASSERT_EQUAL_FATAL(seen.messages.count, 1);
	CU_ASSERT_STRING_EQUAL(seen.messages.rows[0].id, id);
	CU_ASSERT_EQUAL(seen.messages.rows[0].deliveries, 2);
	tear_down();
}

static void a_send_wakes_a_long_poll(void)
{
	set_up("");
	struct broker *sender = ground_open(getenv("REEVE_TEST_SQS"), "");
	ground_prepare(broker, queue);
	ground_prepare(sender, queue);
	broker->ops->receive(broker, queue, 10, 20000, ground_on_messages, NULL);
	sender->ops->send(sender, queue, &(struct broker_outgoing){ .body = "wake" }, 1,
		ground_on_done, NULL);
	ground_await(2);
	CU_ASSERT_EQUAL(seen.messages.count, 1);
	broker_close(sender);
	tear_down();
}

static void a_stopped_poll_answers_with_nothing(void)
{
	set_up("");
	ground_prepare(broker, queue);
	broker->ops->receive(broker, queue, 10, 20000, ground_on_messages, NULL);
	broker->ops->stop_receiving(broker, queue);
	ground_await(1);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	CU_ASSERT_EQUAL(seen.messages.count, 0);
	/* And one that has been sent. */
	broker->ops->receive(broker, queue, 10, 20000, ground_on_messages, NULL);
	seen.requests = 0;
	while (seen.requests == 0)
		ev_run(ground_loop, EVRUN_ONCE);
	broker->ops->stop_receiving(broker, queue);
	ground_await(1);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	CU_ASSERT_EQUAL(seen.messages.count, 0);
	broker->ops->stop_receiving(broker, queue); /* none is under way */
	tear_down();
}

static void delayed_messages_wait(void)
{
	set_up("");
	struct broker_outgoing messages[2] = { { .body = "later", .delay_ms = 1200 },
		{ .body = "much later", .delay_ms = 15 * 60 * 1000 } };
	ground_send(broker, queue, messages, 2);
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.delayed, 2);
	ground_receive(broker, queue, 10, 20000);
	CU_ASSERT_EQUAL_FATAL(seen.messages.count, 1);
	CU_ASSERT_STRING_EQUAL(seen.messages.rows[0].body, "later");
	tear_down();
}

static void fifo_keeps_order_and_drops_doubles(void)
{
	set_up(".fifo");
	struct broker_outgoing messages[20];
	char bodies[20][8], ids[20][8];
	for (int i = 0; i < 20; i++) {
		snprintf(bodies[i], sizeof bodies[i], "%d", i);
		snprintf(ids[i], sizeof ids[i], "d%d", i);
		messages[i] = (struct broker_outgoing){
			.body = bodies[i], .group = "g", .dedup_id = ids[i]
		};
	}
	/* Several calls at once: their order is that of the calls. */
	broker->ops->send(broker, queue, messages, 12, ground_on_done, NULL);
	broker->ops->send(broker, queue, messages + 12, 8, ground_on_done, NULL);
	broker->ops->send(broker, queue, messages, 3, ground_on_done, NULL);
	ground_await(3);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	int next = 0;
	while (next < 20) {
		ground_receive(broker, queue, 10, 1000);
		CU_ASSERT_FATAL(seen.messages.count > 0);
		for (size_t i = 0; i < seen.messages.count; i++) {
			CU_ASSERT_STRING_EQUAL(seen.messages.rows[i].group, "g");
			CU_ASSERT_EQUAL(atoi(seen.messages.rows[i].body), next);
			next++;
		}
		ground_ack_seen(broker, queue);
	}
	ground_depth(broker, queue);
	CU_ASSERT_EQUAL(seen.depth.ready + seen.depth.in_flight, 0);
	tear_down();
}

static void fifo_refuses_delays_and_needs_no_group(void)
{
	set_up(".fifo");
	struct broker_outgoing messages[2] = { { .body = "a" }, { .body = "b", .delay_ms = 1 } };
	ground_send(broker, queue, messages, 2);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_INVALID);
	CU_ASSERT(seen.is_done[0] && !seen.is_done[1]);
	tear_down();
}

static void a_missing_queue_is_made_where_that_is_allowed(void)
{
	set_up("");
	struct broker *strict = ground_open(getenv("REEVE_TEST_SQS"), "&create=false");
	ground_prepare(strict, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NOT_FOUND);
	ground_receive(strict, queue, 10, 0);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NOT_FOUND);
	ground_prepare(broker, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	ground_prepare(strict, queue);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	broker_close(strict);
	tear_down();
}

static void acts_at_once_ask_for_the_url_once(void)
{
	set_up("");
	for (int i = 0; i < 5; i++)
		broker->ops->prepare(broker, queue, ground_on_done, NULL);
	ground_await(5);
	CU_ASSERT_EQUAL(seen.requests, 2);
	tear_down();
}

static void a_name_that_sqs_would_refuse_is_told_plainly(void)
{
	set_up("");
	char name[81];
	memset(name, 'n', 80);
	name[80] = '\0';
	ground_prepare(broker, name);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "86 characters, SQS allows 80"));
	ground_prepare(broker, "a.b");
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_INVALID);
	CU_ASSERT_EQUAL(seen.requests, 0);
	tear_down();
}

static void a_server_that_drops_and_returns_is_survived(void)
{
	set_up("");
	ground_prepare(broker, queue);
	broker->ops->receive(broker, queue, 10, 20000, ground_on_messages, NULL);
	ground_run("stop");
	broker->ops->send(broker, queue, &(struct broker_outgoing){ .body = "kept" }, 1,
		ground_on_done, NULL);
	for (int i = 0; i < 20; i++)
		ev_run(ground_loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(seen.answers, 0);
	/* It has forgotten the queue, which is made again. */
	ground_run("start");
	ground_await(2);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	CU_ASSERT_EQUAL_FATAL(seen.messages.count, 1);
	CU_ASSERT_STRING_EQUAL(seen.messages.rows[0].body, "kept");
	tear_down();
}

static void a_server_that_is_gone_is_told_after_a_minute(void)
{
	struct broker *lost = ground_open("http://127.0.0.1:9", "");
	seen.requests = 0;
	lost->ops->prepare(lost, "q", ground_on_done, NULL);
	while (seen.requests < 3)
		ev_run(ground_loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(seen.answers, 0);
	clock_set_offset_ms(61000);
	ground_await(1);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "127.0.0.1:9"));
	broker_close(lost);
}

static void closing_calls_nobody_back(void)
{
	set_up("");
	ground_prepare(broker, queue);
	broker->ops->receive(broker, queue, 10, 20000, ground_on_messages, NULL);
	broker->ops->send(broker, "another", &(struct broker_outgoing){ .body = "x" }, 1,
		ground_on_done, NULL);
	broker->ops->depth(broker, queue, ground_on_depth, NULL);
	broker->ops->prepare(broker, "another", ground_on_done, NULL);
	seen.requests = 0;
	while (seen.requests < 2) /* the poll and another are under way */
		ev_run(ground_loop, EVRUN_ONCE);
	tear_down();
	ev_run(ground_loop, EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(seen.answers, 0);
}

static void close_in_callback(
	void *context, const bool *is_done, size_t count, const struct error *err)
{
	broker_close(context);
	ground_on_done(NULL, is_done, count, err);
}

static void a_callback_may_close_the_broker(void)
{
	set_up("");
	broker->ops->prepare(broker, queue, close_in_callback, broker);
	broker->ops->depth(broker, queue, ground_on_depth, NULL);
	ground_await(1);
}

int main(void)
{
	ground_begin();
	const struct suite_test tests[] = {
		SUITE_TEST(messages_go_through_in_tens),
		SUITE_TEST(more_than_ten_take_several_requests_in_one_call),
		SUITE_TEST(long_messages_are_spread_over_requests),
		SUITE_TEST(a_bad_entry_fails_alone),
		SUITE_TEST(what_is_not_acked_comes_back_under_its_id),
		SUITE_TEST(a_send_wakes_a_long_poll),
		SUITE_TEST(a_stopped_poll_answers_with_nothing),
		SUITE_TEST(delayed_messages_wait),
		SUITE_TEST(fifo_keeps_order_and_drops_doubles),
		SUITE_TEST(fifo_refuses_delays_and_needs_no_group),
		SUITE_TEST(a_missing_queue_is_made_where_that_is_allowed),
		SUITE_TEST(acts_at_once_ask_for_the_url_once),
		SUITE_TEST(a_name_that_sqs_would_refuse_is_told_plainly),
		SUITE_TEST(a_server_that_drops_and_returns_is_survived),
		SUITE_TEST(a_server_that_is_gone_is_told_after_a_minute),
		SUITE_TEST(closing_calls_nobody_back),
		SUITE_TEST(a_callback_may_close_the_broker),
	};
	int failed = suite_run("sqs", tests, ARRAY_SIZE(tests));
	ground_end();
	return failed;
}
