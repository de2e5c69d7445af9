/* Jobs and tasks as JSON; see shapes.h. */
#include "workers/shapes.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "workers/nested.h"
#include "workers/trace.h"

json_t *shapes_value(const char *text)
{
	json_t *value;
	if (!text)
		return json_null();
	if (jsontext_parse(text, strlen(text), &value, NULL))
		return value;
	return trace_text(text);
}

json_t *shapes_time(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];
	return wall_ms ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *count_states(const struct job_record *job)
{
	json_t *names = json_object();
	for (size_t i = 0; i < job->name_count; i++) {
		json_t *states = json_object();
		for (int state = 0; state < TASK_STATES; state++)
			if (job->names[i].states[state])
				json_object_set_new(states, task_state_names[state],
					json_integer(job->names[i].states[state]));
		json_object_set_new(names, job->names[i].name, states);
	}
	return names;
}

json_t *shapes_job(const struct job_record *job)
{
	json_t *shape = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
		trace_text(job->id), "workflow", trace_text(job->workflow), "status",
		job_state_names[job->state], "reason", trace_text(job->reason), "payload",
		shapes_value(job->payload), "created_at", shapes_time(job->created_at_ms),
		"finished_at", shapes_time(job->finished_at_ms), "tasks", count_states(job));
	if (nested_is(job->id))
		json_object_set_new(shape, "parent", trace_text(job->key));
	return shape;
}

static json_t *list_entries(const struct attempt_list *attempts)
{
	json_t *trace = json_array();
	for (size_t i = 0; i < attempts->count; i++)
		if (attempts->rows[i].entry)
			json_array_append_new(trace, shapes_value(attempts->rows[i].entry));
	return trace;
}

static const char *last_output(const struct attempt_list *attempts)
{
	return attempts->count ? attempts->rows[attempts->count - 1].output : NULL;
}

int64_t shapes_due_ms(const struct task_record *task)
{
	return task->state == TASK_QUEUED ? task->due_at_ms : 0;
}

json_t *shapes_task(const struct task_record *task, const struct attempt_list *attempts)
{
	json_t *shape = json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o}",
		"id", task->id, "job_id", trace_text(task->job_id), "name", trace_text(task->name),
		"queue", trace_text(task->queue), "status", task_state_names[task->state], "reason",
		trace_text(task->reason), "due_at", shapes_time(shapes_due_ms(task)), "attempt",
		(json_int_t)task->attempt, "payload", shapes_value(task->payload), "result",
		shapes_value(task->result), "trace", list_entries(attempts), "output",
		trace_text(last_output(attempts)));
	char nested[IDS_UUID_SIZE];
	nested_id(task->id, nested);
	if (nested_is_queue(task->queue))
		json_object_set_new(shape, "nested_job", json_string(nested));
	return shape;
}
