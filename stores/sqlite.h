#pragma once
/* The embedded store: one SQLite file, shared by every process of every supervisor on this host. */
#include "stores/preflight.h"
#include "stores/store.h"

/* INVALID where PATH can not be one. */
bool sqlite_store_check(const char *url_rest_path, struct error *err);
bool sqlite_store_preflight(const char *url_rest_path, size_t connections,
	struct store_warnings *out, struct error *err);
/* Opens PATH of sqlite:PATH; a missing file is made. After fork only: one connection a process. */
bool sqlite_store_open(
	const char *url_rest_path, struct bells *bells, struct store **out, struct error *err);
