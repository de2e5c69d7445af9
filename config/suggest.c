/* The nearest known name; see suggest.h. */
#include "config/suggest.h"

#include <string.h>

#define LENGTH_MAX 40

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;
	return ab < c ? ab : c;
}

/* Restricted edit distance: insert, delete, replace, and swap of neighbours
 * (https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance). */
static size_t measure(const char *a, const char *b)
{
	size_t rows[LENGTH_MAX + 1][LENGTH_MAX + 1];
	size_t a_length = strlen(a), b_length = strlen(b);
	for (size_t i = 0; i <= a_length; i++)
		rows[i][0] = i;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++)
		for (size_t j = 1; j <= b_length; j++) {
			size_t replaced = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			rows[i][j] = least(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1, rows[i][j]);
		}
	return rows[a_length][b_length];
}

/* Near is: at most a third of the typed name is wrong, and at least one letter may be. */
void suggest_offer(struct suggest *suggest, const char *candidate)
{
	size_t length = strlen(suggest->typed);
	if (length == 0 || length > LENGTH_MAX || strlen(candidate) > LENGTH_MAX)
		return;
	size_t allowed = length < 3 ? 1 : (length + 1) / 3;
	size_t distance = measure(suggest->typed, candidate);
	if (distance > allowed || (suggest->nearest && distance >= suggest->distance))
		return;
	suggest->nearest = candidate;
	suggest->distance = distance;
}
