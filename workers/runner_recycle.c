/* When a process that serves many tasks is replaced: a stream handler, or else the worker itself.
 */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/ids.h"

#define MEASURE_EVERY_MS 1000

/* Uniform in [0.9, 1.1] of the value, so that the workers of a queue are not replaced as one. */
static int64_t with_jitter(int64_t value)
{
	const int64_t tenth = value / 10;
	return value - tenth + (int64_t)(ids_random64() % (uint64_t)(2 * tenth + 1));
}

static int64_t or_never(int64_t value)
{
	return value > 0 ? with_jitter(value) : INT64_MAX;
}

bool runner_has_stream(const struct config_queue *queue)
{
	return queue->type == QUEUE_HANDLER && queue->protocol == PROTOCOL_STREAM && !queue->post;
}

static bool is_stream(const struct runner *runner)
{
	return runner_has_stream(runner->queue);
}

void service_begin(struct runner *runner)
{
	const struct config_recycle *recycle = &runner->queue->recycle;
	const int64_t now = clock_steady_ms();
	const int64_t age_ms = or_never(recycle->age_ms);
	runner->service = (struct service){ .began_at_ms = now,
		.tasks_left = or_never(recycle->tasks),
		.ends_at_ms = age_ms == INT64_MAX ? INT64_MAX : now + age_ms,
		.memory_most = or_never(recycle->memory) };
}

void runner_note_task(struct runner *runner)
{
	struct service *service = &runner->service;
	service->tasks_done++;
	if (service->tasks_left > 0 && service->tasks_left < INT64_MAX)
		service->tasks_left--;
}

int64_t runner_tasks_left(const struct runner *runner)
{
	return runner->service.tasks_left > 1 ? runner->service.tasks_left : 1;
}

/* Whether it is a process below us that grows, not our own. */
static bool has_process(const struct runner *runner)
{
	return is_stream(runner) || runner->queue->type == QUEUE_PROGRAM;
}

/* What a program does is not seen: it is given a while instead. */
static bool has_served(const struct runner *runner, int64_t now)
{
	if (runner->queue->type != QUEUE_PROGRAM)
		return runner->service.tasks_done > 0;
	return now - runner->service.began_at_ms >= runner->queue->restart.good_after_ms;
}

/* Not before it has done something: what needs that much at rest would be replaced for ever. */
static bool is_large(struct runner *runner, int64_t now)
{
	struct service *service = &runner->service;
	if (service->memory_most == INT64_MAX || !has_served(runner, now))
		return false;
	if (service->measured_at_ms == 0 || now - service->measured_at_ms >= MEASURE_EVERY_MS) {
		service->measured_at_ms = now;
		service->is_large =
			(has_process(runner) ? process_measure_descendants(service->memory_most)
					     : process_measure_self()) > service->memory_most;
	}
	return service->is_large;
}

const char *runner_find_wear(struct runner *runner)
{
	const int64_t now = clock_steady_ms();
	if (is_stream(runner) && !child_is_running(&runner->stream.child))
		return NULL;
	if (runner->service.tasks_left <= 0)
		return "recycle.tasks";
	if (now >= runner->service.ends_at_ms)
		return "recycle.age";
	return is_large(runner, now) ? "recycle.memory" : NULL;
}

bool runner_is_worn(struct runner *runner)
{
	return runner_find_wear(runner) != NULL;
}

bool runner_recycle(struct runner *runner)
{
	const struct log_subject subject = { .queue = runner->queue->name };
	log_about(&subject, LOG_INFO, "the %s is replaced after %lld tasks, as %s says",
		is_stream(runner) ? "handler" : "worker", (long long)runner->service.tasks_done,
		runner_find_wear(runner));
	if (!is_stream(runner))
		return false;
	stream_dismiss(runner);
	if (runner->slot)
		atomic_fetch_add(&runner->slot->recycled, 1);
	return true;
}
