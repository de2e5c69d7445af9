#pragma once
/* The supervisor: one libev loop that forks, watches and restarts workers; no store, no job state.
 */
#include "config/config.h"

struct supervisor_options {
	const char *const *only; /* queues of --only; count 0: all */
	size_t only_count;
	bool until_idle;
	/* Asked before a reload takes a configuration, beside its own checks; or NULL. */
	bool (*check)(const struct config *config, struct error *err);
};

/*
 * Runs in the foreground until stopped; answers reeve's exit code: 0 after a drain in time, 1 if
 * tasks had to be killed (or, until idle, if a task failed for good), 1 with a line on stderr where
 * another supervisor runs this file, 75 where nothing could be started. Takes config over.
 */
int supervisor_run(struct config *config, const struct supervisor_options *options);
