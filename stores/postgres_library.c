/* Opens libpq; see the header. */
#include "stores/postgres_library.h"

#include "base/library.h"
#include "base/memory.h"

struct postgres_functions pq;

bool postgres_load(struct error *err)
{
	static bool is_loaded;
	static const struct library_symbol symbols[] = {
#define POSTGRES_SYMBOL(name) { #name, (void **)&pq.name },
		POSTGRES_FUNCTIONS(POSTGRES_SYMBOL)
#undef POSTGRES_SYMBOL
	};
	if (!is_loaded)
		is_loaded = library_load("libpq.so.5", "libpq5", symbols, ARRAY_SIZE(symbols), err);
	return is_loaded;
}
