/* Opening hours; see hours.h. */
#include "base/hours.h"

#include "base/calendar.h"

#define DAYS_BEFORE 3  /* a window that opened so long ago has closed, whatever the zone */
#define DAYS_AFTER  16 /* within so many days one opens, skipped hours counted in */

/* The window that opens on this day; false where none does. */
static bool find_window(const struct hours *hours, const struct zone *zone, int64_t days,
	int64_t *open_s, int64_t *close_s)
{
	if (!(hours->days >> calendar_weekday(days) & 1))
		return false;
	bool is_overnight = hours->to_min <= hours->from_min;
	*open_s = zone_instant(zone, days * CALENDAR_DAY_S + hours->from_min * 60);
	*close_s = zone_instant(zone, (days + is_overnight) * CALENDAR_DAY_S + hours->to_min * 60);
	return *open_s < *close_s;
}

bool hours_are_open(
	const struct hours *hours, const struct zone *zone, int64_t at_s, int64_t *until_s)
{
	int64_t today = calendar_day_of(at_s + zone_offset(zone, at_s, NULL));
	bool is_open = false;
	int64_t end_s = at_s;
	for (int64_t days = today - DAYS_BEFORE; days <= today + DAYS_AFTER; days++) {
		int64_t open_s, close_s;
		if (!find_window(hours, zone, days, &open_s, &close_s) || close_s <= at_s)
			continue;
		if (open_s > end_s) { /* a gap: open until it begins, or closed until it ends */
			*until_s = is_open ? end_s : open_s;
			return is_open;
		}
		is_open = true;
		end_s = close_s > end_s ? close_s : end_s;
	}
	*until_s = ZONE_NEVER;
	return is_open;
}
