/* A look at the server, without a store being made there; see preflight.h. INFO tells all of it:
 * managed servers refuse CONFIG. */
#include "stores/redis_store.h"

#include <stdio.h>

#define VERSION_LEAST 602 /* major × 100 + minor: LPOP with a count, SMISMEMBER, BLMOVE */
#define VERSION_FLAGS 700 /* scripts say that they may run without memory */

int redis_version_of(const char *info)
{
	int major, minor;
	const char *at = strstr(info, "redis_version:");
	if (!at || sscanf(at, "redis_version:%d.%d", &major, &minor) != 2)
		return 0;
	return major * 100 + minor;
}

bool redis_version_check(const char *shown, int version, struct error *err)
{
	if (version == 0 || version >= VERSION_LEAST)
		return true;
	return error_set(err, ERROR_INVALID,
		"redis %s: version %d.%d is too old, 6.2 or later is needed (7.0 or later is "
		"better)",
		shown, version / 100, version % 100);
}

bool redis_version_has_flags(int version)
{
	return version == 0 || version >= VERSION_FLAGS;
}

/* The value of a field of INFO, up to the end of its line; "" where it is not told. */
static const char *field(const char *info, const char *name, char value[64])
{
	const char *at = strstr(info, name);
	value[0] = '\0';
	if (at)
		sscanf(at + strlen(name), "%63[^\r\n]", value);
	return value;
}

static void judge(const char *info, struct store_warnings *out)
{
	char value[64];
	if (!redis_version_has_flags(redis_version_of(info)))
		store_warnings_add(out, xstrdup("store redis: at maxmemory a Redis before 7.0 "
						"refuses what finishes "
						"tasks, too: give it room, or a newer version"));
	field(info, "maxmemory_policy:", value);
	if (*value && strcmp(value, "noeviction") != 0)
		store_warnings_add(out, xprintf("store redis: maxmemory-policy is %s: at maxmemory "
						"the server drops "
						"tasks; set noeviction",
						value));
	if (strcmp(field(info, "aof_enabled:", value), "0") == 0)
		store_warnings_add(out,
			xstrdup("store redis: the server runs without appendonly: a restart loses "
				"what came after its last snapshot, if it makes any"));
}

static bool look_at_server(struct redis_wire *wire, struct store_warnings *out, struct error *err)
{
	const char *words[] = { "INFO" };
	const struct redis_command command = { 1, words, NULL };
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!redis_wire_ask(wire, &command, 1, &reply, err))
		return false;
	if (reply->type == REDIS_REPLY_ERROR || !reply->str)
		return true; /* not permitted: nothing is known */
	if (!redis_version_check(wire->address->shown, redis_version_of(reply->str), err) ||
		(strstr(reply->str, "redis_mode:cluster") &&
			!redis_wire_fits_cluster(wire->address, err)))
		return false;
	judge(reply->str, out);
	return true;
}

/* The last command of its connection. */
static bool look_at_channel(struct redis_wire *wire, struct store_warnings *out, struct error *err)
{
	const char *prefix = wire->address->prefix ? wire->address->prefix : REDIS_PREFIX;
	OWNED(free) char *channel = xprintf("%sbell", prefix);
	const char *words[] = { "SUBSCRIBE", channel };
	const struct redis_command command = { 2, words, NULL };
	OWNED(redis_reply) redisReply *reply = NULL;
	if (!redis_wire_ask(wire, &command, 1, &reply, err))
		return false;
	if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0)
		store_warnings_add(out,
			xprintf("store redis: this user may not use the channel %s: idle workers "
				"look once a second; permit it with ACL SETUSER … &%s",
				channel, channel));
	return true;
}

bool redis_preflight(const char *url, struct store_warnings *out, struct error *err)
{
	struct redis_address address;
	struct redis_wire wire;
	if (!redis_address_parse(url, &address, err))
		return error_wrap(err, "store");
	redis_wire_init(&wire, &address);
	bool done = redis_wire_open(&wire, err) && look_at_server(&wire, out, err) &&
		    look_at_channel(&wire, out, err);
	redis_wire_finish(&wire);
	redis_address_finish(&address);
	return done || error_wrap(err, "store");
}
