#pragma once
/* The store on a Redis server, shared by any number of hosts: see docs/stores.md. */
#include "stores/preflight.h"
#include "stores/store.h"

/* rest is what follows the colon of the scheme. */
bool redis_store_open(const char *rest, struct bells *bells, struct store **out, struct error *err);
bool redis_store_check(const char *rest, struct error *err);
bool rediss_store_open(
	const char *rest, struct bells *bells, struct store **out, struct error *err);
bool rediss_store_check(const char *rest, struct error *err);
bool redis_sentinel_store_open(
	const char *rest, struct bells *bells, struct store **out, struct error *err);
bool redis_sentinel_store_check(const char *rest, struct error *err);
bool redis_store_preflight(
	const char *rest, size_t connections, struct store_warnings *out, struct error *err);
bool rediss_store_preflight(
	const char *rest, size_t connections, struct store_warnings *out, struct error *err);
bool redis_sentinel_store_preflight(
	const char *rest, size_t connections, struct store_warnings *out, struct error *err);
