/* Libraries opened when they are needed; see the header. */
#include "base/library.h"

#include <dlfcn.h>

bool library_load(const char *name, const char *package, const struct library_symbol *symbols,
	size_t count, struct error *err)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return error_set(err, ERROR_INVALID,
			"%s can't be opened: install it (Debian: %s) or use another backend", name,
			package);
	for (size_t i = 0; i < count; i++) {
		void *symbol = dlsym(library, symbols[i].name);
		if (!symbol)
			return error_set(err, ERROR_INVALID, "%s is too old: it has no %s", name,
				symbols[i].name);
		*symbols[i].place = symbol;
	}
	return true;
}
