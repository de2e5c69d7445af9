/*
 * Where a task stands while nobody holds it: an entry of its queue (ready, or delayed until it is
 * due), a place in a bundle, or a wait for a counter. The key of an entry follows from the task's
 * row, so an entry is found without an index of its own.
 */
#include "stores/sqlite_store.h"

#include "base/clock.h"

#include <string.h>

void sqlite_note_ready(struct sqlite_store *store, int64_t queue, int64_t count)
{
	for (size_t i = 0; i < store->ring_count; i++)
		if (store->rings[i].queue == queue) {
			store->rings[i].count += count;
			return;
		}
	store->rings =
		xgrow(store->rings, store->ring_count, &store->ring_room, sizeof *store->rings);
	store->rings[store->ring_count++] = (struct sqlite_ring){ .queue = queue, .count = count };
}

void sqlite_add_ready(struct sqlite_store *store, const struct sqlite_entry *entry)
{
	sqlite_run(store, SQL_ADD_READY, "iiiii", entry->queue, entry->rank, entry->due,
		entry->entry, entry->tasks);
	sqlite_note_ready(store, entry->queue, entry->tasks);
}

void sqlite_add_delayed(struct sqlite_store *store, const struct sqlite_entry *entry)
{
	int64_t first = sqlite_read(store, SQL_HEAD_DELAYED, INT64_MAX, "i", entry->queue);
	sqlite_run(store, SQL_ADD_DELAYED, "iiii", entry->queue, entry->due, entry->entry,
		entry->tasks);
	/* Somebody must wake up earlier than he meant to. */
	if (entry->due < first)
		sqlite_note_ready(store, entry->queue, 1);
}

void sqlite_keep(struct sqlite_store *store, const struct sqlite_entry *entry, int64_t now)
{
	if (entry->due > now)
		sqlite_add_delayed(store, entry);
	else
		sqlite_add_ready(store, entry);
}

void sqlite_place(struct sqlite_store *store, const struct sqlite_entry *entry, int64_t now)
{
	if (sqlite_has_door(store, entry->queue))
		sqlite_add_unsent(store, entry);
	else
		sqlite_keep(store, entry, now);
}

/* Of a task that is in no bundle. */
static void drop_entry(struct sqlite_store *store, const struct sqlite_entry *entry)
{
	if (sqlite_run(store, SQL_DROP_READY, "iiii", entry->queue, entry->rank, entry->due,
		    entry->entry) ||
		sqlite_run(
			store, SQL_DROP_DELAYED, "iii", entry->queue, entry->due, entry->entry) ||
		sqlite_run(store, SQL_DROP_UNSENT, "iiii", entry->queue, entry->rank, entry->due,
			entry->entry) ||
		sqlite_run(store, SQL_DROP_CLAIM, "i", entry->entry))
		return;
	sqlite_run(store, SQL_DROP_SENT, "i", entry->entry);
}

/* A gate's time-out has come. Nothing of a job that has ended is woken. */
static void time_out(struct sqlite_store *store, struct sqlite_task *task)
{
	struct sqlite_job job;
	if (!sqlite_load_job(store, sqlite_job_of(task->number), &job))
		return;
	if (job.status == JOB_CANCELLED || job.is_finished)
		return;
	sqlite_wake(store, &job, task, clock_wall_ms());
	sqlite_store_job(store, &job);
}

static void make_due(struct sqlite_store *store, struct sqlite_entry *entry)
{
	sqlite_run(store, SQL_DROP_DELAYED, "iii", entry->queue, entry->due, entry->entry);
	if (entry->entry < 0) {
		sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_BUNDLE, "i", -entry->entry);
		bool is_there = sqlite_row(store, row);
		if (is_there)
			entry->rank = sqlite_int(row, 1);
		sqlite_done(row);
		if (is_there)
			sqlite_add_ready(store, entry);
		return;
	}
	struct sqlite_task task;
	if (!sqlite_load_task(store, entry->entry, &task))
		return;
	entry->rank = task.rank;
	if (task.state == TASK_WAITING)
		time_out(store, &task);
	else if (task.state == TASK_QUEUED)
		sqlite_add_ready(store, entry);
	sqlite_task_finish(&task);
}

size_t sqlite_make_due(struct sqlite_store *store, int64_t queue, int64_t now, size_t limit)
{
	size_t made = 0;
	while (made < limit) {
		struct sqlite_entry entry = { .queue = queue };
		sqlite3_stmt *row = sqlite_query(store, SQL_HEAD_DELAYED, "i", queue);
		bool is_due = sqlite_row(store, row) && sqlite_int(row, 0) <= now;
		if (is_due) {
			entry.due = sqlite_int(row, 0);
			entry.entry = sqlite_int(row, 1);
			entry.tasks = sqlite_int(row, 2);
		}
		sqlite_done(row);
		if (!is_due)
			break;
		make_due(store, &entry);
		made++;
	}
	return made;
}

static void read_task(sqlite3_stmt *row, struct sqlite_task *task)
{
	*task = (struct sqlite_task){
		.number = sqlite_int(row, 0),
		.parent = sqlite_int(row, 1),
		.queue = sqlite_int(row, 2),
		.rank = sqlite_int(row, 3),
		.due = sqlite_int(row, 4),
		.bundle = sqlite_int(row, 5),
		.wait_scope = sqlite_int(row, 6),
		.wait_until = sqlite_int(row, 7),
		.state = (enum task_state)sqlite_int(row, 8),
		.attempt = (uint32_t)sqlite_int(row, 9),
		.failures = (int)sqlite_int(row, 10),
		.crashes = (int)sqlite_int(row, 11),
		.losses = (int)sqlite_int(row, 12),
		.fails_job = sqlite_int(row, 13),
		.is_cancelled = sqlite_int(row, 14),
		.delay = sqlite_int(row, 15),
		.wait_timeout = sqlite_int(row, 16),
		.name = sqlite_text(row, 17),
		.wait_gate = sqlite_text(row, 18),
		.dispatch = sqlite_int(row, 19),
		.line = sqlite_text(row, 20),
		.turn = sqlite_int(row, 21),
	};
}

bool sqlite_load_task(struct sqlite_store *store, int64_t number, struct sqlite_task *task)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_TASK, "i", number);
	bool is_born = sqlite_row(store, row) && sqlite_int(row, 22) == 1;
	if (is_born)
		read_task(row, task);
	sqlite_done(row);
	return is_born;
}

void sqlite_store_task(struct sqlite_store *store, const struct sqlite_task *task)
{
	sqlite_run(store, SQL_STORE_TASK, "iiiiiiii", task->number, INT(task->state), task->due,
		INT(task->attempt), INT(task->failures), INT(task->crashes), INT(task->losses),
		INT(task->is_cancelled));
}

struct sqlite_entry sqlite_entry_of(const struct sqlite_task *task)
{
	return (struct sqlite_entry){ .queue = task->queue,
		.rank = task->rank,
		.due = task->due,
		.entry = task->number,
		.tasks = 1,
		.dispatch = task->dispatch + 1 };
}

void sqlite_queue_task(struct sqlite_store *store, struct sqlite_task *task, enum sqlite_way way)
{
	struct sqlite_entry entry = sqlite_entry_of(task);
	task->state = TASK_QUEUED;
	sqlite_store_task(store, task);
	if (task->turn)
		sqlite_take_turn(store, task);
	else if (way == SQLITE_BY_DOOR)
		sqlite_place(store, &entry, clock_wall_ms());
	else
		sqlite_keep(store, &entry, clock_wall_ms());
}

void sqlite_task_finish(struct sqlite_task *task)
{
	free(task->name);
	free(task->wait_gate);
	free(task->line);
}

static bool is_parked(struct sqlite_store *store, const struct sqlite_task *task)
{
	return task->turn &&
	       sqlite_run(store, SQL_PARK, "itii", task->queue, task->line, task->turn, INT(0)) > 0;
}

void sqlite_detach(struct sqlite_store *store, const struct sqlite_task *task)
{
	struct sqlite_entry entry = sqlite_entry_of(task);
	if (task->state == TASK_WAITING) {
		sqlite_run(store, SQL_DROP_WAITER, "iiti", sqlite_job_of(task->number),
			task->wait_scope, task->wait_gate, task->number);
		sqlite_run(store, SQL_DROP_DELAYED, "iii", task->queue, task->due, task->number);
	} else if (task->bundle) {
		sqlite_leave_bundle(store, task);
	} else if (!is_parked(store, task)) {
		drop_entry(store, &entry);
	}
}

static bool read_head(struct sqlite_store *store, struct sqlite_entry *entry)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_HEAD_READY, "i", entry->queue);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		entry->rank = sqlite_int(row, 0);
		entry->due = sqlite_int(row, 1);
		entry->entry = sqlite_int(row, 2);
		entry->tasks = sqlite_int(row, 3);
	}
	sqlite_done(row);
	return is_there;
}

static void shorten(struct sqlite_store *store, const struct sqlite_entry *head)
{
	enum sqlite_statement act = head->tasks > 1 ? SQL_TAKE_READY : SQL_DROP_READY;
	sqlite_run(store, act, "iiii", head->queue, head->rank, head->due, head->entry);
}

bool sqlite_take(struct sqlite_store *store, int64_t queue, int64_t *number, int64_t *due)
{
	struct sqlite_entry head = { .queue = queue };
	while (read_head(store, &head)) {
		*due = head.due;
		*number = head.entry;
		bool is_taken = head.entry > 0 || sqlite_take_child(store, &head, number);
		shorten(store, &head);
		if (is_taken)
			return !store->failure;
	}
	return false;
}
