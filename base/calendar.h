#pragma once
/* The Gregorian calendar as arithmetic on days since 1970-01-01. */
#include <stdint.h>

#define CALENDAR_DAY_S 86400

struct calendar_date {
	int64_t year;
	int month; /* 1–12 */
	int day;   /* 1–31 */
};

int64_t calendar_days(struct calendar_date date);
struct calendar_date calendar_date(int64_t days);
int calendar_month_length(int64_t year, int month);
/* 0 is Sunday. */
int calendar_weekday(int64_t days);
/* The day that a second since 1970 falls on. */
int64_t calendar_day_of(int64_t second_s);
