/* A workflow against the configured queues. */
#include "workflow/descriptor.h"

#include "config/config.h"

static void check_queue(const struct workflow *workflow, const struct task_model *task,
	const struct config *config, struct workflow_faults *mistakes,
	struct workflow_faults *absent)
{
	const char *name = task->facts.name;
	const struct config_queue *queue = config_find_served(config, task->facts.queue);
	if (task->facts.nested)
		return;
	if (!queue)
		descriptor_fault(absent,
			"workflow %s: tasks.%s.queue: \"%s\" is not configured here",
			workflow->name, name, task->facts.queue);
	else if (queue->type == QUEUE_PROGRAM)
		descriptor_fault(mistakes,
			"workflow %s: tasks.%s.queue: \"%s\" is of type program, which is given "
			"no tasks",
			workflow->name, name, task->facts.queue);
	else if (task->waits_for && queue->type != QUEUE_SYNC)
		descriptor_fault(mistakes,
			"workflow %s: tasks.%s: waits_for needs a queue of type sync, and \"%s\" "
			"is not",
			workflow->name, name, task->facts.queue);
}

void workflow_check_queues(const struct workflow *workflow, const struct config *config,
	bool strict, struct workflow_faults *mistakes, struct workflow_faults *warnings)
{
	for (size_t i = 0; i < workflow->count; i++)
		check_queue(workflow, &workflow->tasks[i], config, mistakes,
			strict ? mistakes : warnings);
}
