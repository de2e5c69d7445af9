/* Durations and names of queues as the configuration has them. */
#include "workflow/descriptor.h"

#include <ctype.h>
#include <errno.h>

bool descriptor_parse_ms(const char *text, int64_t *out_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	char *end = NULL;
	errno = 0;
	long long number = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : -1;
	for (size_t i = 0; number >= 0 && !errno && i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].unit) == 0 && number < INT64_MAX / units[i].ms) {
			*out_ms = number * units[i].ms;
			return true;
		}
	return false;
}

bool descriptor_is_queue_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-");
	return length > 0 && length <= 80 &&
	       (name[length] == '\0' || strcmp(name + length, ".fifo") == 0);
}
