/* Heartbeats of supervisors as JSON; see fleet.h. */
#include "workers/fleet.h"

#include "base/clock.h"
#include "workers/shapes.h"
#include "workers/trace.h"

#define WORKERS_MAX 10000 /* of a queue on one host: what says more is not believed */

json_t *fleet_print_host(const struct scoreboard *board, pid_t supervisor, const char *config_path)
{
	return json_pack("{s:o, s:i, s:s, s:o, s:o}", "host", trace_host(), "pid", (int)supervisor,
		"version", REEVE_VERSION, "config", trace_text(config_path), "started_at",
		shapes_time(board->started_at_ms));
}

json_t *fleet_print_queue(const struct fleet_queue *queue)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:b}", "workers", queue->workers,
		"busy", queue->busy, "min", queue->min, "max", queue->max, "capacity",
		queue->capacity, "floor", queue->floor, "served", (json_int_t)queue->served,
		"busy_ms", (json_int_t)queue->busy_ms, "paused", (int)queue->is_paused);
}

static int64_t number(const json_t *queue, const char *key, int64_t most)
{
	json_int_t value = json_integer_value(json_object_get(queue, key));
	return value < 0 ? 0 : value > most ? most : value;
}

static int count(const json_t *queue, const char *key)
{
	return (int)number(queue, key, WORKERS_MAX);
}

bool fleet_read_queue(const json_t *host, const char *name, struct fleet_queue *out)
{
	const json_t *queue = json_object_get(json_object_get(host, "queues"), name);
	if (!json_is_object(queue))
		return false;
	*out = (struct fleet_queue){
		.workers = count(queue, "workers"),
		.busy = count(queue, "busy"),
		.min = count(queue, "min"),
		.max = count(queue, "max"),
		.capacity = count(queue, "capacity"),
		.floor = count(queue, "floor"),
		.served = (uint64_t)number(queue, "served", INT64_MAX),
		.busy_ms = number(queue, "busy_ms", INT64_MAX),
		.is_paused = json_is_true(json_object_get(queue, "paused")),
	};
	return true;
}
