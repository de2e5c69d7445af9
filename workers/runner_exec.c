/*
 * A process per task. The exit of the program itself decides; who else holds its pipes is killed
 * and not waited for.
 */
#include "workers/runner_parts.h"

#include "base/fault.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FD_CHANNEL = CHILD_FDS, EXEC_FDS };

struct exec {
	struct guard guard;
	struct child child;
	struct lines lines;
	struct answer answer;
	const char *task_id;
	bool is_refused; /* it said what it may not say */
};

/* The codes that mean something; every other but 0 is a failure to be tried again. */
static const struct {
	int code;
	enum run_status status;
	const char *meaning;
} exits[] = {
	{ 65, RUN_INVALID, "the payload is invalid" },
	{ 75, RUN_RETRY, "try again" },
	{ 125, RUN_PERMANENT, "failed for good" },
};

static void close_channel(struct exec *exec)
{
	lines_clear(&exec->lines);
	memory_close_fd(&exec->child.channel);
	exec->child.channel = -1;
}

/* The rest of what it says does not matter; a full pipe must not keep it from ending. */
static void refuse(struct exec *exec, const char *why)
{
	guard_stop(&exec->guard, RUN_BROKEN, xstrdup(why));
	exec->is_refused = true;
	close_channel(exec);
}

static bool take_message(struct exec *exec, const struct message *message, struct error *err)
{
	if (message->id && strcmp(message->id, exec->task_id) != 0)
		return error_set(
			err, ERROR_INVALID, "answered for another task: %.160s", message->id);
	if (message->kind == MESSAGE_READY)
		return error_set(err, ERROR_INVALID,
			"message is not understood: ready belongs to protocol stream");
	return answer_take(&exec->answer, message, exec->guard.watch, err);
}

static void take_line(struct exec *exec, const char *line, size_t length)
{
	struct message message;
	struct error err = { 0 };
	if (!guard_still_listens(&exec->guard) || message_is_blank(line, length))
		return;
	if (!message_parse(line, length, &message, &err)) {
		refuse(exec, err.text);
		return;
	}
	if (!take_message(exec, &message, &err))
		refuse(exec, err.text);
	message_finish(&message);
}

/* Reads once, at most `limit` bytes; answers how many came. */
static size_t read_channel(struct exec *exec, size_t limit)
{
	size_t room, length;
	char *place = lines_reserve(&exec->lines, &room);
	const ssize_t got = read(exec->child.channel, place, room < limit ? room : limit);
	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0) {
		memory_close_fd(&exec->child.channel);
		exec->child.channel = -1;
		return 0;
	}
	lines_added(&exec->lines, (size_t)got);
	const char *line;
	while (exec->child.channel >= 0 && lines_next(&exec->lines, &line, &length))
		take_line(exec, line, length);
	if (lines_is_too_long(&exec->lines))
		refuse(exec, "a message line is longer than 1 MiB");
	return (size_t)got;
}

/* What the program wrote before it ended; a descendant's flood is not followed. */
static void drain_channel(struct exec *exec)
{
	size_t left = child_waiting_bytes(exec->child.channel);
	while (left > 0 && exec->child.channel >= 0) {
		const size_t got = read_channel(exec, left);
		if (got == 0)
			break;
		left -= got;
	}
	size_t length;
	const char *rest = lines_rest(&exec->lines, &length);
	struct error err = { 0 };
	struct message message;
	if (!guard_still_listens(&exec->guard) || message_is_blank(rest, length))
		return;
	/* A last message may lack its newline; half of one is never valid JSON. */
	if (!message_parse(rest, length, &message, &err))
		error_wrap(&err, "ended in the middle of a line");
	else {
		take_message(exec, &message, &err);
		message_finish(&message);
	}
	if (err.kind != ERROR_NONE)
		refuse(exec, err.text);
}

static void wait_for_end(struct exec *exec)
{
	struct pollfd fds[EXEC_FDS];
	for (;;) {
		child_fill_poll(&exec->child, fds);
		fds[FD_CHANNEL] = (struct pollfd){ .fd = exec->child.channel, .events = POLLIN };
		guard_wait(&exec->guard, fds, EXEC_FDS);
		child_serve(&exec->child, fds);
		if (fds[FD_CHANNEL].revents)
			read_channel(exec, SIZE_MAX);
		if (guard_sees_end(&exec->guard))
			return;
		guard_ring(&exec->guard);
	}
}

static void judge_exit(struct run_result *result, int code, char *described)
{
	result->status = RUN_FAILED;
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		if (exits[i].code != code)
			continue;
		const size_t head = strcspn(described, ":");
		result->status = exits[i].status;
		result->message = xprintf(
			"%.*s (%s)%s", (int)head, described, exits[i].meaning, described + head);
		free(described);
		return;
	}
	result->message = described;
}

/* It was told to stop, but had finished: it said so, and exit 0 agrees. */
static bool is_done_after_all(const struct exec *exec, const struct process_end *end)
{
	return guard_still_listens(&exec->guard) && exec->answer.is_done &&
	       !exec->answer.is_failed && !exec->is_refused && end->exit_code == 0;
}

static void judge_done(struct exec *exec, struct run_result *result)
{
	result->status = RUN_DONE;
	result->result = GIVE(exec->answer.result);
}

/* A signal, then `fail`, then an exit other than 0, then `done`, then exit 0 alone. */
static void judge(struct exec *exec, const struct process_end *end, bool was_stopped,
	const char *why, struct run_result *result)
{
	OWNED(free)
	char *described = verdict_describe_end(end, &exec->child.output, why);
	if (is_done_after_all(exec, end))
		judge_done(exec, result);
	else if (was_stopped || (exec->guard.is_stopping && !end->signal))
		verdict_stopped(result, &exec->guard);
	else if (end->signal) {
		result->status = RUN_CRASHED;
		result->message = GIVE(described);
	} else if (exec->answer.is_failed)
		verdict_failed(result, &exec->answer);
	else if (end->exit_code != 0)
		judge_exit(result, end->exit_code, GIVE(described));
	else
		judge_done(exec, result);
}

static void finish_exec(struct exec *exec, const struct runner *runner, int64_t oom_kills,
	struct run_result *result)
{
	const bool was_stopped = exec->guard.is_stopping;
	struct process_end end;
	child_kill(&exec->child, runner);
	child_drain_output(&exec->child);
	drain_channel(exec);
	child_finish(&exec->child, runner, &end);
	output_flush(&exec->child.output);
	OWNED(free) char *why = limits_explain(runner, oom_kills, &end);
	judge(exec, &end, was_stopped, why, result);
	result->output = output_copy_all(&exec->child.output);
}

void exec_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result)
{
	struct exec exec = { .task_id = request->task_id };
	struct task_environment environment;
	struct error err = { 0 };
	child_init(&exec.child);
	exec.child.output.subject = (struct log_subject){ .queue = runner->queue->name,
		.task = request->task_id,
		.attempt = (int)request->attempt };
	task_environment_init(&environment, runner, request);
	const struct child_spec spec = { .command = &runner->command,
		.environment = environment.list,
		.input = request->envelope,
		.channel = CHANNEL_PIPE };
	const int64_t oom_kills = process_read_oom_kills(runner->oom_events);
	guard_init(&exec.guard, runner, &exec.child, watch);
	if (child_start(&exec.child, runner, &spec, &err)) {
		fault_step("running");
		guard_set_timeout(&exec.guard, request->timeout_ms);
		guard_watch_memory(&exec.guard, runner);
		wait_for_end(&exec);
		finish_exec(&exec, runner, oom_kills, result);
	} else
		verdict_broken(result, err.text);
	guard_finish(&exec.guard);
	answer_finish(&exec.answer);
	lines_finish(&exec.lines);
	output_finish(&exec.child.output);
	task_environment_finish(&environment);
}
