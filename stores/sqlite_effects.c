/*
 * What a step of a job changes beside its own task, in one order: counters and tallies, children
 * (waiting ones look at the counters as they are now), then those who wait for a counter that has
 * fallen to 0.
 */
#include "stores/sqlite_store.h"

#include "base/clock.h"

#include <string.h>

#define WAKE_PAGE 256 /* waiters woken in one transaction; more go on in the next ones */

struct gate {
	int64_t job, scope;
	const char *gate;
};

/* The sum of this change and later ones of the same counter; those are marked as seen. */
static int64_t add_same(const struct effects *effects, size_t from, bool *seen)
{
	const struct counter_change *first = &effects->counters[from];
	int64_t sum = 0;
	for (size_t i = from; i < effects->counters_count; i++) {
		const struct counter_change *change = &effects->counters[i];
		if (change->scope != first->scope || strcmp(change->gate, first->gate) != 0)
			continue;
		sum += change->pending;
		seen[i] = true;
	}
	return sum;
}

/* True where it has fallen to 0; only that makes another version of it. */
static bool count(struct sqlite_store *store, const struct gate *gate, int64_t add)
{
	int64_t before =
		sqlite_read(store, SQL_GET_COUNTER, 0, "iit", gate->job, gate->scope, gate->gate);
	bool has_fallen = before > 0 && before + add <= 0;
	sqlite_run(store, SQL_ADD_COUNTER, "iitii", gate->job, gate->scope, gate->gate, add,
		INT(has_fallen));
	return has_fallen;
}

void sqlite_wake(
	struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task, int64_t due)
{
	sqlite_detach(store, task);
	sqlite_stop_waiting(store, job, task);
	job->active++;
	sqlite_run(store, SQL_WAKE_TASK, "ii", task->number, due);
	struct sqlite_entry entry = sqlite_entry_of(task);
	entry.due = due;
	sqlite_place(store, &entry, clock_wall_ms());
}

/* Wakes a page of the gate's waiters; true where that was all. */
static bool wake_page(struct sqlite_store *store, struct sqlite_job *job, const struct gate *gate)
{
	for (size_t woken = 0; woken < WAKE_PAGE; woken++) {
		int64_t number = sqlite_read(
			store, SQL_NEXT_WAITER, 0, "iit", gate->job, gate->scope, gate->gate);
		struct sqlite_task task;
		if (number == 0)
			return true;
		if (!sqlite_load_task(store, number, &task)) {
			sqlite_fail(store, SQLITE_INTERNAL); /* a waiter without a task */
			return true;
		}
		sqlite_wake(store, job, &task, clock_wall_ms() + task.delay);
		sqlite_task_finish(&task);
	}
	return false;
}

static void open_gate(struct sqlite_store *store, struct sqlite_job *job, const struct gate *gate)
{
	if (wake_page(store, job, gate))
		return;
	sqlite_run(store, SQL_ADD_WAKING, "iit", gate->job, gate->scope, gate->gate);
	store->has_rest = true;
}

void sqlite_mend(struct sqlite_store *store, struct sqlite_job *job, int64_t scope,
	const char *gate, int64_t pending)
{
	struct gate mended = { job->id, scope, gate };
	count(store, &mended, -pending);
	open_gate(store, job, &mended);
}

static bool has_to_wait(
	struct sqlite_store *store, const struct sqlite_job *job, const struct new_task *child)
{
	return child->waits && sqlite_read(store, SQL_GET_COUNTER, 0, "iit", job->id,
				       child->wait_scope, child->wait_gate) > 0;
}

static int64_t take_seq(struct sqlite_store *store, struct sqlite_job *job)
{
	if (job->next_seq > SQLITE_SEQ_MAX)
		sqlite_fail(store, SQLITE_TOOBIG);
	return job->next_seq++;
}

void sqlite_write_task(
	struct sqlite_store *store, const struct sqlite_task *task, const struct new_task *text)
{
	const char *gate = text->waits ? text->wait_gate : NULL;
	sqlite_run(store, SQL_ADD_TASK, "iztiitiizziztzz", task->number, task->parent, text->name,
		task->queue, task->rank, text->scopes, INT(task->state), task->due, task->bundle,
		task->delay, clock_wall_ms(), task->wait_scope, gate, task->wait_until,
		task->wait_timeout);
	sqlite_run(store, SQL_ADD_BODY, "it", task->number, text->payload);
}

static void start_waiting(struct sqlite_store *store, struct sqlite_job *job,
	const struct sqlite_task *task, const char *name, const char *gate)
{
	sqlite_run(store, SQL_ADD_WAITER, "iiti", job->id, task->wait_scope, gate, task->number);
	sqlite_add_waiting(store, job, name, 1);
	job->waiting++;
	if (task->due == 0)
		return;
	struct sqlite_entry entry = {
		.queue = task->queue, .due = task->due, .entry = task->number
	};
	sqlite_add_delayed(store, &entry);
}

void sqlite_suspend(struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task)
{
	/* Who waits in a line may be waited for by it. */
	sqlite_leave_line(store, task, true);
	task->state = TASK_WAITING;
	task->due = task->wait_until > clock_wall_ms() ? task->wait_until : 0;
	sqlite_store_task(store, task);
	start_waiting(store, job, task, task->name, task->wait_gate);
	job->active--;
}

void sqlite_bear(struct sqlite_store *store, struct sqlite_job *job, const struct new_task *child,
	int64_t parent)
{
	int64_t now = clock_wall_ms();
	struct sqlite_task task = {
		.number = sqlite_number(job->id, take_seq(store, job)),
		.parent = parent,
		.queue = sqlite_get_queue(store, child->queue),
		.rank = -child->priority,
		.due = now + child->delay_ms,
		.state = TASK_QUEUED,
		.delay = child->delay_ms,
		.wait_scope = child->wait_scope,
		.wait_timeout = child->waits ? child->wait_timeout_ms : 0,
	};
	if (task.wait_timeout)
		task.wait_until = now + task.wait_timeout;
	if (has_to_wait(store, job, child)) {
		task.state = TASK_WAITING;
		task.due = task.wait_until;
		sqlite_write_task(store, &task, child);
		start_waiting(store, job, &task, child->name, child->wait_gate);
		return;
	}
	sqlite_write_task(store, &task, child);
	job->active++;
	struct sqlite_entry entry = sqlite_entry_of(&task);
	sqlite_place(store, &entry, now);
}

void sqlite_apply(struct sqlite_store *store, struct sqlite_job *job, const struct effects *effects,
	int64_t parent)
{
	OWNED(free) bool *seen = xcalloc(effects->counters_count + 1, sizeof *seen);
	OWNED(free) bool *fell = xcalloc(effects->counters_count + 1, sizeof *fell);
	for (size_t i = 0; i < effects->counters_count; i++) {
		if (seen[i])
			continue;
		struct gate gate = { job->id, effects->counters[i].scope,
			effects->counters[i].gate };
		fell[i] = count(store, &gate, add_same(effects, i, seen));
	}
	for (size_t i = 0; i < effects->tallies_count; i++)
		sqlite_add_tally(store, job, &effects->tallies[i], i);
	for (size_t i = 0; i < effects->children_count; i++)
		sqlite_bear(store, job, &effects->children[i], parent);
	for (size_t i = 0; i < effects->counters_count; i++) {
		struct gate gate = { job->id, effects->counters[i].scope,
			effects->counters[i].gate };
		if (fell[i])
			open_gate(store, job, &gate);
	}
	if (effects->job_failure && job->status == JOB_RUNNING) {
		job->status = JOB_FAILED;
		job->reason = effects->job_failure;
	}
}

/* One page of one gate; false where no gate has any waiters left to wake. */
static bool wake_some(struct sqlite_store *store)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_NEXT_WAKING, "");
	bool is_there = sqlite_row(store, row);
	struct gate gate = { 0 };
	OWNED(free) char *name = NULL;
	if (is_there) {
		name = sqlite_text(row, 2);
		gate = (struct gate){ sqlite_int(row, 0), sqlite_int(row, 1), name };
	}
	sqlite_done(row);
	if (!is_there)
		return false;
	struct sqlite_job job;
	bool is_live = sqlite_load_job(store, gate.job, &job) && job.status != JOB_CANCELLED;
	bool is_last = !is_live || wake_page(store, &job, &gate);
	if (is_last)
		sqlite_run(store, SQL_DROP_WAKING, "iit", gate.job, gate.scope, gate.gate);
	if (is_live)
		sqlite_store_job(store, &job);
	return true;
}

bool sqlite_wake_rest(struct sqlite_store *store, struct error *err)
{
	bool goes_on = true;
	while (goes_on) {
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		goes_on = wake_some(store);
		if (!sqlite_end(store, err))
			return false;
	}
	store->has_rest = false;
	return true;
}
