/*
 * The controller of supervisor/scaling.c behind a pipe, for simulations.
 * usage: scaling_controller STRATEGY MIN MAX MAX_WAIT_MS WINDOW_MS MESSAGES_PER_WORKER
 * Per line "NOW_MS WORKERS BUSY DEPTH WORKING SERVED BUSY_MS" it answers "DESIRED LIMIT WINDOW_MS".
 */
#include "supervisor/scaling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum scale_strategy find_strategy(const char *name)
{
	return strcmp(name, "depth") == 0   ? SCALE_DEPTH
	       : strcmp(name, "fixed") == 0 ? SCALE_FIXED
					    : SCALE_OFFERED;
}

static bool read_sample(struct scaling_sample *sample)
{
	long long now_ms, depth, working, served, busy_ms;
	int workers, busy;
	if (scanf("%lld %d %d %lld %lld %lld %lld", &now_ms, &workers, &busy, &depth, &working,
		    &served, &busy_ms) != 7)
		return false;
	*sample = (struct scaling_sample){
		.now_ms = now_ms,
		.is_measured = true,
		.workers = workers,
		.busy = busy,
		.depth = depth,
		.working = working,
		.served = (uint64_t)served,
		.busy_ms = busy_ms,
		.room = SCALING_ROOM_UNKNOWN,
	};
	return true;
}

int main(int count, char **words)
{
	if (count != 7) {
		fputs("usage: scaling_controller STRATEGY MIN MAX MAX_WAIT_MS WINDOW_MS "
		      "MESSAGES_PER_WORKER\n",
			stderr);
		return 2;
	}
	const struct scaling_rules rules = {
		.scale = { find_strategy(words[1]), atoll(words[4]), atoll(words[5]),
			atoi(words[6]) },
		.min = atoi(words[2]),
		.max = atoi(words[3]),
	};
	struct scaling_state state = { 0 };
	struct scaling_sample sample;
	while (read_sample(&sample)) {
		struct scaling_advice advice = scaling_step(&rules, &sample, &state);
		printf("%d %s %lld\n", advice.desired, scaling_limit_names[advice.limit],
			(long long)scaling_window_ms(&rules, &state));
		fflush(stdout);
	}
	return 0;
}
