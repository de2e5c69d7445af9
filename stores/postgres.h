#pragma once
/* The store in a PostgreSQL database, shared by any number of hosts; docs/stores.md explains it. */
#include "stores/preflight.h"
#include "stores/store.h"

/* What follows the scheme's colon, "//…". INVALID where libpq could never take it. */
bool postgres_store_check(const char *path, struct error *err);
bool postgres_store_open(
	const char *path, struct bells *bells, struct store **out, struct error *err);
bool postgres_store_preflight(
	const char *path, size_t connections, struct store_warnings *out, struct error *err);
