/* Addresses of Redis servers; see the header. */
#include "base/redis_address.h"

#include "base/memory.h"

#include <hiredis/hiredis.h>

#include <limits.h>
#include <stdio.h>

#define WAIT_MAX 100

static bool parse_number(const char *text, int most, int *out)
{
	char *end;
	long value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value > most)
		return false;
	*out = (int)value;
	return true;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* What follows the host: /DB, /MASTER[/DB], or the path of a socket where there is no host. */
static bool read_path(struct redis_address *address, bool has_master, struct error *err)
{
	char *path = address->url.path;
	char *rest = *path ? path + 1 : path;
	const char *scheme = address->url.scheme;
	if (has_master) {
		char *slash = strchr(rest, '/');
		if (slash)
			*slash = '\0';
		if (!*rest)
			return error_set(err, ERROR_INVALID,
				"%s: expected HOST[:PORT],…/MASTER[/DB]", scheme);
		address->master = rest;
		rest = slash ? slash + 1 : rest + strlen(rest);
	} else if (!*address->url.hosts[0].name && *rest && !is_number(rest)) {
		address->socket = path;
		return !address->is_tls ||
		       error_set(err, ERROR_INVALID, "%s: a socket has no TLS", scheme);
	}
	if (*rest && !parse_number(rest, INT_MAX, &address->db))
		return error_set(err, ERROR_INVALID,
			"%s: expected the number of a database after the slash", scheme);
	return true;
}

static bool read_parameters(struct redis_address *address, struct error *err)
{
	/* resend is the broker's, for who sends. */
	static const char *const known[] = { "db", "prefix", "wait", "resend", "ca", "cert", "key",
		"insecure", "sentinel_user", "sentinel_password" };
	const struct url *url = &address->url;
	for (size_t i = 0; i < url->parameter_count; i++) {
		bool is_known = false;
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			is_known |= strcmp(url->parameters[i].key, known[k]) == 0;
		if (!is_known)
			return error_set(err, ERROR_INVALID,
				"%s: knows the parameters db, prefix, wait, ca, cert, key, "
				"insecure, sentinel_user and sentinel_password",
				url->scheme);
	}
	if (!url_find(url, "cert") != !url_find(url, "key"))
		return error_set(err, ERROR_INVALID,
			"%s: expected cert and key, or neither of them", url->scheme);
	const char *db = url_find(url, "db"), *wait = url_find(url, "wait");
	if (db && !parse_number(db, INT_MAX, &address->db))
		return error_set(err, ERROR_INVALID, "%s: expected a number for db", url->scheme);
	if (wait && !parse_number(wait, WAIT_MAX, &address->wait))
		return error_set(err, ERROR_INVALID, "%s: expected 0 to %d replicas for wait",
			url->scheme, WAIT_MAX);
	address->prefix = url_find(url, "prefix");
	return true;
}

static bool read_scheme(struct redis_address *address, struct error *err)
{
	address->is_tls = strcmp(address->url.scheme, "rediss") == 0;
	bool has_master = strcmp(address->url.scheme, "redis+sentinel") == 0;
#ifndef REEVE_REDIS_TLS
	if (address->is_tls)
		return error_set(err, ERROR_INVALID,
			"rediss: hiredis %d.%d, which reeve was built with, has no TLS (1.0 and "
			"later have); use redis: through a tunnel",
			HIREDIS_MAJOR, HIREDIS_MINOR);
#endif
	if (!has_master && address->url.host_count > 1)
		return error_set(err, ERROR_INVALID, "%s: expected one host", address->url.scheme);
	return read_path(address, has_master, err);
}

bool redis_address_parse(const char *text, struct redis_address *out, struct error *err)
{
	struct redis_address address = { 0 };
	if (!url_parse(text, &address.url, err))
		return false;
	if (!read_scheme(&address, err) || !read_parameters(&address, err)) {
		redis_address_finish(&address);
		return false;
	}
	if (address.master)
		address.shown = xprintf("master %s", address.master);
	else if (address.socket)
		address.shown = xstrdup(address.socket);
	else
		address.shown = xprintf(
			"%s:%d", redis_address_host(&address), redis_address_port(&address));
	*out = address;
	return true;
}

void redis_address_finish(struct redis_address *address)
{
	url_finish(&address->url);
	free(address->shown);
	*address = (struct redis_address){ 0 };
}

const char *redis_address_host(const struct redis_address *address)
{
	const char *name = address->url.hosts[0].name;
	return *name ? name : "127.0.0.1";
}

int redis_address_port(const struct redis_address *address)
{
	int port = address->url.hosts[0].port;
	return port ? port : REDIS_PORT;
}
