/* Leases that end without a commit: expired, of a dead owner, of an earlier boot. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

#include <string.h>

#define LOSSES_AT_HEAD 1 /* a task that was lost more often goes to the tail */

void sqlite_add_attempt(struct sqlite_store *store, int64_t number, uint32_t attempt,
	const struct sqlite_record *record)
{
	if (record->nonce || record->entry)
		sqlite_run(store, SQL_ADD_ATTEMPT, "iiztt", number, INT(attempt),
			INT(record->nonce), record->entry, record->output);
}

/* The trace entry of an attempt of which nobody reported anything. */
static void record_loss(
	struct sqlite_store *store, const struct sqlite_task *task, const struct sqlite_held *held)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_NAME_QUEUE, "i", task->queue);
	OWNED(free) char *queue = sqlite_row(store, row) ? sqlite_text(row, 0) : NULL;
	sqlite_done(row);
	if (!queue)
		return;
	OWNED(free)
	char *entry = backend_lost_entry(
		task->name, queue, held->token.attempt, held->since, clock_wall_ms());
	struct sqlite_record record = { .entry = entry };
	sqlite_add_attempt(store, task->number, held->token.attempt, &record);
}

static bool has_to_wait(struct sqlite_store *store, const struct sqlite_task *task, int64_t now)
{
	if (!task->wait_gate || (task->wait_until > 0 && task->wait_until <= now))
		return false;
	return sqlite_read(store, SQL_GET_COUNTER, 0, "iit", sqlite_job_of(task->number),
		       task->wait_scope, task->wait_gate) > 0;
}

/*
 * It keeps its due time and so its place, the head as a rule; one that was lost again and again
 * goes to the tail, so that a task that kills its workers does not hold up all others.
 */
static void put_back_live(
	struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task, bool is_lost)
{
	int64_t now = clock_wall_ms();
	if (job && has_to_wait(store, task, now)) {
		sqlite_suspend(store, job, task);
		sqlite_store_job(store, job);
		return;
	}
	if (is_lost && task->losses > LOSSES_AT_HEAD && task->due < now)
		task->due = now;
	sqlite_queue_task(store, task, SQLITE_HERE);
}

void sqlite_put_back(struct sqlite_store *store, int64_t number, const struct sqlite_return *with)
{
	struct sqlite_held held;
	struct sqlite_task task;
	struct sqlite_job job;
	if (!sqlite_load_held(store, number, &held) || !sqlite_load_task(store, number, &task)) {
		sqlite_fail(store, SQLITE_INTERNAL); /* a lease without a task */
		return;
	}
	sqlite_run(store, SQL_DROP_LEASE, "i", number);
	sqlite_drop_bundles(store, number);
	if (with->is_recorded)
		record_loss(store, &task, &held);
	task.attempt = held.token.attempt;
	task.losses += with->losses;
	task.is_cancelled = held.is_cancelled;
	task.due = held.due;
	bool is_in_job =
		!sqlite_is_pushed(number) && sqlite_load_job(store, sqlite_job_of(number), &job);
	if (is_in_job && job.status == JOB_CANCELLED) {
		sqlite_end_cancelled_task(store, &job, &task);
		sqlite_store_job(store, &job);
	} else {
		put_back_live(store, is_in_job ? &job : NULL, &task, with->losses > 0);
	}
	sqlite_task_finish(&task);
}

static const struct sqlite_return lost = { .losses = 1, .is_recorded = true };

size_t sqlite_put_back_expired(struct sqlite_store *store, int64_t queue, size_t limit)
{
	size_t released = 0;
	for (; released < limit; released++) {
		int64_t number = sqlite_read(store, SQL_NEXT_EXPIRED, 0, "iii", queue,
			clock_steady_ms(), store->outage_ms);
		if (number == 0)
			break;
		sqlite_put_back(store, number, &lost);
	}
	return released;
}

void sqlite_put_back_all(struct sqlite_store *store)
{
	int64_t number;
	while ((number = sqlite_read(store, SQL_NEXT_LEASE, 0, "i", INT(0))) != 0)
		sqlite_put_back(store, number, &lost);
}

/* The entry of the task that the owner was running: what its supervisor knows of the death. */
static void release_next(
	struct sqlite_store *store, int64_t number, int64_t running, const char *entry)
{
	struct sqlite_held held;
	struct sqlite_return with = { .losses = number == running };
	struct sqlite_record record = { .entry = entry };
	if (number == running && sqlite_load_held(store, number, &held))
		sqlite_add_attempt(store, number, held.token.attempt, &record);
	sqlite_put_back(store, number, &with);
}

bool sqlite_release_owner(struct store *base, const char *owner, const char *running,
	const char *entry, size_t *released, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	size_t count = 0;
	if (!sqlite_begin_read(store, err))
		return false;
	int64_t number = sqlite_read(store, SQL_NEXT_OF_OWNER, 0, "t", owner);
	int64_t claim = sqlite_read(store, SQL_NEXT_CLAIM_OF_OWNER, 0, "t", owner);
	if (!sqlite_end(store, err))
		return false;
	if (number || claim) {
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		int64_t ran = running ? sqlite_find_task(store, running) : 0;
		while ((number = sqlite_read(store, SQL_NEXT_OF_OWNER, 0, "t", owner)) != 0) {
			release_next(store, number, ran, entry);
			count++;
		}
		sqlite_lapse_of(store, owner);
		if (!sqlite_end(store, err))
			return false;
	}
	if (released)
		*released = count;
	return true;
}
