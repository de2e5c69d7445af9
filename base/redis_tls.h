#pragma once
/* TLS for connections to Redis, by hiredis' own library, loaded where it is wanted. */
#include "base/redis_address.h"

#include <hiredis/hiredis.h>

/* Begins TLS on a fresh connection, which may be one that does not block. The server's certificate
 * is checked against the system's authorities, or those of the parameter ca; not at all with
 * insecure=1. cert and key are files with what this client shows. */
bool redis_tls_begin(
	redisContext *connection, const struct redis_address *address, struct error *err);
