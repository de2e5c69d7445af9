/*
 * A key of a job's payload that is the name of a task is that task's section (Qyu's rule, see
 * payload.c), so no task gets it as a key. `check` names what has surely not been meant so.
 */
#include "workflow/descriptor.h"

#include "config/config.h"

static bool is_task(const struct workflow *workflow, const char *key)
{
	return descriptor_find(workflow, key) != NO_TASK;
}

void workflow_check_payload(const struct workflow *workflow, const char *place,
	const json_t *payload, struct workflow_faults *found)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)payload, key, value)
	{
		if (is_task(workflow, key) && !json_is_object(value))
			descriptor_fault(found,
				"%s.%s: a task of workflow %s has this name: so it is the task's "
				"section, which has to be an object, and no task gets it",
				place, key, workflow->name);
	}
}

static void check_read(const struct workflow *workflow, const struct task_model *task,
	const char *reader, const char *key, struct workflow_faults *found)
{
	if (key && is_task(workflow, key))
		descriptor_fault(found,
			"workflow %s: tasks.%s: %s reads \"%s\" of the payload, but a task has "
			"this name: in a job's payload it is that task's section, and arrives "
			"nowhere as a key",
			workflow->name, task->facts.name, reader, key);
}

/* Tests of `when` are on payload.KEY or payload.KEY.MORE. */
static void check_when(const struct workflow *workflow, const struct task_model *task,
	struct workflow_faults *found)
{
	static const char own[] = "payload.";
	const char *path;
	json_t *test;
	json_object_foreach((json_t *)task->facts.when, path, test)
	{
		if (strncmp(path, own, strlen(own)) != 0)
			continue;
		OWNED(free) char *key = xstrdup(path + strlen(own));
		key[strcspn(key, ".")] = '\0';
		check_read(workflow, task, "`when`", key, found);
	}
}

static void check_task(const struct workflow *workflow, const struct task_model *task,
	const struct config_queue *queue, struct workflow_faults *found)
{
	const char *key;
	json_t *rules;
	check_when(workflow, task, found);
	if (!queue || task->facts.nested)
		return;
	if (queue->type == QUEUE_SPLIT)
		check_read(workflow, task, "`split` of its queue", queue->split_payload_key, found);
	json_object_foreach(queue->validate, key, rules)
	{
		check_read(workflow, task, "`validate` of its queue", key, found);
	}
}

void workflow_check_sections(
	const struct workflow *workflow, const struct config *config, struct workflow_faults *found)
{
	OWNED(free) char *place = xprintf("workflow %s: payload", workflow->name);
	workflow_check_payload(workflow, place, workflow->payload, found);
	for (size_t i = 0; i < workflow->count; i++)
		check_task(workflow, &workflow->tasks[i],
			config_find_served(config, workflow->tasks[i].facts.queue), found);
}
