#pragma once
/*
 * Handlers of reeve in C99 on POSIX; needs nothing but this file, in one source file of a program.
 * See docs/handlers.md.
 *
 *     static int hello(struct reeve_task *task)
 *     {
 *             return reeve_done(task, "{\"said\":%ld}", (long)reeve_number(task, "payload.times",
 * 0));
 *     }
 *     int main(void) { return reeve_work(hello); }
 *
 * Works with `protocol: exec` and `protocol: stream` alike. A handler says reeve_done, reeve_fail,
 * reeve_retry or reeve_permanent once, at its end, and answers what that gives; one that says none
 * of them is done with null where it answers 0, and has failed otherwise. What takes JSON takes a
 * format of printf(3); texts go through reeve_quote.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <execinfo.h>
#endif
#if defined(__GNUC__)
#define REEVE_UNUSED __attribute__((unused))
#else
#define REEVE_UNUSED
#endif

struct reeve_task {
	const char *envelope; /* one JSON object, NUL-terminated */
	char *id;
	int fd, is_stream, has_answered, is_well, is_cancelled, stops;
	char *buffer; /* what was read and not used; stream */
	size_t used, room;
};
typedef int (*reeve_handler)(struct reeve_task *task);

/* --- reading JSON: values by their path, "payload.rows.0.name" --- */

static const char *reeve_blank(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind the value at this place; valid JSON is assumed. */
static const char *reeve_skip(const char *at)
{
	int depth = 0;
	do {
		at = reeve_blank(at);
		if (*at == '"') {
			for (at++; *at && *at != '"'; at++)
				at += *at == '\\' && at[1] ? 1 : 0;
			at += *at == '"';
		} else if (*at == '{' || *at == '[') {
			depth++, at++;
		} else if (*at == '}' || *at == ']') {
			depth--, at++;
		} else if (*at == ',' || *at == ':') {
			at++;
		} else {
			at += strcspn(at, ",:]} \t\r\n");
		}
	} while (depth > 0 && *at);
	return at;
}

/* Where the value of a path begins; NULL: there is none. */
static REEVE_UNUSED const char *reeve_find(const char *json, const char *path)
{
	const char *at = reeve_blank(json);
	while (at && *path) {
		size_t length = strcspn(path, ".");
		long index = *at == '[' ? strtol(path, NULL, 10) : -1;
		char end = *at == '[' ? ']' : '}';
		if (*at != '[' && *at != '{')
			return NULL;
		const char *item = reeve_blank(at + 1);
		for (at = NULL; !at && *item && *item != end;) {
			const char *key = item, *value = item;
			if (end == '}')
				value = reeve_blank(reeve_blank(reeve_skip(item)) + 1);
			if (end == '}' ? strncmp(key + 1, path, length) == 0 &&
						 key[length + 1] == '"'
				       : index-- == 0)
				at = value;
			item = reeve_blank(reeve_skip(value));
			item = *item == ',' ? reeve_blank(item + 1) : item;
		}
		path += length + (path[length] == '.');
	}
	return at;
}

static REEVE_UNUSED double reeve_number(
	const struct reeve_task *task, const char *path, double missing)
{
	const char *at = reeve_find(task->envelope, path);
	return at && strchr("-0123456789", *at) ? strtod(at, NULL) : missing;
}

/* The JSON of a value, as it came. Owned; NULL: there is none. */
static REEVE_UNUSED char *reeve_json(const struct reeve_task *task, const char *path)
{
	const char *at = reeve_find(task->envelope, path);
	return at ? strndup(at, (size_t)(reeve_skip(at) - at)) : NULL;
}

static char *reeve_put_utf8(char *to, unsigned long code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned heads[] = { 0, 0xc0, 0xe0, 0xf0 };
	*to++ = (char)(heads[more] | code >> (6 * more));
	while (more-- > 0)
		*to++ = (char)(0x80 | ((code >> (6 * more)) & 0x3f));
	return to;
}

static unsigned long reeve_hex(const char *at)
{
	char digits[5] = { 0 };
	memcpy(digits, at, strnlen(at, 4));
	return strtoul(digits, NULL, 16);
}

/* A text, as UTF-8 without escapes. Owned; NULL: there is none, or it is no text. */
static REEVE_UNUSED char *reeve_text(const struct reeve_task *task, const char *path)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *at = reeve_find(task->envelope, path);
	if (!at || *at != '"')
		return NULL;
	char *text = malloc((size_t)(reeve_skip(at) - at) + 1), *to = text;
	for (at++; text && *at && *at != '"'; at++) {
		const char *meant = *at == '\\' ? strchr(escapes, at[1]) : NULL;
		if (*at != '\\') {
			*to++ = *at;
		} else if (at[1] == 'u') {
			unsigned long code = reeve_hex(at + 2);
			at += 5;
			if (code >= 0xd800 && code < 0xdc00 && at[1] == '\\' && at[2] == 'u') {
				code = 0x10000 + ((code - 0xd800) << 10) +
				       (reeve_hex(at + 3) - 0xdc00);
				at += 6;
			}
			to = reeve_put_utf8(to, code);
		} else {
			*to++ = meant ? meant[1] : *++at;
			at += meant != NULL;
		}
	}
	if (text)
		*to = '\0';
	return text;
}

/* --- writing --- */

/* A text as JSON, with its quotes. Owned. */
static REEVE_UNUSED char *reeve_quote(const char *text)
{
	char *json = malloc(strlen(text) * 6 + 3), *to = json;
	if (!json)
		abort();
	*to++ = '"';
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			*to++ = '\\', *to++ = *text;
		else if ((unsigned char)*text < ' ')
			to += sprintf(to, "\\u%04x", (unsigned)*text);
		else
			*to++ = *text;
	*to++ = '"';
	*to = '\0';
	return json;
}

static char *reeve_print(const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *text = length < 0 ? NULL : malloc((size_t)length + 1);
	if (!text)
		abort();
	vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

static void reeve_write(int fd, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t sent = write(fd, text, left);
		if (sent < 0 && errno != EINTR)
			_exit(1); /* reeve is gone */
		text += sent > 0 ? sent : 0;
		left -= sent > 0 ? (size_t)sent : 0;
	}
}

/* One message: {"id":…, VERBS}. */
static void reeve_say(struct reeve_task *task, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *verbs = reeve_print(format, args), *id = reeve_quote(task->id);
	va_end(args);
	char *line = malloc(strlen(verbs) + strlen(id) + 16);
	if (!line)
		abort();
	sprintf(line, "{\"id\":%s,%s}\n", id, verbs);
	reeve_write(task->fd, line);
	free(line);
	free(verbs);
	free(id);
}

static int reeve_answer(struct reeve_task *task, int is_well)
{
	task->has_answered = 1;
	task->is_well = is_well;
	return is_well ? 0 : 1;
}

static REEVE_UNUSED int reeve_done(struct reeve_task *task, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *json = reeve_print(format, args);
	va_end(args);
	fflush(stdout); /* what comes after the answer is of no task */
	reeve_say(task, "\"done\":%s", json);
	free(json);
	return reeve_answer(task, 1);
}

static int reeve_say_failure(struct reeve_task *task, const char *reason, const char *more)
{
	char *quoted = reeve_quote(reason);
	fflush(stdout);
	reeve_say(task, "\"fail\":%s%s", quoted, more);
	free(quoted);
	return reeve_answer(task, 0);
}

/* Failed, with the calls that led here (as names where the program is linked with -rdynamic). */
static REEVE_UNUSED int reeve_fail(struct reeve_task *task, const char *reason)
{
	char calls[8192] = "";
#if defined(__GLIBC__)
	void *frames[32];
	int count = backtrace(frames, 32);
	char **names = backtrace_symbols(frames, count);
	for (int i = 1; names && i < count && strlen(calls) + strlen(names[i]) < sizeof calls - 2;
		i++)
		strcat(strcat(calls, names[i]), "\n");
	free(names);
#endif
	char *quoted = reeve_quote(calls);
	char *more = malloc(strlen(quoted) + 16);
	if (!more)
		abort();
	sprintf(more, ",\"backtrace\":%s", quoted);
	int code = reeve_say_failure(task, reason, more);
	free(more);
	free(quoted);
	return code;
}

/* Try again after this time; below 0: after the queue's own. */
static REEVE_UNUSED int reeve_retry(struct reeve_task *task, double seconds, const char *reason)
{
	char more[64] = ",\"retry_in\":true";
	if (seconds >= 0)
		snprintf(more, sizeof more, ",\"retry_in\":\"%.0fms\"", seconds * 1000);
	return reeve_say_failure(task, reason, more);
}

/* Failed for good. */
static REEVE_UNUSED int reeve_permanent(struct reeve_task *task, const char *reason)
{
	return reeve_say_failure(task, reason, ",\"permanent\":true");
}

/* Starts a task of one of the names in `starts_parallel` or `starts_manually`. */
static REEVE_UNUSED void reeve_spawn(
	struct reeve_task *task, const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *payload = reeve_print(format, args), *quoted = reeve_quote(name);
	va_end(args);
	reeve_say(task, "\"spawn\":{\"task\":%s,\"payload\":%s}", quoted, payload);
	free(payload);
	free(quoted);
}

/* message may be NULL. */
static REEVE_UNUSED void reeve_progress(
	struct reeve_task *task, double fraction, const char *message)
{
	char *quoted = reeve_quote(message ? message : "");
	reeve_say(task, message ? "\"progress\":%g,\"message\":%s" : "\"progress\":%g", fraction,
		quoted);
	free(quoted);
}

/* A sign of life, for `heartbeat`. */
static REEVE_UNUSED void reeve_beat(struct reeve_task *task)
{
	reeve_say(task, "\"beat\":true");
}

/* --- the two protocols --- */

static volatile sig_atomic_t reeve_was_told;

static void reeve_on_term(int number)
{
	(void)number;
	reeve_was_told = 1;
}

/* Reads once into the buffer; 0: the end. */
static int reeve_read(struct reeve_task *task, int fd)
{
	if (task->used + 65536 > task->room) {
		task->room = (task->used + 65536) * 2;
		task->buffer = realloc(task->buffer, task->room);
		if (!task->buffer)
			abort();
	}
	ssize_t got;
	do
		got = read(fd, task->buffer + task->used, 65535);
	while (got < 0 && errno == EINTR);
	task->used += got > 0 ? (size_t)got : 0;
	task->buffer[task->used] = '\0';
	return got > 0;
}

/* Whether to stop soon; a handler that has once asked is no longer ended by SIGTERM alone. */
static REEVE_UNUSED int reeve_cancelled(struct reeve_task *task)
{
	struct pollfd socket = { .fd = task->fd, .events = POLLIN };
	static int listens;
	if (!task->is_stream && !listens) {
		struct sigaction action = { .sa_handler = reeve_on_term };
		listens = sigaction(SIGTERM, &action, NULL) == 0;
	}
	/* While a task is open all that can come is about it, or is the stop. */
	while (task->is_stream && poll(&socket, 1, 0) > 0 && reeve_read(task, task->fd))
		;
	for (char *line = task->buffer, *end; task->is_stream && task->used > 0; line = end + 1) {
		end = memchr(line, '\n', task->used - (size_t)(line - task->buffer));
		if (!end)
			break;
		task->is_cancelled |= reeve_find(line, "cancel") != NULL;
		task->stops |= reeve_find(line, "stop") != NULL;
	}
	return task->is_cancelled || task->stops || reeve_was_told;
}

static int reeve_do(struct reeve_task *task, reeve_handler handler)
{
	task->has_answered = task->is_cancelled = 0;
	task->id = reeve_text(task, "id");
	int code = handler(task);
	if (!task->has_answered && code == 0)
		reeve_done(task, "null");
	else if (!task->has_answered)
		reeve_say_failure(task, "the handler gave no reason", "");
	free(task->id);
	return task->is_well ? 0 : 1;
}

static int reeve_work_once(struct reeve_task *task, reeve_handler handler)
{
	while (reeve_read(task, 0))
		;
	task->envelope = task->buffer;
	return reeve_do(task, handler);
}

static int reeve_work_on(struct reeve_task *task, reeve_handler handler)
{
	reeve_write(task->fd, "{\"ready\":true}\n");
	while (!task->stops) {
		char *end = task->used ? memchr(task->buffer, '\n', task->used) : NULL;
		if (!end && !reeve_read(task, task->fd))
			break;
		if (!end)
			continue;
		*end = '\0';
		char *line = strdup(task->buffer);
		task->used -= (size_t)(end + 1 - task->buffer);
		memmove(task->buffer, end + 1, task->used + 1);
		task->envelope = line ? reeve_find(line, "task") : NULL;
		task->stops |= !task->envelope && line && reeve_find(line, "stop");
		if (task->envelope)
			reeve_do(task, handler);
		free(line);
	}
	return 0;
}

/* Hands tasks to the function; what it answers is main's to return. */
static REEVE_UNUSED int reeve_work(reeve_handler handler)
{
	const char *number = getenv("REEVE_FD");
	struct reeve_task task = { .fd = number ? atoi(number) : -1,
		.is_stream = !getenv("REEVE_TASK_ID") };
	if (!number) {
		fputs("REEVE_FD is not set: this program is started by reeve\n", stderr);
		return 125;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	int code = task.is_stream ? reeve_work_on(&task, handler) : reeve_work_once(&task, handler);
	free(task.buffer);
	return code;
}

/* --- producing --- */

/* Runs `reeve VERB WORDS…` (REEVE_BIN, REEVE_CONFIG) with this input; its output, an id. Owned;
 * NULL where it fails, and it has said why on standard error. */
static char *reeve_command(const char *const *words, const char *input)
{
	const char *argv[16], *file = getenv("REEVE_CONFIG"), *program = getenv("REEVE_BIN");
	size_t count = 0, used = 0;
	char text[512];
	int in[2], out[2], status = -1;
	argv[count++] = program ? program : "reeve";
	if (file)
		argv[count++] = "-c", argv[count++] = file;
	while (*words && count < 15)
		argv[count++] = *words++;
	argv[count] = NULL;
	if (pipe(in) < 0 || pipe(out) < 0)
		return NULL;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], 0), dup2(out[1], 1);
		close(in[0]), close(in[1]), close(out[0]), close(out[1]);
		execvp(argv[0], (char *const *)argv);
		perror(argv[0]);
		_exit(127);
	}
	close(in[0]), close(out[1]);
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	for (ssize_t sent; *input && (sent = write(in[1], input, strlen(input))) > 0;)
		input += sent;
	signal(SIGPIPE, before);
	close(in[1]);
	for (ssize_t got; used < sizeof text - 1 &&
			  (got = read(out[0], text + used, sizeof text - 1 - used)) > 0;)
		used += (size_t)got;
	close(out[0]);
	text[used] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? strdup(text) : NULL;
}

/* Pushes one task; its id. Owned; NULL: it failed. */
static REEVE_UNUSED char *reeve_push(const char *queue, const char *json)
{
	return reeve_command((const char *const[]){ "push", queue, "-", NULL }, json);
}

/* Starts a job; its id. Owned; NULL: it failed. */
static REEVE_UNUSED char *reeve_start(const char *workflow, const char *json)
{
	return reeve_command(
		(const char *const[]){ "start", workflow, "--payload", "-", NULL }, json);
}
