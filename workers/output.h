#pragma once
/*
 * What a handler prints: each line goes to the log, the ends are kept for its trace. Holds no
 * more than one line's allowance and the two ends, however much is printed.
 */
#include "base/log.h"

#include <stddef.h>

#define OUTPUT_KEPT        (16 * 1024) /* of both streams together */
#define OUTPUT_ERRORS_KEPT (4 * 1024)  /* of stderr alone */

enum output_stream { OUTPUT_OUT, OUTPUT_ERR, OUTPUT_STREAMS };

/* The last `room` bytes of a stream; memory comes with the first byte. */
struct output_tail {
	char *bytes;
	size_t room, used, at;
};

struct output {
	struct log_subject subject; /* members borrowed: they outlive the output's use */
	struct output_tail all, errors;
	struct output_line {
		char *bytes;
		size_t used, room, length; /* length counts what was not kept, too */
	} lines[OUTPUT_STREAMS];
};

void output_init(struct output *output);
void output_add(struct output *output, enum output_stream stream, const char *bytes, size_t count);
/* Logs a last line that has no newline. */
void output_flush(struct output *output);
/* Forgets the ends, for the next task of a long-lived handler. */
void output_restart(struct output *output);
void output_finish(struct output *output);

/* The ends as valid UTF-8 (what is not becomes '?'), trailing white space of stderr cut. Owned. */
char *output_copy_all(const struct output *output);
char *output_copy_errors(const struct output *output);
