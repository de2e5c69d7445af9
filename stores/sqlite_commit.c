/* The act that ends an attempt: checked against its token, whole in one transaction. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

#include <string.h>

static bool is_end(enum outcome outcome)
{
	return backend_end_state(outcome) != TASK_STATES;
}

/* One commit under way: the row and lease of its task, and its job (id 0: pushed). */
struct step {
	const struct commit *commit;
	enum outcome outcome;
	struct sqlite_task task;
	struct sqlite_held held;
	struct sqlite_job job;
	bool is_cancelled; /* its job is */
};

/* In a cancelled job the advance's effects don't happen; only the job's own counts go on. */
static void count_end(struct sqlite_store *store, struct step *step)
{
	struct tally_change change = { .name = step->task.name };
	int64_t *const counts[] = {
		[OUTCOME_COMPLETED] = &change.add.completed,
		[OUTCOME_FAILED] = &change.add.failed,
		[OUTCOME_INVALID] = &change.add.invalid,
		[OUTCOME_SKIPPED] = &change.add.skipped,
		[OUTCOME_CANCELLED] = &change.add.cancelled,
	};
	*counts[step->outcome] = 1;
	sqlite_add_tally(store, &step->job, &change, 0);
}

static void end_task(struct sqlite_store *store, struct step *step)
{
	const struct commit *commit = step->commit;
	struct sqlite_task *task = &step->task;
	enum task_state state = backend_end_state(step->outcome);
	bool fails_job = commit->effects.job_failure && !step->is_cancelled;
	int64_t now = clock_wall_ms();
	sqlite_run(store, SQL_END_TASK, "iiiiiiitt", task->number, INT(state),
		INT(commit->token.attempt), INT(commit->failures), INT(commit->crashes),
		INT(fails_job), now, commit->reason, commit->result);
	if (sqlite_is_pushed(task->number))
		sqlite_run(store, SQL_FINISH_PUSHED, "iii", task->number, INT(state), now);
	sqlite_leave_line(store, task, false);
	step->job.active--;
	/* A gate that can't open fails the job too, but is no task that could be revived. */
	step->job.failing += fails_job;
}

static void retry(struct sqlite_store *store, struct step *step)
{
	step->task.due = clock_wall_ms() + step->commit->delay_ms;
	sqlite_queue_task(store, &step->task, SQLITE_BY_DOOR);
}

/* Its due time stays, and so its place: the head, as a rule. */
static void give_back(struct sqlite_store *store, struct step *step)
{
	step->task.due = step->held.due;
	step->task.losses += step->commit->losses;
	sqlite_queue_task(store, &step->task, SQLITE_HERE);
}

/* A gate may not open. Where its counter has fallen to 0 since it was judged, judge again now. */
static void wait_again(struct sqlite_store *store, struct step *step)
{
	struct sqlite_task *task = &step->task;
	uint64_t version = 0;
	sqlite3_stmt *row = sqlite_query(
		store, SQL_GET_COUNTER, "iit", step->job.id, task->wait_scope, task->wait_gate);
	if (sqlite_row(store, row))
		version = (uint64_t)sqlite_int(row, 1);
	sqlite_done(row);
	task->attempt--; /* not counted */
	task->due = clock_wall_ms();
	if (version == step->commit->gate_version)
		sqlite_suspend(store, &step->job, task);
	else
		sqlite_queue_task(store, task, SQLITE_BY_DOOR);
}

static void settle(struct sqlite_store *store, struct step *step)
{
	const struct commit *commit = step->commit;
	step->task.attempt = commit->token.attempt;
	step->task.failures = commit->failures;
	step->task.crashes = commit->crashes;
	step->task.is_cancelled = step->held.is_cancelled;
	sqlite_run(store, SQL_DROP_LEASE, "i", step->task.number);
	switch (step->outcome) {
	case OUTCOME_RETRY:
		retry(store, step);
		break;
	case OUTCOME_WAIT:
		wait_again(store, step);
		break;
	case OUTCOME_GIVE_BACK:
		give_back(store, step);
		break;
	default:
		end_task(store, step);
	}
}

static void follow(struct sqlite_store *store, struct step *step)
{
	int64_t number = step->task.number;
	bool bears = step->outcome == OUTCOME_COMPLETED && !step->is_cancelled;
	if (bears)
		step->job.active += sqlite_bear_bundles(store, number, clock_wall_ms());
	else
		sqlite_drop_bundles(store, number);
	if (step->is_cancelled)
		count_end(store, step);
	else
		sqlite_apply(store, &step->job, &step->commit->effects, number);
}

/* False where the token holds nothing; *answer says what it meets. */
static bool find_step(struct sqlite_store *store, const struct commit *commit, struct step *step,
	enum commit_answer *answer)
{
	int64_t number = sqlite_find_task(store, commit->id);
	*step = (struct step){ .commit = commit, .outcome = commit->outcome };
	*answer = COMMIT_STALE;
	if (!number || !sqlite_load_task(store, number, &step->task))
		return false;
	if (sqlite_load_held(store, number, &step->held) &&
		sqlite_token_is(&commit->token, &step->held.token)) {
		*answer = COMMIT_DONE;
		return true;
	}
	if (sqlite_read(store, SQL_HAS_COMMITTED, 0, "ii", number, INT(commit->token.nonce)))
		*answer = COMMIT_REPEATED;
	sqlite_task_finish(&step->task);
	return false;
}

/* Before anything changes: a batch is committed as a whole. */
static bool check_commit(struct sqlite_store *store, const struct commit *commit, struct error *err)
{
	struct sqlite_task task;
	if (commit->outcome != OUTCOME_WAIT ||
		!sqlite_load_task(store, sqlite_find_task(store, commit->id), &task))
		return true;
	bool is_gate = task.wait_gate;
	sqlite_task_finish(&task);
	return is_gate || error_set(err, ERROR_INVALID, "task %s waits for nothing", commit->id);
}

static void commit_one(
	struct sqlite_store *store, const struct commit *commit, struct commit_result *result)
{
	struct step step;
	*result = (struct commit_result){ 0 };
	if (!find_step(store, commit, &step, &result->answer))
		return;
	bool is_in_job = !sqlite_is_pushed(step.task.number) &&
			 sqlite_load_job(store, sqlite_job_of(step.task.number), &step.job);
	step.is_cancelled = is_in_job && step.job.status == JOB_CANCELLED;
	if (step.is_cancelled && !is_end(step.outcome))
		step.outcome = OUTCOME_CANCELLED; /* nothing of it is queued again */
	struct sqlite_record record = { commit->token.nonce, commit->entry, commit->output };
	sqlite_add_attempt(store, step.task.number, commit->token.attempt, &record);
	settle(store, &step);
	size_t rings = store->ring_count;
	if (is_in_job) {
		follow(store, &step);
		result->job_ended = sqlite_store_job(store, &step.job);
	}
	result->may_have_woken = store->ring_count > rings;
	sqlite_task_finish(&step.task);
}

static void ring_freed(
	struct sqlite_store *store, const struct commit *commit, const struct lease_batch *batch)
{
	int64_t number = sqlite_find_task(store, commit->id);
	int64_t queue = sqlite_read(store, SQL_QUEUE_OF_TASK, 0, "i", number);
	if (queue)
		sqlite_ring_freed(store, queue, batch);
}

bool sqlite_commit(struct store *base, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *out,
	struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	OWNED(free) struct commit_result *answers = xcalloc(count + 1, sizeof *answers);
	struct lease_batch batch = { .next_ms = -1 };
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!check_commit(store, &commits[i], err))
			return sqlite_cancel(store);
	for (size_t i = 0; i < count; i++)
		commit_one(store, &commits[i], &answers[i]);
	if (next)
		sqlite_lease_queues(store, next, &batch);
	if (next && batch.count == 0)
		sqlite_has_work(store, next, &batch);
	for (size_t i = 0; i < count; i++)
		if (answers[i].answer == COMMIT_DONE)
			ring_freed(store, &commits[i], &batch);
	bool has_rest = store->has_rest;
	if (!sqlite_end(store, err)) {
		lease_batch_finish(&batch);
		return false;
	}
	/* What is left to wake is in the store: a failure here is the sweep's to mend. */
	if (has_rest)
		sqlite_wake_rest(store, NULL);
	memcpy(results, answers, count * sizeof *answers);
	if (next && out)
		*out = batch;
	else
		lease_batch_finish(&batch);
	return true;
}
