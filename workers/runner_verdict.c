/* What a handler's words and its end mean; see runner_parts.h. */
#include "workers/runner_parts.h"

#include "base/jsontext.h"
#include "base/memory.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

void answer_finish(struct answer *answer)
{
	free(answer->result);
	free(answer->reason);
	free(answer->backtrace);
	*answer = (struct answer){ 0 };
}

static bool take_spawn(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err)
{
	(void)answer;
	return !watch || !watch->on_spawn ||
	       watch->on_spawn(watch->context, message->children, err);
}

static bool take_progress(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err)
{
	(void)answer, (void)err;
	if (watch && watch->on_progress)
		watch->on_progress(watch->context, message->fraction, message->text);
	return true;
}

static bool take_done(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err)
{
	(void)watch;
	if (answer->is_failed)
		return true; /* fail stands before done, whichever came first */
	if (answer->is_done)
		return error_set(err, ERROR_INVALID, "two answers: done was said twice");
	if (!json_is_null(message->result)) {
		OWNED(free) char *text = jsontext_print(message->result);
		if (strlen(text) > JSONTEXT_PAYLOAD_MAX)
			return error_set(err, ERROR_INVALID, "the result is larger than 1 MiB");
		answer->result = GIVE(text);
	}
	answer->is_done = true;
	return true;
}

static bool take_fail(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err)
{
	(void)watch, (void)err;
	if (answer->is_failed)
		return true; /* the first reason stays */
	answer->is_failed = true;
	answer->reason = message_copy_text(message->text);
	answer->backtrace = message_copy_text(message->backtrace);
	answer->retry_in_ms = message->retry_in_ms;
	answer->is_permanent = message->is_permanent;
	answer->is_retry = message->is_retry;
	return true;
}

static bool take_nothing(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err)
{
	(void)answer, (void)message, (void)watch, (void)err;
	return true;
}

static bool (*const takers[])(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err) = {
	[MESSAGE_SPAWN] = take_spawn,
	[MESSAGE_PROGRESS] = take_progress,
	[MESSAGE_BEAT] = take_nothing,
	[MESSAGE_DONE] = take_done,
	[MESSAGE_FAIL] = take_fail,
	[MESSAGE_READY] = take_nothing,
};

bool answer_take(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err)
{
	return takers[message->kind](answer, message, watch, err);
}

void verdict_stopped(struct run_result *result, struct guard *guard)
{
	result->status = guard->stop_status;
	result->message = guard->was_killed ? xprintf("%s; it ignored SIGTERM and was killed",
						      guard->stop_message)
					    : xstrdup(guard->stop_message);
}

void verdict_failed(struct run_result *result, struct answer *answer)
{
	result->status = answer->is_permanent ? RUN_PERMANENT
			 : answer->is_retry   ? RUN_RETRY
					      : RUN_FAILED;
	result->message = GIVE(answer->reason);
	result->backtrace = GIVE(answer->backtrace);
	result->retry_in_ms = answer->is_permanent ? -1 : answer->retry_in_ms;
}

void verdict_broken(struct run_result *result, const char *message)
{
	result->status = RUN_BROKEN;
	result->message = xstrdup(message);
}

char *verdict_describe_end(
	const struct process_end *end, const struct output *output, const char *why)
{
	char head[160];
	const char *name = end->signal ? sigabbrev_np(end->signal) : NULL;
	if (end->signal)
		snprintf(head, sizeof head, "killed by signal %d (SIG%s)%s", end->signal,
			name ? name : "RT", why ? why : "");
	else
		snprintf(head, sizeof head, "exited with %d", end->exit_code);
	OWNED(free) char *errors = output_copy_errors(output);
	return errors[0] ? xprintf("%s: %s", head, errors) : xstrdup(head);
}
