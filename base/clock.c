/* Wall and steady time; see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t test_offset_ms;

static int64_t read_ms(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + test_offset_ms;
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t clock_steady_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

void clock_set_offset_ms(int64_t offset_ms)
{
	test_offset_ms = offset_ms;
}

int64_t clock_offset_ms(void)
{
	return test_offset_ms;
}

char *clock_format(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
	int64_t second = wall_ms / 1000;
	int milli = (int)(wall_ms % 1000);
	if (milli < 0) {
		milli += 1000;
		second--;
	}
	time_t when = (time_t)second;
	struct tm utc;
	if (!gmtime_r(&when, &utc)) {
		out[0] = '\0';
		return out;
	}
	char day[24];
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, CLOCK_TEXT_SIZE, "%s.%03dZ", day, milli);
	return out;
}
