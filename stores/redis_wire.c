/* Links to Redis; see the header. */
#include "stores/redis_wire.h"

#include "base/clock.h"
#include "base/redis_tls.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define SENTINEL_PORT 26379
#define IDLE_MS       1000 /* a wire unused for so long may have been closed meanwhile */

static struct timeval span(int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

void redis_wire_init(struct redis_wire *wire, const struct redis_address *address)
{
	*wire = (struct redis_wire){ .address = address };
}

void redis_wire_close(struct redis_wire *wire)
{
	if (wire->context)
		redisFree(wire->context);
	wire->context = NULL;
}

void redis_wire_finish(struct redis_wire *wire)
{
	redis_wire_close(wire);
	free(wire->moved_host);
	wire->moved_host = NULL;
}

/* hiredis names a read that timed out as errno does. */
static bool fail(struct redis_wire *wire, struct error *err)
{
	const redisContext *context = wire->context;
	bool is_late = context->err == REDIS_ERR_IO &&
		       (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT);
	if (is_late)
		error_set(err, ERROR_UNAVAILABLE, "redis %s: no answer within %d s",
			wire->address->shown, REDIS_ANSWER_MS / 1000);
	else
		error_set(err, ERROR_UNAVAILABLE, "redis %s: %s", wire->address->shown,
			context->errstr);
	redis_wire_close(wire);
	return false;
}

static bool send_words(struct redis_wire *wire, const struct redis_command *command)
{
	return redisAppendCommandArgv(
		       wire->context, command->count, command->words, command->lengths) == REDIS_OK;
}

static bool ask_all(struct redis_wire *wire, const struct redis_command *commands, size_t count,
	redisReply **replies, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		replies[i] = NULL;
	for (size_t i = 0; i < count; i++)
		if (!send_words(wire, &commands[i]))
			return fail(wire, err);
	for (size_t i = 0; i < count; i++) {
		void *reply = NULL;
		errno = 0;
		if (redisGetReply(wire->context, &reply) == REDIS_OK) {
			replies[i] = reply;
			continue;
		}
		for (size_t got = 0; got < i; got++)
			freeReplyObject(replies[got]);
		return fail(wire, err);
	}
	wire->used_ms = clock_steady_ms();
	return true;
}

static redisReply *ask_words(
	struct redis_wire *wire, int count, const char **words, struct error *err)
{
	redisReply *reply;
	struct redis_command command = { .count = count, .words = words };
	return ask_all(wire, &command, 1, &reply, err) ? reply : NULL;
}

static bool do_words(struct redis_wire *wire, int count, const char **words, struct error *err)
{
	OWNED(redis_reply) redisReply *reply = ask_words(wire, count, words, err);
	return reply && redis_reply_check(wire, reply, err);
}

static bool connect_to(struct redis_wire *wire, const char *host, int port, struct error *err)
{
	const struct redis_address *address = wire->address;
	struct timeval connect = span(REDIS_CONNECT_MS), answer = span(REDIS_ANSWER_MS);
	wire->context = address->socket ? redisConnectUnixWithTimeout(address->socket, connect)
					: redisConnectWithTimeout(host, port, connect);
	if (!wire->context)
		return error_set(err, ERROR_UNAVAILABLE, "redis %s: no memory", address->shown);
	if (wire->context->err)
		return fail(wire, err);
	redisSetTimeout(wire->context, answer);
	if (!address->socket)
		redisEnableKeepAlive(wire->context);
	return true;
}

static bool authenticate(
	struct redis_wire *wire, const char *user, const char *password, struct error *err)
{
	if (!password)
		return true;
	bool has_user = user && *user;
	const char *words[] = { "AUTH", has_user ? user : password, password };
	return do_words(wire, has_user ? 3 : 2, words, err);
}

/* The host of a sentinel's answer is copied: the wire is closed meanwhile. */
static bool ask_sentinel(struct redis_wire *wire, const struct url_host *sentinel, char **host,
	int *port, struct error *err)
{
	const struct redis_address *address = wire->address;
	const char *words[] = { "SENTINEL", "get-master-addr-by-name", address->master };
	bool done = connect_to(wire, sentinel->name,
			    sentinel->port ? sentinel->port : SENTINEL_PORT, err) &&
		    authenticate(wire, url_find(&address->url, "sentinel_user"),
			    url_find(&address->url, "sentinel_password"), err);
	OWNED(redis_reply) redisReply *reply = done ? ask_words(wire, 3, words, err) : NULL;
	redis_wire_close(wire);
	if (!reply)
		return false;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return error_set(err, ERROR_UNAVAILABLE, "sentinel %s knows no master %s",
			sentinel->name, address->master);
	*host = xstrdup(reply->element[0]->str);
	*port = atoi(reply->element[1]->str);
	return true;
}

static bool is_master(struct redis_wire *wire, struct error *err)
{
	const char *words[] = { "ROLE" };
	OWNED(redis_reply) redisReply *reply = ask_words(wire, 1, words, err);
	if (!reply || !redis_reply_check(wire, reply, err))
		return false;
	if (reply->elements < 1 || strcmp(reply->element[0]->str, "master") != 0)
		return error_set(err, ERROR_UNAVAILABLE,
			"redis %s: its sentinels name a server that is no master",
			wire->address->shown);
	return true;
}

static bool begin_tls(struct redis_wire *wire, struct error *err)
{
	const struct redis_address *address = wire->address;
	return !address->is_tls || redis_tls_begin(wire->context, address, err) ||
	       error_wrap(err, "redis %s", address->shown);
}

static bool greet(struct redis_wire *wire, struct error *err)
{
	const struct redis_address *address = wire->address;
	char db[16];
	const char *words[] = { "SELECT", db };
	snprintf(db, sizeof db, "%d", address->db);
	return begin_tls(wire, err) &&
	       authenticate(wire, address->url.user, address->url.password, err) &&
	       (address->db == 0 || do_words(wire, 2, words, err)) &&
	       (!address->master || is_master(wire, err));
}

static bool open_master(struct redis_wire *wire, struct error *err)
{
	const struct url *url = &wire->address->url;
	for (size_t i = 0; i < url->host_count; i++) {
		OWNED(free) char *host = NULL;
		int port;
		if (ask_sentinel(wire, &url->hosts[i], &host, &port, err) &&
			connect_to(wire, host, port, err) && greet(wire, err))
			return true;
		redis_wire_close(wire);
	}
	return false;
}

static bool open_server(struct redis_wire *wire, struct error *err)
{
	const char *host = redis_address_host(wire->address);
	int port = redis_address_port(wire->address);
	if (wire->moved_host) {
		host = wire->moved_host;
		port = wire->moved_port;
	}
	bool done = connect_to(wire, host, port, err) && greet(wire, err);
	if (!done) {
		redis_wire_close(wire);
		free(GIVE(wire->moved_host)); /* the others may know better */
	}
	return done;
}

bool redis_wire_open(struct redis_wire *wire, struct error *err)
{
	redis_wire_close(wire);
	return wire->address->master ? open_master(wire, err) : open_server(wire, err);
}

/* A server that has gone away has left an end of file behind. */
static bool is_fresh(const struct redis_wire *wire)
{
	if (!wire->context || clock_steady_ms() - wire->used_ms < IDLE_MS)
		return wire->context;
	struct pollfd end = { .fd = wire->context->fd, .events = POLLIN };
	return poll(&end, 1, 0) == 0;
}

bool redis_wire_ask(struct redis_wire *wire, const struct redis_command *commands, size_t count,
	redisReply **replies, struct error *err)
{
	if (!is_fresh(wire) && !redis_wire_open(wire, err))
		return false;
	return ask_all(wire, commands, count, replies, err);
}

bool redis_wire_fits_cluster(const struct redis_address *address, struct error *err)
{
	const char *open = address->prefix ? strchr(address->prefix, '{') : "{}";
	const char *close = open ? strchr(open, '}') : NULL;
	if (close && (close > open + 1 || !address->prefix))
		return true;
	return error_set(err, ERROR_INVALID,
		"redis %s is a cluster: the prefix needs a hash tag, as {reeve}: has",
		address->shown);
}

/* MOVED SLOT HOST:PORT; an empty host is the one that we talk to. */
static bool follow(struct redis_wire *wire, const char *text, struct error *err)
{
	const char *place = strrchr(text, ' ');
	const char *colon = strrchr(text, ':');
	if (!redis_wire_fits_cluster(wire->address, err))
		return false;
	if (place && colon > place + 1) {
		free(wire->moved_host);
		wire->moved_host = xstrndup(place + 1, (size_t)(colon - place - 1));
		wire->moved_port = atoi(colon + 1);
	}
	return error_set(err, ERROR_UNAVAILABLE, "redis %s: a cluster has moved the store",
		wire->address->shown);
}

struct meaning {
	const char *code, *text;
	bool closes; /* another server may answer better */
};
static const struct meaning meanings[] = {
	{ "LOADING", "is loading its data", false },
	{ "BUSY", "is busy with another client's script", false },
	{ "OOM", "is out of memory (maxmemory)", false },
	{ "READONLY", "is a replica and takes no writes", true },
	{ "MASTERDOWN", "is a replica without its master", true },
	{ "MOVED", "has moved the store", true },
	{ "CLUSTERDOWN", "is a cluster that is down", true },
	{ "TRYAGAIN", "is moving the store's slot", false },
	{ "ASK", "is moving the store's slot", false },
	{ "MISCONF", "can't write its data to disk", false },
	{ "NOREPLICAS", "has not enough replicas to take writes", false },
	{ "NOAUTH", "wants a password", true },
	{ "WRONGPASS", "refuses the user or password", true },
	{ "NOPERM", "does not permit this user a command or key that the store needs", true },
	{ "UNBLOCKED", "has become a replica", true },
	{ "EXECABORT", "takes no commands now", false },
};

/* Redis 6 puts the code of a failure in a script into the middle of the text. */
static bool has_code(const char *text, const char *code)
{
	size_t length = strlen(code);
	const char *at =
		strncmp(text, "ERR Error running script", 24) == 0 ? strchr(text, '-') : NULL;
	return strncmp(text, code, length) == 0 || (at && strncmp(at + 1, code, length) == 0);
}

bool redis_reply_check(struct redis_wire *wire, const redisReply *reply, struct error *err)
{
	if (reply->type != REDIS_REPLY_ERROR)
		return true;
	const char *shown = wire->address->shown;
	if (strncmp(reply->str, "MOVED ", 6) == 0) {
		redis_wire_close(wire);
		return follow(wire, reply->str, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (!has_code(reply->str, meanings[i].code))
			continue;
		if (meanings[i].closes)
			redis_wire_close(wire);
		return error_set(err, ERROR_UNAVAILABLE, "redis %s %s", shown, meanings[i].text);
	}
	if (strncmp(reply->str, "ERR AUTH", 8) == 0 || strstr(reply->str, "invalid password"))
		return error_set(
			err, ERROR_UNAVAILABLE, "redis %s refuses the user or password", shown);
	return error_set(err, ERROR_INTERNAL, "redis %s: %.150s", shown, reply->str);
}
