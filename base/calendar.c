/* The Gregorian calendar; see calendar.h. The two conversions count years from March, so that the
 * leap day is the last of its year, in eras of 400 years:
 * https://howardhinnant.github.io/date_algorithms.html */
#include "base/calendar.h"

#include <stdbool.h>

#define ERA_DAYS 146097
#define ERA_1970 719468 /* days from 0000-03-01 to 1970-01-01 */

int64_t calendar_days(struct calendar_date date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - ERA_1970;
}

struct calendar_date calendar_date(int64_t days)
{
	days += ERA_1970;
	int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
	int64_t rest = days - era * ERA_DAYS;
	int64_t of_era = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	int64_t of_year = rest - (365 * of_era + of_era / 4 - of_era / 100);
	int month = (int)((5 * of_year + 2) / 153);
	int day = (int)(of_year - (153 * month + 2) / 5 + 1);
	month += month < 10 ? 3 : -9;
	return (struct calendar_date){ of_era + era * 400 + (month <= 2), month, day };
}

int calendar_month_length(int64_t year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return lengths[month - 1] + (month == 2 && is_leap);
}

int calendar_weekday(int64_t days)
{
	int weekday = (int)((days + 4) % 7);
	return weekday < 0 ? weekday + 7 : weekday;
}

int64_t calendar_day_of(int64_t second_s)
{
	int64_t days = second_s / CALENDAR_DAY_S;
	return days - (second_s % CALENDAR_DAY_S < 0);
}
