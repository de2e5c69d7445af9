#pragma once
/* UTF-8 (RFC 3629): what of a text from outside is well-formed. */
#include <stddef.h>

/* Length of the character at text, of which `left` bytes may be read; 0 where it is none. */
size_t utf8_length(const char *text, size_t left);
