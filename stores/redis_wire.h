#pragma once
/*
 * Connections to Redis (hiredis, blocking): addresses by URL, TLS, Sentinel, and what its errors
 * mean. A wire is opened by its first command and again after a failure; a command that fails may
 * have been done all the same.
 */
#include "base/redis_address.h"

#include <hiredis/hiredis.h>
#include <stdint.h>

#define REDIS_CONNECT_MS 2000
#define REDIS_ANSWER_MS  4000 /* then the connection counts as dead */

struct redis_wire {
	const struct redis_address *address;
	redisContext *context; /* NULL: to be opened */
	char *moved_host;      /* where a cluster has sent us; or NULL */
	int moved_port;
	int64_t used_ms;
};

void redis_wire_init(struct redis_wire *wire, const struct redis_address *address);
bool redis_wire_open(struct redis_wire *wire, struct error *err);
void redis_wire_close(struct redis_wire *wire);
void redis_wire_finish(struct redis_wire *wire);

struct redis_command {
	int count;
	const char **words;
	const size_t *lengths;
};
/* Sends the commands at once and reads their answers, error replies too. On failure nothing is
 * answered and the wire is closed. Replies are the caller's: freeReplyObject. */
bool redis_wire_ask(struct redis_wire *wire, const struct redis_command *commands, size_t count,
	redisReply **replies, struct error *err);

/* False where the reply is an error, which is then told in err. */
bool redis_reply_check(struct redis_wire *wire, const redisReply *reply, struct error *err);

/* INVALID where the prefix has no hash tag: a cluster would spread the store over its servers. */
bool redis_wire_fits_cluster(const struct redis_address *address, struct error *err);

static inline void memory_drop_redis_reply(redisReply **held)
{
	if (*held)
		freeReplyObject(*held);
}
