#pragma once
/* TLS for links to Redis, by hiredis' own library, loaded where it is wanted. */
#include "stores/redis_wire.h"

/* Begins TLS on a fresh connection. The server's certificate is checked against the system's
 * authorities, or those of the parameter ca; not at all with insecure=1. */
bool redis_tls_begin(struct redis_wire *wire, struct error *err);
