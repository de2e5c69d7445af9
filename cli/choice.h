#pragma once
/* Values of options that are one word of several, as --status and --format. */
#include "base/error.h"

/* The index of text in names, −1 where text is NULL; INVALID names the nearest and all. */
bool choice_read(const char *option, const char *text, const char *const *names, size_t count,
	int *out, struct error *err);
