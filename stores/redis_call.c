/* Calls of scripts: loaded where the server does not have them, repeated where the store was made
 * anew. */
#include "stores/redis_store.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define WAIT_MS   "1000" /* for replicas */
#define TRIES_MAX 4
#define VERSION   1

char *redis_text(const redisReply *reply)
{
	bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
	return is_text ? xstrndup(reply->str, reply->len) : NULL;
}

int64_t redis_number(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply->integer;
	return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

/* A call's words, by hash or with the whole text; all texts but the arguments end with a NUL. */
struct call {
	const char *words[7];
	size_t lengths[7];
	char tag[9], offset[24];
};

static void write_call(const struct redis_store *store, enum redis_script script,
	const struct redis_pack *args, bool is_whole, struct call *call)
{
	const struct redis_script_text *text = &redis_script_texts[script];
	const char *sha1 = store->is_old ? text->sha1_rest : text->sha1;
	snprintf(call->tag, sizeof call->tag, "%08" PRIx32, store->store.tag);
	snprintf(call->offset, sizeof call->offset, "%" PRId64, clock_offset_ms());
	const char *words[] = { is_whole ? "EVAL" : "EVALSHA",
		is_whole ? text->text + (store->is_old ? text->first_line : 0) : sha1, "1",
		store->prefix, call->tag, call->offset };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		call->words[i] = words[i];
		call->lengths[i] = strlen(words[i]);
	}
	call->words[ARRAY_SIZE(words)] = args->bytes;
	call->lengths[ARRAY_SIZE(words)] = args->length;
}

/* Answers the script's reply, an error reply too; where the URL says `wait` also how many replicas
 * have what was submitted. */
static bool send_call(struct redis_store *store, enum redis_script script,
	const struct redis_pack *args, bool is_whole, redisReply *replies[2], struct error *err)
{
	struct call call;
	char replicas[16];
	write_call(store, script, args, is_whole, &call);
	snprintf(replicas, sizeof replicas, "%d", store->address.wait);
	const char *waiting[] = { "WAIT", replicas, WAIT_MS };
	const struct redis_command commands[] = {
		{ ARRAY_SIZE(call.words), call.words, call.lengths }, { 3, waiting, NULL }
	};
	bool waits = store->address.wait > 0 && (script == REDIS_SUBMIT || script == REDIS_PUSH);
	replies[1] = NULL;
	return redis_wire_ask(&store->wire, commands, waits ? 2 : 1, replies, err);
}

static bool is_error(const redisReply *reply, const char *code)
{
	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, code, strlen(code)) == 0;
}

static bool load_and_call(struct redis_store *store, enum redis_script script,
	const struct redis_pack *args, redisReply *replies[2], struct error *err)
{
	for (int whole = 0; whole < 2; whole++) {
		if (!send_call(store, script, args, whole, replies, err))
			return false;
		if (!is_error(replies[0], "NOSCRIPT") || whole)
			return true;
		freeReplyObject(GIVE(replies[0]));
		if (replies[1])
			freeReplyObject(GIVE(replies[1]));
	}
	return false;
}

static const struct {
	const char *code;
	enum error_kind kind;
} refusals[] = {
	{ "REEVE_NOT_FOUND ", ERROR_NOT_FOUND },
	{ "REEVE_CONFLICT ", ERROR_CONFLICT },
	{ "REEVE_INVALID ", ERROR_INVALID },
};

static bool check_reply(struct redis_store *store, const redisReply *reply, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (is_error(reply, refusals[i].code))
			return error_set(err, refusals[i].kind, "%.240s",
				reply->str + strlen(refusals[i].code));
	return redis_reply_check(&store->wire, reply, err);
}

static bool check_replicas(
	const struct redis_store *store, const redisReply *reply, struct error *err)
{
	if (!reply || redis_number(reply) >= store->address.wait)
		return true;
	return error_set(err, ERROR_UNAVAILABLE, "redis %s: %" PRId64 " of %d replicas have it",
		store->address.shown, redis_number(reply), store->address.wait);
}

/*
 * A script that made tasks ready answers [+rings, its value, [queue, count, …]]; no value begins
 * with a status. Where a process of this host listens the rings come from there.
 */
static redisReply *take_rings(struct redis_store *store, redisReply *reply)
{
	bool has_rings = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
			 reply->element[0]->type == REDIS_REPLY_STATUS &&
			 strcmp(reply->element[0]->str, "rings") == 0;
	if (!has_rings)
		return reply;
	const redisReply *rings = reply->element[2];
	bool is_alone = !bells_are_listened(&store->bells);
	for (size_t i = 0; is_alone && i + 1 < rings->elements; i += 2)
		redis_ring(
			&store->bells, rings->element[i]->str, redis_number(rings->element[i + 1]));
	redisReply *value = reply->element[1];
	reply->element[1] = NULL; /* freeReplyObject passes over it */
	freeReplyObject(reply);
	return value;
}

bool redis_act(struct redis_store *store, enum redis_script script, const struct redis_pack *args,
	redisReply **reply, struct error *err)
{
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		redisReply *replies[2] = { NULL, NULL };
		if (!load_and_call(store, script, args, replies, err))
			return false;
		/* The store that we knew is gone: wiped, or an older copy is back. */
		bool is_new = is_error(replies[0], "REEVE_TAG");
		bool done = !is_new && check_reply(store, replies[0], err) &&
			    check_replicas(store, replies[1], err);
		bool has_moved = store->wire.moved_host && !store->wire.context;
		if (replies[1])
			freeReplyObject(replies[1]);
		if (done) {
			*reply = take_rings(store, replies[0]);
			return true;
		}
		freeReplyObject(replies[0]);
		if (is_new ? !redis_greet(store, err) : !has_moved)
			return false;
	}
	return error_set(err, ERROR_UNAVAILABLE, "redis %s: the store is made anew again and again",
		store->address.shown);
}

/* Redis 6 takes no first line of flags, and says nothing of it before it fails. A server that does
 * not permit INFO is taken for a newer one. */
static bool learn_server(struct redis_store *store, struct error *err)
{
	const char *words[] = { "INFO", "server" };
	const struct redis_command command = { 2, words, NULL };
	OWNED(redis_reply) redisReply *reply = NULL;
	if (store->has_version)
		return true;
	if (!redis_wire_ask(&store->wire, &command, 1, &reply, err))
		return false;
	if (reply->type == REDIS_REPLY_ERROR || !reply->str)
		return true; /* the next command says why */
	store->has_version = true;
	int version = redis_version_of(reply->str);
	store->is_old = !redis_version_has_flags(version);
	if (!redis_version_check(store->address.shown, version, err))
		return false;
	return !strstr(reply->str, "redis_mode:cluster") ||
	       redis_wire_fits_cluster(&store->address, err);
}

static bool read_meta(struct redis_store *store, redisReply **reply, struct error *err)
{
	OWNED(free) char *key = xprintf("%smeta", store->prefix);
	const char *words[] = { "HMGET", key, "tag", "version" };
	const struct redis_command command = { 4, words, NULL };
	return redis_wire_ask(&store->wire, &command, 1, reply, err);
}

/* Only the master's word counts: a replica may not have got the store yet. */
static bool make_store(struct redis_store *store, redisReply **reply, struct error *err)
{
	redisReply *replies[2] = { NULL, NULL };
	OWNED(redis_pack) struct redis_pack none = { 0 };
	redis_pack_bool(&none, false);
	store->store.tag = (uint32_t)ids_random64();
	if (!load_and_call(store, REDIS_OPEN, &none, replies, err))
		return false;
	*reply = replies[0];
	return true;
}

static bool take_meta(struct redis_store *store, const redisReply *reply, struct error *err)
{
	int64_t version = redis_number(reply->element[1]);
	if (version > VERSION)
		return error_set(err, ERROR_INVALID,
			"redis %s: the store %s was made by a newer reeve (version %" PRId64 ")",
			store->address.shown, store->prefix, version);
	store->store.tag = (uint32_t)strtoul(reply->element[0]->str, NULL, 16);
	return true;
}

static bool has_store(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	       reply->element[0]->type == REDIS_REPLY_STRING;
}

bool redis_greet(struct redis_store *store, struct error *err)
{
	if (!learn_server(store, err))
		return false;
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		OWNED(redis_reply) redisReply *found = NULL;
		OWNED(redis_reply) redisReply *made = NULL;
		if (!read_meta(store, &found, err))
			return false;
		if (has_store(found))
			return take_meta(store, found, err);
		bool is_good = check_reply(store, found, err);
		is_good = is_good && make_store(store, &made, err) && check_reply(store, made, err);
		if (is_good && has_store(made))
			return take_meta(store, made, err);
		if (!store->wire.moved_host || store->wire.context)
			return false;
	}
	return error_set(err, ERROR_UNAVAILABLE,
		"redis %s: the cluster moves the store again and "
		"again",
		store->address.shown);
}
