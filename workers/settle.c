/* What needs no run: a cancelled or lost task, an invalid payload, a gate that may not open. */
#include "workers/attempt.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "workers/validate.h"

#include <stdio.h>

static bool set_aside(struct attempt *attempt, enum outcome outcome, const char *reason)
{
	decision_set_aside(attempt->task, outcome, reason, &attempt->decision);
	attempt->is_settled = true;
	return true;
}

static bool is_cancelled(struct attempt *attempt)
{
	return attempt->task->is_cancelled && set_aside(attempt, OUTCOME_CANCELLED, "cancelled");
}

static bool is_lost(struct attempt *attempt)
{
	char reason[64];
	if (attempt->task->losses < STORE_LOST_MAX)
		return false;
	snprintf(reason, sizeof reason, "lost %d leases", attempt->task->losses);
	return set_aside(attempt, OUTCOME_FAILED, reason);
}

static bool is_unknown(struct attempt *attempt)
{
	if (!attempt->job.workflow || attempt->facts)
		return false;
	OWNED(free)
	char *reason = xprintf("workflow %s has no task %s", workflow_name(attempt->job.workflow),
		attempt->task->name);
	return set_aside(attempt, OUTCOME_FAILED, reason);
}

/* conclude.c queues such a task once more, only to drop the children it had written ahead. */
static bool is_spent_and_ignored(struct attempt *attempt)
{
	if (!attempt->facts || attempt->task->failures <= attempt->budget.retries.max)
		return false;
	struct ended ended = attempt->spawner.parent;
	struct advance advance = { 0 };
	enum outcome recorded;
	ended.outcome = OUTCOME_FAILED;
	workflow_advance(attempt->job.workflow, &ended, &recorded, &advance);
	advance_finish(&advance);
	return recorded == OUTCOME_COMPLETED &&
	       set_aside(attempt, OUTCOME_FAILED, "its tries are used up");
}

static bool is_invalid(struct attempt *attempt)
{
	OWNED(free) char *reason = NULL;
	return !validate_payload(attempt->worker->queue->validate, attempt->payload, &reason) &&
	       set_aside(attempt, OUTCOME_INVALID, reason);
}

/* `when:` of the descriptor. What it asks of a task that waits is known when its wait is over. */
static bool is_passed_over(struct attempt *attempt)
{
	OWNED(json) json_t *inputs = NULL;
	OWNED(free) char *reason = NULL;
	struct error err;
	const struct workflow_task *facts = attempt->facts;
	if (!facts || !facts->when)
		return false;
	if (facts->when_reads_results && !attempt_inputs(attempt, &inputs, &err)) {
		if (err.kind != ERROR_UNAVAILABLE)
			return set_aside(attempt, OUTCOME_FAILED, err.text);
		attempt->order = ORDER_HALT;
		return false;
	}
	enum when_answer answer = workflow_when(facts->when, attempt->payload, inputs, &reason);
	return answer != WHEN_TRUE &&
	       set_aside(attempt, answer == WHEN_FALSE ? OUTCOME_SKIPPED : OUTCOME_FAILED, reason);
}

static bool is_passed_over_at_once(struct attempt *attempt)
{
	return !attempt->task->wait_gate && is_passed_over(attempt);
}

static bool is_passed_over_now(struct attempt *attempt)
{
	return attempt->task->wait_gate && is_passed_over(attempt);
}

static bool read_gate(struct attempt *attempt, const char *const *names, size_t count,
	struct gate_view *view, struct error *err)
{
	const struct leased *task = attempt->task;
	struct store *store = attempt->worker->self.store;
	bool ok;
	do
		ok = store->ops->get_gate(store, task->job_id, task->wait_scope, task->wait_gate,
			names, count, view, err);
	while (self_tries_again(&attempt->worker->self, ok, err));
	return ok;
}

static bool keep_waiting(
	struct attempt *attempt, const struct judgement *judgement, uint64_t version)
{
	const struct leased *task = attempt->task;
	bool is_over = task->wait_until_ms != 0 && clock_wall_ms() >= task->wait_until_ms;
	if (is_over) {
		OWNED(free) char *reason = xprintf("gate timed out: %s", judgement->reason);
		return set_aside(attempt, OUTCOME_FAILED, reason);
	}
	set_aside(attempt, OUTCOME_WAIT, judgement->reason);
	attempt->decision.gate_version = version;
	attempt->decision.is_unsatisfiable = judgement->verdict == VERDICT_UNSATISFIABLE;
	return true;
}

/* A gate or `after:` task: judged on what its names have come to. */
static bool is_shut(struct attempt *attempt)
{
	const char *const *names = NULL;
	struct gate_view view;
	struct judgement judgement;
	struct error err;
	if (!attempt->task->wait_gate || !attempt->job.workflow)
		return false;
	size_t count = workflow_awaited(attempt->job.workflow, attempt->task->name, &names);
	if (!read_gate(attempt, names, count, &view, &err)) {
		if (err.kind != ERROR_UNAVAILABLE)
			return set_aside(attempt, OUTCOME_FAILED, err.text);
		attempt->order = ORDER_HALT;
		return false;
	}
	workflow_judge(
		attempt->job.workflow, attempt->task->name, attempt->payload, &view, &judgement);
	uint64_t version = view.version;
	gate_view_finish(&view);
	return judgement.verdict != VERDICT_OPEN && keep_waiting(attempt, &judgement, version);
}

/* Its job or its payload can't be read: nothing that could be repeated. */
static bool is_unreadable(struct attempt *attempt)
{
	return attempt->load_error.kind != ERROR_NONE &&
	       set_aside(attempt, OUTCOME_FAILED, attempt->load_error.text);
}

void attempt_settle(struct attempt *attempt)
{
	static bool (*const checks[])(struct attempt *) = { is_unreadable, is_cancelled, is_lost,
		is_unknown, is_spent_and_ignored, is_passed_over_at_once, is_invalid, is_shut,
		is_passed_over_now };
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (attempt->order != ORDER_GO_ON || checks[i](attempt))
			return;
}
