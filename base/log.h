#pragma once
/*
 * The log: one line per event on stderr, a file, or the journal. Nothing is kept in buffers: a line
 * is one write(2), so processes share a descriptor safely. Nobody waits for a slow reader: lines
 * that it does not take are dropped, counted, and their number is told as soon as it reads again.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

#define LOG_TO_STDERR  "stderr"
#define LOG_TO_JOURNAL "journald"

struct log_settings {
	enum log_level level;
	enum log_format format;
	const char *to; /* a path or LOG_TO_…; NULL: the journal if stderr is that, else stderr */
	size_t line_max_bytes; /* a longer line is cut, and the cut is counted in it */
};

/* What a line is about; members may be NULL or 0. */
struct log_subject {
	const char *queue;
	const char *task;
	int attempt;
};

/* Opens the target. On failure the log stays where it was. */
bool log_open(const struct log_settings *settings, struct error *err);
/* Opens the same target again (after rotation). */
bool log_reopen(struct error *err);
/* The name in front of each line: "supervisor", "mail#1". Copied, cut at 63 bytes. */
void log_set_process(const char *name);
/* What lines without a subject are about in the journal and in JSON. Copied; NULL: nothing. */
void log_set_queue(const char *queue);
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_about(const struct log_subject *subject, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Lines that this process and those forked from it have dropped so far. */
uint64_t log_dropped(void);
/* The bytes of a line that are shown; the rest is cut and counted. */
size_t log_line_max(void);
/* One line of a handler's output; not NUL-terminated; control characters are escaped. Of a line
 * with more than log_line_max() bytes only these are read, length counts all. */
void log_output(
	const struct log_subject *subject, const char *stream, const char *line, size_t length);

/* Called with every line that is written, as text with its time and without the newline, whatever
 * the target and format are. subject may be NULL. Handed on over fork; NULL ends it. */
typedef void (*log_mirror)(void *context, const char *process, const struct log_subject *subject,
	const char *line, size_t length);
void log_set_mirror(log_mirror mirror, void *context);
