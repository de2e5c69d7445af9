/* A stream handler between its tasks, and its end; see runner_parts.h. */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FD_CHANNEL, FD_CHILD, IDLE_FDS = FD_CHILD + CHILD_FDS };

static void fill_poll(const struct stream *stream, struct pollfd fds[IDLE_FDS])
{
	fds[FD_CHANNEL] = (struct pollfd){ .fd = stream->child.channel, .events = POLLIN };
	child_fill_poll(&stream->child, fds + FD_CHILD);
}

static void end_child(struct runner *runner, struct process_end *end)
{
	struct stream *stream = &runner->stream;
	child_kill(&stream->child, runner);
	child_drain_output(&stream->child);
	child_finish(&stream->child, runner, end);
	output_flush(&stream->child.output);
	lines_clear(&stream->lines);
	stream->is_ready = false;
}

/* Nothing is asked of it now: only signs of life for the task before are no harm. */
static bool check_message(
	const struct stream *stream, const struct message *message, struct error *err)
{
	const bool is_last =
		message->id && stream->last_id && strcmp(message->id, stream->last_id) == 0;
	if (is_last && (message->kind == MESSAGE_BEAT || message->kind == MESSAGE_PROGRESS))
		return true;
	if (is_last)
		return error_set(err, ERROR_INVALID,
			"two answers: it answered a second time for task %s", message->id);
	return error_set(err, ERROR_INVALID, "it spoke while no task was open");
}

static bool check_line(
	const struct stream *stream, const char *line, size_t length, struct error *err)
{
	struct message message;
	if (message_is_blank(line, length))
		return true;
	if (!message_parse(line, length, &message, err))
		return false;
	const bool is_well = check_message(stream, &message, err);
	message_finish(&message);
	return is_well;
}

static bool check_lines(struct stream *stream, struct error *err)
{
	const char *line;
	size_t length;
	while (lines_next(&stream->lines, &line, &length))
		if (!check_line(stream, line, length, err))
			return false;
	lines_rest(&stream->lines, &length);
	return length == 0 ||
	       error_set(err, ERROR_INVALID, "it wrote half a line while no task was open");
}

static bool listen_once(struct stream *stream, bool is_readable, struct error *err)
{
	size_t room;
	char *place = lines_reserve(&stream->lines, &room);
	const ssize_t got = is_readable && room ? read(stream->child.channel, place, room) : 0;
	if (got > 0)
		lines_added(&stream->lines, (size_t)got);
	if (!check_lines(stream, err))
		return false;
	if (is_readable && (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)))
		return error_set(err, ERROR_UNAVAILABLE, "it closed its socket");
	return true;
}

static bool has_unread_lines(const struct stream *stream)
{
	return stream->lines.used > stream->lines.start;
}

void stream_tend(struct runner *runner)
{
	struct stream *stream = &runner->stream;
	struct pollfd fds[IDLE_FDS];
	struct process_end end;
	struct error err = { 0 };
	if (!child_is_running(&stream->child))
		return;
	fill_poll(stream, fds);
	const bool has_ended = process_has_ended(&stream->child.process);
	if (poll(fds, IDLE_FDS, 0) <= 0 && !has_unread_lines(stream) && !has_ended)
		return;
	child_serve(&stream->child, fds + FD_CHILD);
	child_drain_output(&stream->child);
	if (listen_once(stream, fds[FD_CHANNEL].revents != 0, &err) && !has_ended)
		return;
	end_child(runner, &end);
	OWNED(free)
	char *described = has_ended ? verdict_describe_end(&end, &stream->child.output, NULL)
				    : xstrdup(err.text);
	log_about(&stream->child.output.subject, has_ended ? LOG_INFO : LOG_WARN,
		"the handler is replaced: %s", described);
}

static void discard_messages(struct stream *stream)
{
	size_t room;
	char *place = lines_reserve(&stream->lines, &room);
	const ssize_t got = read(stream->child.channel, place, room);
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return; /* nothing is added: the place is used again */
	memory_close_fd(&stream->child.channel);
	stream->child.channel = -1;
}

static void wait_for_end(struct guard *guard, struct stream *stream)
{
	struct pollfd fds[IDLE_FDS];
	for (;;) {
		fill_poll(stream, fds);
		guard_wait(guard, fds, IDLE_FDS);
		child_serve(&stream->child, fds + FD_CHILD);
		if (fds[FD_CHANNEL].revents)
			discard_messages(stream);
		if (guard_sees_end(guard))
			return;
		guard_ring(guard);
	}
}

void stream_dismiss(struct runner *runner)
{
	static const char stop[] = "{\"stop\":true}\n";
	struct stream *stream = &runner->stream;
	struct guard guard;
	struct process_end end;
	if (!child_is_running(&stream->child))
		return;
	guard_init(&guard, runner, &stream->child, NULL);
	lines_clear(&stream->lines);
	const ssize_t told = write(stream->child.channel, stop, sizeof stop - 1);
	shutdown(stream->child.channel, SHUT_WR);
	guard.alarms[ALARM_TERM] = clock_steady_ms() + (told > 0 ? guard.kill_after_ms : 0);
	wait_for_end(&guard, stream);
	end_child(runner, &end);
	guard_finish(&guard);
}
