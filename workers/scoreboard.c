/*
 * The scoreboard; see scoreboard.h. One writer per field, so plain atomic stores do; text fields
 * are covered by a sequence number that is odd while they change (a seqlock).
 */
#include "workers/scoreboard.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/shared.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A writer that was killed in the middle leaves an odd number for ever: a reader gives up then. */
#define READ_TRIES 1000
#define CLAIM_MS   1000

/* Other versions have these sizes too; see scoreboard.h. */
static_assert(sizeof(struct slot) == 592 && sizeof(struct queue_board) == 296 &&
		      sizeof(struct fleet_row) == 120 && sizeof(struct death) == 552 &&
		      offsetof(struct scoreboard, queues) == 312,
	"a field that is added takes its room from the reserved bytes");

const char *const slot_state_names[SLOT_STATES] = {
	[SLOT_FREE] = "free",
	[SLOT_STARTING] = "starting",
	[SLOT_IDLE] = "idle",
	[SLOT_BUSY] = "busy",
	[SLOT_DRAINING] = "draining",
};

bool scoreboard_create(struct scoreboard **out, int *fd, struct error *err)
{
	void *memory;
	if (!shared_create("reeve-scoreboard", sizeof(struct scoreboard), fd, &memory, err))
		return false;
	struct scoreboard *board = memory;
	board->version = SCOREBOARD_VERSION;
	board->slot_size = sizeof(struct slot);
	board->slot_count = SCOREBOARD_SLOTS;
	board->queue_count = SCOREBOARD_QUEUES;
	*out = board;
	return true;
}

/* Test builds may claim to know another one. */
static uint32_t known_version(void)
{
	return (uint32_t)fault_number("REEVE_SCOREBOARD_VERSION", SCOREBOARD_VERSION);
}

bool scoreboard_attach(int fd, bool is_copy, struct scoreboard **out, struct error *err)
{
	uint32_t version = 0;
	/* The version comes first, whatever the size. */
	if (pread(fd, &version, sizeof version, 0) != sizeof version || version != known_version())
		return error_set(err, ERROR_INVALID,
			"the scoreboard is of version %u, this binary knows %u", version,
			known_version());
	void *memory;
	if (!shared_map("scoreboard", sizeof(struct scoreboard), fd, is_copy, &memory, err))
		return false;
	struct scoreboard *board = memory;
	if (board->slot_size != sizeof(struct slot) || board->slot_count != SCOREBOARD_SLOTS ||
		board->queue_count != SCOREBOARD_QUEUES) {
		munmap(board, sizeof *board);
		return error_set(err, ERROR_INVALID, "the scoreboard's slots are of another size");
	}
	*out = board;
	return true;
}

void scoreboard_destroy(struct scoreboard *board, int fd)
{
	if (board)
		munmap(board, sizeof *board);
	if (fd >= 0)
		close(fd);
}

static void begin_write(_Atomic uint32_t *sequence)
{
	atomic_store_explicit(sequence, atomic_load(sequence) | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void end_write(_Atomic uint32_t *sequence)
{
	atomic_store_explicit(sequence, (atomic_load(sequence) | 1) + 1, memory_order_release);
}

static void read_consistently(
	const _Atomic uint32_t *sequence, const void *from, void *copy, size_t size)
{
	for (int i = 0; i < READ_TRIES; i++) {
		uint32_t before = atomic_load_explicit(sequence, memory_order_acquire);
		memcpy(copy, from, size);
		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 && before == atomic_load(sequence))
			return;
	}
}

static void set_text(char *field, size_t size, const char *text)
{
	if (text)
		snprintf(field, size, "%s", text);
}

void scoreboard_set_task(struct slot *slot, const char *task_id, const char *name, uint32_t attempt)
{
	begin_write(&slot->sequence);
	set_text(slot->task_id, sizeof slot->task_id, task_id);
	set_text(slot->task_name, sizeof slot->task_name, name);
	atomic_store(&slot->attempt, attempt);
	end_write(&slot->sequence);
}

void scoreboard_set_state(struct slot *slot, enum slot_state state)
{
	int64_t steady = clock_steady_ms();
	atomic_store(&slot->beat_ms, steady);
	if (state == SLOT_IDLE && atomic_load(&slot->ready_at_ms) == 0)
		atomic_store(&slot->ready_at_ms, steady);
	if (atomic_exchange(&slot->state, (int32_t)state) != (int32_t)state)
		atomic_store(&slot->since_ms, clock_wall_ms());
}

void scoreboard_read_slot(const struct slot *slot, struct slot *copy)
{
	read_consistently(&slot->sequence, slot, copy, sizeof *copy);
	copy->task_id[sizeof copy->task_id - 1] = '\0';
	copy->task_name[sizeof copy->task_name - 1] = '\0';
}

void scoreboard_read_queue(const struct queue_board *row, struct queue_board *copy)
{
	read_consistently(&row->sequence, row, copy, sizeof *copy);
	copy->name[sizeof copy->name - 1] = '\0';
}

/* Takes an empty row: both the parent and the keeper may come for one. */
static bool claim_row(struct queue_board *row, const char *name)
{
	uint32_t untouched = 0;
	if (!atomic_compare_exchange_strong(&row->sequence, &untouched, 1))
		return false;
	set_text(row->name, sizeof row->name, name);
	end_write(&row->sequence);
	return true;
}

/* Whoever claimed it may be on the way to write the name; if it died there, the row is lost. */
static void await_name(const struct queue_board *row)
{
	for (int ms = 0; ms < CLAIM_MS && atomic_load(&row->sequence) == 1; ms++)
		poll(NULL, 0, 1);
}

struct queue_board *scoreboard_find_queue(struct scoreboard *board, const char *name)
{
	for (size_t i = 0; i < SCOREBOARD_QUEUES; i++) {
		struct queue_board *row = &board->queues[i];
		struct queue_board copy;
		if (claim_row(row, name))
			return row;
		await_name(row);
		scoreboard_read_queue(row, &copy);
		if (strcmp(copy.name, name) == 0)
			return row;
	}
	return NULL;
}

struct fleet_row *scoreboard_fleet_row(struct scoreboard *board, const struct queue_board *queue)
{
	return &board->fleet[queue - board->queues];
}

void scoreboard_set_view(struct fleet_row *row, const struct fleet_view *view)
{
	begin_write(&row->sequence);
	row->view = *view;
	end_write(&row->sequence);
}

void scoreboard_read_view(const struct fleet_row *row, struct fleet_view *copy)
{
	read_consistently(&row->sequence, &row->view, copy, sizeof *copy);
}

bool scoreboard_tell_death(struct scoreboard *board, const char *owner, const char *task_id,
	const char *queue, const char *worker, const char *cause)
{
	uint64_t number = atomic_load(&board->deaths_told) + 1;
	if (number - atomic_load(&board->deaths_handled) > SCOREBOARD_DEATHS)
		return false;
	struct death *death = &board->deaths[(number - 1) % SCOREBOARD_DEATHS];
	atomic_store(&death->number, 0);
	set_text(death->owner, sizeof death->owner, owner);
	set_text(death->task_id, sizeof death->task_id, task_id ? task_id : "");
	set_text(death->queue, sizeof death->queue, queue ? queue : "");
	set_text(death->worker, sizeof death->worker, worker ? worker : "");
	set_text(death->cause, sizeof death->cause, cause ? cause : "");
	atomic_store(&death->at_ms, clock_wall_ms());
	atomic_store(&death->number, number);
	atomic_store(&board->deaths_told, number);
	scoreboard_ring_keeper(board);
	return true;
}

bool scoreboard_next_death(struct scoreboard *board, struct death *copy, uint64_t *number)
{
	uint64_t next = atomic_load(&board->deaths_handled) + 1;
	if (next > atomic_load(&board->deaths_told))
		return false;
	*number = next;
	memcpy(copy, &board->deaths[(next - 1) % SCOREBOARD_DEATHS], sizeof *copy);
	return true;
}

void scoreboard_death_handled(struct scoreboard *board, uint64_t number)
{
	atomic_store(&board->deaths_handled, number);
}

void scoreboard_ring_keeper(struct scoreboard *board)
{
	atomic_fetch_add(&board->keeper_bell, 1);
	syscall(SYS_futex, &board->keeper_bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
