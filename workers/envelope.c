/* The envelope that a handler gets, and the trace it carries. */
#include "workers/attempt.h"

#include "base/jsontext.h"
#include "workers/shapes.h"

static bool get_trace(struct attempt *attempt, json_t **out, struct error *err)
{
	const struct leased *task = attempt->task;
	struct self *self = &attempt->worker->self;
	struct jobs *jobs = attempt->worker->jobs;
	const struct place_in_job place = { task->job_id, task->name, task->wait_gate,
		task->parent };
	const struct line *above = NULL;
	int64_t seq;
	bool ok;
	do
		ok = jobs_find_ancestor(jobs, self->store, &place, &seq, err) &&
		     (seq == 0 || jobs_get_line(jobs, self->store, task->job_id, seq, &above, err));
	while (self_tries_again(self, ok, err));
	if (ok)
		*out = above ? json_copy(above->trace) : json_array();
	return ok;
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static bool is_too_long(const json_t *envelope)
{
	OWNED(free) char *text = jsontext_print(envelope);
	return strlen(text) > JSONTEXT_ENVELOPE_MAX;
}

static json_t *assemble(const struct attempt *attempt, json_t *inputs, json_t *trace)
{
	const struct leased *task = attempt->task;
	const struct workflow *workflow = attempt->job.workflow;
	json_t *envelope = json_object();
	json_object_set_new(envelope, "id", json_string(task->id));
	json_object_set_new(envelope, "job_id", text_or_null(task->job_id));
	json_object_set_new(
		envelope, "workflow", text_or_null(workflow ? workflow_name(workflow) : NULL));
	json_object_set_new(envelope, "name", json_string(task->name));
	json_object_set_new(envelope, "queue", json_string(task->queue));
	json_object_set_new(envelope, "attempt", json_integer(task->token.attempt));
	json_object_set(envelope, "payload", attempt->payload);
	json_object_set(envelope, "inputs", inputs);
	json_object_set(envelope, "trace", trace);
	json_object_set_new(envelope, "deadline", json_null());
	json_object_set_new(envelope, "scheduled_at", shapes_time(task->scheduled_at_ms));
	return envelope;
}

bool attempt_envelope(struct attempt *attempt, json_t **out, struct error *err)
{
	OWNED(json) json_t *inputs = NULL;
	OWNED(json) json_t *trace = NULL;
	if (!attempt_inputs(attempt, &inputs, err) || !get_trace(attempt, &trace, err))
		return false;
	OWNED(json) json_t *envelope = assemble(attempt, inputs, trace);
	/* The trace is for people: the oldest of it goes first. */
	while (is_too_long(envelope)) {
		if (json_array_size(trace) == 0)
			return error_set(err, ERROR_INVALID, "the envelope has over %d bytes",
				JSONTEXT_ENVELOPE_MAX);
		json_array_remove(trace, 0);
	}
	*out = GIVE(envelope);
	return true;
}
