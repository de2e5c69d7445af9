/* The log; see log.h. */
#include "base/log.h"

#include "base/clock.h"
#include "base/journal.h"
#include "base/jsontext.h"
#include "base/logsink.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_LINE_MAX 16384

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const priorities[] = { "7", "6", "4", "3" }; /* of syslog */

static struct {
	enum log_level level;
	enum log_format format;
	char *to;
	size_t line_max_bytes;
	struct logsink sink;
	char process[64];
	char *queue;
	log_mirror mirror;
	void *mirror_context;
} target = { .level = LOG_INFO,
	.line_max_bytes = DEFAULT_LINE_MAX,
	.sink = { .fd = 2, .may_block = true } };

/* What one line says, before it has a form. */
struct event {
	enum log_level level;
	const struct log_subject *subject; /* NULL: none */
	const char *stream;                /* NULL: not a handler's */
	const char *message;
};

static bool open_sink(const char *to, struct error *err)
{
	struct logsink sink;
	if (!logsink_open(to, &sink, err))
		return false;
	logsink_close(&target.sink);
	target.sink = sink;
	return true;
}

bool log_open(const struct log_settings *settings, struct error *err)
{
	if (!open_sink(settings->to, err))
		return false;
	free(target.to);
	target.to = xstrdup(settings->to);
	target.level = settings->level;
	target.format = settings->format;
	target.line_max_bytes =
		settings->line_max_bytes ? settings->line_max_bytes : DEFAULT_LINE_MAX;
	return true;
}

bool log_reopen(struct error *err)
{
	return !target.to || strcmp(target.to, LOG_TO_STDERR) == 0 || open_sink(target.to, err);
}

void log_set_process(const char *name)
{
	snprintf(target.process, sizeof target.process, "%s", name);
}

void log_set_queue(const char *queue)
{
	free(target.queue);
	target.queue = xstrdup(queue);
}

void log_set_level(enum log_level level)
{
	target.level = level;
}

size_t log_line_max(void)
{
	return target.line_max_bytes;
}

uint64_t log_dropped(void)
{
	return logsink_dropped();
}

void log_set_mirror(log_mirror mirror, void *context)
{
	target.mirror = mirror;
	target.mirror_context = context;
}

static const char *queue_of(const struct event *event)
{
	return event->subject && event->subject->queue ? event->subject->queue : target.queue;
}

/* "mail#1: [mail ID #2] message". Owned. */
static char *compose_sentence(const struct event *event)
{
	const struct log_subject *subject = event->subject;
	if (!subject || !subject->task)
		return xprintf("%s: %s", target.process, event->message);
	return xprintf("%s: [%s %s #%d] %s", target.process, subject->queue ? subject->queue : "-",
		subject->task, subject->attempt, event->message);
}

/* With its time, for a stream of text. Owned. */
static char *compose_text(const struct event *event)
{
	char when[CLOCK_TEXT_SIZE];
	OWNED(free) char *sentence = compose_sentence(event);
	return xprintf("%s %-5s %s", clock_format(clock_wall_ms(), when), level_names[event->level],
		sentence);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

/* Owned. */
static char *compose_json(const struct event *event)
{
	char when[CLOCK_TEXT_SIZE];
	const struct log_subject *subject = event->subject;
	OWNED(json) json_t *object = json_object();
	set_text(object, "time", clock_format(clock_wall_ms(), when));
	set_text(object, "level", level_names[event->level]);
	set_text(object, "process", target.process);
	set_text(object, "queue", queue_of(event));
	set_text(object, "task", subject ? subject->task : NULL);
	if (subject && subject->attempt)
		json_object_set_new(object, "attempt", json_integer(subject->attempt));
	set_text(object, "stream", event->stream);
	set_text(object, "message", event->message);
	return jsontext_print(object);
}

/* The job of a task of a job, JOB.SEQ; NULL for a pushed task. Owned. */
static char *job_of(const struct log_subject *subject)
{
	const char *dot = subject && subject->task ? strrchr(subject->task, '.') : NULL;
	return dot ? xstrndup(subject->task, (size_t)(dot - subject->task)) : NULL;
}

static bool write_journal(const struct event *event)
{
	const struct log_subject *subject = event->subject;
	OWNED(free)
	char *message = target.format == LOG_JSON ? compose_json(event) : compose_sentence(event);
	OWNED(free) char *job = job_of(subject);
	OWNED(free)
	char *attempt = subject && subject->attempt ? xprintf("%d", subject->attempt) : NULL;
	const struct journal_field fields[] = {
		{ "MESSAGE", message },
		{ "PRIORITY", priorities[event->level] },
		{ "SYSLOG_IDENTIFIER", "reeve" },
		{ "REEVE_PROCESS", target.process },
		{ "REEVE_QUEUE", queue_of(event) },
		{ "REEVE_TASK", subject ? subject->task : NULL },
		{ "REEVE_JOB", job },
		{ "REEVE_ATTEMPT", attempt },
		{ "REEVE_STREAM", event->stream },
	};
	size_t length;
	OWNED(free) char *datagram = journal_compose(fields, ARRAY_SIZE(fields), &length);
	return logsink_write(&target.sink, datagram, length);
}

/* The journal has a time of its own for what comes on a stream, and wants a priority in front. */
static char *compose_line(const struct event *event)
{
	if (target.format == LOG_JSON)
		return compose_json(event);
	if (target.sink.kind != LOGSINK_STREAM_OF_JOURNAL)
		return compose_text(event);
	OWNED(free) char *sentence = compose_sentence(event);
	return xprintf("<%s>%s", priorities[event->level], sentence);
}

static bool write_sink(const struct event *event)
{
	if (target.sink.kind == LOGSINK_JOURNAL)
		return write_journal(event);
	OWNED(free) char *composed = compose_line(event);
	OWNED(free) char *line = xprintf("%s\n", composed);
	return logsink_write(&target.sink, line, strlen(line));
}

static void print_mirror(const struct event *event)
{
	OWNED(free) char *line = compose_text(event);
	target.mirror(target.mirror_context, target.process, event->subject, line, strlen(line));
}

/* False: the reader still takes nothing. */
static bool tell_drops(void)
{
	uint64_t count = logsink_take_untold();
	if (count == 0)
		return true;
	OWNED(free)
	char *message = xprintf("%" PRIu64
				" lines of the log were dropped: they could not be written in time",
		count);
	const struct event event = { .level = LOG_WARN, .message = message };
	if (!write_sink(&event)) {
		logsink_give_untold(count);
		return false;
	}
	if (target.mirror)
		print_mirror(&event);
	return true;
}

static void write_event(const struct event *event)
{
	if (!tell_drops() || !write_sink(event))
		logsink_count_drop();
	if (target.mirror)
		print_mirror(event);
}

/* A copy that is valid UTF-8 on one line: other bytes appear as \xNN, a long line is cut. */
static char *cleaned(const char *line, size_t length)
{
	size_t kept = length < target.line_max_bytes ? length : target.line_max_bytes;
	char *clean = xmalloc(kept * 4 + 48);
	size_t at = 0;
	for (size_t i = 0; i < kept;) {
		const unsigned char *next = (const unsigned char *)line + i;
		size_t sequence = utf8_length(line + i, kept - i);
		if (sequence == 0 || (next[0] < 0x20 && next[0] != '\t') || next[0] == 0x7f) {
			at += (size_t)sprintf(clean + at, "\\x%02x", next[0]);
			i++;
			continue;
		}
		memcpy(clean + at, next, sequence);
		at += sequence;
		i += sequence;
	}
	clean[at] = '\0';
	if (kept < length)
		sprintf(clean + at, " … %zu bytes cut", length - kept);
	return clean;
}

static void write_message(
	enum log_level level, const struct log_subject *subject, const char *format, va_list args)
{
	char *message = NULL;
	int length = vasprintf(&message, format, args);
	if (length < 0)
		abort();
	OWNED(free) char *owned = message;
	OWNED(free) char *clean = cleaned(owned, (size_t)length);
	const struct event event = { .level = level, .subject = subject, .message = clean };
	write_event(&event);
}

void log_line(enum log_level level, const char *format, ...)
{
	if (level < target.level)
		return;
	va_list args;
	va_start(args, format);
	write_message(level, NULL, format, args);
	va_end(args);
}

void log_about(const struct log_subject *subject, enum log_level level, const char *format, ...)
{
	if (level < target.level)
		return;
	va_list args;
	va_start(args, format);
	write_message(level, subject, format, args);
	va_end(args);
}

void log_output(
	const struct log_subject *subject, const char *stream, const char *line, size_t length)
{
	if (target.level > LOG_INFO)
		return;
	OWNED(free) char *clean = cleaned(line, length);
	const struct event event = {
		.level = LOG_INFO, .subject = subject, .stream = stream, .message = clean
	};
	write_event(&event);
}
