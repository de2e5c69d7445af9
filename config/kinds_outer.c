/* Kinds of keys that are not read into a field: containers, and keys that are not supported yet. */
#include "config/kinds.h"
#include "config/reading.h"

static bool skip(struct reading *reading)
{
	(void)reading;
	return true;
}

static bool refuse(struct reading *reading)
{
	return reading_fault(reading, "not supported yet");
}

static bool equal_always(const struct key *key, const void *base, const void *other)
{
	(void)key;
	return base && other;
}

const struct kind kind_outer = { .read = skip, .equal = equal_always };
const struct kind kind_later = { .read = refuse, .equal = equal_always };
