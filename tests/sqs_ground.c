/* See sqs_ground.h. */
#include "tests/sqs_ground.h"

#include "base/http.h"
#include "base/ids.h"

#include <signal.h>
#include <stdio.h>

#define PATIENCE_S 60

struct ev_loop *ground_loop;
struct sqs_seen seen;

static void note(const struct error *err)
{
	seen.err = err ? *err : (struct error){ 0 };
	seen.answers++;
	ev_break(ground_loop, EVBREAK_ONE);
}

void ground_on_messages(void *context, struct broker_messages *messages, const struct error *err)
{
	(void)context;
	broker_messages_finish(&seen.messages);
	seen.messages = *messages;
	note(err);
}

void ground_on_done(void *context, const bool *is_done, size_t count, const struct error *err)
{
	(void)context;
	CU_ASSERT_FATAL(count <= ARRAY_SIZE(seen.is_done));
	memcpy(seen.is_done, is_done, count * sizeof *is_done);
	seen.count = count;
	for (size_t i = 0; !err && i < count; i++)
		CU_ASSERT(is_done[i]);
	note(err);
}

void ground_on_depth(void *context, const struct broker_depth *depth, const struct error *err)
{
	(void)context;
	seen.depth = *depth;
	note(err);
}

static void on_request(void *context, const char *queue)
{
	(void)context;
	CU_ASSERT_PTR_NOT_NULL(queue);
	seen.requests++;
}

static void on_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

void ground_await(int answers)
{
	ev_timer patience;
	ev_timer_init(&patience, on_over, PATIENCE_S, 0);
	ev_now_update(ground_loop);
	ev_timer_start(ground_loop, &patience);
	while (seen.answers < answers && ev_is_active(&patience))
		ev_run(ground_loop, 0);
	ev_timer_stop(ground_loop, &patience);
	CU_ASSERT_EQUAL_FATAL(seen.answers, answers);
	seen.answers = 0;
}

struct broker *ground_open(const char *endpoint, const char *parameters)
{
	struct broker *opened = NULL;
	struct error err = { 0 };
	OWNED(free)
	char *url = xprintf("sqs://us-east-1/reeve-?endpoint=%s%s", endpoint, parameters);
	char owner[IDS_OWNER_SIZE];
	ids_owner(owner);
	bool is_open = broker_open(url, owner, ground_loop, &opened, &err);
	if (!is_open)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_FATAL(is_open);
	opened->on_request = on_request;
	return opened;
}

void ground_prepare(struct broker *broker, const char *queue)
{
	broker->ops->prepare(broker, queue, ground_on_done, NULL);
	ground_await(1);
}

void ground_send(struct broker *broker, const char *queue, const struct broker_outgoing *messages,
	size_t count)
{
	broker->ops->send(broker, queue, messages, count, ground_on_done, NULL);
	ground_await(1);
}

void ground_send_texts(struct broker *broker, const char *queue, const char *text, int count)
{
	struct broker_outgoing messages[64] = { 0 };
	for (int i = 0; i < count; i++)
		messages[i].body = xprintf("%s %d", text, i);
	ground_send(broker, queue, messages, (size_t)count);
	for (int i = 0; i < count; i++)
		free((void *)(uintptr_t)messages[i].body);
}

void ground_receive(struct broker *broker, const char *queue, size_t max, int64_t wait_ms)
{
	broker->ops->receive(broker, queue, max, wait_ms, ground_on_messages, NULL);
	ground_await(1);
}

void ground_ack_seen(struct broker *broker, const char *queue)
{
	const char *receipts[64];
	for (size_t i = 0; i < seen.messages.count; i++)
		receipts[i] = seen.messages.rows[i].receipt;
	broker->ops->ack(broker, queue, receipts, seen.messages.count, ground_on_done, NULL);
	ground_await(1);
}

void ground_depth(struct broker *broker, const char *queue)
{
	broker->ops->depth(broker, queue, ground_on_depth, NULL);
	ground_await(1);
}

static void on_reply(void *context, const struct http_reply *reply, const struct error *err)
{
	(void)context;
	CU_ASSERT_FATAL(reply && reply->status == 200);
	note(err);
}

void ground_call(const char *action, const char *parameters)
{
	struct http *http;
	struct error err;
	CU_ASSERT_FATAL(http_open(ground_loop, &http, &err));
	OWNED(free) char *target = xprintf("AmazonSQS.%s", action);
	struct http_header headers[] = { { "Content-Type", "application/x-amz-json-1.0" },
		{ "X-Amz-Target", target } };
	struct http_request request = { .method = "POST",
		.url = getenv("REEVE_TEST_SQS"),
		.headers = headers,
		.header_count = 2,
		.body = parameters,
		.length = strlen(parameters),
		.connect_timeout_ms = 5000,
		.timeout_ms = 5000 };
	http_begin(http, &request, on_reply, NULL);
	ground_await(1);
	http_close(http);
}

void ground_name(char out[64], const char *ending)
{
	char owner[IDS_OWNER_SIZE];
	ids_owner(owner);
	snprintf(out, 64, "t-%s%s", owner, ending);
}

void ground_begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	ground_loop = ev_loop_new(EVFLAG_AUTO);
}

void ground_end(void)
{
	broker_messages_finish(&seen.messages);
	ev_loop_destroy(ground_loop);
}

void ground_run(const char *program)
{
	OWNED(free) char *path = xprintf("%s/%s", getenv("REEVE_TEST_SQS_DIR"), program);
	CU_ASSERT_EQUAL(system(path), 0);
}
