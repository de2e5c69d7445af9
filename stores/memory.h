#pragma once
/*
 * The store in the memory of one process: for eager runs and tests, and the one to read first,
 * since every other backend must answer as it does. Nothing survives the process.
 */
#include "stores/store.h"

/* INVALID unless what follows "memory:" is empty. */
bool memory_store_check(const char *path, struct error *err);
bool memory_store_open(
	const char *path, struct bells *bells, struct store **out, struct error *err);
