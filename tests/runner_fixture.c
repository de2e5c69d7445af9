/* What the tests of the runner share; see runner_fixture.h. */
#include "tests/runner_fixture.h"

#include "base/jsontext.h"
#include "tests/suite.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char queue_name[] = "mail";

static bool on_spawn(void *context, const json_t *children, struct error *err)
{
	struct fixture *fixture = context;
	if (fixture->is_spawn_refused)
		return error_set(err, ERROR_INVALID, "may not spawn that");
	fixture->spawned += (int)json_array_size(children);
	return true;
}

static void on_progress(void *context, double fraction, const char *message)
{
	struct fixture *fixture = context;
	fixture->fraction = fraction;
	snprintf(fixture->progress, sizeof fixture->progress, "%s", message ? message : "");
	if (fixture->order_at_progress)
		fixture->order_from = 0;
}

static enum run_order on_tick(void *context)
{
	struct fixture *fixture = context;
	fixture->ticks++;
	fixture->group_at_tick = fixture->slot->handler_group;
	return fixture->order_from >= 0 && fixture->ticks > fixture->order_from ? fixture->order
										: ORDER_GO_ON;
}

void fixture_open(struct fixture *fixture, enum queue_protocol protocol, const char *const *argv)
{
	*fixture = (struct fixture){ .order_from = -1, .result.retry_in_ms = -1 };
	size_t count = 0;
	while (argv[count])
		count++;
	/* Handlers of worth never last this long; a test that waits for it has failed. */
	fixture->queue = (struct config_queue){ .name = queue_name,
		.protocol = protocol,
		.umask = -1,
		.timeout_ms = 60000,
		.kill_after_ms = 20000,
		.run = { .count = count } };
	memcpy(&fixture->queue.run.words, &argv, sizeof argv);
	fixture->slot = mmap(NULL, sizeof *fixture->slot, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fixture->watch = (struct run_watch){ .context = fixture,
		.on_spawn = on_spawn,
		.on_progress = on_progress,
		.on_tick = on_tick,
		.tick_ms = 20 };
}

void fixture_start(struct fixture *fixture)
{
	if (!fixture->runner)
		fixture->runner = runner_create(&fixture->queue, environ, fixture->slot);
}

void fixture_run_envelope(
	struct fixture *fixture, const char *task_id, uint32_t attempt, const char *envelope)
{
	const struct run_request request = { .task_id = task_id,
		.job_id = "0190f0aa-0000-7000-8000-000000000001",
		.name = "send",
		.attempt = attempt,
		.envelope = envelope,
		.timeout_ms = fixture->queue.timeout_ms,
		.deadline_ms = 1795358984125,
		.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
	run_result_finish(&fixture->result);
	fixture_start(fixture);
	runner_run(fixture->runner, &request, &fixture->watch, &fixture->result);
}

void fixture_run(struct fixture *fixture, const char *task_id, uint32_t attempt)
{
	OWNED(free) char *envelope = xprintf("{\"id\":\"%s\",\"payload\":{\"a\":1}}", task_id);
	fixture_run_envelope(fixture, task_id, attempt, envelope);
}

void fixture_close(struct fixture *fixture)
{
	if (fixture->runner)
		runner_destroy(fixture->runner);
	CU_ASSERT_EQUAL(fixture->slot->handler_group, 0);
	run_result_finish(&fixture->result);
	munmap(fixture->slot, sizeof *fixture->slot);
}

void fixture_expect(const struct fixture *fixture, enum run_status status, const char *text)
{
	const char *message = fixture->result.message ? fixture->result.message : "";
	CU_ASSERT_EQUAL(fixture->result.status, status);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, text));
	if (fixture->result.status != status || !strstr(message, text))
		fprintf(stderr, "expected %d \"%s\", got %d \"%s\"\n", status, text,
			fixture->result.status, message);
}

void fixture_expect_done(const struct fixture *fixture, const char *result)
{
	fixture_expect(fixture, RUN_DONE, "");
	CU_ASSERT_PTR_NOT_NULL(fixture->result.result);
	if (fixture->result.result)
		CU_ASSERT_STRING_EQUAL(fixture->result.result, result);
}

size_t fixture_count_descriptors(void)
{
	size_t count = 0;
	DIR *own = opendir("/proc/self/fd");
	while (own && readdir(own))
		count++;
	if (own)
		closedir(own);
	return count;
}

bool fixture_is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}
