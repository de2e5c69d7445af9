/*
 * From decision to commit. What is committed is worked out first and kept until the store has
 * taken it; a repeat of the same token is harmless, a stale one changes nothing.
 */
#include "workers/attempt.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "workers/nested.h"
#include "workers/notices.h"
#include "workers/priority.h"
#include "workers/trace.h"

#include <inttypes.h>

/* A commit with what its texts live in. */
struct draft {
	struct commit commit;
	struct advance advance;
	struct new_task *children; /* spawned gates, then those of advance */
	char *entry, *output, *reason;
};

static void drop_draft(struct draft *draft)
{
	advance_finish(&draft->advance);
	free(draft->children);
	free(draft->entry);
	free(draft->output);
	free(draft->reason);
	*draft = (struct draft){ 0 };
}

static char *print_entry(const struct attempt *attempt)
{
	const struct leased *task = attempt->task;
	const struct run_result *run = &attempt->run;
	if (!attempt->decision.status)
		return NULL;
	const struct trace_entry entry = { .worker = attempt->worker->self.setup->name,
		.task = task->name,
		.queue = task->queue,
		.message_id = task->id,
		.status = attempt->decision.status,
		.message = attempt->decision.reason,
		.backtrace = run->backtrace,
		.attempt = task->token.attempt,
		.received_at_ms = attempt->received_at_ms,
		.finished_at_ms = run->finished_at_ms ? run->finished_at_ms : clock_wall_ms(),
		.spent_ms = run->finished_at_ms - run->started_at_ms };
	return trace_print(&entry);
}

/* Gates that were spawned are born with the others. */
static void join_children(const struct attempt *attempt, struct draft *draft)
{
	const struct spawner *spawner = &attempt->spawner;
	struct effects *effects = &draft->commit.effects;
	if (spawner->gates_count == 0)
		return;
	size_t count = spawner->gates_count + effects->children_count;
	draft->children = xcalloc(count, sizeof *draft->children);
	memcpy(draft->children, spawner->gates, spawner->gates_count * sizeof *spawner->gates);
	if (effects->children_count > 0)
		memcpy(draft->children + spawner->gates_count, effects->children,
			effects->children_count * sizeof *effects->children);
	effects->children = draft->children;
	effects->children_count = count;
}

/*
 * A failure under `if_failed: ignore` is recorded as completed, and that would bring to life what
 * the failed attempt has written ahead. It is queued once more instead, which drops them; settle.c
 * ends it at its next lease.
 */
static void drop_children_first(struct attempt *attempt, struct commit *commit)
{
	attempt->decision.outcome = OUTCOME_RETRY;
	attempt->decision.ends = false;
	attempt->decision.is_failed_attempt = false;
	attempt->decision.delay_ms = 0;
	commit->outcome = OUTCOME_RETRY;
	commit->failures = attempt->budget.retries.max + 1;
	commit->delay_ms = 0;
}

/* Whether children come for the keeper; those written ahead are told by their names. */
static bool bears_nested(const struct attempt *attempt, const struct effects *effects)
{
	const struct spawner *spawner = &attempt->spawner;
	for (size_t i = 0; i < effects->children_count; i++)
		if (nested_is_queue(effects->children[i].queue))
			return true;
	for (size_t i = 0; i < spawner->names_count; i++)
		if (workflow_find_task(attempt->job.workflow, spawner->names[i].name)->nested)
			return true;
	return false;
}

static void apply_rules(struct attempt *attempt, struct draft *draft)
{
	struct decision *decision = &attempt->decision;
	struct ended ended = attempt->spawner.parent;
	bool is_done = decision->outcome == OUTCOME_COMPLETED;
	ended.outcome = decision->outcome;
	ended.reason = draft->reason;
	ended.spawned = attempt->spawner.names;
	ended.spawned_count = is_done ? attempt->spawner.names_count : 0;
	workflow_advance(attempt->job.workflow, &ended, &draft->commit.outcome, &draft->advance);
	if (!is_done && draft->commit.outcome == OUTCOME_COMPLETED &&
		attempt->spawner.next_index > 0) {
		drop_children_first(attempt, &draft->commit);
		return;
	}
	priority_fill(attempt->worker->self.setup->config, attempt->job.workflow,
		draft->advance.effects.children, draft->advance.effects.children_count);
	draft->commit.effects = draft->advance.effects;
	if (is_done)
		join_children(attempt, draft);
	attempt->bears_nested = bears_nested(attempt, &draft->commit.effects);
}

static void write_draft(struct attempt *attempt, struct draft *draft)
{
	const struct decision *decision = &attempt->decision;
	bool is_done = decision->outcome == OUTCOME_COMPLETED;
	*draft = (struct draft){ .entry = print_entry(attempt),
		.output = trace_clean(attempt->run.output),
		.reason = trace_clean(decision->reason) };
	draft->commit = (struct commit){ .id = attempt->task->id,
		.token = attempt->task->token,
		.outcome = decision->outcome,
		.result = is_done ? attempt->run.result : NULL,
		.reason = draft->reason,
		.failures = decision->failures,
		.crashes = decision->crashes,
		.losses = decision->losses,
		.delay_ms = decision->delay_ms,
		.gate_version = decision->gate_version,
		.entry = draft->entry,
		.output = draft->output };
	attempt->bears_nested = false;
	bool has_rules = attempt->job.workflow != NULL;
	bool is_orphan = decision->ends && attempt->task->job_id && !has_rules;
	if (decision->is_unsatisfiable || is_orphan)
		draft->commit.effects.job_failure = draft->reason;
	if (decision->ends && has_rules)
		apply_rules(attempt, draft);
	attempt->recorded = draft->commit.outcome;
}

static const struct config_argv *hook_to_tell(const struct attempt *attempt)
{
	const struct config_queue *queue = attempt->worker->queue;
	const struct config_argv *hook = NULL;
	if (attempt->decision.outcome == OUTCOME_COMPLETED)
		hook = &queue->on_success;
	else if (attempt->decision.is_failed_attempt)
		hook = &queue->on_failure;
	return hook && hook->count > 0 ? hook : NULL;
}

static void tell_hook(struct attempt *attempt, const struct config_argv *hook)
{
	struct log_subject subject = attempt_subject(attempt);
	struct error err;
	bool ok = attempt->envelope || attempt_envelope(attempt, &attempt->envelope, &err);
	if (!ok || !attempt_hook(attempt, hook, true, &err))
		log_about(&subject, LOG_WARN, "%s: %s",
			hook == &attempt->worker->queue->on_success ? "on_success" : "on_failure",
			err.text);
}

static void log_end(const struct attempt *attempt)
{
	const struct decision *decision = &attempt->decision;
	struct log_subject subject = attempt_subject(attempt);
	const char *reason = decision->reason ? decision->reason : "";
	int length = (int)strcspn(reason, "\n");
	double seconds = (double)(attempt->run.finished_at_ms - attempt->run.started_at_ms) / 1000;
	switch (decision->outcome) {
	case OUTCOME_SKIPPED:
		log_about(&subject, LOG_DEBUG, "%s is skipped: %.*s", attempt->task->name, length,
			reason);
		break;
	case OUTCOME_COMPLETED:
		log_about(&subject, LOG_DEBUG, "%s done in %.3f s", attempt->task->name, seconds);
		break;
	case OUTCOME_RETRY:
		if (!decision->status) {
			log_about(&subject, LOG_DEBUG, "%s waits: %.*s", attempt->task->name,
				length, reason);
			break;
		}
		log_about(&subject, LOG_INFO, "%s: %.*s; next try in %.1f s", decision->status,
			length, reason, (double)decision->delay_ms / 1000);
		break;
	case OUTCOME_FAILED:
	case OUTCOME_INVALID:
		log_about(&subject, LOG_WARN, "%s failed for good: %.*s", attempt->task->name,
			length, reason);
		break;
	case OUTCOME_WAIT:
		log_about(&subject, decision->is_unsatisfiable ? LOG_WARN : LOG_DEBUG,
			"%s %s: %.*s", attempt->task->name,
			decision->is_unsatisfiable ? "can't open" : "waits", length, reason);
		break;
	case OUTCOME_CANCELLED:
	case OUTCOME_GIVE_BACK:
		log_about(&subject, LOG_INFO, "%.*s", length, reason);
		break;
	}
}

static void count_end(const struct attempt *attempt)
{
	struct slot *slot = attempt->worker->slot;
	switch (attempt->recorded) {
	case OUTCOME_COMPLETED:
		atomic_fetch_add(&slot->completed, 1);
		break;
	case OUTCOME_FAILED:
	case OUTCOME_INVALID:
		atomic_fetch_add(&slot->failed, 1);
		atomic_store(&attempt->worker->self.setup->board->any_failed, 1);
		break;
	case OUTCOME_RETRY:
		if (attempt->decision.status)
			atomic_fetch_add(&slot->retried, 1);
		break;
	default:
		break;
	}
}

/* Told to the failure queue, once the commit is in the store. */
static void write_notice(struct attempt *attempt)
{
	struct self *self = &attempt->worker->self;
	const struct leased *task = attempt->task;
	struct log_subject subject = attempt_subject(attempt);
	bool is_dead = attempt->recorded == OUTCOME_FAILED || attempt->recorded == OUTCOME_INVALID;
	bool is_told = attempt->worker->queue->failure_queue && self->setup->config->broker_url &&
		       self->setup->supervisor != 0;
	struct error err;
	bool ok;
	if (!is_dead || !is_told)
		return;
	do
		ok = notices_write(self->store, task->queue, task->id, task->token.attempt, &err);
	while (self_tries_again(self, ok, &err));
	if (!ok)
		log_about(&subject, LOG_WARN, "the failure queue is not told: %s", err.text);
	fault_step("noticed");
}

static bool send(struct attempt *attempt, const struct draft *draft, bool may_lease,
	struct commit_result *answer, struct error *err)
{
	struct worker *worker = attempt->worker;
	struct store *store = worker->self.store;
	struct lease_request next;
	bool wants_next = may_lease && worker_wants(worker, &next);
	bool ok;
	write_notice(attempt);
	fault_step("advanced");
	do
		ok = store->ops->commit(store, &draft->commit, 1, answer, wants_next ? &next : NULL,
			wants_next ? &attempt->next : NULL, err);
	while (self_tries_again(&worker->self, ok, err));
	attempt->is_committed = ok;
	if (ok)
		fault_step("committed");
	if (ok && attempt->next.count > 0)
		fault_step("leased");
	return ok;
}

/* The store will never take it: the task fails, with the store's word on why. */
static void refuse(struct attempt *attempt, const struct error *err)
{
	struct log_subject subject = attempt_subject(attempt);
	if (err->kind != ERROR_INVALID || attempt->decision.outcome == OUTCOME_FAILED) {
		log_about(&subject, LOG_ERROR, "its end is not recorded, it will run again: %s",
			err->text);
		return;
	}
	decision_finish(&attempt->decision);
	decision_set_aside(attempt->task, OUTCOME_FAILED, err->text, &attempt->decision);
	attempt_conclude(attempt);
}

/* The keeper serves tasks with jobs in their place: one that is born, or whose job has ended. */
static void tell_keeper(struct attempt *attempt, const struct commit_result *answer)
{
	const struct leased *task = attempt->task;
	struct log_subject subject = attempt_subject(attempt);
	const struct self *self = &attempt->worker->self;
	bool has_ended = answer->job_ended && nested_is(task->job_id);
	bool may_wake = answer->may_have_woken && attempt->facts && attempt->facts->wakes_nested;
	struct error err;
	if (has_ended && !nested_told(self->store, self->setup->owner, task->job_id, &err))
		log_about(&subject, LOG_WARN, "%s; the task of job %s looks up by itself", err.text,
			task->job_id);
	if (attempt->run.status == RUN_NESTED && attempt->decision.outcome == OUTCOME_RETRY)
		nested_look_again(attempt);
	if (has_ended || may_wake || attempt->bears_nested)
		scoreboard_ring_keeper(self->setup->board);
}

static void tell(struct attempt *attempt, const struct commit_result *answer)
{
	struct log_subject subject = attempt_subject(attempt);
	if (answer->answer == COMMIT_STALE) {
		log_about(&subject, LOG_WARN, "the lease was lost: its outcome is dropped");
		return;
	}
	if (attempt->decision.outcome == OUTCOME_GIVE_BACK && attempt->order == ORDER_HALT)
		attempt->worker->has_given_back = true;
	count_end(attempt);
	log_end(attempt);
	tell_keeper(attempt, answer);
	const struct config_argv *hook = hook_to_tell(attempt);
	if (hook)
		tell_hook(attempt, hook);
}

/* Where that can't be now the task is not ended either: its lease ends, and who has it next does
 * both. */
static bool ends_nested(struct attempt *attempt)
{
	struct log_subject subject = attempt_subject(attempt);
	struct error err;
	bool is_cancelled = attempt->facts && attempt->facts->nested &&
			    attempt->decision.outcome == OUTCOME_CANCELLED;
	if (!is_cancelled || nested_cancel(attempt, &err))
		return true;
	log_about(&subject, LOG_WARN, "%s; it is not cancelled yet", err.text);
	return false;
}

void attempt_conclude(struct attempt *attempt)
{
	struct log_subject subject = attempt_subject(attempt);
	struct commit_result answer;
	struct draft draft;
	struct error err;
	if (attempt->order == ORDER_LOST) {
		log_about(&subject, LOG_WARN, "the lease was lost: its outcome is dropped");
		return;
	}
	if (!ends_nested(attempt))
		return;
	write_draft(attempt, &draft);
	/* A hook that follows the commit would let the next task's lease run. */
	bool ok = send(attempt, &draft, !hook_to_tell(attempt), &answer, &err);
	drop_draft(&draft);
	if (ok)
		tell(attempt, &answer);
	else if (err.kind == ERROR_CONFLICT)
		tell(attempt, &(struct commit_result){ .answer = COMMIT_STALE });
	else
		refuse(attempt, &err);
}
