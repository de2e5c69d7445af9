/* Time zones; see zone.h. */
#include "base/zone.h"

#include "base/zone_parts.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "/usr/share/zoneinfo"
/* More than any two offsets of one zone were ever apart. */
#define REACH_S INT64_C(100000)

void zone_add(struct zone *zone, int64_t at_s, int32_t offset_s)
{
	struct zone_change *last = zone->count ? &zone->changes[zone->count - 1] : NULL;
	if (last && last->offset_s == offset_s)
		return;
	if (last && last->at_s == at_s) {
		last->offset_s = offset_s;
		return;
	}
	zone->changes = xgrow(zone->changes, zone->count, &zone->room, sizeof *zone->changes);
	zone->changes[zone->count++] = (struct zone_change){ at_s, offset_s };
}

/* No "..", no "/" in front or doubled: nothing outside the folder is read. */
static bool is_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_+-";
	size_t length = strlen(name);
	if (length == 0 || length > ZONE_NAME_MAX)
		return false;
	for (;;) {
		size_t part = strspn(name, letters);
		if (part == 0)
			return false;
		name += part;
		if (*name == '\0')
			return true;
		if (*name++ != '/')
			return false;
	}
}

static bool is_utc(const char *name)
{
	static const char *const names[] = { "UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool read_zone(struct zone *zone, struct error *err)
{
	if (is_utc(zone->name)) {
		zone_add(zone, INT64_MIN, 0);
		return true;
	}
	const char *folder = getenv("TZDIR");
	if (!folder || *folder != '/')
		folder = FOLDER;
	if (access(folder, F_OK) != 0)
		return error_set(err, ERROR_NOT_FOUND,
			"no time zones in %.80s; install tzdata (UTC needs none)", folder);
	OWNED(free) char *path = xprintf("%s/%s", folder, zone->name);
	return zone_read_file(zone, path, err);
}

bool zone_open(const char *name, struct zone **out, struct error *err)
{
	if (!is_name(name))
		return error_set(err, ERROR_INVALID,
			"expected a time zone such as Europe/Madrid or UTC, got \"%.80s\"", name);
	OWNED(zone) struct zone *zone = xcalloc(1, sizeof *zone);
	snprintf(zone->name, sizeof zone->name, "%s", name);
	if (!read_zone(zone, err))
		return false;
	*out = GIVE(zone);
	return true;
}

void zone_close(struct zone *zone)
{
	free(zone->changes);
	free(zone);
}

const char *zone_name(const struct zone *zone)
{
	return zone->name;
}

/* The last change that is not after this instant. */
static size_t find(const struct zone *zone, int64_t at_s)
{
	size_t low = 0, high = zone->count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (zone->changes[middle].at_s <= at_s)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int64_t end_of(const struct zone *zone, size_t index)
{
	return index + 1 < zone->count ? zone->changes[index + 1].at_s : ZONE_NEVER;
}

int32_t zone_offset(const struct zone *zone, int64_t at_s, int64_t *until_s)
{
	size_t index = find(zone, at_s);
	if (until_s)
		*until_s = end_of(zone, index);
	return zone->changes[index].offset_s;
}

int64_t zone_instant(const struct zone *zone, int64_t wall_s)
{
	for (size_t i = find(zone, wall_s - REACH_S);; i++) {
		int64_t at_s = wall_s - zone->changes[i].offset_s;
		if (at_s < zone->changes[i].at_s)
			return zone->changes[i].at_s;
		if (at_s < end_of(zone, i))
			return at_s;
	}
}

int64_t zone_wall_reached(const struct zone *zone, int64_t at_s)
{
	size_t index = find(zone, at_s);
	int64_t reached_s = at_s + zone->changes[index].offset_s;
	for (; index > 0 && zone->changes[index].at_s > at_s - REACH_S; index--) {
		int64_t end_s = zone->changes[index].at_s - 1 + zone->changes[index - 1].offset_s;
		reached_s = end_s > reached_s ? end_s : reached_s;
	}
	return reached_s;
}
