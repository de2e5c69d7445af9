/* Durations and sizes; see units.h. */
#include "config/units.h"

#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first, for printing. */
static const struct unit durations[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
static const struct unit sizes[] = {
	{ "G", INT64_C(1) << 30 },
	{ "M", INT64_C(1) << 20 },
	{ "K", INT64_C(1) << 10 },
	{ "", 1 },
};

bool units_parse_integer(const char *text, int base, int64_t *out)
{
	const char *digits = text + (*text == '-');
	char *end = NULL;
	if (!isdigit((unsigned char)*digits))
		return false;
	errno = 0;
	long long number = strtoll(text, &end, base);
	if (errno || *end)
		return false;
	*out = number;
	return true;
}

bool units_parse_real(const char *text, double *out)
{
	if (text[strspn(text, "0123456789.")] != '\0' || !isdigit((unsigned char)*text))
		return false;
	char *end = NULL;
	double number = strtod(text, &end);
	if (*end || !isfinite(number))
		return false;
	*out = number;
	return true;
}

/* A number without sign, directly followed by one of the units. */
static bool parse(const char *text, const struct unit *units, size_t count, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	int64_t number = 0;
	if (digits == 0 || digits > 18)
		return false;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (text[i] - '0');
	for (size_t i = 0; i < count; i++)
		if (strcmp(text + digits, units[i].name) == 0)
			return !__builtin_mul_overflow(number, units[i].factor, out);
	return false;
}

bool config_parse_duration(const char *text, int64_t *out_ms)
{
	int64_t ms = 0;
	bool is_zero = strcmp(text, "0") == 0;
	if (!is_zero && !parse(text, durations, ARRAY_SIZE(durations), &ms))
		return false;
	*out_ms = ms;
	return true;
}

bool config_parse_size(const char *text, int64_t *out_bytes)
{
	int64_t bytes = 0;
	if (!parse(text, sizes, ARRAY_SIZE(sizes), &bytes))
		return false;
	*out_bytes = bytes;
	return true;
}

static char *print(
	int64_t number, const struct unit *units, size_t count, char out[UNITS_TEXT_SIZE])
{
	size_t unit = 0;
	while (unit + 1 < count && number % units[unit].factor != 0)
		unit++;
	if (number == 0)
		snprintf(out, UNITS_TEXT_SIZE, "0");
	else
		snprintf(out, UNITS_TEXT_SIZE, "%" PRId64 "%s", number / units[unit].factor,
			units[unit].name);
	return out;
}

char *units_print_duration(int64_t ms, char out[UNITS_TEXT_SIZE])
{
	return print(ms, durations, ARRAY_SIZE(durations), out);
}

char *units_print_size(int64_t bytes, char out[UNITS_TEXT_SIZE])
{
	return print(bytes, sizes, ARRAY_SIZE(sizes), out);
}
