/*
 * The bell. Sleepers of this host sleep on futex words that its processes share; whoever has made
 * tasks ready rings them after the commit. Where another host listens, it is told by NOTIFY in a
 * transaction of its own, since one within the commit would make commits queue for each other.
 */
#include "stores/postgres_store.h"

#include "base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_MS   1000 /* who is not told of other hosts' rings looks by himself */
#define TOLD_SIZE 7500 /* NOTIFY takes 8,000 bytes */

uint32_t postgres_bell(struct store *base, const char *queue)
{
	struct bells *bells = &postgres_of(base)->bells;
	return bells_ticket(bells, queue ? bells_index(bells, queue) : BELLS_OUTBOX);
}

void postgres_wait(struct store *base, const char *queue, uint32_t ticket, int64_t timeout_ms)
{
	struct postgres_store *store = postgres_of(base);
	struct bells *bells = queue ? &store->bells : &store->outbox;
	bool is_told = store->is_shared && bells_are_listened(bells);
	if (!is_told && (timeout_ms < 0 || timeout_ms > LOOK_MS))
		timeout_ms = LOOK_MS;
	bells_wait(bells, queue ? bells_index(bells, queue) : BELLS_OUTBOX, ticket, timeout_ms);
}

void postgres_wait_any(struct store *base, const char *const *queues, const uint32_t *tickets,
	size_t count, int64_t timeout_ms)
{
	struct postgres_store *store = postgres_of(base);
	uint32_t words[BELLS_WAIT_MAX];
	bool is_told = store->is_shared && bells_are_listened(&store->bells);
	if (!is_told && (timeout_ms < 0 || timeout_ms > LOOK_MS))
		timeout_ms = LOOK_MS;
	for (size_t i = 0; i < count; i++)
		words[i] = bells_index(&store->bells, queues[i]);
	bells_wait_any(&store->bells, words, tickets, count, timeout_ms);
}

uint32_t postgres_cancel_bell(struct store *base)
{
	return bells_ticket(&postgres_of(base)->bells, BELLS_CANCELLED);
}

void postgres_interrupt(struct store *base)
{
	bells_interrupt(&postgres_of(base)->bells);
	bells_interrupt(&postgres_of(base)->outbox);
}

/* The queues as "name:count,…", as many as a notification takes: who was left out is found by the
 * listeners' own look. */
static void tell(struct postgres_store *store)
{
	struct postgres_batch batch = { 0 };
	char text[TOLD_SIZE];
	size_t length = 0;
	for (size_t i = 0; i < store->ring_count; i++) {
		const struct postgres_ring *ring = &store->rings[i];
		if (length + strlen(ring->queue) + 24 > sizeof text)
			break;
		length += (size_t)snprintf(text + length, sizeof text - length, "%s:%" PRId64 ",",
			ring->queue, ring->count);
	}
	text[length] = '\0';
	postgres_call(&batch, POSTGRES_TELL, "t", text);
	postgres_run(store, &batch, NULL);
	postgres_batch_finish(&batch);
}

/* The queue "" stands for all outboxes. */
static void ring(struct postgres_store *store, const char *queue, int64_t count)
{
	if (strcmp(queue, BELLS_CANCEL_NAME) == 0)
		bells_ring(&store->bells, BELLS_CANCELLED, 0);
	else if (*queue)
		bells_ring(&store->bells, bells_index(&store->bells, queue), count);
	else
		bells_ring(&store->bells, BELLS_OUTBOX, INT64_MAX);
}

void postgres_ring(struct postgres_store *store)
{
	for (size_t i = 0; i < store->ring_count; i++)
		ring(store, store->rings[i].queue, store->rings[i].count);
	if (store->has_to_tell && store->ring_count > 0)
		tell(store);
	store->has_to_tell = false;
	for (size_t i = 0; i < store->ring_count; i++)
		free(store->rings[i].queue);
	store->ring_count = 0;
}

static void ring_told(struct postgres_store *store, char *text)
{
	char *rest = NULL;
	for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		char *colon = strrchr(item, ':');
		if (!colon)
			continue;
		*colon = '\0';
		ring(store, item, strtoll(colon + 1, NULL, 10));
	}
}

static void ring_all_told(struct postgres_store *store)
{
	PGnotify *told;
	while ((told = pq.PQnotifies(store->connection))) {
		ring_told(store, told->extra);
		pq.PQfreemem(told);
	}
}

static bool is_closed(struct postgres_store *store, int64_t ms)
{
	if (!postgres_poll(store, POLLIN, postgres_now_ms() + ms, true))
		return false;
	return !pq.PQconsumeInput(store->connection) ||
	       pq.PQstatus(store->connection) != CONNECTION_OK;
}

/* LISTEN is not prepared: the connection leaves its pipeline for it. */
static bool begin_listening(struct postgres_store *store)
{
	OWNED(free) char *sql = xprintf("LISTEN \"%s\"", store->schema);
	if (!store->connection && !postgres_connect(store, NULL))
		return false;
	if (!pq.PQexitPipelineMode(store->connection))
		return postgres_lost(store, NULL, NULL);
	PGresult *result = postgres_simple(store, sql, POSTGRES_REPLY_MS, NULL);
	pq.PQclear(result);
	return result && pq.PQenterPipelineMode(store->connection);
}

static bool say_so(struct postgres_store *store, enum postgres_statement statement)
{
	struct postgres_batch batch = { 0 };
	PGconn *before = store->connection;
	postgres_call(&batch, statement, "t", store->host);
	bool done = postgres_run(store, &batch, NULL) && store->connection == before;
	postgres_batch_finish(&batch);
	return done;
}

static void pause_ms(int64_t ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&pause, NULL);
}

void postgres_listen(struct store *base, bool (*goes_on)(void *context), void *context)
{
	struct postgres_store *store = postgres_of(base);
	bool is_listening = false;
	for (int64_t rounds = 0; goes_on(context); rounds++) {
		PGconn *before = store->connection;
		if (!is_listening) {
			is_listening = begin_listening(store) && say_so(store, POSTGRES_LISTENING);
			if (is_listening)
				bells_ring_all(&store->bells); /* rings may have been missed */
			else
				pause_ms(500);
			rounds = 0;
			continue;
		}
		bells_note_listening(&store->bells);
		if (is_closed(store, 500)) {
			postgres_disconnect(store);
			is_listening = false;
			continue;
		}
		ring_all_told(store);
		is_listening = rounds % 4 != 0 || say_so(store, POSTGRES_LISTENING);
		is_listening &= store->connection == before;
		if (is_listening)
			ring_all_told(store);
	}
	if (store->connection)
		say_so(store, POSTGRES_NOT_LISTENING);
}
