#pragma once
/*
 * Time zones by their IANA names, read from the files of tzdata (RFC 8536) without touching TZ or
 * the C library's own zone: so any number of them at once, in any thread. Instants are seconds
 * since 1970 in UTC; a wall time is what a clock there shows, counted as if that were UTC.
 */
#include "base/error.h"
#include "base/memory.h"

#include <stdint.h>

#define ZONE_NAME_MAX 64
#define ZONE_NEVER    INT64_MAX

struct zone;

/* UTC needs no file. NOT_FOUND: no zone of this name, or no tzdata at all, the sentence says which;
 * INVALID: no name of a zone, or a file that is none. The folder is $TZDIR or /usr/share/zoneinfo.
 */
bool zone_open(const char *name, struct zone **out, struct error *err);
void zone_close(struct zone *zone);
const char *zone_name(const struct zone *zone);

/* Seconds that wall time is ahead of UTC, and the instant at which that changes next (ZONE_NEVER).
 */
int32_t zone_offset(const struct zone *zone, int64_t at_s, int64_t *until_s);

/* The instant of a wall time: the first where it comes twice; where it does not come at all, the
 * instant at which clocks jump over it. Never falls as the wall time grows. */
int64_t zone_instant(const struct zone *zone, int64_t wall_s);

/* The latest wall time that clocks have shown up to this instant: while an hour comes for the
 * second time, the end of the first. */
int64_t zone_wall_reached(const struct zone *zone, int64_t at_s);

MEMORY_DROP(zone, struct zone *, zone_close)
