#pragma once
/* All that can be wrong with a configuration and its workflows, found at once. */
#include "cli/arguments.h"
#include "cli/catalogue.h"
#include "config/config.h"

/* Mistakes (lines) and warnings of the workflows; with is_strict a queue that is not configured is
 * a mistake. Joined to report, which the caller finishes. */
void check_workflows(
	const struct config *config, bool is_strict, struct config_faults *report, size_t *checked);
/* A job of the workflow can't run with the queues that are configured: the lines are on stderr.
 * is_strict as above. */
bool check_queues(const struct workflow *workflow, const struct config *config, bool is_strict);
/* Warnings about the store's server, where it can be reached; false: it can't be used. */
bool check_store(const struct config *config, struct config_faults *report, struct error *err);
/* The report on stderr. */
void check_print(const struct config_faults *report);
