#pragma once
/*
 * What a handler tells us: one JSON object on a line. Exactly one verb (spawn, progress, beat,
 * done, fail, ready) and the keys that belong to it; anything else is refused by name.
 */
#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdint.h>

#define MESSAGES_TEXT_MAX (16 * 1024) /* a reason, a backtrace: more is cut */

enum message_kind {
	MESSAGE_SPAWN,
	MESSAGE_PROGRESS,
	MESSAGE_BEAT,
	MESSAGE_DONE,
	MESSAGE_FAIL,
	MESSAGE_READY,
};

struct message {
	enum message_kind kind;
	json_t *object;        /* owned; the members below are borrowed from it */
	const char *id;        /* the task's, or NULL */
	json_t *children;      /* spawn: an array, owned */
	double fraction;       /* progress: 0 … 1 */
	const char *text;      /* progress: its message; fail: the reason; or NULL */
	const json_t *result;  /* done */
	bool is_retry;         /* fail, with retry_in */
	int64_t retry_in_ms;   /* fail; -1: not given, or after the queue's own delay */
	bool is_permanent;     /* fail */
	const char *backtrace; /* fail; or NULL */
};

/* Reads one line. INVALID, "message is not understood: …" where it is none of the above. */
bool message_parse(const char *line, size_t length, struct message *out, struct error *err);
void message_finish(struct message *message);

/* True for a line of white space only: nobody meant it as a message. */
bool message_is_blank(const char *line, size_t length);
/* A copy of at most MESSAGES_TEXT_MAX bytes, not cut within a character. NULL gives NULL. */
char *message_copy_text(const char *text);
