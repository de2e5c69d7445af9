/* Children written ahead, and the commit: the one act that ends an attempt. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_births.h"
#include "stores/memory_tasks.h"

#include <assert.h>

bool memory_spawn(struct store *store, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err)
{
	struct memory *memory = memory_of(store);
	struct task *task = memory_find_task(memory, id);
	if (!task || !memory_holds(task, token))
		return error_set(err, ERROR_CONFLICT, "task %s is not held by this token", id);
	if (!task->job)
		return error_set(err, ERROR_INVALID, "task %s has no job and may not spawn", id);
	if (count > STORE_SPAWN_MAX)
		return error_set(
			err, ERROR_INVALID, "more than %d children in one chunk", STORE_SPAWN_MAX);
	if (!task->ahead)
		task->ahead = memory_create_litter();
	if (first_index < task->ahead->next_index)
		return true; /* this chunk is written */
	for (size_t i = 0; i < count; i++) {
		assert(!children[i].waits);
		memory_write_child(memory, task->job, task->ahead, &children[i]);
	}
	task->ahead->next_index = first_index + (uint32_t)count;
	return true;
}

static bool has_committed(const struct task *task, const struct token *token)
{
	for (size_t i = task->attempts_count; i-- > 0;) {
		const struct attempt *attempt = &task->attempts[i];
		if (attempt->has_committed && attempt->token.nonce == token->nonce &&
			attempt->token.attempt == token->attempt &&
			strcmp(attempt->token.owner, token->owner) == 0)
			return true;
	}
	return false;
}

static void end(struct memory *memory, struct task *task, const struct commit *commit)
{
	free(task->result);
	free(task->reason);
	task->result = xstrdup(commit->result);
	task->reason = xstrdup(commit->reason);
	memory_end(memory, task, backend_end_state(commit->outcome));
	if (!task->job)
		return;
	task->fails_job = commit->effects.job_failure != NULL;
	task->job->failing += task->fails_job;
}

static void retry(struct memory *memory, struct task *task, const struct commit *commit)
{
	memory_make_ready(memory, task, clock_wall_ms() + commit->delay_ms);
}

static void wait_again(struct memory *memory, struct task *task, const struct commit *commit)
{
	struct counter *counter = memory_counter(task->job, task->wait_scope, task->wait_gate);
	task->attempt--;
	if (counter->version != commit->gate_version)
		memory_make_ready(memory, task, clock_wall_ms());
	else
		memory_wait_for(memory, task, counter);
}

static void give_back(struct memory *memory, struct task *task, const struct commit *commit)
{
	task->losses += commit->losses;
	memory_make_first(memory, task);
}

typedef void settle_fn(struct memory *memory, struct task *task, const struct commit *commit);
static settle_fn *const settle[] = {
	[OUTCOME_COMPLETED] = end,
	[OUTCOME_FAILED] = end,
	[OUTCOME_INVALID] = end,
	[OUTCOME_SKIPPED] = end,
	[OUTCOME_CANCELLED] = end,
	[OUTCOME_RETRY] = retry,
	[OUTCOME_WAIT] = wait_again,
	[OUTCOME_GIVE_BACK] = give_back,
};

/* Where the job is cancelled an attempt bears nothing and wakes nobody; what would come back ends.
 */
static void settle_cancelled(struct memory *memory, struct task *task, const struct commit *commit)
{
	static const size_t members[TASK_STATES] = {
		[TASK_COMPLETED] = offsetof(struct tally, completed),
		[TASK_FAILED] = offsetof(struct tally, failed),
		[TASK_INVALID] = offsetof(struct tally, invalid),
		[TASK_SKIPPED] = offsetof(struct tally, skipped),
		[TASK_CANCELLED] = offsetof(struct tally, cancelled),
	};
	struct commit recorded = *commit;
	recorded.effects = (struct effects){ 0 };
	if (backend_end_state(commit->outcome) == TASK_STATES)
		recorded.outcome = OUTCOME_CANCELLED;
	end(memory, task, &recorded);
	++*(int64_t *)((char *)&task->census->tally + members[task->state]);
}

static void commit_held(struct memory *memory, struct task *task, const struct commit *commit,
	struct commit_result *result)
{
	struct litter *ahead = GIVE(task->ahead);
	memory_take_back(memory, task);
	memory_record(task, &commit->token, true, commit->entry, commit->output);
	task->failures = commit->failures;
	task->crashes = commit->crashes;
	if (memory_is_cancelled(task)) {
		settle_cancelled(memory, task, commit);
	} else {
		if (commit->outcome != OUTCOME_COMPLETED)
			memory_drop_litter(memory, &ahead);
		if (task->job)
			result->may_have_woken = memory_apply(
				memory, task->job, memory_seq(task), &commit->effects, GIVE(ahead));
		settle[commit->outcome](memory, task, commit);
	}
	memory_drop_litter(memory, &ahead);
	result->job_ended = task->job && memory_settle_job(memory, task->job);
}

static void commit_one(
	struct memory *memory, const struct commit *commit, struct commit_result *result)
{
	struct task *task = memory_find_task(memory, commit->id);
	*result = (struct commit_result){ .answer = COMMIT_STALE };
	if (!task)
		return;
	if (has_committed(task, &commit->token)) {
		result->answer = COMMIT_REPEATED;
	} else if (memory_holds(task, &commit->token)) {
		result->answer = COMMIT_DONE;
		commit_held(memory, task, commit, result);
	}
}

/* Before anything changes: a batch is committed as a whole. */
static bool check_commit(struct memory *memory, const struct commit *commit, struct error *err)
{
	struct task *task = memory_find_task(memory, commit->id);
	if (task && commit->outcome == OUTCOME_WAIT && !task->wait_gate)
		return error_set(err, ERROR_INVALID, "task %s waits for nothing", commit->id);
	return true;
}

static void ring_freed(struct memory *memory, const char *id, const struct lease_batch *batch)
{
	const struct task *task = memory_find_task(memory, id);
	if (task)
		memory_ring_freed(memory, task->queue->name, batch);
}

bool memory_commit(struct store *store, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err)
{
	struct memory *memory = memory_of(store);
	for (size_t i = 0; i < count; i++)
		if (!check_commit(memory, &commits[i], err))
			return false;
	struct lease_batch none = { .next_ms = -1 };
	for (size_t i = 0; i < count; i++)
		commit_one(memory, &commits[i], &results[i]);
	if (next)
		memory_lease_queues(memory, next, batch);
	for (size_t i = 0; i < count; i++)
		if (results[i].answer == COMMIT_DONE)
			ring_freed(memory, commits[i].id, next ? batch : &none);
	return true;
}
