/* The rule for the years after a zone's last change, as POSIX writes it in TZ (POSIX.1-2017 8.3
 * with the hours of RFC 8536 3.3.1): worked out year by year to the end of the calendar's 400
 * years. */
#include "base/calendar.h"
#include "base/zone_parts.h"

#include <ctype.h>

#define LAST_YEAR  2450
#define FIRST_YEAR 1970
#define TWO_AM_S   7200

enum day_form { DAY_JULIAN, DAY_ZERO, DAY_WEEKDAY };

/* One of the two days of change. */
struct day {
	enum day_form form;
	int number;               /* Jn: 1–365 without leap days; n: 0–365 */
	int month, week, weekday; /* Mm.w.d; week 5 is the last */
	int64_t time_s;           /* on the clock that is valid before the change */
};

static bool take_number(const char **at, int low, int high, int *out)
{
	int value = 0, digits = 0;
	for (; isdigit((unsigned char)**at) && digits < 4; digits++)
		value = value * 10 + (*(*at)++ - '0');
	*out = value;
	return digits > 0 && value >= low && value <= high;
}

static bool take(const char **at, char letter)
{
	if (**at != letter)
		return false;
	(*at)++;
	return true;
}

/* "CET" or "<+0330>". */
static bool skip_name(const char **at)
{
	bool is_quoted = take(at, '<');
	const char *begin = *at;
	while (is_quoted ? isalnum((unsigned char)**at) || **at == '+' || **at == '-'
			 : isalpha((unsigned char)**at) != 0)
		(*at)++;
	return *at - begin >= 3 && (!is_quoted || take(at, '>'));
}

/* "[+-]h[h[h]][:mm[:ss]]". */
static bool take_time(const char **at, int hours_max, int64_t *out_s)
{
	int hours = 0, minutes = 0, seconds = 0;
	bool is_negative = take(at, '-');
	if (!is_negative)
		take(at, '+');
	if (!take_number(at, 0, hours_max, &hours))
		return false;
	if (take(at, ':')) {
		if (!take_number(at, 0, 59, &minutes))
			return false;
		if (take(at, ':') && !take_number(at, 0, 59, &seconds))
			return false;
	}
	int64_t value_s = hours * INT64_C(3600) + minutes * INT64_C(60) + seconds;
	*out_s = is_negative ? -value_s : value_s;
	return true;
}

static bool take_date(const char **at, struct day *day)
{
	if (take(at, 'M')) {
		day->form = DAY_WEEKDAY;
		return take_number(at, 1, 12, &day->month) && take(at, '.') &&
		       take_number(at, 1, 5, &day->week) && take(at, '.') &&
		       take_number(at, 0, 6, &day->weekday);
	}
	day->form = take(at, 'J') ? DAY_JULIAN : DAY_ZERO;
	return take_number(at, day->form == DAY_JULIAN, 365, &day->number);
}

static bool take_day(const char **at, struct day *day)
{
	day->time_s = TWO_AM_S;
	return take(at, ',') && take_date(at, day) &&
	       (!take(at, '/') || take_time(at, 167, &day->time_s));
}

static int64_t find_weekday(const struct day *day, int64_t year)
{
	int64_t first = calendar_days((struct calendar_date){ year, day->month, 1 });
	int length = calendar_month_length(year, day->month);
	int ahead = (day->weekday - calendar_weekday(first) + 7) % 7 + (day->week - 1) * 7;
	return first + (ahead < length ? ahead : ahead - 7);
}

static int64_t find_day(const struct day *day, int64_t year)
{
	int64_t january = calendar_days((struct calendar_date){ year, 1, 1 });
	bool is_leap = calendar_month_length(year, 2) == 29;
	switch (day->form) {
	case DAY_WEEKDAY:
		return find_weekday(day, year);
	case DAY_JULIAN:
		return january + day->number - 1 + (is_leap && day->number >= 60);
	default:
		return january + day->number;
	}
}

static void add_after(struct zone *zone, int64_t last_s, int64_t at_s, int32_t offset_s)
{
	if (at_s > last_s)
		zone_add(zone, at_s, offset_s);
}

static void add_years(struct zone *zone, int32_t standard_s, int32_t summer_s,
	const struct day *begin, const struct day *end)
{
	/* Of a zone without changes before: from the first year on. */
	int64_t last_s = zone->changes[zone->count - 1].at_s;
	for (int64_t year = FIRST_YEAR; year <= LAST_YEAR; year++) {
		int64_t begin_s =
			find_day(begin, year) * CALENDAR_DAY_S + begin->time_s - standard_s;
		int64_t end_s = find_day(end, year) * CALENDAR_DAY_S + end->time_s - summer_s;
		/* In the south summer ends before it begins. */
		bool is_north = begin_s < end_s;
		add_after(
			zone, last_s, is_north ? begin_s : end_s, is_north ? summer_s : standard_s);
		add_after(
			zone, last_s, is_north ? end_s : begin_s, is_north ? standard_s : summer_s);
	}
}

bool zone_add_rule(struct zone *zone, const char *text)
{
	int64_t west_s, summer_west_s;
	struct day begin, end;
	if (!skip_name(&text) || !take_time(&text, 24, &west_s))
		return false;
	/* A zone without summer time stays as its last change left it. */
	if (*text == '\0')
		return true;
	summer_west_s = west_s - 3600;
	if (!skip_name(&text) ||
		(*text != ',' && *text != '\0' && !take_time(&text, 24, &summer_west_s)))
		return false;
	if (!take_day(&text, &begin) || !take_day(&text, &end) || *text != '\0')
		return false;
	add_years(zone, (int32_t)-west_s, (int32_t)-summer_west_s, &begin, &end);
	return true;
}
