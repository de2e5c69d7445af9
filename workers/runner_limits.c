/* What a handler may use: the queue's limits for the system, and what breaking them is called. */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/memory.h"
#include "config/units.h"

#include <signal.h>
#include <string.h>

#define SAMPLE_MIN_MS 20
#define SAMPLE_MAX_MS 500

static const struct {
	const char *name;
	int resource;
	size_t offset;   /* of the limit */
	int64_t divisor; /* from the key's unit to the system's, rounded up */
	int signal;      /* of who goes over the soft limit; 0: an error of a call */
} rows[RUNNER_LIMITS] = {
	{ "limits.nofile", RLIMIT_NOFILE, offsetof(struct config_limits, nofile), 1, 0 },
	{ "limits.nproc", RLIMIT_NPROC, offsetof(struct config_limits, nproc), 1, 0 },
	{ "limits.core", RLIMIT_CORE, offsetof(struct config_limits, core), 1, 0 },
	{ "limits.cpu", RLIMIT_CPU, offsetof(struct config_limits, cpu), 1000, SIGXCPU },
	{ "limits.fsize", RLIMIT_FSIZE, offsetof(struct config_limits, fsize), 1, SIGXFSZ },
	{ "limits.stack", RLIMIT_STACK, offsetof(struct config_limits, stack), 1, 0 },
};

static const struct config_limit *limit_of(const struct runner *runner, size_t row)
{
	return (const struct config_limit *)(const void *)((const char *)&runner->queue->limits +
							   rows[row].offset);
}

/* setrlimit(2): at the hard limit of CPU time the kernel kills at once, so that is a second more
 * and SIGXCPU has its chance to be seen. */
static struct rlimit system_limit(const struct config_limit *limit, size_t row)
{
	if (limit->value == CONFIG_NO_LIMIT)
		return (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	const rlim_t value = (rlim_t)((limit->value + rows[row].divisor - 1) / rows[row].divisor);
	return (struct rlimit){ value, value + (rows[row].resource == RLIMIT_CPU ? 1 : 0) };
}

void limits_init(struct runner *runner)
{
	for (size_t i = 0; i < RUNNER_LIMITS; i++) {
		const struct config_limit *limit = limit_of(runner, i);
		if (limit->is_set)
			runner->limits[runner->limit_count++] =
				(struct process_limit){ .name = rows[i].name,
					.resource = rows[i].resource,
					.value = system_limit(limit, i) };
	}
}

char *limits_explain(const struct runner *runner, int64_t oom_kills, const struct process_end *end)
{
	char limit[UNITS_TEXT_SIZE];
	for (size_t i = 0; i < RUNNER_LIMITS; i++)
		if (end->signal && end->signal == rows[i].signal && limit_of(runner, i)->is_set)
			return xprintf(", over %s", rows[i].name);
	if (end->signal != SIGKILL || oom_kills < 0 ||
		process_read_oom_kills(runner->oom_events) <= oom_kills)
		return NULL;
	if (runner->cgroup.procs < 0)
		return xstrdup(", out of memory");
	return xprintf(", out of memory (limits.memory is %s)",
		units_print_size(runner->queue->limits.memory, limit));
}

bool limits_are_watched(const struct runner *runner)
{
	return runner->queue->limits.memory > 0 && runner->cgroup.procs < 0;
}

/* The nearer to the limit, the sooner again. */
static int64_t next_sample_ms(int64_t bytes, int64_t limit)
{
	const double left = bytes < limit ? (double)(limit - bytes) / (double)limit : 0;
	const int64_t ms = (int64_t)(left * SAMPLE_MAX_MS);
	return ms > SAMPLE_MIN_MS ? ms : SAMPLE_MIN_MS;
}

void guard_watch_memory(struct guard *guard, const struct runner *runner)
{
	if (!limits_are_watched(runner))
		return;
	guard->memory_limit = runner->queue->limits.memory;
	guard->alarms[ALARM_MEMORY] = clock_steady_ms() + SAMPLE_MIN_MS;
}

static void stop_at_limit(struct guard *guard, int64_t bytes)
{
	char used[UNITS_TEXT_SIZE], limit[UNITS_TEXT_SIZE];
	/* In whole KiB: a size to the byte is read by nobody. */
	units_print_size((bytes + 1023) / 1024 * 1024, used);
	units_print_size(guard->memory_limit, limit);
	if (guard->is_starting)
		guard_kill(guard, RUN_BROKEN,
			xprintf("the handler uses %s at rest, limits.memory is %s", used, limit));
	else
		guard_kill(guard, RUN_CRASHED,
			xprintf("killed, out of memory: %s used, limits.memory is %s", used,
				limit));
}

void guard_sample_memory(struct guard *guard)
{
	if (guard->memory_limit == 0 || guard->is_stopping)
		return;
	const int64_t bytes = process_measure_descendants(guard->memory_limit);
	if (bytes > guard->memory_limit)
		stop_at_limit(guard, bytes);
	else
		guard->alarms[ALARM_MEMORY] =
			clock_steady_ms() + next_sample_ms(bytes, guard->memory_limit);
}
