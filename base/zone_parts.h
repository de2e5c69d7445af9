#pragma once
/* Parts of base/zone.c: the changes of a zone's offset, and the rule for years after the last. */
#include "base/zone.h"

/* From `at_s` on clocks are `offset_s` ahead of UTC. */
struct zone_change {
	int64_t at_s;
	int32_t offset_s;
};

struct zone {
	char name[ZONE_NAME_MAX + 1];
	struct zone_change *changes; /* in the order of time; the first is at INT64_MIN */
	size_t count, room;
};

/* Adds a change after all others; one that changes nothing is left out. */
void zone_add(struct zone *zone, int64_t at_s, int32_t offset_s);

/* zone_rule.c: adds what a POSIX TZ text ("CET-1CEST,M3.5.0,M10.5.0/3") says for the years after
 * the last change. False where the text is none. */
bool zone_add_rule(struct zone *zone, const char *text);

/* zone_file.c: the changes of a file of tzdata. The error says what is wrong with it. */
bool zone_read_file(struct zone *zone, const char *path, struct error *err);
