#pragma once
/*
 * What an attempt's end means for its task: budgets and delays, pure. Against `retries` count
 * reported failures, bad exits, timeouts, garbage, 75 and `retry_in`; against `crashes` only a
 * handler's death by a signal that is not ours and OOM kills; a lost lease, drain, cancel or
 * give-back against neither.
 */
#include "stores/store.h"
#include "workers/runner.h"
#include "workflow/workflow.h"

struct budget {
	struct config_retries retries;
	int crashes; /* 0: never set aside */
};
/* The queue's budget with the descriptor's `retries` (facts may be NULL) over it. */
void budget_read(
	const struct config_queue *queue, const struct workflow_task *facts, struct budget *budget);

struct decision {
	enum outcome outcome;
	const char *status;     /* of the trace entry; static. NULL: no entry is kept */
	int failures, crashes;  /* spent, this attempt included */
	int losses;             /* GIVE_BACK: to add */
	int64_t delay_ms;       /* RETRY */
	uint64_t gate_version;  /* WAIT */
	char *reason;           /* for people, owned; NULL where all went well */
	bool is_unsatisfiable;  /* WAIT: the job is failed for this reason */
	bool is_failed_attempt; /* on_failure runs */
	bool ends;              /* the task is ended by it */
};
void decision_finish(struct decision *decision);

/* spent: failures, crashes of the attempts before. */
void decision_judge(const struct budget *budget, const struct leased *spent,
	const struct run_result *run, struct decision *decision);
/* Verdicts without a run; reason is copied. */
void decision_set_aside(const struct leased *spent, enum outcome outcome, const char *reason,
	struct decision *decision);

/* delay · factor^(n−1), capped, with jitter uniform in [d/2, d]. n from 1. */
int64_t decision_delay_ms(const struct config_retries *retries, int n);
