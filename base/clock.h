#pragma once
/*
 * The two clocks of reeve, both in milliseconds. Wall time is for what people and calendars see
 * (created_at, due_at); steady time (CLOCK_BOOTTIME) is for leases, time-outs and back-off.
 */
#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_steady_ms(void);

/* Tests move both clocks forward; 0 puts them back. */
void clock_set_offset_ms(int64_t offset_ms);
int64_t clock_offset_ms(void); /* for clocks elsewhere that have to agree */

#define CLOCK_TEXT_SIZE 32
/* RFC 3339 in UTC with milliseconds, "2026-11-22T14:50:39.125Z"; answers out. */
char *clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
