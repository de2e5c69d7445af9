/* Back-off of one place; see backoff.h. */
#include "supervisor/backoff.h"

static bool is_storm(const struct backoff *backoff, int64_t now_ms)
{
	/* The slot that is written next holds the oldest of the last BACKOFF_STORM deaths. */
	int64_t oldest = backoff->recent_ms[backoff->streak % BACKOFF_STORM];
	return backoff->streak >= BACKOFF_STORM && now_ms - oldest <= BACKOFF_STORM_WINDOW_MS;
}

static int64_t doubled(int streak, const struct config_restart *restart)
{
	int64_t delay = BACKOFF_STEP_MS;
	for (int i = 2; i < streak && delay < restart->max_delay_ms; i++)
		delay *= 2;
	if (delay < restart->delay_ms)
		delay = restart->delay_ms;
	return delay < restart->max_delay_ms ? delay : restart->max_delay_ms;
}

int64_t backoff_note_death(struct backoff *backoff, const struct config_restart *restart,
	bool was_good, int64_t now_ms, double chance)
{
	if (was_good) {
		*backoff = (struct backoff){ 0 };
		return restart->delay_ms;
	}
	backoff->recent_ms[backoff->streak % BACKOFF_STORM] = now_ms;
	backoff->streak++;
	/* A probe that fails is followed by a probe: only good service ends the slow rhythm. */
	if (backoff->is_probing || is_storm(backoff, now_ms)) {
		backoff->is_probing = true;
		return restart->probe_ms;
	}
	if (backoff->streak == 1)
		return restart->delay_ms;
	int64_t delay = doubled(backoff->streak, restart);
	return delay / 2 + (int64_t)((double)(delay - delay / 2) * chance);
}
