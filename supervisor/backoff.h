#pragma once
/*
 * When a place whose worker died is filled again. Pure: the clock and the chance are the caller's.
 */
#include "config/config.h"

#define BACKOFF_STORM           5
#define BACKOFF_STORM_WINDOW_MS 30000
#define BACKOFF_STEP_MS         100

struct backoff {
	int streak; /* deaths before good service since the last good service */
	int64_t recent_ms[BACKOFF_STORM]; /* steady times of the latest of them, a ring */
	bool is_probing;
};

/*
 * Notes a death and answers how many milliseconds to wait before the next start. was_good: the
 * worker served well, so the streak ends. chance in [0, 1) places the delay in [d/2, d].
 */
int64_t backoff_note_death(struct backoff *backoff, const struct config_restart *restart,
	bool was_good, int64_t now_ms, double chance);
