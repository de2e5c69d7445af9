/* A program that takes its work from elsewhere: started once, waited for until it ends or has to.
 */
#include "workers/runner_parts.h"

static enum served judge(const struct runner *runner, const struct guard *guard,
	const struct child *child, const struct process_end *end, int64_t oom_kills, char **message)
{
	if (guard->is_stopping)
		*message = xstrdup(guard->stop_message);
	if (guard->is_stopping && guard->stop_status == RUN_HALTED)
		return guard->was_killed ? SERVED_KILLED : SERVED_STOPPED;
	OWNED(free) char *why = limits_explain(runner, oom_kills, end);
	if (!guard->is_stopping)
		*message = verdict_describe_end(end, &child->output, why);
	return end->exit_code == 0 ? SERVED_WELL : SERVED_BADLY;
}

static enum served wait_for_end(
	const struct runner *runner, struct guard *guard, struct child *child, char **message)
{
	const int64_t oom_kills = process_read_oom_kills(runner->oom_events);
	struct process_end end;
	guard_watch_memory(guard, runner);
	guard_wait_for_end(guard, child);
	child_kill(child, runner);
	child_drain_output(child);
	child_finish(child, runner, &end);
	output_flush(&child->output);
	return judge(runner, guard, child, &end, oom_kills, message);
}

enum served runner_serve(struct runner *runner, const struct run_watch *watch, char **message)
{
	struct task_environment environment;
	struct child child;
	struct guard guard;
	struct error err = { 0 };
	enum served served = SERVED_BADLY;
	child_init(&child);
	child.output.subject.queue = runner->queue->name;
	task_environment_init(&environment, runner, NULL);
	const struct child_spec spec = { .command = &runner->command,
		.environment = environment.list,
		.channel = CHANNEL_NONE };
	service_begin(runner);
	guard_init(&guard, runner, &child, watch);
	if (child_start(&child, runner, &spec, &err))
		served = wait_for_end(runner, &guard, &child, message);
	else
		*message = xstrdup(err.text);
	guard_finish(&guard);
	output_finish(&child.output);
	task_environment_finish(&environment);
	return served;
}
