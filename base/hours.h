#pragma once
/*
 * Opening hours: a window on certain days, by the clock of a zone. Where `to` is not after `from`
 * the window ends on the next day; `days` name the day on which it opens. Where clocks change, a
 * time that does not exist is the instant at which they jump over it, and one that comes twice is
 * the first: a window that lies in a skipped hour as a whole does not open that day.
 */
#include "base/zone.h"

struct hours {
	int from_min, to_min; /* minutes of the day: 0–1439, 0–1440 */
	uint8_t days;         /* bit 0: Sunday */
};

/* Whether the window is open at this instant. *until_s: when that changes; ZONE_NEVER where it is
 * always open (windows that meet are one). */
bool hours_are_open(
	const struct hours *hours, const struct zone *zone, int64_t at_s, int64_t *until_s);
