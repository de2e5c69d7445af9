/* Workflows by their names; see starts.h. */
#include "workers/starts.h"

bool starts_find_workflow(
	const struct config *config, const char *name, struct workflow **out, struct error *err)
{
	struct workflow_list list = { 0 };
	struct workflow_faults faults = { 0 };
	workflow_list_load(config->workflow_paths, &list, &faults);
	bool is_open = workflow_open(&list, name, out, NULL, err);
	workflow_list_finish(&list);
	workflow_faults_finish(&faults);
	return is_open;
}
