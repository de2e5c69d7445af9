/* Cron expressions as text; see cron.h. */
#include "base/cron.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>

#define TEXT_MAX 200

enum field_name { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug",
	"sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat",
	NULL };

static const struct field {
	const char *name;
	int low, high;
	const char *const *names; /* the first is `low` */
} fields[FIELDS] = {
	[SECOND] = { "second", 0, 59, NULL },
	[MINUTE] = { "minute", 0, 59, NULL },
	[HOUR] = { "hour", 0, 23, NULL },
	[DAY] = { "day of the month", 1, 31, NULL },
	[MONTH] = { "month", 1, 12, month_names },
	[WEEKDAY] = { "day of the week", 0, 7, weekday_names }, /* 0 and 7 are Sunday */
};

static const struct {
	const char *word, *meaning;
} words[] = {
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
	{ "@monthly", "0 0 1 * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@hourly", "0 * * * *" },
};

/* One field on its way. */
struct reading {
	const struct field *field;
	uint64_t *bits;
	uint64_t *last; /* what L makes of it; NULL: no L here */
	bool begins_wide, has_step;
};

static bool refuse(const struct reading *reading, const char *item, struct error *err)
{
	const struct field *field = reading->field;
	return error_set(err, ERROR_INVALID,
		"the field %s takes %d to %d%s with * , - / between%s, got \"%.40s\"", field->name,
		field->low, field->high,
		field->names ? field->names == month_names ? " or jan to dec" : " or sun to sat"
			     : "",
		!reading->last              ? ""
		: field == &fields[WEEKDAY] ? ", and friL for the last Friday"
					    : ", L for the last and L-2",
		item);
}

static bool take_value(const struct field *field, const char **at, int *out)
{
	if (isdigit((unsigned char)**at)) {
		int value = 0;
		for (int digits = 0; isdigit((unsigned char)**at); digits++, (*at)++) {
			if (digits == 4)
				return false;
			value = value * 10 + (**at - '0');
		}
		*out = value;
		return value >= field->low && value <= field->high;
	}
	for (int i = 0; field->names && field->names[i]; i++)
		if (strncasecmp(*at, field->names[i], 3) == 0 &&
			!isalpha((unsigned char)(*at)[3])) {
			*at += 3;
			*out = field->low + i;
			return true;
		}
	return false;
}

static bool take_step(struct reading *reading, const char **at, int *step)
{
	int value = 0;
	*step = 1;
	if (**at != '/')
		return true;
	(*at)++;
	if (!isdigit((unsigned char)**at))
		return false;
	while (isdigit((unsigned char)**at) && value < 1000)
		value = value * 10 + (*(*at)++ - '0');
	reading->has_step = true;
	*step = value;
	return value > 0;
}

static void add_range(struct reading *reading, int first, int last, int step)
{
	for (int value = first; value <= last; value += step) {
		bool is_sunday = reading->field == &fields[WEEKDAY] && value == 7;
		*reading->bits |= UINT64_C(1) << (is_sunday ? 0 : value);
	}
}

/* "L", "L-2"; of weekdays "friL", "5L" and "L5". */
static bool take_last(struct reading *reading, const char *item)
{
	int value = 0;
	if (reading->field == &fields[WEEKDAY]) {
		bool is_in_front = toupper((unsigned char)*item) == 'L';
		item += is_in_front;
		size_t length = strlen(item);
		if (!is_in_front &&
			(length == 0 || toupper((unsigned char)item[length - 1]) != 'L'))
			return false;
		char day[8] = "";
		if (length - !is_in_front >= sizeof day)
			return false;
		memcpy(day, item, length - !is_in_front);
		const char *at = day;
		if (!take_value(reading->field, &at, &value) || *at)
			return false;
		*reading->last |= UINT64_C(1) << value % 7;
		return true;
	}
	if (toupper((unsigned char)*item) != 'L')
		return false;
	if (item[1] == '-') {
		item += 2;
		for (int digits = 0; isdigit((unsigned char)*item) && digits < 2; digits++)
			value = value * 10 + (*item++ - '0');
		if (*item || value < 1 || value > 30)
			return false;
	} else if (item[1]) {
		return false;
	}
	*reading->last |= UINT64_C(1) << value;
	return true;
}

static bool take_item(struct reading *reading, const char *item, struct error *err)
{
	const struct field *field = reading->field;
	const char *at = item;
	int first = field->low, last = field == &fields[WEEKDAY] ? 6 : field->high, step;
	if (reading->last && take_last(reading, item))
		return true;
	if (*at == '*' || (*at == '?' && reading->last)) {
		at++;
		if (!take_step(reading, &at, &step) || *at)
			return refuse(reading, item, err);
		add_range(reading, first, last, step);
		return true;
	}
	if (!take_value(field, &at, &first))
		return refuse(reading, item, err);
	bool is_range = *at == '-';
	if (is_range && (at++, !take_value(field, &at, &last)))
		return refuse(reading, item, err);
	if (is_range && field == &fields[WEEKDAY] && last == 0)
		last = 7; /* sat-sun */
	bool has_step = *at == '/';
	if (!take_step(reading, &at, &step) || *at)
		return refuse(reading, item, err);
	if (is_range && last < first)
		return error_set(err, ERROR_INVALID,
			"the field %s counts backwards in \"%.40s\"; write two ranges", field->name,
			item);
	/* As in most crons "5/15" goes on from 5 to the end. */
	add_range(reading, first, is_range || has_step ? last : first, step);
	return true;
}

static bool read_field(struct reading *reading, const char *text, struct error *err)
{
	reading->begins_wide = *text == '*' || *text == '?';
	for (;;) {
		size_t length = strcspn(text, ",");
		char item[TEXT_MAX + 1];
		snprintf(item, sizeof item, "%.*s", (int)length, text);
		bool is_wide = *item == '*';
		if (!take_item(reading, item, err))
			return false;
		reading->has_step |= is_wide;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

/* Cuts the text at its blanks; answers how many words there are, at most `max` + 1. */
static size_t cut(char *text, const char **out, size_t max)
{
	size_t count = 0;
	char *rest = NULL;
	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (count == max)
			return max + 1;
		out[count++] = word;
	}
	return count;
}

static bool read_fields(const char *const *texts, struct cron *out, struct error *err)
{
	uint64_t bits[FIELDS] = { 0 }, last_days = 0, last_weekdays = 0;
	struct reading readings[FIELDS];
	for (int i = 0; i < FIELDS; i++) {
		readings[i] = (struct reading){ .field = &fields[i],
			.bits = &bits[i],
			.last = i == DAY       ? &last_days
				: i == WEEKDAY ? &last_weekdays
					       : NULL };
		if (!read_field(&readings[i], texts[i], err))
			return false;
	}
	*out = (struct cron){ .seconds = bits[SECOND],
		.minutes = bits[MINUTE],
		.hours = (uint32_t)bits[HOUR],
		.days = (uint32_t)bits[DAY],
		.from_last = (uint32_t)last_days,
		.months = (uint16_t)bits[MONTH],
		.weekdays = (uint8_t)bits[WEEKDAY],
		.last_weekdays = (uint8_t)last_weekdays,
		.needs_both = readings[DAY].begins_wide || readings[WEEKDAY].begins_wide,
		.is_real = readings[HOUR].has_step };
	return true;
}

bool cron_parse(const char *text, struct cron *out, struct error *err)
{
	char copy[TEXT_MAX + 1];
	const char *texts[FIELDS] = { "0" };
	struct cron cron;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i].word) == 0)
			text = words[i].meaning;
	if (*text == '@')
		return error_set(err, ERROR_INVALID,
			"expected @yearly, @monthly, @weekly, @daily or @hourly, got \"%.40s\"",
			text);
	if (strlen(text) > TEXT_MAX)
		return error_set(err, ERROR_INVALID, "longer than %d characters", TEXT_MAX);
	strcpy(copy, text);
	size_t count = cut(copy, texts, FIELDS);
	if (count == FIELDS - 1) {
		memmove(texts + 1, texts, (FIELDS - 1) * sizeof *texts);
		texts[SECOND] = "0";
	}
	if (count != FIELDS && count != FIELDS - 1)
		return error_set(err, ERROR_INVALID,
			"expected five fields (minute, hour, day of the month, month, day of the "
			"week), or six with the second in front, got \"%.60s\"",
			text);
	if (!read_fields(texts, &cron, err))
		return false;
	OWNED(zone) struct zone *utc = NULL;
	if (!zone_open("UTC", &utc, err))
		return false;
	if (cron_next(&cron, utc, 0) == ZONE_NEVER)
		return error_set(err, ERROR_INVALID,
			"never comes: no month of these has such a day (\"%.60s\")", text);
	*out = cron;
	return true;
}
