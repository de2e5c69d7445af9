#pragma once
/*
 * A growing buffer that bytes are read into and lines come out of. A line of more than
 * LINES_MAX bytes is never held: the buffer stays at that size and says so.
 */
#include "base/error.h"

#include <stddef.h>

#define LINES_MAX (1024 * 1024) /* bytes of a line, without its newline */

struct lines {
	char *bytes;
	size_t room, start, used; /* unread bytes are start … used */
	size_t searched;          /* there is no newline before this */
};

/* Where the next bytes belong; *room is never 0 unless the line is too long. */
char *lines_reserve(struct lines *lines, size_t *room);
void lines_added(struct lines *lines, size_t count);

/* The next whole line without its newline, valid until the next call of lines_reserve. */
bool lines_next(struct lines *lines, const char **line, size_t *length);
/* True where the line at hand has grown past LINES_MAX without an end. */
bool lines_is_too_long(const struct lines *lines);
/* What is left after the last newline. */
const char *lines_rest(const struct lines *lines, size_t *length);
/* Forgets what is left; a buffer that has grown large is given back. */
void lines_clear(struct lines *lines);
void lines_finish(struct lines *lines);
