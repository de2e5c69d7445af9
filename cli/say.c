/* Lines on stderr; see say.h. */
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>

static void say_list(const char *format, va_list args)
{
	fputs("reeve: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say_list(format, args);
	va_end(args);
}

int say_error(const struct error *err)
{
	say("%s", err->text);
	return error_exit_code(err);
}

int say_misuse(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say_list(format, args);
	va_end(args);
	return EXIT_MISUSE;
}
