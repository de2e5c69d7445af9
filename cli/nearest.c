/* The nearest word; see nearest.h. */
#include "cli/nearest.h"

#include "config/suggest.h"

const char *nearest_find(const char *word, const char *const *words, size_t count)
{
	struct suggest suggest = { .typed = word };
	for (size_t i = 0; i < count; i++)
		suggest_offer(&suggest, words[i]);
	return suggest.nearest;
}
