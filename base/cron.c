/* The next instant of a cron expression; see cron.h. Days are searched one by one, months that do
 * not count are left out as a whole; within a day it is arithmetic on bits. */
#include "base/cron.h"

#include "base/calendar.h"

#define PERIOD_DAYS 146097 /* 400 years: then weekdays and leap days come again as they were */
#define NO_BIT      64

/* The lowest bit from `from` on; NO_BIT where there is none. */
static int bit_from(uint64_t bits, int from)
{
	bits = from < NO_BIT ? bits >> from << from : 0;
	return bits ? __builtin_ctzll(bits) : NO_BIT;
}

/* The first second of a day from `from_s` on; CALENDAR_DAY_S where there is none. */
static int time_from(const struct cron *cron, int from_s)
{
	int hour = bit_from(cron->hours, from_s / 3600);
	if (hour > from_s / 3600)
		from_s = 0;
	for (; hour < NO_BIT; hour = bit_from(cron->hours, hour + 1), from_s = 0) {
		int minute = bit_from(cron->minutes, from_s / 60 % 60);
		int second = minute == from_s / 60 % 60 ? bit_from(cron->seconds, from_s % 60)
							: bit_from(cron->seconds, 0);
		if (second == NO_BIT && minute < NO_BIT) {
			minute = bit_from(cron->minutes, minute + 1);
			second = bit_from(cron->seconds, 0);
		}
		if (minute < NO_BIT)
			return hour * 3600 + minute * 60 + second;
	}
	return CALENDAR_DAY_S;
}

static bool is_day(const struct cron *cron, int64_t days, struct calendar_date date)
{
	int length = calendar_month_length(date.year, date.month);
	int weekday = calendar_weekday(days);
	bool by_date = cron->days >> date.day & 1 || cron->from_last >> (length - date.day) & 1;
	bool by_weekday = cron->weekdays >> weekday & 1 ||
			  (cron->last_weekdays >> weekday & 1 && date.day > length - 7);
	return cron->needs_both ? by_date && by_weekday : by_date || by_weekday;
}

/* The first wall time after this one; ZONE_NEVER where the calendar has none. */
static int64_t next_wall(const struct cron *cron, int64_t after_s)
{
	int64_t days = calendar_day_of(after_s + 1), end = days + PERIOD_DAYS + 366;
	int from_s = (int)(after_s + 1 - days * CALENDAR_DAY_S);
	while (days < end) {
		struct calendar_date date = calendar_date(days);
		if (!(cron->months >> date.month & 1)) {
			days += calendar_month_length(date.year, date.month) - date.day + 1;
			from_s = 0;
			continue;
		}
		int time_s = is_day(cron, days, date) ? time_from(cron, from_s) : CALENDAR_DAY_S;
		if (time_s < CALENDAR_DAY_S)
			return days * CALENDAR_DAY_S + time_s;
		days++;
		from_s = 0;
	}
	return ZONE_NEVER;
}

/* Each stretch between two changes of the clock by itself: what it shows twice counts twice. */
static int64_t next_real(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
	for (;;) {
		int64_t until_s;
		int32_t offset_s = zone_offset(zone, after_s, &until_s);
		int64_t wall_s = next_wall(cron, after_s + offset_s);
		if (wall_s == ZONE_NEVER)
			return ZONE_NEVER;
		if (wall_s - offset_s < until_s)
			return wall_s - offset_s;
		/* The first instant of the next stretch itself may count. */
		offset_s = zone_offset(zone, until_s, NULL);
		if (next_wall(cron, until_s + offset_s - 1) == until_s + offset_s)
			return until_s;
		after_s = until_s;
	}
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
	if (cron->is_real)
		return next_real(cron, zone, after_s);
	int64_t wall_s = zone_wall_reached(zone, after_s), at_s;
	do {
		wall_s = next_wall(cron, wall_s);
		if (wall_s == ZONE_NEVER)
			return ZONE_NEVER;
		at_s = zone_instant(zone, wall_s);
	} while (at_s <= after_s);
	return at_s;
}

int64_t cron_last(
	const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t until_s)
{
	if (cron_next(cron, zone, after_s) > until_s)
		return ZONE_NEVER;
	/* The last one is always after low_s and not after high_s. */
	int64_t low_s = after_s, high_s = until_s;
	while (high_s - low_s > 1) {
		int64_t middle_s = low_s + (high_s - low_s) / 2;
		if (cron_next(cron, zone, middle_s) <= high_s)
			low_s = middle_s;
		else
			high_s = middle_s;
	}
	return high_s;
}
