#pragma once
/* The nearest known word to one that was mistyped. */
#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours that lead from one to the other. */
size_t nearest_distance(const char *from, const char *to);

/* The nearest of the words, or NULL where none is near enough to be meant. Borrowed. */
const char *nearest_find(const char *word, const char *const *words, size_t count);
