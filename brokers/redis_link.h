#pragma once
/*
 * One connection to Redis on the loop. It connects when there is something to ask, signs in,
 * chooses the database, and repeats what was not answered over new connections, with back-off. What
 * it sends must therefore be safe to repeat.
 */
#include "base/redis_address.h"

#include <ev.h>
#include <hiredis/hiredis.h>
#include <stdint.h>

/* reply is NULL where err is not; it is dropped after the call. INVALID: Redis refuses the command
 * for good. UNAVAILABLE: no answer for REDIS_LINK_PATIENCE_MS. */
typedef void redis_on_reply(void *context, const redisReply *reply, const struct error *err);

#define REDIS_LINK_PATIENCE_MS 60000

/* One command and who is told. */
struct redis_question {
	const char *const *words; /* copied */
	size_t count;
	int64_t wait_ms; /* how long Redis itself may hold back the answer */
	redis_on_reply *on_reply;
	void *context;
	bool owns_context; /* free(3) it after the callback, or where none comes any more */
};

struct redis_link;
/* The address is borrowed. */
struct redis_link *redis_link_create(struct ev_loop *loop, const struct redis_address *address);
/* Calls no callback that is still due. Not from within one. */
void redis_link_destroy(struct redis_link *link);

/* The callback comes later, never from within this call. */
void redis_link_ask(struct redis_link *link, const struct redis_question *question);
/* Whether an answer is still due. */
bool redis_link_is_asked(const struct redis_link *link);
/* Forgets what was asked, without a callback, and closes the connection: a command that Redis holds
 * back ends. Not from within a callback of this link. */
void redis_link_drop(struct redis_link *link);
