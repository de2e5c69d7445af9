/* Error values; see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
	if (!err)
		return false;
	va_list args;
	va_start(args, format);
	err->kind = kind;
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
	if (!err)
		return false;
	char context[sizeof err->text];
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof context, format, args);
	va_end(args);
	char cause[sizeof err->text];
	memcpy(cause, err->text, sizeof cause);
	/* Both are cut to fit: the context first, since it names the place. */
	snprintf(err->text, sizeof err->text, "%.120s: %.130s", context, cause);
	return false;
}

int error_exit_code(const struct error *err)
{
	static const int codes[] = {
		[ERROR_NONE] = 0,
		[ERROR_INVALID] = 2,
		[ERROR_NOT_FOUND] = 1,
		[ERROR_CONFLICT] = 1,
		[ERROR_UNAVAILABLE] = 75,
		[ERROR_INTERNAL] = 1,
	};
	return codes[err->kind];
}
