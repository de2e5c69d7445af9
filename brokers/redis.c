/*
 * The broker redis://: reliable lists. Producers RPUSH to PREFIX + QUEUE; a receive moves messages
 * from the list to those that are held, under an id that they keep, and what is not acked in time
 * comes back: a reply that is lost, or a courier that dies, loses nothing. Waiting is a BLMOVE of
 * the list's head onto itself, which changes nothing.
 */
#include "brokers/backend.h"
#include "brokers/redis_link.h"
#include "brokers/redis_scripts.h"

#include "base/clock.h"
#include "base/ids.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define BATCH        100
#define WAIT_MAX_MS  20000
#define HELD_MS      10000
#define LEAST_WAIT_S 0.01

struct redis_broker;

/* One receive of a queue; at most one is under way. */
struct receiving {
	bool is_on, is_stopped;
	size_t max;
	int64_t until_ms; /* steady */
	broker_on_messages *on_messages;
	void *context;
	ev_timer stopped; /* ends a wait from the loop */
};

struct redis_queue {
	struct redis_broker *broker;
	struct redis_queue *next;
	char *name, *list, *held, *until;
	struct redis_link *waiter; /* its own connection: Redis holds its answers back */
	struct receiving receiving;
};

struct redis_broker {
	struct broker base;
	struct ev_loop *loop;
	struct redis_address address;
	const char *prefix; /* lives in the address */
	struct redis_link *link;
	struct redis_queue *queues;
};

/* A request whose callback tells of each of its entries. */
struct batch {
	size_t count;
	broker_on_done *on_done;
	void *context;
};

static void count_request(const struct redis_queue *queue)
{
	const struct broker *base = &queue->broker->base;
	if (base->on_request)
		base->on_request(base->request_context, queue->name);
}

static void ask(const struct redis_queue *queue, const struct redis_question *question)
{
	count_request(queue);
	redis_link_ask(queue->broker->link, question);
}

static void finish_receive(
	struct redis_queue *queue, struct broker_messages *messages, const struct error *err)
{
	struct receiving *receiving = &queue->receiving;
	ev_timer_stop(queue->broker->loop, &receiving->stopped);
	receiving->is_on = false;
	receiving->on_messages(receiving->context, messages, err);
}

static void on_stopped(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct broker_messages none = { 0 };
	finish_receive(timer->data, &none, NULL);
}

static struct redis_queue *find_queue(struct redis_broker *broker, const char *name)
{
	struct redis_queue *queue = broker->queues;
	while (queue && strcmp(queue->name, name) != 0)
		queue = queue->next;
	if (queue)
		return queue;
	queue = xcalloc(1, sizeof *queue);
	*queue = (struct redis_queue){ .broker = broker,
		.next = broker->queues,
		.name = xstrdup(name),
		.list = xprintf("%s%s", broker->prefix, name),
		.held = xprintf("%s%s:held", broker->prefix, name),
		.until = xprintf("%s%s:until", broker->prefix, name),
		.waiter = redis_link_create(broker->loop, &broker->address) };
	ev_init(&queue->receiving.stopped, on_stopped);
	queue->receiving.stopped.data = queue;
	broker->queues = queue;
	return queue;
}

/* Scripts answer with what they are written to; anything else is none of ours. */
static bool is_taken(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 1 ||
		reply->element[0]->type != REDIS_REPLY_INTEGER)
		return false;
	for (size_t i = 1; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_STRING)
			return false;
	return true;
}

static void read_messages(const redisReply *reply, struct broker_messages *out)
{
	out->count = reply->elements / 2;
	out->rows = xcalloc(out->count, sizeof *out->rows);
	for (size_t i = 0; i < out->count; i++) {
		const redisReply *id = reply->element[1 + 2 * i];
		const redisReply *body = reply->element[2 + 2 * i];
		out->rows[i].id = xstrndup(id->str, (size_t)id->len);
		out->rows[i].receipt = xstrndup(id->str, (size_t)id->len);
		out->rows[i].body = xstrndup(body->str, (size_t)body->len);
		out->rows[i].length = (size_t)body->len;
	}
}

static void take(struct redis_queue *queue);

static void on_waited(void *context, const redisReply *reply, const struct error *err)
{
	struct redis_queue *queue = context;
	struct broker_messages none = { 0 };
	(void)reply;
	if (err)
		finish_receive(queue, &none, err);
	else
		take(queue);
}

/* Until something is pushed, or held for too long. */
static void await_more(struct redis_queue *queue, int64_t comes_back_ms)
{
	char seconds[32];
	int64_t wait_ms = queue->receiving.until_ms - clock_steady_ms();
	if (comes_back_ms >= 0 && comes_back_ms < wait_ms)
		wait_ms = comes_back_ms;
	/* 0 would mean for ever. */
	double wait_s = (double)wait_ms / 1000;
	snprintf(seconds, sizeof seconds, "%.3f", wait_s > LEAST_WAIT_S ? wait_s : LEAST_WAIT_S);
	const char *words[] = { "BLMOVE", queue->list, queue->list, "LEFT", "LEFT", seconds };
	count_request(queue);
	redis_link_ask(queue->waiter, &(struct redis_question){ .words = words,
					      .count = ARRAY_SIZE(words),
					      .wait_ms = wait_ms,
					      .on_reply = on_waited,
					      .context = queue });
}

static void on_taken(void *context, const redisReply *reply, const struct error *err)
{
	struct redis_queue *queue = context;
	struct broker_messages messages = { 0 };
	struct error strange;
	if (!err && !is_taken(reply)) {
		error_set(&strange, ERROR_INVALID, "redis: a strange answer of a script");
		err = &strange;
	}
	if (err) {
		finish_receive(queue, &messages, err);
		return;
	}
	bool is_over =
		queue->receiving.is_stopped || clock_steady_ms() >= queue->receiving.until_ms;
	if (reply->elements == 1 && !is_over) {
		await_more(queue, reply->element[0]->integer);
		return;
	}
	read_messages(reply, &messages);
	finish_receive(queue, &messages, NULL);
}

static void take(struct redis_queue *queue)
{
	char max[24], held[24], nonce[IDS_OWNER_SIZE];
	snprintf(max, sizeof max, "%zu", queue->receiving.max);
	snprintf(held, sizeof held, "%d", HELD_MS);
	ids_owner(nonce);
	const char *words[] = { "EVAL", redis_script_take, "3", queue->list, queue->held,
		queue->until, max, held, nonce };
	ask(queue, &(struct redis_question){ .words = words,
			   .count = ARRAY_SIZE(words),
			   .on_reply = on_taken,
			   .context = queue });
}

static void receive(struct broker *base, const char *name, size_t max, int64_t wait_ms,
	broker_on_messages *on_messages, void *context)
{
	struct redis_queue *queue = find_queue((struct redis_broker *)base, name);
	assert(!queue->receiving.is_on);
	queue->receiving.is_on = true;
	queue->receiving.is_stopped = false;
	queue->receiving.max = max < BATCH ? max : BATCH;
	queue->receiving.until_ms =
		clock_steady_ms() + (wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
	queue->receiving.on_messages = on_messages;
	queue->receiving.context = context;
	take(queue);
}

static void stop_receiving(struct broker *base, const char *name)
{
	struct redis_queue *queue = find_queue((struct redis_broker *)base, name);
	if (!queue->receiving.is_on || queue->receiving.is_stopped)
		return;
	queue->receiving.is_stopped = true;
	/* Where nothing waits, a script is under way and its answer ends the receive. */
	if (!redis_link_is_asked(queue->waiter))
		return;
	redis_link_drop(queue->waiter);
	ev_timer_set(&queue->receiving.stopped, 0, 0);
	ev_timer_start(queue->broker->loop, &queue->receiving.stopped);
}

/* All or nothing: one command of Redis. */
static void on_batch(void *context, const redisReply *reply, const struct error *err)
{
	struct batch *batch = context;
	OWNED(free) bool *is_done = xcalloc(batch->count, sizeof *is_done);
	for (size_t i = 0; i < batch->count; i++)
		is_done[i] = reply != NULL;
	batch->on_done(batch->context, is_done, batch->count, err);
}

static void ask_batch(const struct redis_queue *queue, const char *const *words, size_t count,
	const struct batch *batch)
{
	struct batch *kept = xmalloc(sizeof *kept);
	*kept = *batch;
	ask(queue, &(struct redis_question){ .words = words,
			   .count = count,
			   .on_reply = on_batch,
			   .context = kept,
			   .owns_context = true });
}

static void prepare(struct broker *base, const char *name, broker_on_done *on_done, void *context)
{
	struct redis_queue *queue = find_queue((struct redis_broker *)base, name);
	const char *words[] = { "LLEN", queue->list };
	ask_batch(queue, words, ARRAY_SIZE(words),
		&(struct batch){ .count = 1, .on_done = on_done, .context = context });
}

static void send(struct broker *base, const char *name, const struct broker_outgoing *messages,
	size_t count, broker_on_done *on_done, void *context)
{
	struct redis_queue *queue = find_queue((struct redis_broker *)base, name);
	OWNED(free) const char **words = xcalloc(count + 2, sizeof *words);
	words[0] = "RPUSH";
	words[1] = queue->list;
	for (size_t i = 0; i < count; i++)
		words[2 + i] = messages[i].body;
	ask_batch(queue, words, count + 2,
		&(struct batch){ .count = count, .on_done = on_done, .context = context });
}

static void ack(struct broker *base, const char *name, const char *const *receipts, size_t count,
	broker_on_done *on_done, void *context)
{
	struct redis_queue *queue = find_queue((struct redis_broker *)base, name);
	OWNED(free) const char **words = xcalloc(count + 5, sizeof *words);
	const char *first[] = { "EVAL", redis_script_ack, "2", queue->held, queue->until };
	memcpy(words, first, sizeof first);
	memcpy(words + ARRAY_SIZE(first), receipts, count * sizeof *receipts);
	ask_batch(queue, words, count + ARRAY_SIZE(first),
		&(struct batch){ .count = count, .on_done = on_done, .context = context });
}

struct measuring {
	broker_on_depth *on_depth;
	void *context;
};

static void on_measured(void *context, const redisReply *reply, const struct error *err)
{
	struct measuring *measuring = context;
	struct broker_depth depth = { 0 };
	if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
		depth.ready = reply->element[0]->integer;
		depth.in_flight = reply->element[1]->integer;
	}
	measuring->on_depth(measuring->context, &depth, err);
}

static void measure(struct broker *base, const char *name, broker_on_depth *on_depth, void *context)
{
	struct redis_queue *queue = find_queue((struct redis_broker *)base, name);
	struct measuring *measuring = xcalloc(1, sizeof *measuring);
	*measuring = (struct measuring){ .on_depth = on_depth, .context = context };
	const char *words[] = { "EVAL", redis_script_depth, "2", queue->list, queue->until };
	ask(queue, &(struct redis_question){ .words = words,
			   .count = ARRAY_SIZE(words),
			   .on_reply = on_measured,
			   .context = measuring,
			   .owns_context = true });
}

static void close_queue(struct redis_queue *queue)
{
	ev_timer_stop(queue->broker->loop, &queue->receiving.stopped);
	redis_link_destroy(queue->waiter);
	free(queue->name);
	free(queue->list);
	free(queue->held);
	free(queue->until);
	free(queue);
}

static void close_broker(struct broker *base)
{
	struct redis_broker *broker = (struct redis_broker *)base;
	while (broker->queues) {
		struct redis_queue *next = broker->queues->next;
		close_queue(broker->queues);
		broker->queues = next;
	}
	redis_link_destroy(broker->link);
	redis_address_finish(&broker->address);
	free(broker);
}

static const struct broker_ops ops = {
	.max_batch = BATCH,
	.max_delay_ms = 0,
	.max_wait_ms = WAIT_MAX_MS,
	.prepare = prepare,
	.receive = receive,
	.stop_receiving = stop_receiving,
	.send = send,
	.ack = ack,
	.depth = measure,
	.close = close_broker,
};

static bool parse(const char *text, struct redis_address *address, struct error *err)
{
	if (!redis_address_parse(text, address, err))
		return error_wrap(err, "broker");
	if (address->wait == 0)
		return true;
	redis_address_finish(address);
	return error_set(err, ERROR_INVALID, "broker redis: wait is for stores");
}

bool redis_broker_check(const char *text, struct error *err)
{
	struct redis_address address;
	if (!parse(text, &address, err))
		return false;
	redis_address_finish(&address);
	return true;
}

bool redis_broker_open(const char *text, const char *owner, struct ev_loop *loop,
	struct broker **out, struct error *err)
{
	struct redis_address address;
	(void)owner; /* what is not acked comes back by time, whoever took it */
	if (!parse(text, &address, err))
		return false;
	struct redis_broker *broker = xcalloc(1, sizeof *broker);
	*broker = (struct redis_broker){ .base.ops = &ops,
		.loop = loop,
		.prefix = address.prefix ? address.prefix : "",
		.address = address };
	broker->link = redis_link_create(loop, &broker->address);
	*out = &broker->base;
	return true;
}
