/* Optimal string alignment distance in three rows; see nearest.h. */
#include "cli/nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LENGTH_MAX 64

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;
	return least < c ? least : c;
}

size_t nearest_distance(const char *from, const char *to)
{
	size_t rows[3][LENGTH_MAX + 1];
	size_t from_length = strlen(from), to_length = strlen(to);
	if (from_length > LENGTH_MAX || to_length > LENGTH_MAX)
		return strcmp(from, to) == 0 ? 0 : SIZE_MAX;
	for (size_t j = 0; j <= to_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= from_length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
		const size_t *two_above = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= to_length; j++) {
			size_t change = from[i - 1] == to[j - 1] ? 0 : 1;
			row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
			bool is_swap = i > 1 && j > 1 && from[i - 1] == to[j - 2] &&
				       from[i - 2] == to[j - 1];
			if (is_swap && two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[from_length % 3][to_length];
}

const char *nearest_find(const char *word, const char *const *words, size_t count)
{
	/* A third of the letters may be wrong, but never all of them. */
	size_t allowed = strlen(word) / 3 + 1;
	const char *best = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t distance = nearest_distance(word, words[i]);
		if (distance > allowed || distance >= strlen(word))
			continue;
		allowed = distance ? distance - 1 : 0;
		best = words[i];
		if (distance == 0)
			break;
	}
	return best;
}
