/* Kinds whose field is one number: counts, durations, sizes, booleans, choices. */
#include "config/kinds.h"
#include "config/reading.h"
#include "config/units.h"

#include <assert.h>

static int64_t get(const struct key *key, const void *base)
{
	const void *field = reading_field_of(key, base);
	int64_t wide = 0;
	int narrow = 0;
	bool truth = false;
	switch (key->kind->width) {
	case sizeof wide:
		memcpy(&wide, field, sizeof wide);
		return wide;
	case sizeof narrow:
		memcpy(&narrow, field, sizeof narrow);
		return narrow;
	default:
		memcpy(&truth, field, sizeof truth);
		return truth;
	}
}

static void set(const struct key *key, void *base, int64_t value)
{
	void *field = reading_field(key, base);
	int narrow = (int)value;
	bool truth = value != 0;
	switch (key->kind->width) {
	case sizeof value:
		memcpy(field, &value, sizeof value);
		break;
	case sizeof narrow:
		memcpy(field, &narrow, sizeof narrow);
		break;
	default:
		memcpy(field, &truth, sizeof truth);
	}
}

/* Without a default, a field that was not set is below the row's range. */
static bool is_set(const struct key *key, const void *base)
{
	if (!key->flag && !key->fallback && get(key, base) < key->low)
		return false;
	return !key->flag || *(const bool *)((const char *)base + key->flag);
}

static bool accept(const struct key *key, const char *text, int64_t *out)
{
	int64_t value = 0;
	if (key->word && strcmp(text, key->word) == 0) {
		*out = key->word_value;
		return true;
	}
	if (!key->kind->parse(text, &value) || value < key->low || value > key->high)
		return false;
	*out = value;
	return true;
}

static void keep(struct reading *reading, const struct filled *filled, int64_t value)
{
	set(reading->key, reading->base, value);
	if (reading->key->flag)
		*((bool *)((char *)reading->base + reading->key->flag)) = true;
	if (filled->is_hidden)
		reading->origin->shown = json_string("***");
}

static bool read_number(struct reading *reading)
{
	struct filled filled;
	int64_t value = 0;
	if (!reading_own_text(reading, &filled))
		return false;
	if (!accept(reading->key, filled.text, &value))
		return reading_unexpected(reading, &reading->at, reading->node);
	keep(reading, &filled, value);
	return true;
}

static bool equal_number(const struct key *key, const void *base, const void *other)
{
	return get(key, base) == get(key, other) && is_set(key, base) == is_set(key, other);
}

static json_t *show_number(const struct key *key, const void *base)
{
	int64_t value = get(key, base);
	if (!is_set(key, base))
		return json_null();
	if (key->word && value == key->word_value)
		return json_string(key->word);
	return key->kind->print(key, value);
}

static bool parse_decimal(const char *text, int64_t *out)
{
	return units_parse_integer(text, 10, out);
}

static bool parse_octal(const char *text, int64_t *out)
{
	return units_parse_integer(text, 8, out);
}

/* "02:00" */
static bool parse_time(const char *text, int64_t *out)
{
	int64_t hour = 0, minute = 0;
	if (strlen(text) != 5 || text[2] != ':')
		return false;
	const char hours[] = { text[0], text[1], '\0' };
	if (!units_parse_integer(hours, 10, &hour) || !units_parse_integer(text + 3, 10, &minute) ||
		hour < 0 || minute < 0 || minute > 59)
		return false;
	*out = hour * 60 + minute;
	return true;
}

static json_t *print_time(const struct key *key, int64_t value)
{
	(void)key;
	return json_sprintf("%02d:%02d", (int)value / 60, (int)value % 60);
}

static json_t *print_decimal(const struct key *key, int64_t value)
{
	(void)key;
	return json_integer(value);
}

static json_t *print_octal(const struct key *key, int64_t value)
{
	(void)key;
	return json_sprintf("%03o", (unsigned)value);
}

static json_t *print_duration(const struct key *key, int64_t value)
{
	(void)key;
	char text[UNITS_TEXT_SIZE];
	return json_string(units_print_duration(value, text));
}

static json_t *print_size(const struct key *key, int64_t value)
{
	(void)key;
	char text[UNITS_TEXT_SIZE];
	return json_string(units_print_size(value, text));
}

static json_t *print_boolean(const struct key *key, int64_t value)
{
	(void)key;
	return json_boolean(value != 0);
}

static json_t *print_choice(const struct key *key, int64_t value)
{
	return json_string(key->choices[value]);
}

static bool parse_boolean(const char *text, int64_t *out)
{
	static const struct {
		const char *word;
		bool truth;
	} words[] = { { "true", true }, { "yes", true }, { "on", true }, { "false", false },
		{ "no", false }, { "off", false } };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i].word) == 0) {
			*out = words[i].truth;
			return true;
		}
	return false;
}

static bool read_choice(struct reading *reading)
{
	struct filled filled;
	const struct key *key = reading->key;
	if (!reading_own_text(reading, &filled))
		return false;
	for (int64_t i = 0; key->choices[i]; i++)
		if (strcmp(key->choices[i], filled.text) == 0) {
			keep(reading, &filled, i);
			return true;
		}
	return reading_unexpected(reading, &reading->at, reading->node);
}

static bool read_real(struct reading *reading)
{
	struct filled filled;
	const struct key *key = reading->key;
	double value = 0;
	if (!reading_own_text(reading, &filled))
		return false;
	if (!units_parse_real(filled.text, &value) || value < (double)key->low ||
		value > (double)key->high)
		return reading_unexpected(reading, &reading->at, reading->node);
	memcpy(reading_field(key, reading->base), &value, sizeof value);
	if (filled.is_hidden)
		reading->origin->shown = json_string("***");
	return true;
}

static double get_real(const struct key *key, const void *base)
{
	double value = 0;
	memcpy(&value, reading_field_of(key, base), sizeof value);
	return value;
}

static bool equal_real(const struct key *key, const void *base, const void *other)
{
	double difference = get_real(key, base) - get_real(key, other);
	return difference >= 0 && difference <= 0;
}

static json_t *show_real(const struct key *key, const void *base)
{
	double value = get_real(key, base);
	json_int_t whole = (json_int_t)value;
	return value - (double)whole > 0 ? json_real(value) : json_integer(whole);
}

static_assert(sizeof(enum queue_type) == sizeof(int), "choices are kept as int");
static_assert(sizeof(size_t) == sizeof(int64_t), "sizes are kept as int64_t");

#define NUMBER_KIND(noun_, type, parse_, print_)                                              \
	{                                                                                     \
		.noun = (noun_), .width = sizeof(type), .parse = (parse_), .print = (print_), \
		.read = read_number, .equal = equal_number, .show = show_number,              \
	}

const struct kind kind_count = NUMBER_KIND("a whole number", int, parse_decimal, print_decimal);
const struct kind kind_amount =
	NUMBER_KIND("a whole number", int64_t, parse_decimal, print_decimal);
const struct kind kind_duration =
	NUMBER_KIND("a duration", int64_t, config_parse_duration, print_duration);
const struct kind kind_size = NUMBER_KIND("a size", int64_t, config_parse_size, print_size);
const struct kind kind_mask = NUMBER_KIND("an octal number", int, parse_octal, print_octal);
const struct kind kind_time = NUMBER_KIND("a time of the day", int, parse_time, print_time);
const struct kind kind_boolean = {
	.width = sizeof(bool),
	.parse = parse_boolean,
	.print = print_boolean,
	.read = read_number,
	.equal = equal_number,
	.show = show_number,
};
const struct kind kind_choice = {
	.width = sizeof(int),
	.print = print_choice,
	.read = read_choice,
	.equal = equal_number,
	.show = show_number,
};
const struct kind kind_real = {
	.noun = "a number",
	.read = read_real,
	.equal = equal_real,
	.show = show_real,
};
