#pragma once
/*
 * Addresses of Redis servers, for the store and the broker.
 *
 *   redis[s]://[[USER]:PASSWORD@][HOST][:PORT][/DB]   default 127.0.0.1:6379/0
 *   redis:///PATH/OF/SOCKET[?db=N]
 *   redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],…/MASTER[/DB]
 * Parameters: db, prefix; of the store wait, sentinel_user and sentinel_password; of the broker
 * resend; with TLS ca, cert, key and insecure.
 */
#include "base/url.h"

#define REDIS_PORT 6379

struct redis_address {
	struct url url;
	const char *prefix, *socket, *master; /* NULL: none; they live in url */
	char *shown;                          /* for errors: host, port, no secrets */
	int db, wait;
	bool is_tls;
};

/* INVALID with the sentence to show; it holds nothing of the URL but its scheme. */
bool redis_address_parse(const char *text, struct redis_address *out, struct error *err);
void redis_address_finish(struct redis_address *address);

/* The one server of an address without sentinels and socket. */
const char *redis_address_host(const struct redis_address *address);
int redis_address_port(const struct redis_address *address);
