/* Kinds that say what a queue lets in: rates. */
#include "config/kinds.h"
#include "config/reading.h"
#include "config/units.h"

static const struct {
	char letter;
	int64_t ms;
} spans[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 } };

static int64_t find_span(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (text[0] == spans[i].letter && text[1] == '\0')
			return spans[i].ms;
	return 0;
}

/* "10/s" */
static bool parse(struct reading *reading, const char *text, struct config_rate *out)
{
	const char *slash = strchr(text, '/');
	int64_t count = 0, span = slash ? find_span(slash + 1) : 0;
	if (!slash || span == 0)
		return false;
	const char *digits = arena_copy(&reading->loading->arena, text, (size_t)(slash - text));
	if (!units_parse_integer(digits, 10, &count) || count < reading->key->low ||
		count > reading->key->high)
		return false;
	*out = (struct config_rate){ count, span };
	return true;
}

static bool read_rate(struct reading *reading)
{
	struct filled filled;
	struct config_rate *rate = reading_field(reading->key, reading->base);
	if (!reading_own_text(reading, &filled))
		return false;
	if (strcmp(filled.text, reading->key->word) == 0)
		*rate = (struct config_rate){ 0 };
	else if (!parse(reading, filled.text, rate))
		return reading_unexpected(reading, &reading->at, reading->node);
	return true;
}

static bool equal_rate(const struct key *key, const void *base, const void *other)
{
	const struct config_rate *a = reading_field_of(key, base);
	const struct config_rate *b = reading_field_of(key, other);
	return a->count == b->count && a->ms == b->ms;
}

static json_t *show_rate(const struct key *key, const void *base)
{
	const struct config_rate *rate = reading_field_of(key, base);
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (rate->count > 0 && rate->ms == spans[i].ms)
			return json_sprintf("%" JSON_INTEGER_FORMAT "/%c", (json_int_t)rate->count,
				spans[i].letter);
	return json_string(key->word);
}

const struct kind kind_rate = {
	.noun = "a rate like 10/s, 5/m or 100/h",
	.read = read_rate,
	.equal = equal_rate,
	.show = show_rate,
};
