#pragma once
/* The workflows that the configuration names, read from their files. */
#include "config/config.h"
#include "workflow/workflow.h"

struct catalogue {
	struct workflow_list list;
	struct workflow_faults faults; /* files that could not be read, doubles */
};
void catalogue_load(const struct config *config, struct catalogue *catalogue);
void catalogue_finish(struct catalogue *catalogue);

/* NULL where there is none of this name. Borrowed. */
const struct workflow_source *catalogue_find(const struct catalogue *catalogue, const char *name);
/* The workflow of this name. On failure says on stderr what is wrong with it, or what there is;
 * *code is the exit code. */
bool catalogue_open(const struct catalogue *catalogue, const struct config *config,
	const char *name, struct workflow **out, int *code);

#define OWNED_CATALOGUE __attribute__((cleanup(catalogue_finish)))
