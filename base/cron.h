#pragma once
/*
 * Cron expressions: five fields (minute, hour, day of the month, month, day of the week), or six
 * with the second in front; lists, ranges, steps, names, L, and words such as @daily.
 * docs/schedules.md has the language. As in crontab(5), where neither day field begins with `*`, a
 * day of either counts.
 *
 * Where clocks change: an hour that does not exist comes at the next instant that does; an hour
 * that comes twice counts the first time. Where the hour field is `*` or has a step, every real
 * hour counts.
 */
#include "base/error.h"
#include "base/zone.h"

struct cron {
	uint64_t seconds, minutes; /* bit n: at n */
	uint32_t hours;
	uint32_t days;      /* bits 1–31 */
	uint32_t from_last; /* bit n: n days before the last of the month */
	uint16_t months;    /* bits 1–12 */
	uint8_t weekdays;   /* bit 0: Sunday */
	uint8_t last_weekdays;
	bool needs_both; /* day of the month and day of the week */
	bool is_real;    /* every real hour */
};

/* INVALID with a sentence that names the field, also for what never comes (30 February). */
bool cron_parse(const char *text, struct cron *out, struct error *err);

/* The first instant after this one; ZONE_NEVER where the calendar has none. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_s);
/* The last instant after after_s that is not after until_s; ZONE_NEVER where there is none. */
int64_t cron_last(
	const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t until_s);
