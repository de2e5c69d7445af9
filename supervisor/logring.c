/*
 * The ring of log lines; see logring.h. A line takes consecutive cells, each with the number of its
 * place in the endless row and a checksum. A reader believes a cell only where both agree, so it
 * can't be misled by a writer that died, was overtaken or writes just now.
 */
#include "supervisor/logring.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/shared.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define CELL_TEXT      (LOG_RING_CELL - 16)
#define LINE_CELLS_MAX ((LOG_RING_LINE_MAX + 2 * LOG_RING_NAME_MAX + CELL_TEXT - 1) / CELL_TEXT)

struct cell {
	_Atomic uint64_t stamp; /* number of the cell in the row + 1; 0: being written */
	uint32_t checksum;
	uint16_t left;   /* cells of the line from here on, this one included */
	uint16_t length; /* 0x8000: the line's first cell */
	char text[CELL_TEXT];
};
_Static_assert(sizeof(struct cell) == LOG_RING_CELL, "cells are of one size");
#define FIRST_CELL 0x8000

struct shared {
	_Atomic uint64_t head; /* number of the next free cell */
	_Atomic int32_t followers;
	struct cell cells[LOG_RING_CELLS];
};

struct log_ring {
	struct shared *shared;
	int fd, bell;
};

static struct log_ring *hold(void *memory, int fd, int bell)
{
	struct log_ring *ring = xcalloc(1, sizeof *ring);
	*ring = (struct log_ring){ .shared = memory, .fd = fd, .bell = bell };
	return ring;
}

bool log_ring_create(struct log_ring **out, struct error *err)
{
	void *memory;
	int fd;
	if (!shared_create("reeve-log", sizeof(struct shared), &fd, &memory, err))
		return false;
	int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell < 0)
		return error_set(err, ERROR_UNAVAILABLE, "log ring: %s", strerror(errno));
	*out = hold(memory, fd, bell);
	return true;
}

bool log_ring_adopt(int fd, int bell, struct log_ring **out, struct error *err)
{
	void *memory;
	if (!shared_map("log ring", sizeof(struct shared), fd, false, &memory, err))
		return false;
	*out = hold(memory, fd, bell);
	atomic_store(&(*out)->shared->followers, 0);
	return true;
}

static void mirror(void *context, const char *process, const struct log_subject *subject,
	const char *line, size_t length)
{
	char queue[LOG_RING_NAME_MAX];
	snprintf(queue, sizeof queue, "%.*s", (int)strcspn(process, "#"), process);
	log_ring_write(context, subject && subject->queue ? subject->queue : queue,
		subject && subject->task ? subject->task : "", line, length);
}

void log_ring_attach(struct log_ring *ring)
{
	log_set_mirror(mirror, ring);
}

void log_ring_destroy(struct log_ring *ring)
{
	log_set_mirror(NULL, NULL);
	munmap(ring->shared, sizeof *ring->shared);
	close(ring->fd);
	close(ring->bell);
	free(ring);
}

static uint32_t sum(const struct cell *cell, uint64_t number)
{
	uint32_t hash =
		2166136261u ^ (uint32_t)number ^ ((uint32_t)cell->left << 16) ^ cell->length;
	size_t length = cell->length & ~FIRST_CELL;
	for (size_t i = 0; i < length && i < CELL_TEXT; i++)
		hash = (hash ^ (unsigned char)cell->text[i]) * 16777619u;
	return hash;
}

static void write_cell(struct shared *shared, uint64_t number, const struct cell *filled)
{
	struct cell *cell = &shared->cells[number % LOG_RING_CELLS];
	atomic_store(&cell->stamp, 0);
	atomic_thread_fence(memory_order_seq_cst);
	cell->left = filled->left;
	cell->length = filled->length;
	cell->checksum = sum(filled, number);
	memcpy(cell->text, filled->text, filled->length & ~FIRST_CELL);
	atomic_store_explicit(&cell->stamp, number + 1, memory_order_release);
}

/* "queue\0task\0line", the line cut between characters. */
static size_t compose(
	char *out, const char *queue, const char *task, const char *line, size_t length)
{
	if (length > LOG_RING_LINE_MAX) {
		length = LOG_RING_LINE_MAX;
		while (length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80)
			length--;
	}
	size_t at = (size_t)sprintf(out, "%.*s", LOG_RING_NAME_MAX - 1, queue) + 1;
	at += (size_t)sprintf(out + at, "%.*s", LOG_RING_NAME_MAX - 1, task) + 1;
	memcpy(out + at, line, length);
	return at + length;
}

void log_ring_write(
	struct log_ring *ring, const char *queue, const char *task, const char *line, size_t length)
{
	char text[LINE_CELLS_MAX * CELL_TEXT];
	size_t size = compose(text, queue, task, line, length);
	uint64_t count = (size + CELL_TEXT - 1) / CELL_TEXT;
	uint64_t first = atomic_fetch_add(&ring->shared->head, count);
	for (uint64_t i = 0; i < count; i++) {
		size_t start = i * CELL_TEXT;
		size_t part = size - start < CELL_TEXT ? size - start : CELL_TEXT;
		struct cell cell = { .left = (uint16_t)(count - i),
			.length = (uint16_t)(part | (i == 0 ? FIRST_CELL : 0)) };
		memcpy(cell.text, text + start, part);
		write_cell(ring->shared, first + i, &cell);
	}
	if (atomic_load(&ring->shared->followers) > 0)
		eventfd_write(ring->bell, 1);
}

enum cell_state { CELL_GOOD, CELL_PENDING, CELL_LOST };

static enum cell_state read_cell(const struct shared *shared, uint64_t number, struct cell *copy)
{
	const struct cell *cell = &shared->cells[number % LOG_RING_CELLS];
	uint64_t stamp = atomic_load_explicit(&cell->stamp, memory_order_acquire);
	if (stamp != number + 1)
		return stamp > number + 1 ? CELL_LOST : CELL_PENDING;
	memcpy(copy, cell, sizeof *copy);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&cell->stamp) != number + 1)
		return CELL_LOST;
	return (copy->length & ~FIRST_CELL) <= CELL_TEXT && copy->checksum == sum(copy, number)
		       ? CELL_GOOD
		       : CELL_LOST;
}

static void copy_name(char out[LOG_RING_NAME_MAX], const char **from, const char *end)
{
	size_t length = strnlen(*from, (size_t)(end - *from));
	snprintf(out, LOG_RING_NAME_MAX, "%.*s", (int)length, *from);
	*from += length < (size_t)(end - *from) ? length + 1 : length;
}

static void take_apart(const char *text, size_t size, struct log_entry *out)
{
	const char *from = text, *end = text + size;
	copy_name(out->queue, &from, end);
	copy_name(out->task, &from, end);
	size_t length = (size_t)(end - from);
	length = length < LOG_RING_LINE_MAX ? length : LOG_RING_LINE_MAX;
	memcpy(out->line, from, length);
	out->line[length] = '\0';
}

/* The whole line that begins at `number`; cells: how far the reader may go on, 0 where pending. */
static enum cell_state read_line(
	const struct shared *shared, uint64_t number, struct log_entry *out, uint64_t *cells)
{
	char text[LINE_CELLS_MAX * CELL_TEXT];
	struct cell cell;
	size_t size = 0;
	uint64_t count = 1;
	for (uint64_t i = 0; i < count; i++) {
		enum cell_state state = read_cell(shared, number + i, &cell);
		*cells = i + 1;
		if (state != CELL_GOOD)
			return state;
		if (i == 0)
			count = cell.left;
		size_t part = cell.length & ~FIRST_CELL;
		bool is_first = cell.length & FIRST_CELL;
		if (is_first != (i == 0) || count > LINE_CELLS_MAX || cell.left != count - i)
			return CELL_LOST;
		memcpy(text + size, cell.text, part);
		size += part;
	}
	take_apart(text, size, out);
	return CELL_GOOD;
}

/* True where the writer had its time: it is dead, and its hole is stepped over. */
static bool has_waited(struct log_cursor *cursor, int64_t now_ms)
{
	if (cursor->stuck_since_ms == 0)
		cursor->stuck_since_ms = now_ms;
	return now_ms - cursor->stuck_since_ms >= LOG_RING_STUCK_MS;
}

enum log_read log_ring_read(
	struct log_ring *ring, struct log_cursor *cursor, int64_t now_ms, struct log_entry *out)
{
	for (;;) {
		uint64_t head = atomic_load(&ring->shared->head);
		if (head > LOG_RING_CELLS && cursor->next < head - LOG_RING_CELLS) {
			cursor->has_missed |= cursor->next > 0;
			cursor->next = head - LOG_RING_CELLS;
		}
		if (cursor->next >= head)
			return LOG_READ_END;
		uint64_t cells = 1;
		enum cell_state state = read_line(ring->shared, cursor->next, out, &cells);
		if (state == CELL_PENDING && !has_waited(cursor, now_ms))
			return LOG_READ_STUCK;
		cursor->stuck_since_ms = 0;
		cursor->next += state == CELL_GOOD ? cells : 1;
		if (state == CELL_GOOD)
			return LOG_READ_ENTRY;
	}
}

int log_ring_bell(const struct log_ring *ring)
{
	return ring->bell;
}

int log_ring_memory(const struct log_ring *ring)
{
	return ring->fd;
}

void log_ring_follow(struct log_ring *ring, int change)
{
	atomic_fetch_add(&ring->shared->followers, change);
}
