#pragma once
/* The nearest of some words to one that was mistyped. */
#include <stddef.h>

/* NULL where none is near enough to be meant. Borrowed from words. */
const char *nearest_find(const char *word, const char *const *words, size_t count);
