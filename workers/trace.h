#pragma once
/* The trace: one entry per attempt, kept with the task and handed to all later tasks of its line.
 */
#include <jansson.h>
#include <stdint.h>

struct trace_entry {
	const char *worker, *task, *queue, *message_id;
	const char *status;              /* success failure retry crash timeout lost */
	const char *message, *backtrace; /* or NULL */
	uint32_t attempt;
	int64_t received_at_ms, finished_at_ms; /* wall; 0: not known */
	int64_t spent_ms;                       /* processing time; −1: not known */
};

/* JSON text. Owned. */
char *trace_print(const struct trace_entry *entry);

/* A JSON string of text that may be broken UTF-8 (output of programs): each bad byte is replaced.
 * NULL gives null. */
json_t *trace_text(const char *text);
/* The name of this host, or null. */
json_t *trace_host(void);
/* The same as text. Owned; NULL gives NULL. */
char *trace_clean(const char *text);
/* The same of bytes that may hold a NUL, which is replaced as well. Owned. */
char *trace_clean_bytes(const char *text, size_t length);
