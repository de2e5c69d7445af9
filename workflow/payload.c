/* How payloads flow from the job and from parent to child; see payload.h. */
#include "workflow/payload.h"

#include "base/jsontext.h"

static bool is_absent(const json_t *payload)
{
	return !payload || json_is_null(payload);
}

/* Qyu's rule: every key that names a task is left out, and the task's own section comes on top. */
static void put_section(const struct workflow *workflow, const struct task_model *task,
	const json_t *payload, json_t *out)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)payload, key, value)
	{
		if (descriptor_find(workflow, key) == NO_TASK)
			json_object_set(out, key, value);
	}
	json_t *section = json_object_get(payload, task->facts.name);
	if (json_is_object(section))
		json_object_update(out, section);
}

void payload_prepare(struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->count; i++) {
		struct task_model *task = &workflow->tasks[i];
		task->defaults = json_object();
		put_section(workflow, task, workflow->payload, task->defaults);
		json_object_update(task->defaults, (json_t *)task->own_defaults);
	}
}

/* A default of the parent is not a value that anybody gave: it would hide the child's own. */
static void put_given(const struct task_model *parent, const json_t *payload, json_t *out)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)payload, key, value)
	{
		const json_t *preset = json_object_get(parent->defaults, key);
		if (!preset || !json_equal(preset, value))
			json_object_set(out, key, value);
	}
}

json_t *payload_inherited(const struct task_model *parent, const struct ended *ended)
{
	if (!is_absent(ended->payload) && !json_is_object(ended->payload))
		return json_incref((json_t *)ended->payload);
	json_t *inherited = jsontext_merge(ended->job_payload, NULL);
	put_given(parent, ended->payload, inherited);
	return inherited;
}

json_t *payload_started(
	const struct workflow *workflow, const struct task_model *task, const json_t *inherited)
{
	if (!is_absent(inherited) && !json_is_object(inherited))
		return json_incref((json_t *)inherited);
	json_t *payload = jsontext_merge(task->defaults, NULL);
	put_section(workflow, task, inherited, payload);
	return payload;
}

json_t *payload_spawned(
	const struct task_model *task, const json_t *given, const json_t *job_payload)
{
	if (!is_absent(given) && !json_is_object(given))
		return json_incref((json_t *)given);
	json_t *payload = jsontext_merge(task->defaults, given);
	json_t *section = json_object_get(job_payload, task->facts.name);
	if (json_is_object(section))
		json_object_update(payload, section);
	return payload;
}
