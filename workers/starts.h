#pragma once
/* Workflows by their names, for what a keeper starts. */
#include "config/config.h"
#include "workflow/workflow.h"

/* From this host's files as they are now; NOT_FOUND where none has this name, INVALID for a broken
 * one. */
bool starts_find_workflow(
	const struct config *config, const char *name, struct workflow **out, struct error *err);
