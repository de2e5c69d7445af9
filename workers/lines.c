/* Bytes to lines; see lines.h. */
#include "workers/lines.h"

#include "base/memory.h"

#define FIRST_ROOM 4096
#define KEPT_ROOM  65536 /* a larger buffer is freed once it is empty */

static void move_to_front(struct lines *lines)
{
	if (lines->start == 0)
		return;
	memmove(lines->bytes, lines->bytes + lines->start, lines->used - lines->start);
	lines->used -= lines->start;
	lines->searched -= lines->start;
	lines->start = 0;
}

char *lines_reserve(struct lines *lines, size_t *room)
{
	const size_t most = LINES_MAX + 1;
	move_to_front(lines);
	if (lines->used == lines->room && lines->room < most) {
		lines->room = lines->room ? lines->room * 2 : FIRST_ROOM;
		if (lines->room > most)
			lines->room = most;
		lines->bytes = xrealloc(lines->bytes, lines->room);
	}
	*room = lines->room - lines->used;
	return lines->bytes + lines->used;
}

void lines_added(struct lines *lines, size_t count)
{
	lines->used += count;
}

bool lines_next(struct lines *lines, const char **line, size_t *length)
{
	if (lines->used == lines->start) {
		lines_clear(lines);
		return false;
	}
	const char *end =
		memchr(lines->bytes + lines->searched, '\n', lines->used - lines->searched);
	if (!end) {
		lines->searched = lines->used;
		return false;
	}
	*line = lines->bytes + lines->start;
	*length = (size_t)(end - *line);
	lines->start = lines->searched = (size_t)(end - lines->bytes) + 1;
	return true;
}

bool lines_is_too_long(const struct lines *lines)
{
	return lines->searched == lines->used && lines->used - lines->start > LINES_MAX;
}

const char *lines_rest(const struct lines *lines, size_t *length)
{
	*length = lines->used - lines->start;
	return *length ? lines->bytes + lines->start : "";
}

void lines_clear(struct lines *lines)
{
	if (lines->room > KEPT_ROOM) {
		lines_finish(lines);
		return;
	}
	lines->start = lines->used = lines->searched = 0;
}

void lines_finish(struct lines *lines)
{
	free(lines->bytes);
	*lines = (struct lines){ 0 };
}
