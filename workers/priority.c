/* Default priorities; see priority.h. */
#include "workers/priority.h"

void priority_fill(const struct config *config, const struct workflow *workflow,
	struct new_task *tasks, size_t count)
{
	for (size_t i = 0; config && i < count; i++) {
		const struct workflow_task *facts = workflow_find_task(workflow, tasks[i].name);
		const struct config_queue *queue = config_find_served(config, tasks[i].queue);
		if (queue && facts && !facts->has_priority)
			tasks[i].priority = queue->priority;
	}
}
