/* Hooks: a program with text on stdin, whose exit is all that counts; see runner.h. */
#include "workers/runner_parts.h"

#include "base/memory.h"

static bool judge(const struct runner *runner, const struct guard *guard, const struct child *child,
	const struct process_end *end, struct error *err)
{
	if (guard->is_stopping)
		return error_set(err, ERROR_INVALID, "%s", guard->stop_message);
	if (end->exit_code == 0)
		return true;
	OWNED(free) char *why = limits_explain(runner, -1, end);
	OWNED(free) char *described = verdict_describe_end(end, &child->output, why);
	return error_set(err, ERROR_INVALID, "%s", described);
}

static bool run(struct runner *runner, struct child *child, const struct child_spec *spec,
	int64_t timeout_ms, struct error *err)
{
	struct guard guard;
	struct process_end end;
	guard_init(&guard, runner, child, runner->hook_watch);
	bool is_well = child_start(child, runner, spec, err);
	if (is_well) {
		guard_set_timeout(&guard, timeout_ms);
		guard_wait_for_end(&guard, child);
		child_kill(child, runner);
		child_drain_output(child);
		child_finish(child, runner, &end);
		output_flush(&child->output);
		is_well = judge(runner, &guard, child, &end, err);
	}
	guard_finish(&guard);
	return is_well;
}

bool runner_run_hook(struct runner *runner, const struct config_argv *argv, const char *input,
	const struct log_subject *subject, int64_t timeout_ms, struct error *err)
{
	const struct run_request request = { .task_id = subject->task ? subject->task : "",
		.queue = subject->queue,
		.attempt = (uint32_t)subject->attempt };
	struct process_command command;
	struct task_environment environment;
	struct child child;
	child_init(&child);
	child.output.subject = *subject;
	process_command_init(&command, NULL, 0, argv->words, argv->count);
	task_environment_init(&environment, runner, &request);
	const struct child_spec spec = { .command = &command,
		.environment = environment.list,
		.input = input,
		.channel = CHANNEL_NONE,
		.is_hook = true };
	const bool is_well = run(runner, &child, &spec, timeout_ms, err);
	output_finish(&child.output);
	task_environment_finish(&environment);
	process_command_finish(&command);
	return is_well;
}
