/*
 * A connection to Redis; see redis_link.h. Requests stand in one list in the order they were asked;
 * a lost connection makes all of them unsent again. Everything that takes time is one timer.
 */
#include "brokers/redis_link.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/redis_tls.h"
#include "brokers/redis_refusals.h"

#include <hiredis/async.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define CONNECT_MS       5000
#define SILENCE_MS       10000 /* of a server that should answer */
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS   5000

struct request {
	TAILQ_ENTRY(request) entry;
	struct redis_link *link;
	char **words;
	size_t count;
	int64_t wait_ms, given_up_at_ms, sent_at_ms; /* steady; sent_at_ms 0: not sent */
	redis_on_reply *on_reply;
	void *context;
	bool owns_context;
};
TAILQ_HEAD(requests, request);

enum link_state { LINK_OFF, LINK_CONNECTING, LINK_SIGNING_IN, LINK_READY };

struct redis_link {
	struct ev_loop *loop;
	const struct redis_address *address;
	enum link_state state;
	redisAsyncContext *connection; /* NULL: LINK_OFF */
	ev_io readable, writable;
	ev_timer due;
	struct requests requests;
	int64_t since_ms; /* steady: when it entered LINK_CONNECTING */
	int64_t again_ms; /* LINK_OFF: when to try again */
	int64_t backoff_ms;
	int unanswered; /* commands of the sign-in */
	char why[256];  /* the last failure */
};

static void arm(struct redis_link *link);

static void free_request(struct request *request)
{
	for (size_t i = 0; i < request->count; i++)
		free(request->words[i]);
	free(request->words);
	if (request->owns_context)
		free(request->context);
	free(request);
}

static void note(struct redis_link *link, const char *why)
{
	snprintf(link->why, sizeof link->why, "%s", why);
}

/* Uniform in [backoff/2, backoff]: the couriers of one Redis do not come back as one. */
static void back_off(struct redis_link *link)
{
	int64_t half = link->backoff_ms / 2;
	link->again_ms =
		clock_steady_ms() + half + (int64_t)(ids_random64() % (uint64_t)(half + 1));
	link->backoff_ms *= 2;
	if (link->backoff_ms > BACKOFF_MAX_MS)
		link->backoff_ms = BACKOFF_MAX_MS;
}

/* The connection is gone, or going: all that was not answered is unsent again. */
static void be_off(struct redis_link *link)
{
	struct request *request;
	ev_io_stop(link->loop, &link->readable);
	ev_io_stop(link->loop, &link->writable);
	link->connection = NULL;
	link->state = LINK_OFF;
	TAILQ_FOREACH(request, &link->requests, entry)
	request->sent_at_ms = 0;
	back_off(link);
	arm(link);
}

/* hiredis calls back for what is under way, with no reply: on_answer leaves those alone. */
static void hang_up(struct redis_link *link, const char *why)
{
	redisAsyncContext *connection = link->connection;
	if (why)
		note(link, why);
	be_off(link);
	if (connection) {
		connection->ev.data = NULL;
		redisAsyncFree(connection);
	}
}

static void conclude(
	struct request *request, const redisReply *reply, enum error_kind kind, const char *why)
{
	struct error err;
	TAILQ_REMOVE(&request->link->requests, request, entry);
	if (!reply)
		error_set(&err, kind, "redis %s: %s", request->link->address->shown, why);
	request->on_reply(request->context, reply, reply ? NULL : &err);
	free_request(request);
}

static void on_answer(redisAsyncContext *connection, void *received, void *context)
{
	struct request *request = context;
	struct redis_link *link = request->link;
	const redisReply *reply = received;
	const char *meaning = NULL;
	/* Of a connection that has gone: the request waits for the next one. */
	if (!reply || connection != link->connection)
		return;
	if (reply->type != REDIS_REPLY_ERROR) {
		link->backoff_ms = BACKOFF_FIRST_MS;
		conclude(request, reply, ERROR_NONE, NULL);
	} else if (redis_refusal_passes(reply->str, &meaning)) {
		hang_up(link, reply->str);
		return;
	} else {
		conclude(request, NULL, ERROR_INVALID, meaning);
	}
	arm(link);
}

static void write_request(struct request *request)
{
	struct redis_link *link = request->link;
	request->sent_at_ms = clock_steady_ms();
	redisAsyncCommandArgv(link->connection, on_answer, request, (int)request->count,
		(const char **)request->words, NULL);
}

static void be_ready(struct redis_link *link)
{
	struct request *request;
	link->state = LINK_READY;
	TAILQ_FOREACH(request, &link->requests, entry)
	write_request(request);
	arm(link);
}

/* Who is refused at the door is told at once: waiting would not help. */
static void conclude_all(struct redis_link *link, const char *why)
{
	/* Only those of now: a callback may ask again. */
	struct request *last = TAILQ_LAST(&link->requests, requests);
	bool is_last = !last;
	while (!is_last) {
		struct request *first = TAILQ_FIRST(&link->requests);
		is_last = first == last;
		conclude(first, NULL, ERROR_UNAVAILABLE, why);
	}
	arm(link);
}

static void refuse_all(struct redis_link *link, const char *why)
{
	char kept[sizeof link->why];
	snprintf(kept, sizeof kept, "%s", why);
	hang_up(link, kept);
	conclude_all(link, kept);
}

/* After a failure hiredis frees the connection by itself. Of a failed handshake it says nothing; a
 * certificate does not become right by waiting. */
static void lose(struct redis_link *link, const char *why)
{
	char kept[sizeof link->why];
	bool is_handshake = link->address->is_tls && link->state == LINK_SIGNING_IN;
	if (is_handshake)
		why = "TLS: no handshake; is the server's authority in ca, and does it ask for a "
		      "certificate?";
	snprintf(kept, sizeof kept, "%s", why);
	note(link, kept);
	be_off(link);
	if (is_handshake)
		conclude_all(link, kept);
}

static void on_signed_in(redisAsyncContext *connection, void *received, void *context)
{
	struct redis_link *link = context;
	const redisReply *reply = received;
	if (!reply || connection != link->connection)
		return;
	if (reply->type == REDIS_REPLY_ERROR && !strstr(reply->str, "LOADING"))
		refuse_all(link, reply->str);
	else if (reply->type == REDIS_REPLY_ERROR)
		hang_up(link, reply->str);
	else if (--link->unanswered == 0)
		be_ready(link);
}

/* It is no matter what it says: a user may not be permitted to ask. */
static void on_greeted(redisAsyncContext *connection, void *received, void *context)
{
	struct redis_link *link = context;
	if (received && connection == link->connection && --link->unanswered == 0)
		be_ready(link);
}

static void sign_in(struct redis_link *link)
{
	const struct redis_address *address = link->address;
	const char *user = address->url.user, *password = address->url.password;
	bool has_user = user && *user;
	char database[16];
	snprintf(database, sizeof database, "%d", address->db);
	const char *auth[] = { "AUTH", has_user ? user : password, password };
	const char *select[] = { "SELECT", database };
	link->state = LINK_SIGNING_IN;
	link->unanswered = (password ? 1 : 0) + (address->db ? 1 : 0) + address->is_tls;
	/* Where TLS is begun an answer says that it has been. */
	if (address->is_tls)
		redisAsyncCommand(link->connection, on_greeted, link, "PING");
	if (password)
		redisAsyncCommandArgv(
			link->connection, on_signed_in, link, has_user ? 3 : 2, auth, NULL);
	if (address->db)
		redisAsyncCommandArgv(link->connection, on_signed_in, link, 2, select, NULL);
	if (link->unanswered == 0)
		be_ready(link);
}

static const char *reason_of(const redisAsyncContext *connection, const char *otherwise)
{
	return connection->errstr && *connection->errstr ? connection->errstr : otherwise;
}

static void on_connected(const redisAsyncContext *connection, int status)
{
	struct redis_link *link = connection->data;
	if (connection != link->connection)
		return;
	if (status == REDIS_OK)
		sign_in(link);
	else
		lose(link, reason_of(connection, "can't be reached"));
}

static void on_disconnected(const redisAsyncContext *connection, int status)
{
	struct redis_link *link = connection->data;
	(void)status;
	if (connection == link->connection)
		lose(link, reason_of(connection, "the connection ended"));
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	struct redis_link *link = watcher->data;
	if (link->connection)
		redisAsyncHandleRead(link->connection);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	struct redis_link *link = watcher->data;
	if (link->connection)
		redisAsyncHandleWrite(link->connection);
}

/* hiredis' wishes; a connection that was hung up has no link behind it any more. */
static void set_reading(void *context, bool is_wanted)
{
	struct redis_link *link = context;
	if (link && is_wanted)
		ev_io_start(link->loop, &link->readable);
	else if (link)
		ev_io_stop(link->loop, &link->readable);
}

static void set_writing(void *context, bool is_wanted)
{
	struct redis_link *link = context;
	if (link && is_wanted)
		ev_io_start(link->loop, &link->writable);
	else if (link)
		ev_io_stop(link->loop, &link->writable);
}

static void add_read(void *context)
{
	set_reading(context, true);
}
static void drop_read(void *context)
{
	set_reading(context, false);
}
static void add_write(void *context)
{
	set_writing(context, true);
}
static void drop_write(void *context)
{
	set_writing(context, false);
}

static void drop_both(void *context)
{
	set_reading(context, false);
	set_writing(context, false);
}

static void attach(struct redis_link *link, redisAsyncContext *connection)
{
	connection->data = link;
	connection->ev.data = link;
	connection->ev.addRead = add_read;
	connection->ev.delRead = drop_read;
	connection->ev.addWrite = add_write;
	connection->ev.delWrite = drop_write;
	connection->ev.cleanup = drop_both;
	ev_io_set(&link->readable, connection->c.fd, EV_READ);
	ev_io_set(&link->writable, connection->c.fd, EV_WRITE);
	link->connection = connection;
	link->state = LINK_CONNECTING;
	link->since_ms = clock_steady_ms();
	redisAsyncSetConnectCallback(connection, on_connected);
	redisAsyncSetDisconnectCallback(connection, on_disconnected);
}

static redisAsyncContext *begin_connection(const struct redis_address *address)
{
	if (address->socket)
		return redisAsyncConnectUnix(address->socket);
	return redisAsyncConnect(redis_address_host(address), redis_address_port(address));
}

static void begin_connecting(struct redis_link *link)
{
	struct error err;
	redisAsyncContext *connection = begin_connection(link->address);
	bool done = connection && !connection->err;
	if (!done)
		note(link, connection ? connection->errstr : "no memory");
	if (done && link->address->is_tls &&
		!redis_tls_begin(&connection->c, link->address, &err)) {
		note(link, err.text);
		done = false;
	}
	if (done) {
		attach(link, connection);
		return;
	}
	if (connection)
		redisAsyncFree(connection);
	back_off(link);
}

/* Steady time at which something has to be looked at. */
static int64_t find_due(const struct redis_link *link)
{
	const struct request *request;
	int64_t due_ms = INT64_MAX;
	if (link->state == LINK_OFF)
		due_ms = link->again_ms;
	else if (link->state != LINK_READY)
		due_ms = link->since_ms + CONNECT_MS;
	TAILQ_FOREACH(request, &link->requests, entry)
	{
		int64_t at_ms = request->sent_at_ms
					? request->sent_at_ms + request->wait_ms + SILENCE_MS
					: request->given_up_at_ms;
		due_ms = at_ms < due_ms ? at_ms : due_ms;
	}
	return due_ms;
}

static void arm(struct redis_link *link)
{
	ev_timer_stop(link->loop, &link->due);
	if (TAILQ_EMPTY(&link->requests))
		return;
	int64_t left_ms = find_due(link) - clock_steady_ms();
	ev_now_update(link->loop);
	ev_timer_set(&link->due, left_ms > 0 ? (double)left_ms / 1000 : 0, 0);
	ev_timer_start(link->loop, &link->due);
}

static bool is_silent(const struct redis_link *link, int64_t now)
{
	const struct request *request;
	if (link->state == LINK_CONNECTING || link->state == LINK_SIGNING_IN)
		return now >= link->since_ms + CONNECT_MS;
	TAILQ_FOREACH(request, &link->requests, entry)
	{
		if (request->sent_at_ms &&
			now >= request->sent_at_ms + request->wait_ms + SILENCE_MS)
			return true;
	}
	return false;
}

static struct request *find_hopeless(const struct redis_link *link, int64_t now)
{
	struct request *request;
	TAILQ_FOREACH(request, &link->requests, entry)
	{
		if (!request->sent_at_ms && now >= request->given_up_at_ms)
			return request;
	}
	return NULL;
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct redis_link *link = timer->data;
	int64_t now = clock_steady_ms();
	struct request *hopeless;
	if (is_silent(link, now))
		hang_up(link, "no answer");
	while ((hopeless = find_hopeless(link, now)))
		conclude(hopeless, NULL, ERROR_UNAVAILABLE, link->why);
	if (link->state == LINK_OFF && !TAILQ_EMPTY(&link->requests) && now >= link->again_ms)
		begin_connecting(link);
	arm(link);
}

struct redis_link *redis_link_create(struct ev_loop *loop, const struct redis_address *address)
{
	struct redis_link *link = xcalloc(1, sizeof *link);
	link->loop = loop;
	link->address = address;
	link->backoff_ms = BACKOFF_FIRST_MS;
	note(link, "no answer");
	TAILQ_INIT(&link->requests);
	ev_init(&link->readable, on_readable);
	ev_init(&link->writable, on_writable);
	ev_init(&link->due, on_due);
	link->readable.data = link->writable.data = link->due.data = link;
	return link;
}

bool redis_link_is_asked(const struct redis_link *link)
{
	return !TAILQ_EMPTY(&link->requests);
}

void redis_link_drop(struct redis_link *link)
{
	struct request *request;
	/* First the connection: while it goes it still calls for its requests. */
	if (link->connection)
		hang_up(link, NULL);
	link->backoff_ms = BACKOFF_FIRST_MS;
	link->again_ms = 0;
	while ((request = TAILQ_FIRST(&link->requests))) {
		TAILQ_REMOVE(&link->requests, request, entry);
		free_request(request);
	}
	ev_timer_stop(link->loop, &link->due);
}

void redis_link_destroy(struct redis_link *link)
{
	redis_link_drop(link);
	free(link);
}

void redis_link_ask(struct redis_link *link, const struct redis_question *question)
{
	struct request *request = xcalloc(1, sizeof *request);
	*request = (struct request){ .link = link,
		.words = xcalloc(question->count, sizeof *request->words),
		.count = question->count,
		.wait_ms = question->wait_ms,
		.given_up_at_ms = clock_steady_ms() + question->wait_ms + REDIS_LINK_PATIENCE_MS,
		.on_reply = question->on_reply,
		.context = question->context,
		.owns_context = question->owns_context };
	for (size_t i = 0; i < question->count; i++)
		request->words[i] = xstrdup(question->words[i]);
	TAILQ_INSERT_TAIL(&link->requests, request, entry);
	if (link->state == LINK_READY)
		write_request(request);
	arm(link);
}
