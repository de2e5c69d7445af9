/*
 * The bell: scripts publish "QUEUE COUNT" on one channel of the store. One process of a host
 * subscribes and rings the futex words that the others sleep on; where none does, a sleeper looks
 * by itself once a second.
 */
#include "stores/redis_store.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ALONE_MS   1000
#define SLICE_MS   200   /* hiredis does not let a signal end a read: it only reads what is there */
#define QUIET_MS   5000  /* then the server is asked whether it is still there */
#define DEAD_MS    10000 /* and after so long without a word the connection counts as dead */
#define PAUSE_MS   100
#define PAUSE_MAX  1000
#define REFUSED_MS 60000 /* somebody may permit the channel meanwhile */

static uint32_t index_of(struct bells *bells, const char *queue)
{
	if (queue && strcmp(queue, BELLS_CANCEL_NAME) == 0)
		return BELLS_CANCELLED;
	return queue ? bells_index(bells, queue) : BELLS_OUTBOX;
}

uint32_t redis_bell(struct store *base, const char *queue)
{
	struct bells *bells = &redis_of(base)->bells;
	return bells_ticket(bells, index_of(bells, queue));
}

void redis_wait(struct store *base, const char *queue, uint32_t ticket, int64_t timeout_ms)
{
	struct redis_store *store = redis_of(base);
	struct bells *bells = queue ? &store->bells : &store->outbox;
	bool is_alone = !bells_are_listened(bells);
	if (is_alone && (timeout_ms < 0 || timeout_ms > ALONE_MS))
		timeout_ms = ALONE_MS;
	bells_wait(bells, index_of(bells, queue), ticket, timeout_ms);
}

void redis_wait_any(struct store *base, const char *const *queues, const uint32_t *tickets,
	size_t count, int64_t timeout_ms)
{
	struct bells *bells = &redis_of(base)->bells;
	uint32_t words[BELLS_WAIT_MAX];
	bool is_alone = !bells_are_listened(bells);
	if (is_alone && (timeout_ms < 0 || timeout_ms > ALONE_MS))
		timeout_ms = ALONE_MS;
	for (size_t i = 0; i < count; i++)
		words[i] = bells_index(bells, queues[i]);
	bells_wait_any(bells, words, tickets, count, timeout_ms);
}

uint32_t redis_cancel_bell(struct store *base)
{
	return bells_ticket(&redis_of(base)->bells, BELLS_CANCELLED);
}

void redis_interrupt(struct store *base)
{
	bells_interrupt(&redis_of(base)->bells);
	bells_interrupt(&redis_of(base)->outbox);
}

void redis_ring(struct bells *bells, const char *queue, int64_t count)
{
	bells_ring(bells, index_of(bells, *queue ? queue : NULL), count);
}

/* A message is [message, channel, "QUEUE COUNT"]; an empty queue is the outbox. */
static void ring(struct bells *bells, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
		reply->element[2]->type != REDIS_REPLY_STRING)
		return;
	char *queue = reply->element[2]->str;
	char *space = strrchr(queue, ' ');
	if (!space)
		return;
	*space = '\0';
	redis_ring(bells, queue, strtoll(space + 1, NULL, 10));
}

struct ear {
	struct redis_store *store;
	struct redis_wire wire;
	int64_t heard_ms, asked_ms;
	/* After the first answer; refused: this user may not use the channel, see preflight. */
	bool is_subscribed, is_refused;
	int64_t rests_until_ms;
};

static bool send_words(struct ear *ear, const char *word, const char *other)
{
	const char *words[] = { word, other };
	int done = 0;
	if (redisAppendCommandArgv(ear->wire.context, other ? 2 : 1, words, NULL) != REDIS_OK)
		return false;
	while (!done)
		if (redisBufferWrite(ear->wire.context, &done) != REDIS_OK)
			return false;
	return true;
}

static bool subscribe(struct ear *ear)
{
	struct error err;
	OWNED(free) char *channel = xprintf("%sbell", ear->store->prefix);
	if (!redis_wire_open(&ear->wire, &err) || !send_words(ear, "SUBSCRIBE", channel))
		return false;
	ear->heard_ms = ear->asked_ms = clock_steady_ms();
	ear->is_refused = ear->is_subscribed = false;
	return true;
}

static bool take_messages(struct ear *ear, struct bells *bells)
{
	void *reply = NULL;
	if (redisBufferRead(ear->wire.context) != REDIS_OK)
		return false;
	ear->heard_ms = clock_steady_ms();
	while (redisGetReplyFromReader(ear->wire.context, &reply) == REDIS_OK && reply) {
		ring(bells, reply);
		ear->is_refused |= ((redisReply *)reply)->type == REDIS_REPLY_ERROR;
		ear->is_subscribed = !ear->is_refused;
		freeReplyObject(reply);
	}
	return ear->wire.context->err == 0;
}

/* One slice of listening; false where the connection is to be made anew. */
static bool hear(struct ear *ear, struct bells *bells)
{
	struct pollfd message = { .fd = ear->wire.context->fd, .events = POLLIN };
	int ready = poll(&message, 1, SLICE_MS);
	if (ready > 0)
		return take_messages(ear, bells);
	int64_t now = clock_steady_ms();
	if (now - ear->heard_ms > DEAD_MS)
		return false;
	if (now - ear->heard_ms > QUIET_MS && now - ear->asked_ms > QUIET_MS) {
		ear->asked_ms = now;
		return send_words(ear, "PING", NULL);
	}
	return true;
}

static void pause_ms(int64_t ms)
{
	struct timespec span = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&span, NULL);
}

void redis_listen(struct store *base, bool (*goes_on)(void *context), void *context)
{
	struct ear ear = { .store = redis_of(base) };
	struct bells bells = { .page = ear.store->bells.page };
	int64_t rest_ms = PAUSE_MS;
	redis_wire_init(&ear.wire, &ear.store->address);
	while (goes_on(context)) {
		if (clock_steady_ms() < ear.rests_until_ms) {
			pause_ms(SLICE_MS);
			continue;
		}
		if (!ear.wire.context && !subscribe(&ear)) {
			redis_wire_close(&ear.wire);
			pause_ms(rest_ms);
			rest_ms = rest_ms * 2 > PAUSE_MAX ? PAUSE_MAX : rest_ms * 2;
			continue;
		}
		if (!hear(&ear, &bells) || ear.is_refused) {
			redis_wire_close(&ear.wire);
			rest_ms = PAUSE_MS;
			ear.rests_until_ms = ear.is_refused ? clock_steady_ms() + REFUSED_MS : 0;
			continue;
		}
		/* The subscription's own answer comes first: from there on nothing is missed. */
		bool was_deaf = rest_ms > 0;
		if (!ear.is_subscribed)
			continue;
		rest_ms = 0;
		bells_note_listening(&bells);
		if (was_deaf)
			bells_ring_all(&bells);
	}
	redis_wire_finish(&ear.wire);
}
