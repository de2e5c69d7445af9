/*
 * What Qyu takes and does not look at: it is a slip, or a note. A descriptor that ran there runs
 * here as it is, so these are no mistakes; `check` names them.
 */
#include "workflow/descriptor.h"

static void warn_of_condition(const struct workflow *workflow, const char *name,
	const char *awaited, const json_t *condition, struct workflow_faults *found)
{
	const json_t *body = condition_body(condition);
	const json_t *const levels[] = { condition, body };
	const char *key;
	json_t *value;
	for (size_t i = 0; i < ARRAY_SIZE(levels) && body != condition; i++) {
		/* Beside `condition` only a timeout is read. */
		json_object_foreach((json_t *)levels[i], key, value)
		{
			bool is_read = levels[i] == body ? condition_has_key(key)
							 : strcmp(key, "condition") == 0 ||
								   strcmp(key, "timeout") == 0;
			if (!is_read)
				descriptor_fault(found,
					"workflow %s: tasks.%s.waits_for.%s: \"%s\" is ignored; a "
					"condition has function, param, value, timeout",
					workflow->name, name, awaited, key);
		}
	}
}

static void warn_of_functions(const struct workflow *workflow, const char *name, const char *child,
	const json_t *params, struct workflow_faults *found)
{
	const char *param;
	json_t *functions;
	json_object_foreach((json_t *)params, param, functions)
	{
		if (json_object_size(functions) > 1)
			descriptor_fault(found,
				"workflow %s: tasks.%s.starts_with_params.%s.%s: only the first "
				"function counts, count; the others are ignored",
				workflow->name, name, child, param);
	}
}

void workflow_check_ignored(const struct workflow *workflow, struct workflow_faults *found)
{
	const char *name, *key;
	json_t *task, *value;
	json_object_foreach(json_object_get(workflow->descriptor, "tasks"), name, task)
	{
		json_object_foreach(json_object_get(task, "waits_for"), key, value)
		{
			warn_of_condition(workflow, name, key, value, found);
		}
		json_object_foreach(json_object_get(task, "starts_with_params"), key, value)
		{
			warn_of_functions(workflow, name, key, value, found);
		}
	}
}
