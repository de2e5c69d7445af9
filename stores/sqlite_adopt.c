/* Messages that couriers have received become tasks, or make the task ready that they name. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

#include <stdio.h>
#include <string.h>

/* A child that still is in its bundle: somebody else has sent a message that names it. */
static bool take_from_bundle(struct sqlite_store *store, struct sqlite_task *task)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_BUNDLE, "i", task->bundle);
	bool is_there = sqlite_row(store, row);
	int64_t due = is_there ? sqlite_int(row, 2) : 0;
	sqlite_done(row);
	if (!is_there || sqlite_run(store, SQL_TAKE_UNSENT, "iiii", task->queue, task->rank, due,
				 -task->bundle) == 0)
		return false;
	task->due = due;
	sqlite_store_task(store, task); /* in no bundle any more */
	return true;
}

/* What a message names is known by where it stands: only what is in the outbox waits for one. */
static bool take_from_outbox(struct sqlite_store *store, struct sqlite_task *task)
{
	if (task->state != TASK_QUEUED || task->turn)
		return false;
	if (task->bundle)
		return take_from_bundle(store, task);
	return sqlite_run(store, SQL_DROP_SENT, "i", task->number) ||
	       sqlite_run(store, SQL_DROP_CLAIM, "i", task->number) ||
	       sqlite_run(store, SQL_DROP_UNSENT, "iiii", task->queue, task->rank, task->due,
		       task->number);
}

static void let_in(struct sqlite_store *store, struct sqlite_task *task, const char *group)
{
	struct sqlite_entry entry = sqlite_entry_of(task);
	if (!group) {
		sqlite_keep(store, &entry, clock_wall_ms());
		return;
	}
	sqlite_join_line(store, task, group);
	sqlite_take_turn(store, task);
}

static enum adoption adopt_reference(struct sqlite_store *store, const struct arrival *arrival)
{
	struct sqlite_task task;
	int64_t number = sqlite_find_task(store, arrival->task_id);
	if (!number || !sqlite_load_task(store, number, &task))
		return ADOPT_UNKNOWN;
	bool is_taken = take_from_outbox(store, &task);
	if (is_taken)
		let_in(store, &task, arrival->group);
	sqlite_task_finish(&task);
	return is_taken ? ADOPT_DONE : ADOPT_KNOWN;
}

/* Ends a new task as dead. */
static void bury(struct sqlite_store *store, int64_t number, const char *reason)
{
	int64_t now = clock_wall_ms();
	sqlite_run(store, SQL_END_TASK, "iiiiiiitt", number, INT(TASK_INVALID), INT(0), INT(0),
		INT(0), INT(0), now, reason, (const char *)NULL);
	sqlite_run(store, SQL_FINISH_PUSHED, "iii", number, INT(TASK_INVALID), now);
}

static enum adoption adopt_foreign(struct sqlite_store *store, const struct arrival *arrival)
{
	char made[IDS_UUID_SIZE];
	int64_t now = clock_wall_ms(), queue = sqlite_get_queue(store, arrival->queue);
	store_new_id(&store->base, made);
	const char *id = arrival->id ? arrival->id : made;
	if (sqlite_run(store, SQL_ADD_ADOPTED, "iti", queue, arrival->message_id, now) == 0 ||
		sqlite_find_task(store, id))
		return ADOPT_KNOWN;
	const struct new_task text = { .name = arrival->name, .payload = arrival->payload };
	struct sqlite_task task = {
		.number = sqlite_number(sqlite_new_numbers(store, 1), 0),
		.queue = queue,
		.rank = -arrival->priority,
		.due = now,
		.state = TASK_QUEUED,
	};
	sqlite_run(store, SQL_ADD_PUSHED, "itit", task.number, id, queue, (const char *)NULL);
	sqlite_write_task(store, &task, &text);
	if (arrival->reason)
		bury(store, task.number, arrival->reason);
	else
		let_in(store, &task, arrival->group);
	sqlite_task_finish(&task);
	return ADOPT_DONE;
}

bool sqlite_adopt(struct store *base, const struct arrival *arrivals, size_t count,
	enum adoption *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	for (size_t i = 0; i < count; i++)
		if (!backend_check_arrival(&arrivals[i], err))
			return false;
	OWNED(free) enum adoption *answers = xcalloc(count + 1, sizeof *answers);
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	for (size_t i = 0; i < count; i++)
		answers[i] = arrivals[i].task_id ? adopt_reference(store, &arrivals[i])
						 : adopt_foreign(store, &arrivals[i]);
	if (!sqlite_end(store, err))
		return false;
	memcpy(out, answers, count * sizeof *answers);
	return true;
}
