/*
 * A long-lived handler: JSON lines over a socket. A talk is one wait for it: until it is ready, or
 * until it has answered for one task. Between talks it should be silent.
 */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/jsontext.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READY_MS  60000
#define CLOSED_MS 1000 /* from the end of its socket to its exit */

enum { FD_CHANNEL, FD_CHILD, STREAM_FDS = FD_CHILD + CHILD_FDS };

struct talk {
	struct guard guard;
	struct runner *runner;
	struct stream *stream;
	const struct run_request *request; /* NULL: waits for ready */
	struct outbox outbox;
	struct answer answer;
	bool has_answered; /* done or fail, also to a cancel */
	bool has_ended;
	bool is_refused; /* it said what it may not say while it was to stop */
	bool is_unread;  /* the program ended before it had read our line */
	int64_t oom_kills;
	struct process_end end;
};

static struct talk *talk_of(struct guard *guard)
{
	return (struct talk *)((char *)guard - offsetof(struct talk, guard));
}

static const char *task_id(const struct talk *talk)
{
	return talk->request ? talk->request->task_id : NULL;
}

/* Only between whole lines; a handler that does not read its task can't be asked anything. */
static bool ask_to_stop(struct guard *guard)
{
	const struct talk *talk = talk_of(guard);
	if (!talk->request || talk->outbox.at < talk->outbox.count)
		return false;
	OWNED(json) json_t *order = json_object();
	json_object_set_new(order, "cancel", json_string(task_id(talk)));
	OWNED(free) char *text = jsontext_print(order);
	OWNED(free) char *line = xprintf("%s\n", text);
	const ssize_t length = (ssize_t)strlen(line);
	return write(talk->stream->child.channel, line, (size_t)length) == length;
}

static void talk_init(struct talk *talk, struct runner *runner, const struct run_watch *watch)
{
	*talk = (struct talk){ .runner = runner, .stream = &runner->stream };
	talk->oom_kills = process_read_oom_kills(runner->oom_events);
	guard_init(&talk->guard, runner, &runner->stream.child, watch);
	talk->guard.ask_to_stop = ask_to_stop;
}

static void talk_finish(struct talk *talk)
{
	answer_finish(&talk->answer);
	guard_finish(&talk->guard);
}

static void break_off(struct talk *talk, const char *why)
{
	guard_stop(&talk->guard, RUN_BROKEN, xstrdup(why));
}

static bool is_last_task(const struct stream *stream, const char *id)
{
	return id && stream->last_id && strcmp(id, stream->last_id) == 0;
}

static bool is_answer(const struct message *message)
{
	return message->kind == MESSAGE_DONE || message->kind == MESSAGE_FAIL;
}

/* A thread of the handler may still show life for the task before; that is no harm. */
static bool is_harmless_echo(const struct stream *stream, const struct message *message)
{
	return is_last_task(stream, message->id) &&
	       (message->kind == MESSAGE_BEAT || message->kind == MESSAGE_PROGRESS);
}

static void take_foreign(struct talk *talk, const struct message *message)
{
	if (is_harmless_echo(talk->stream, message))
		return;
	if (is_last_task(talk->stream, message->id))
		guard_stop(&talk->guard, RUN_HANDLER_LATE,
			xprintf("the handler answered a second time for task %s", message->id));
	else if (message->id)
		guard_stop(&talk->guard, RUN_BROKEN,
			xprintf("answered for another task: %.160s", message->id));
	else
		break_off(talk, "message is not understood: it has no \"id\" of the task");
}

static void take_ready(struct talk *talk, const struct message *message)
{
	if (message->kind == MESSAGE_READY && !talk->stream->is_ready)
		talk->stream->is_ready = true;
	else if (message->kind == MESSAGE_READY)
		break_off(talk, "the handler said {\"ready\":true} twice");
	else
		break_off(talk, "the handler spoke before it said {\"ready\":true}");
}

static void take_own(struct talk *talk, const struct message *message)
{
	struct error err = { 0 };
	guard_show_life(&talk->guard);
	if (!answer_take(&talk->answer, message, talk->guard.watch, &err))
		break_off(talk, err.text);
	else
		talk->has_answered = is_answer(message);
}

static bool is_about_task(const struct talk *talk, const struct message *message)
{
	return talk->request && message->id && strcmp(message->id, task_id(talk)) == 0;
}

/* Once it is to be stopped, only an answer counts: it spares the handler, and `done` the work. */
static void take_while_stopping(struct talk *talk, const struct message *message)
{
	struct error err;
	if (!is_about_task(talk, message))
		return;
	if (guard_still_listens(&talk->guard) && message->kind != MESSAGE_FAIL &&
		!answer_take(&talk->answer, message, talk->guard.watch, &err))
		talk->is_refused = true;
	talk->has_answered = talk->has_answered || is_answer(message);
}

static void take_message(struct talk *talk, const struct message *message)
{
	if (talk->guard.is_stopping)
		take_while_stopping(talk, message);
	else if (message->kind == MESSAGE_READY || !talk->stream->is_ready)
		take_ready(talk, message);
	else if (is_about_task(talk, message))
		take_own(talk, message);
	else
		take_foreign(talk, message);
}

static void take_line(struct talk *talk, const char *line, size_t length)
{
	struct message message;
	struct error err = { 0 };
	if (message_is_blank(line, length))
		return;
	if (!message_parse(line, length, &message, &err)) {
		break_off(talk, err.text);
		return;
	}
	take_message(talk, &message);
	message_finish(&message);
}

static bool is_over(const struct talk *talk)
{
	if (talk->has_ended)
		return true;
	if (talk->guard.is_stopping) /* asked, answered, and not yet sent TERM */
		return talk->has_answered && talk->guard.alarms[ALARM_TERM] != ALARM_NEVER;
	return talk->request ? talk->has_answered : talk->stream->is_ready;
}

static void close_channel(struct talk *talk)
{
	struct child *child = &talk->stream->child;
	memory_close_fd(&child->channel);
	child->channel = -1;
	talk->guard.alarms[ALARM_CLOSED] = clock_steady_ms() + CLOSED_MS;
}

/* Reads once; false where nothing was there or it is the end. */
static bool receive(struct talk *talk)
{
	struct stream *stream = talk->stream;
	size_t room;
	char *place = lines_reserve(&stream->lines, &room);
	const ssize_t got = read(stream->child.channel, place, room);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		/* unix(7): a peer that closes with unread bytes resets the connection. */
		talk->is_unread = got < 0 && errno == ECONNRESET;
		close_channel(talk);
		return false;
	}
	lines_added(&stream->lines, (size_t)got);
	const char *line;
	size_t length;
	while (!is_over(talk) && lines_next(&stream->lines, &line, &length))
		take_line(talk, line, length);
	if (!is_over(talk) && lines_is_too_long(&stream->lines))
		break_off(talk, "a message line is longer than 1 MiB");
	return true;
}

static void send_rest(struct talk *talk)
{
	if (talk->outbox.at < talk->outbox.count &&
		outbox_send(&talk->outbox, talk->stream->child.channel) == OUTBOX_REFUSED) {
		talk->outbox.at = talk->outbox.count; /* its end is about to be seen */
		talk->is_unread = true;
	}
}

static void end_child(struct talk *talk)
{
	while (!is_over(talk) && !talk->guard.is_stopping && talk->stream->child.channel >= 0 &&
		receive(talk))
		continue;
	child_kill(&talk->stream->child, talk->runner);
	child_drain_output(&talk->stream->child);
	child_finish(&talk->stream->child, talk->runner, &talk->end);
	output_flush(&talk->stream->child.output);
	lines_clear(&talk->stream->lines);
	talk->stream->is_ready = false;
	talk->has_ended = true;
}

static void fill_poll(const struct talk *talk, struct pollfd fds[STREAM_FDS])
{
	const bool is_deaf = talk->guard.is_stopping && talk->guard.stop_status == RUN_BROKEN;
	const bool is_sending = talk->outbox.at < talk->outbox.count;
	fds[FD_CHANNEL] = (struct pollfd){ .fd = is_deaf ? -1 : talk->stream->child.channel,
		.events = (short)(POLLIN | (is_sending ? POLLOUT : 0)) };
	child_fill_poll(&talk->stream->child, fds + FD_CHILD);
}

static void step(struct talk *talk)
{
	struct pollfd fds[STREAM_FDS];
	fill_poll(talk, fds);
	guard_wait(&talk->guard, fds, STREAM_FDS);
	child_serve(&talk->stream->child, fds + FD_CHILD);
	if (fds[FD_CHANNEL].revents & POLLOUT)
		send_rest(talk);
	if (fds[FD_CHANNEL].revents & (POLLIN | POLLHUP | POLLERR))
		receive(talk);
	if (guard_sees_end(&talk->guard))
		end_child(talk);
	if (!is_over(talk))
		guard_ring(&talk->guard);
}

static bool start(struct runner *runner, struct error *err)
{
	struct task_environment environment;
	task_environment_init(&environment, runner, NULL);
	const struct child_spec spec = { .command = &runner->command,
		.environment = environment.list,
		.channel = CHANNEL_SOCKET };
	runner->stream.is_ready = false;
	lines_clear(&runner->stream.lines);
	output_restart(&runner->stream.child.output);
	free(runner->stream.last_id);
	runner->stream.last_id = NULL;
	const bool is_started = child_start(&runner->stream.child, runner, &spec, err);
	task_environment_finish(&environment);
	service_begin(runner);
	return is_started;
}

static int64_t ready_limit(const struct config_queue *queue)
{
	return queue->timeout_ms == CONFIG_NO_LIMIT || queue->timeout_ms > READY_MS
		       ? READY_MS
		       : queue->timeout_ms;
}

static void judge_end(struct talk *talk, const char *when, struct run_result *result)
{
	struct output *output = &talk->stream->child.output;
	OWNED(free) char *why = limits_explain(talk->runner, talk->oom_kills, &talk->end);
	OWNED(free) char *described = verdict_describe_end(&talk->end, output, why);
	/* What a limit does to it before it is ready no task is to blame for. */
	const bool is_too_tight = why && talk->guard.is_starting;
	result->status = talk->end.signal && !is_too_tight ? RUN_CRASHED : RUN_BROKEN;
	result->message = xprintf("the handler %s: %s", when, described);
}

static void judge(struct talk *talk, struct run_result *result)
{
	if (talk->guard.is_stopping && (!talk->answer.is_done || talk->is_refused))
		verdict_stopped(result, &talk->guard);
	else if (talk->answer.is_failed)
		verdict_failed(result, &talk->answer);
	else if (talk->answer.is_done) {
		result->status = RUN_DONE;
		result->result = GIVE(talk->answer.result);
	} else
		judge_end(talk, "ended with the task open", result);
}

/* Starts a handler and waits for {"ready":true}; result is filled where it does not come. */
static bool make_ready(
	struct runner *runner, const struct run_watch *watch, struct run_result *result)
{
	struct talk talk;
	struct error err = { 0 };
	if (child_is_running(&runner->stream.child))
		return true;
	if (!start(runner, &err)) {
		verdict_broken(result, err.text);
		return false;
	}
	talk_init(&talk, runner, watch);
	talk.guard.is_starting = true;
	guard_set_timeout(&talk.guard, ready_limit(runner->queue));
	guard_watch_memory(&talk.guard, runner);
	while (!is_over(&talk))
		step(&talk);
	if (!talk.has_ended)
		guard_sample_memory(&talk.guard);
	while (talk.guard.is_stopping && !talk.has_ended)
		step(&talk);
	const bool is_ready = !talk.has_ended && !talk.guard.is_stopping;
	if (!is_ready && talk.guard.is_stopping)
		verdict_stopped(result, &talk.guard);
	else if (!is_ready)
		judge_end(&talk, "ended before it was ready", result);
	talk_finish(&talk);
	return is_ready;
}

static void give_task(struct talk *talk)
{
	static const char head[] = "{\"task\":", tail[] = "}\n";
	outbox_add(&talk->outbox, head, sizeof head - 1);
	outbox_add(&talk->outbox, talk->request->envelope, strlen(talk->request->envelope));
	outbox_add(&talk->outbox, tail, sizeof tail - 1);
	send_rest(talk);
}

static void remember_task(struct stream *stream, const char *id)
{
	free(stream->last_id);
	stream->last_id = xstrdup(id);
}

/* Had it ended before it read the task? Then the task says nothing about it, nor it about the task.
 */
static bool was_dead(const struct talk *talk)
{
	return talk->has_ended && talk->is_unread && !talk->has_answered &&
	       !talk->guard.is_stopping;
}

/* False where nothing was learned and another handler may try. */
static bool talk_about(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, bool is_last_try, struct run_result *result)
{
	struct talk talk;
	talk_init(&talk, runner, watch);
	talk.request = request;
	guard_set_timeout(&talk.guard, request->timeout_ms);
	guard_watch_memory(&talk.guard, runner);
	guard_show_life(&talk.guard);
	give_task(&talk);
	fault_step("running");
	while (!is_over(&talk))
		step(&talk);
	const bool is_decided = is_last_try || !was_dead(&talk);
	if (is_decided)
		judge(&talk, result);
	if (!talk.has_ended)
		child_drain_output(&runner->stream.child);
	remember_task(&runner->stream, request->task_id);
	talk_finish(&talk);
	return is_decided;
}

static void set_subject(struct stream *stream, const struct run_request *request)
{
	stream->child.output.subject.task = request ? request->task_id : NULL;
	stream->child.output.subject.attempt = request ? (int)request->attempt : 0;
}

void stream_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result)
{
	struct stream *stream = &runner->stream;
	stream_tend(runner);
	output_restart(&stream->child.output);
	set_subject(stream, request);
	if (make_ready(runner, watch, result) &&
		!talk_about(runner, request, watch, false, result) &&
		make_ready(runner, watch, result))
		talk_about(runner, request, watch, true, result);
	result->output = output_copy_all(&stream->child.output);
	set_subject(stream, NULL);
}

bool stream_warm(struct runner *runner, const struct run_watch *watch, struct error *err)
{
	struct run_result result = { 0 };
	stream_tend(runner);
	const bool is_ready = make_ready(runner, watch, &result);
	if (!is_ready)
		error_set(err, ERROR_UNAVAILABLE, "%s", result.message);
	run_result_finish(&result);
	return is_ready;
}
