/*
 * The runner's life and its two protocols; see runner.h. A runner belongs to a process with one
 * thread and no other children: whatever comes to it when a handler ends is killed and reaped.
 */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/memory.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define LARGE_BYTES 65536 /* of an envelope or a result, whose JSON takes many times that */

static char **copy_environment(char *const *environment)
{
	size_t count = 0, kept = 0;
	while (environment[count])
		count++;
	char **copy = xcalloc(count + 1, sizeof *copy);
	for (size_t i = 0; i < count; i++)
		if (!task_environment_owns(environment[i]))
			copy[kept++] = xstrdup(environment[i]);
	return copy;
}

/* Its only use is to end a wait. */
static void on_child(int signal)
{
	(void)signal;
}

static void set_signals(void)
{
	const struct sigaction noticed = { .sa_handler = on_child,
		.sa_flags = SA_RESTART | SA_NOCLDSTOP };
	sigaction(SIGCHLD, &noticed, NULL);
	signal(SIGPIPE, SIG_IGN); /* a handler that does not read its input is no harm */
}

struct runner *runner_create(
	const struct config_queue *queue, char *const *environment, struct slot *slot)
{
	struct runner *runner = xcalloc(1, sizeof *runner);
	runner->queue = queue;
	runner->slot = slot;
	runner->environment = copy_environment(environment);
	runner->oom_events = process_open_oom_events();
	runner->cgroup.procs = -1;
	limits_init(runner);
	service_begin(runner);
	process_command_init(&runner->command, queue->around.words, queue->around.count,
		queue->run.words, queue->run.count);
	child_init(&runner->stream.child);
	runner->stream.child.output.subject.queue = queue->name;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* descendants of handlers come to us */
	set_signals();
	return runner;
}

bool runner_confine(struct runner *runner, const char *parent, const char *name)
{
	if (runner->queue->limits.memory == 0 ||
		!cgroup_open(&runner->cgroup, parent, name, runner->queue->limits.memory))
		return false;
	memory_close_fd(&runner->oom_events);
	runner->oom_events = cgroup_open_events(&runner->cgroup);
	return true;
}

void runner_destroy(struct runner *runner)
{
	stream_dismiss(runner);
	post_close(runner);
	output_finish(&runner->stream.child.output);
	lines_finish(&runner->stream.lines);
	free(runner->stream.last_id);
	process_command_finish(&runner->command);
	runner_free_environment(runner->environment);
	memory_close_fd(&runner->oom_events);
	cgroup_close(&runner->cgroup);
	free(runner);
}

void runner_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result)
{
	*result = (struct run_result){ .retry_in_ms = -1, .started_at_ms = clock_wall_ms() };
	if (runner->queue->post)
		post_run(runner, request, watch, result);
	else if (runner->queue->run.count == 0)
		verdict_broken(result, "the queue has no program to run");
	else if (runner->queue->protocol == PROTOCOL_STREAM)
		stream_run(runner, request, watch, result);
	else
		exec_run(runner, request, watch, result);
	if (!result->output)
		result->output = xstrdup("");
	if (strlen(request->envelope) > LARGE_BYTES ||
		(result->result && strlen(result->result) > LARGE_BYTES))
		runner->was_large = true;
	result->finished_at_ms = clock_wall_ms();
}

void run_result_finish(struct run_result *result)
{
	free(result->result);
	free(result->message);
	free(result->backtrace);
	free(result->output);
	*result = (struct run_result){ .retry_in_ms = -1 };
}

bool runner_warm(struct runner *runner, const struct run_watch *watch, struct error *err)
{
	return !runner_has_stream(runner->queue) || stream_warm(runner, watch, err);
}

void runner_tend(struct runner *runner)
{
	if (runner_has_stream(runner->queue))
		stream_tend(runner);
	process_reap_strays(runner->stream.child.process.pid, 0);
	if (runner->was_large)
		malloc_trim(0); /* an idle worker is small, whatever it has seen */
	runner->was_large = false;
}

void runner_watch_hooks(struct runner *runner, const struct run_watch *watch)
{
	runner->hook_watch = watch;
}
