/* The broker redis:// on a real server (tests/with_redis.sh): what is sent arrives, what is not
 * acked comes back, and no accident of the server loses a message. */
#include "base/clock.h"
#include "base/ids.h"
#include "base/url.h"
#include "brokers/broker.h"
#include "brokers/redis_link.h"
#include "tests/suite.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PATIENCE_S 30

static struct ev_loop *loop;
static struct broker *broker, *other;
static struct redis_address address;
static struct redis_link *raw; /* for commands of the test's own */
static char prefix[IDS_OWNER_SIZE + 1];

/* What the last callbacks told. */
static struct {
	int answers;
	struct broker_messages messages;
	enum error_kind kind;
	char text[256];
	struct broker_depth depth;
	int raw_answers;
	int requests;
} seen;

static void note_error(const struct error *err)
{
	seen.kind = err ? err->kind : ERROR_NONE;
	snprintf(seen.text, sizeof seen.text, "%s", err ? err->text : "");
	seen.answers++;
	ev_break(loop, EVBREAK_ONE);
}

static void on_messages(void *context, struct broker_messages *messages, const struct error *err)
{
	(void)context;
	broker_messages_finish(&seen.messages);
	seen.messages = *messages;
	note_error(err);
}

static void on_done(void *context, const bool *is_done, size_t count, const struct error *err)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		CU_ASSERT_EQUAL(is_done[i], err == NULL);
	note_error(err);
}

static void on_depth(void *context, const struct broker_depth *depth, const struct error *err)
{
	(void)context;
	seen.depth = *depth;
	note_error(err);
}

static void on_reply(void *context, const redisReply *reply, const struct error *err)
{
	(void)context;
	if (err)
		fprintf(stderr, "%s\n", err->text);
	CU_ASSERT_PTR_NOT_NULL(reply);
	seen.raw_answers++;
	ev_break(loop, EVBREAK_ONE);
}

static void on_request(void *context, const char *queue)
{
	(void)context;
	CU_ASSERT_STRING_EQUAL(queue, "mail");
	seen.requests++;
}

static void on_over(struct ev_loop *of, ev_timer *timer, int events)
{
	(void)timer, (void)events;
	ev_break(of, EVBREAK_ALL);
}

/* Runs the loop until so many callbacks have come since the last time. */
static void await_count(int *count, int wanted)
{
	ev_timer patience;
	ev_timer_init(&patience, on_over, PATIENCE_S, 0);
	ev_now_update(loop);
	ev_timer_start(loop, &patience);
	while (*count < wanted && ev_is_active(&patience))
		ev_run(loop, 0);
	ev_timer_stop(loop, &patience);
	CU_ASSERT_EQUAL_FATAL(*count, wanted);
	*count = 0;
}

static void await(int answers)
{
	await_count(&seen.answers, answers);
}

static void pass(double seconds)
{
	ev_timer over;
	ev_timer_init(&over, on_over, seconds, 0);
	ev_now_update(loop);
	ev_timer_start(loop, &over);
	while (ev_is_active(&over))
		ev_run(loop, 0);
}

static struct broker *open_broker(void)
{
	struct broker *opened = NULL;
	struct error err = { 0 };
	OWNED(free) char *url = xprintf("%s/2?prefix=%s", getenv("REEVE_TEST_REDIS"), prefix);
	if (!broker_open(url, "owner", loop, &opened, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	opened->on_request = on_request;
	return opened;
}

static void enter(void)
{
	ids_owner(prefix);
	strcat(prefix, "-");
	memset(&seen, 0, sizeof seen);
	broker = open_broker();
	other = open_broker();
}

static void leave(void)
{
	broker_close(broker);
	broker_close(other);
	broker_messages_finish(&seen.messages);
}

static void ask_raw(const char *const *words, size_t count)
{
	redis_link_ask(raw,
		&(struct redis_question){ .words = words, .count = count, .on_reply = on_reply });
	await_count(&seen.raw_answers, 1);
}
#define RAW(...)                                 \
	ask_raw((const char *[]){ __VA_ARGS__ }, \
		sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *))

static const char *key(const char *suffix)
{
	static char text[128];
	snprintf(text, sizeof text, "%smail%s", prefix, suffix);
	return text;
}

static void send_all(const char *const *bodies, size_t count)
{
	struct broker_outgoing out[200] = { 0 };
	for (size_t i = 0; i < count; i++)
		out[i].body = bodies[i];
	broker->ops->send(broker, "mail", out, count, on_done, NULL);
}

static void send_three(void)
{
	send_all((const char *const[]){ "one", "two", "three" }, 3);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_NONE);
}

static void receive_from(struct broker *from, size_t max, int64_t wait_ms)
{
	from->ops->receive(from, "mail", max, wait_ms, on_messages, NULL);
}

static void ack_all(struct broker *from)
{
	const char *receipts[200];
	for (size_t i = 0; i < seen.messages.count; i++)
		receipts[i] = seen.messages.rows[i].receipt;
	from->ops->ack(from, "mail", receipts, seen.messages.count, on_done, NULL);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_NONE);
}

static void expect_bodies(const char *joined)
{
	char text[256] = "";
	for (size_t i = 0; i < seen.messages.count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, seen.messages.rows[i].body);
		CU_ASSERT_EQUAL(seen.messages.rows[i].length, strlen(seen.messages.rows[i].body));
	}
	CU_ASSERT_STRING_EQUAL(text, joined);
}

/* As if the time for which messages are held were over. */
static void let_held_ones_lapse(void)
{
	RAW("EVAL",
		"for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
		"redis.call('ZADD', KEYS[1], 1, id) end return 1",
		"1", key(":until"));
}

static int64_t measure(int64_t *in_flight)
{
	broker->ops->depth(broker, "mail", on_depth, NULL);
	await(1);
	if (in_flight)
		*in_flight = seen.depth.in_flight;
	return seen.depth.ready;
}

static void what_is_sent_is_received_in_its_order(void)
{
	int64_t in_flight;
	enter();
	broker->ops->prepare(broker, "mail", on_done, NULL);
	await(1);
	send_three();
	CU_ASSERT_EQUAL(measure(&in_flight), 3);
	CU_ASSERT_EQUAL(in_flight, 0);
	receive_from(broker, 2, 1000);
	await(1);
	expect_bodies("one two");
	CU_ASSERT_STRING_NOT_EQUAL(seen.messages.rows[0].id, seen.messages.rows[1].id);
	CU_ASSERT_EQUAL(measure(&in_flight), 1);
	CU_ASSERT_EQUAL(in_flight, 2);
	ack_all(broker);
	receive_from(other, 100, 1000);
	await(1);
	expect_bodies("three");
	ack_all(other);
	CU_ASSERT_EQUAL(measure(&in_flight), 0);
	CU_ASSERT_EQUAL(in_flight, 0);
	CU_ASSERT_TRUE(seen.requests >= 8);
	leave();
}

static void a_receive_that_waits_wakes_at_a_push(void)
{
	enter();
	receive_from(broker, 10, 20000);
	pass(0.2);
	CU_ASSERT_EQUAL(seen.answers, 0);
	RAW("RPUSH", key(""), "hello");
	await(1);
	expect_bodies("hello");
	leave();
}

static void an_empty_wait_ends_by_itself(void)
{
	enter();
	receive_from(broker, 10, 50);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_NONE);
	CU_ASSERT_EQUAL(seen.messages.count, 0);
	leave();
}

static void a_message_that_is_not_acked_comes_back_under_its_id(void)
{
	enter();
	send_three();
	receive_from(broker, 10, 1000);
	await(1);
	expect_bodies("one two three");
	char id[128];
	snprintf(id, sizeof id, "%s", seen.messages.rows[0].id);
	broker_close(broker); /* it has died */
	broker = open_broker();
	receive_from(other, 10, 20000);
	pass(0.1);
	CU_ASSERT_EQUAL(seen.answers, 0);
	let_held_ones_lapse();
	/* Nobody has pushed: whoever waits looks when the first one is due by its own reckoning. */
	RAW("RPUSH", key(""), "four");
	await(1);
	CU_ASSERT_EQUAL(seen.messages.count, 4);
	bool is_back = false;
	for (size_t i = 0; i < seen.messages.count; i++)
		is_back |= strcmp(seen.messages.rows[i].id, id) == 0;
	CU_ASSERT_TRUE(is_back);
	ack_all(other);
	let_held_ones_lapse();
	receive_from(other, 10, 50);
	await(1);
	CU_ASSERT_EQUAL(seen.messages.count, 0);
	leave();
}

static void a_stopped_receive_takes_nothing_with_it(void)
{
	enter();
	receive_from(broker, 10, 20000);
	pass(0.1);
	broker->ops->stop_receiving(broker, "mail");
	CU_ASSERT_EQUAL(seen.answers, 0);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_NONE);
	CU_ASSERT_EQUAL(seen.messages.count, 0);
	send_three();
	CU_ASSERT_EQUAL(measure(NULL), 3);
	receive_from(broker, 10, 20000);
	broker->ops->stop_receiving(broker, "mail");
	await(1);
	expect_bodies("one two three");
	leave();
}

static void kill_server(void)
{
	OWNED(free) char *path = xprintf("%s/pid", getenv("REEVE_TEST_REDIS_DIR"));
	FILE *file = fopen(path, "r");
	int pid = 0;
	CU_ASSERT_EQUAL_FATAL(file ? fscanf(file, "%d", &pid) : 0, 1);
	fclose(file);
	kill(pid, SIGKILL);
	while (kill(pid, 0) == 0)
		usleep(1000);
}

static void start_server(void)
{
	OWNED(free) char *path = xprintf("%s/start", getenv("REEVE_TEST_REDIS_DIR"));
	CU_ASSERT_EQUAL(system(path), 0);
}

/* Takes whatever comes, again and again. */
static struct {
	bool got[200];
	int left, failures;
} collected;

static void on_collected(void *context, struct broker_messages *messages, const struct error *err)
{
	(void)context;
	collected.failures += err != NULL;
	for (size_t i = 0; i < messages->count; i++) {
		bool *got = &collected.got[atoi(messages->rows[i].body)];
		collected.left -= !*got;
		*got = true;
	}
	broker_messages_finish(messages);
	if (collected.left > 0)
		other->ops->receive(other, "mail", 10, 20000, on_collected, NULL);
	else
		ev_break(loop, EVBREAK_ALL);
}

static void send_ten(int round)
{
	char *bodies[10];
	for (int i = 0; i < 10; i++)
		bodies[i] = xprintf("%d", round * 10 + i);
	send_all((const char *const *)bodies, 10);
	for (int i = 0; i < 10; i++)
		free(bodies[i]);
}

static void a_server_that_dies_under_load_loses_nothing(void)
{
	enter();
	memset(&collected, 0, sizeof collected);
	collected.left = 200;
	other->ops->receive(other, "mail", 10, 20000, on_collected, NULL);
	for (int round = 0; round < 20; round++) {
		send_ten(round);
		if (round == 7 || round == 14)
			kill_server();
		if (round == 9 || round == 16)
			start_server();
		pass(0.01);
	}
	for (int tick = 0; tick < 100 * PATIENCE_S && collected.left > 0; tick++)
		pass(0.01);
	CU_ASSERT_EQUAL(collected.left, 0);
	CU_ASSERT_EQUAL(collected.failures, 0);
	CU_ASSERT_EQUAL(seen.answers, 20);
	CU_ASSERT_EQUAL(seen.kind, ERROR_NONE);
	leave();
}

static void a_full_server_is_waited_for(void)
{
	enter();
	send_three();
	RAW("CONFIG", "SET", "maxmemory", "1");
	receive_from(broker, 10, 20000);
	send_all((const char *const[]){ "four" }, 1);
	pass(0.5);
	CU_ASSERT_EQUAL(seen.answers, 0);
	RAW("CONFIG", "SET", "maxmemory", "0");
	await(2);
	CU_ASSERT_EQUAL(seen.kind, ERROR_NONE);
	CU_ASSERT_TRUE(seen.messages.count >= 3);
	CU_ASSERT_STRING_EQUAL(seen.messages.rows[0].body, "one");
	leave();
}

static void a_replica_is_waited_for_until_it_may_be_written(void)
{
	enter();
	send_three();
	RAW("REPLICAOF", "127.0.0.1", "1");
	receive_from(broker, 10, 20000);
	pass(0.3);
	CU_ASSERT_EQUAL(seen.answers, 0);
	RAW("REPLICAOF", "NO", "ONE");
	await(1);
	expect_bodies("one two three");
	leave();
}

static void what_can_never_succeed_is_told_at_once(void)
{
	enter();
	RAW("SET", key(""), "a text");
	send_all((const char *const[]){ "one" }, 1);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "WRONGTYPE"));
	receive_from(broker, 1, 20000);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_INVALID);
	leave();
}

static void a_wrong_password_is_told_at_once_and_without_it(void)
{
	enter();
	broker_close(broker);
	struct error err;
	OWNED(free)
	char *url = xprintf(
		"redis://:sesame@%s?prefix=x", strstr(getenv("REEVE_TEST_REDIS"), "://") + 3);
	CU_ASSERT_TRUE_FATAL(broker_open(url, "owner", loop, &broker, &err));
	send_all((const char *const[]){ "one" }, 1);
	await(1);
	CU_ASSERT_EQUAL(seen.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "AUTH"));
	CU_ASSERT_PTR_NULL(strstr(seen.text, "sesame"));
	leave();
}

static void a_url_that_cannot_be_right_is_refused(void)
{
	static const struct {
		const char *url, *part;
	} rows[] = {
		{ "redis://a,b", "one host" },
		{ "redis://a/x", "number of a database" },
		{ "redis://a?nonsense=1", "parameters" },
		{ "redis://a?wait=1", "for stores" },
		{ "rediss://a?cert=x", "rediss: " },
		{ "amqp://me:secret@a", "scheme \"amqp\"" },
		{ "nothing", "scheme \"\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = { 0 };
		CU_ASSERT_FALSE(broker_check_url(rows[i].url, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i].part));
		CU_ASSERT_PTR_NULL(strstr(err.text, "secret"));
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(what_is_sent_is_received_in_its_order),
		SUITE_TEST(a_receive_that_waits_wakes_at_a_push),
		SUITE_TEST(an_empty_wait_ends_by_itself),
		SUITE_TEST(a_message_that_is_not_acked_comes_back_under_its_id),
		SUITE_TEST(a_stopped_receive_takes_nothing_with_it),
		SUITE_TEST(a_server_that_dies_under_load_loses_nothing),
		SUITE_TEST(a_full_server_is_waited_for),
		SUITE_TEST(a_replica_is_waited_for_until_it_may_be_written),
		SUITE_TEST(what_can_never_succeed_is_told_at_once),
		SUITE_TEST(a_wrong_password_is_told_at_once_and_without_it),
		SUITE_TEST(a_url_that_cannot_be_right_is_refused),
	};
	struct error err;
	OWNED(free) char *url = xprintf("%s/2", getenv("REEVE_TEST_REDIS"));
	if (!redis_address_parse(url, &address, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	loop = ev_loop_new(EVFLAG_AUTO);
	raw = redis_link_create(loop, &address);
	int code = suite_run("redis_broker", tests, ARRAY_SIZE(tests));
	redis_link_destroy(raw);
	redis_address_finish(&address);
	ev_loop_destroy(loop);
	return code;
}
