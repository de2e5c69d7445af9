#pragma once
/* What the count of workers remembers: means, and the window. Parts of scaling.c, pure as well. */
#include "supervisor/scaling.h"

/* Takes the means on to the moment of the sample. */
void scaling_learn(const struct scaling_sample *sample, struct scaling_state *state);
/* Adds a recommendation; answers the highest of the last window, this one included. */
int scaling_remember(const struct scaling_rules *rules, int64_t now_ms, int recommendation,
	struct scaling_state *state);
/* The count is going to change to `target`, or stays: growing back soon after it has shrunk
 * lengthens the window, a long time without that shortens it. */
void scaling_note_change(const struct scaling_rules *rules, const struct scaling_sample *sample,
	int target, struct scaling_state *state);
