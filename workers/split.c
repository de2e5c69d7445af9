/* type split: the slices of one array of the payload, each a child of every name it may start. */
#include "workers/attempt.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/jsontext.h"
#include "workers/shapes.h"

static json_t *take_slice(const json_t *list, size_t from, const struct config_queue *queue)
{
	size_t size = json_array_size(list) - from;
	if (size > (size_t)queue->split_slice_size)
		size = (size_t)queue->split_slice_size;
	if (queue->split_sample)
		return json_incref(json_array_get(list, from + ids_random64() % size));
	json_t *slice = json_array();
	for (size_t i = 0; i < size; i++)
		json_array_append(slice, json_array_get(list, from + i));
	return slice;
}

/* One slice to each name, in order. */
static bool spawn_slice(struct attempt *attempt, json_t *slice, struct error *err)
{
	const char *const *names = NULL;
	size_t count = workflow_spawns(attempt->job.workflow, attempt->task->name, &names);
	json_t *payload = json_copy(attempt->payload);
	json_object_set(payload, attempt->worker->queue->split_payload_key, slice);
	bool ok = true;
	for (size_t i = 0; i < count && ok; i++)
		ok = spawner_add(&attempt->spawner, names[i], payload, err);
	json_decref(payload);
	return ok;
}

/* What the queue's handler has answered, else what stands in the payload. */
static json_t *get_list(const struct attempt *attempt)
{
	const char *key = attempt->worker->queue->split_payload_key;
	if (attempt->worker->queue->run.count == 0)
		return json_incref(json_object_get(attempt->payload, key));
	return shapes_value(attempt->run.result);
}

static bool find_list(const struct attempt *attempt, json_t **out, struct error *err)
{
	const char *key = attempt->worker->queue->split_payload_key;
	bool has_handler = attempt->worker->queue->run.count > 0;
	OWNED(json) json_t *list = get_list(attempt);
	const char *const *names;
	if (!attempt->job.workflow)
		return error_set(err, ERROR_INVALID, "split: a pushed task may not spawn");
	if (workflow_spawns(attempt->job.workflow, attempt->task->name, &names) == 0)
		return error_set(err, ERROR_INVALID,
			"split: %s has no starts_parallel to start with each slice",
			attempt->task->name);
	if (has_handler && !json_is_array(list))
		return error_set(err, ERROR_INVALID,
			"split: the handler's result is no array: {\"done\": [...]}");
	if (!list)
		return error_set(err, ERROR_INVALID, "split: payload has no %s", key);
	if (!json_is_array(list))
		return error_set(err, ERROR_INVALID, "split: payload's %s is not an array", key);
	*out = GIVE(list);
	return true;
}

void attempt_split(struct attempt *attempt)
{
	const struct config_queue *queue = attempt->worker->queue;
	OWNED(json) json_t *list = NULL;
	struct error err;
	if (queue->run.count == 0)
		attempt->run.started_at_ms = clock_wall_ms();
	attempt->run.status = RUN_DONE;
	bool ok = find_list(attempt, &list, &err);
	for (size_t at = 0; ok && at < json_array_size(list);
		at += (size_t)queue->split_slice_size) {
		json_t *slice = take_slice(list, at, queue);
		ok = spawn_slice(attempt, slice, &err);
		json_decref(slice);
		if (attempt_tick(attempt) != ORDER_GO_ON) {
			attempt->is_incomplete = true;
			break;
		}
	}
	attempt->run.finished_at_ms = clock_wall_ms();
	/* The slices have it: it would come to every successor as a whole. */
	free(GIVE(attempt->run.result));
	if (!ok)
		attempt_fail(attempt, &err);
}
