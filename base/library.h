#pragma once
/*
 * Libraries that only some processes need, opened by the process that does: a library costs
 * memory that is not shared as soon as it is linked, see docs/architecture.md.
 */
#include "base/error.h"

struct library_symbol {
	const char *name;
	void **place; /* of a function pointer */
};

/* Opens e.g. "libpq.so.5" once and fills the table; it stays open. INVALID names the library
 * and the package that has it ("libpq5"). */
bool library_load(const char *name, const char *package, const struct library_symbol *symbols,
	size_t count, struct error *err);
