/* The log; see log.h. */
#include "base/log.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_LINE_MAX 16384

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const journal_prefixes[] = { "<7>", "<6>", "<4>", "<3>" };

static struct {
	enum log_level level;
	enum log_format format;
	char *path;
	size_t line_max_bytes;
	int fd;
	bool is_journal;
	char process[64];
	log_mirror mirror;
	void *mirror_context;
} target = { .level = LOG_INFO, .line_max_bytes = DEFAULT_LINE_MAX, .fd = STDERR_FILENO };

/* systemd names the journal's socket by device and inode (sd_journal_stream_fd(3)). */
static bool stderr_is_journal(void)
{
	const char *named = getenv("JOURNAL_STREAM");
	struct stat at;
	unsigned long long device, inode;
	return named && sscanf(named, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &at) == 0 && at.st_dev == device && at.st_ino == inode;
}

static bool open_path(const char *path, int *out, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "log %s: %s", path, strerror(errno));
	*out = fd;
	return true;
}

static void use_fd(int fd)
{
	if (target.fd != STDERR_FILENO)
		close(target.fd);
	target.fd = fd;
	target.is_journal = fd == STDERR_FILENO && stderr_is_journal();
}

bool log_open(const struct log_settings *settings, struct error *err)
{
	int fd = STDERR_FILENO;
	if (settings->to && !open_path(settings->to, &fd, err))
		return false;
	use_fd(fd);
	free(target.path);
	target.path = xstrdup(settings->to);
	target.level = settings->level;
	target.format = settings->format;
	target.line_max_bytes =
		settings->line_max_bytes ? settings->line_max_bytes : DEFAULT_LINE_MAX;
	return true;
}

bool log_reopen(struct error *err)
{
	int fd = -1;
	if (!target.path)
		return true;
	if (!open_path(target.path, &fd, err))
		return false;
	use_fd(fd);
	return true;
}

void log_set_process(const char *name)
{
	snprintf(target.process, sizeof target.process, "%s", name);
}

void log_set_level(enum log_level level)
{
	target.level = level;
}

size_t log_line_max(void)
{
	return target.line_max_bytes;
}

void log_set_mirror(log_mirror mirror, void *context)
{
	target.mirror = mirror;
	target.mirror_context = context;
}

static void write_whole(const char *line, size_t length)
{
	while (length > 0) {
		ssize_t wrote = write(target.fd, line, length);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return; /* nobody can be told that the log is gone */
		line += wrote;
		length -= (size_t)wrote;
	}
}

/* Without the newline. Owned. */
static char *compose(enum log_level level, const struct log_subject *subject, const char *message,
	bool is_journal)
{
	char when[CLOCK_TEXT_SIZE];
	OWNED(free)
	char *about = subject && subject->task
			      ? xprintf(" [%s %s #%d]", subject->queue ? subject->queue : "-",
					subject->task, subject->attempt)
			      : xstrdup("");
	if (is_journal)
		return xprintf(
			"%s%s:%s %s", journal_prefixes[level], target.process, about, message);
	return xprintf("%s %-5s %s:%s %s", clock_format(clock_wall_ms(), when), level_names[level],
		target.process, about, message);
}

static void print_text(enum log_level level, const struct log_subject *subject, const char *message)
{
	OWNED(free) char *composed = compose(level, subject, message, target.is_journal);
	OWNED(free) char *line = xprintf("%s\n", composed);
	write_whole(line, strlen(line));
}

static void print_mirror(
	enum log_level level, const struct log_subject *subject, const char *message)
{
	OWNED(free) char *line = compose(level, subject, message, false);
	target.mirror(target.mirror_context, target.process, subject, line, strlen(line));
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static void print_json(enum log_level level, const struct log_subject *subject, const char *stream,
	const char *message)
{
	char when[CLOCK_TEXT_SIZE];
	OWNED(json) json_t *event = json_object();
	set_text(event, "time", clock_format(clock_wall_ms(), when));
	set_text(event, "level", level_names[level]);
	set_text(event, "process", target.process);
	if (subject) {
		set_text(event, "queue", subject->queue);
		set_text(event, "task", subject->task);
		if (subject->attempt)
			json_object_set_new(event, "attempt", json_integer(subject->attempt));
	}
	set_text(event, "stream", stream);
	set_text(event, "message", message);
	OWNED(free) char *body = jsontext_print(event);
	OWNED(free) char *line = xprintf("%s\n", body);
	write_whole(line, strlen(line));
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

static void write_event(enum log_level level, const struct log_subject *subject, const char *stream,
	const char *message)
{
	if (target.format == LOG_JSON)
		print_json(level, subject, stream, message);
	else
		print_text(level, subject, message);
	if (target.mirror)
		print_mirror(level, subject, message);
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
	write_event(level, subject, NULL, clean);
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
	write_event(LOG_INFO, subject, stream, clean);
}
