/* Budgets and delays; see decision.h. */
#include "workers/decision.h"

#include "base/jsontext.h"

static void read_duration(const json_t *section, const char *key, int64_t *out_ms)
{
	const json_t *value = json_object_get(section, key);
	int64_t ms;
	if (json_is_integer(value) && json_integer_value(value) == 0)
		*out_ms = 0;
	else if (json_is_string(value) && config_parse_duration(json_string_value(value), &ms))
		*out_ms = ms;
}

void budget_read(
	const struct config_queue *queue, const struct workflow_task *facts, struct budget *budget)
{
	*budget = (struct budget){ .retries = queue->retries, .crashes = queue->crashes };
	if (!facts || !facts->has_retries)
		return;
	struct config_retries *retries = &budget->retries;
	const json_t *max = json_object_get(facts->retries, "max");
	const json_t *factor = json_object_get(facts->retries, "factor");
	const json_t *jitter = json_object_get(facts->retries, "jitter");
	if (json_is_integer(max))
		retries->max = (int)json_integer_value(max);
	if (json_is_number(factor))
		retries->factor = json_number_value(factor);
	if (json_is_boolean(jitter))
		retries->jitter = json_is_true(jitter);
	read_duration(facts->retries, "delay", &retries->delay_ms);
	read_duration(facts->retries, "max_delay", &retries->max_delay_ms);
}

void decision_finish(struct decision *decision)
{
	free(decision->reason);
	*decision = (struct decision){ 0 };
}

int64_t decision_delay_ms(const struct config_retries *retries, int n)
{
	double delay = (double)retries->delay_ms;
	double cap = (double)retries->max_delay_ms;
	for (int i = 1; i < n && delay < cap; i++)
		delay *= retries->factor;
	int64_t ms = (int64_t)(delay < cap ? delay : cap);
	if (!retries->jitter || ms < 2)
		return ms;
	return ms / 2 + (int64_t)(ids_random64() % (uint64_t)(ms - ms / 2 + 1));
}

/* Which budget a status spends, and what follows where it lasts. */
enum spends { NOTHING, A_RETRY, A_CRASH };
static const struct {
	enum outcome outcome; /* where no budget is spent up */
	enum spends spends;
	const char *status;
	bool is_failed_attempt;
	int losses;
} rules[] = {
	[RUN_DONE] = { OUTCOME_COMPLETED, NOTHING, "success", false, 0 },
	[RUN_FAILED] = { OUTCOME_RETRY, A_RETRY, "failure", true, 0 },
	[RUN_RETRY] = { OUTCOME_RETRY, A_RETRY, "retry", false, 0 },
	[RUN_PERMANENT] = { OUTCOME_FAILED, NOTHING, "failure", true, 0 },
	[RUN_INVALID] = { OUTCOME_INVALID, NOTHING, "failure", true, 0 },
	[RUN_CRASHED] = { OUTCOME_RETRY, A_CRASH, "crash", true, 0 },
	[RUN_TIMED_OUT] = { OUTCOME_RETRY, A_RETRY, "timeout", true, 0 },
	[RUN_BROKEN] = { OUTCOME_RETRY, A_RETRY, "failure", true, 0 },
	[RUN_CANCELLED] = { OUTCOME_CANCELLED, NOTHING, "failure", false, 0 },
	[RUN_HALTED] = { OUTCOME_GIVE_BACK, NOTHING, "lost", false, 0 },
	[RUN_LOST] = { OUTCOME_GIVE_BACK, NOTHING, "lost", false, 0 },
	/* It counts as a loss: a handler that answers twice each time must come to an end. */
	[RUN_HANDLER_LATE] = { OUTCOME_GIVE_BACK, NOTHING, "lost", false, 1 },
	[RUN_NESTED] = { OUTCOME_RETRY, NOTHING, NULL, false, 0 },
};

static bool outcome_ends(enum outcome outcome)
{
	return outcome != OUTCOME_RETRY && outcome != OUTCOME_WAIT && outcome != OUTCOME_GIVE_BACK;
}

static void spend(const struct budget *budget, const struct run_result *run, enum spends spends,
	struct decision *decision)
{
	int n = spends == A_CRASH ? ++decision->crashes : ++decision->failures;
	bool is_spent = spends == A_CRASH ? budget->crashes > 0 && n >= budget->crashes
					  : n > budget->retries.max;
	decision->delay_ms =
		run->retry_in_ms >= 0 ? run->retry_in_ms : decision_delay_ms(&budget->retries, n);
	if (!is_spent)
		return;
	decision->outcome = OUTCOME_FAILED;
	/* An exhausted budget is a failure, even where the last attempt asked for another. */
	decision->is_failed_attempt = decision->is_failed_attempt || spends == A_RETRY;
}

void decision_judge(const struct budget *budget, const struct leased *spent,
	const struct run_result *run, struct decision *decision)
{
	*decision = (struct decision){
		.outcome = rules[run->status].outcome,
		.status = rules[run->status].status,
		.failures = spent->failures,
		.crashes = spent->crashes,
		.losses = rules[run->status].losses,
		.is_failed_attempt = rules[run->status].is_failed_attempt,
	};
	enum spends spends = rules[run->status].spends;
	if (spends != NOTHING)
		spend(budget, run, spends, decision);
	else if (run->status == RUN_NESTED)
		decision->delay_ms = run->retry_in_ms;
	decision->ends = outcome_ends(decision->outcome);
	const char *message = run->message ? run->message : "failed without a reason";
	if (decision->outcome == OUTCOME_FAILED && spends == A_CRASH)
		decision->reason = xprintf("set aside after %d crash%s: %s", decision->crashes,
			decision->crashes == 1 ? "" : "es", message);
	else if (decision->outcome != OUTCOME_COMPLETED)
		decision->reason = xstrdup(message);
}

void decision_set_aside(const struct leased *spent, enum outcome outcome, const char *reason,
	struct decision *decision)
{
	bool is_failure = outcome == OUTCOME_FAILED || outcome == OUTCOME_INVALID;
	*decision = (struct decision){
		.outcome = outcome,
		.status = outcome_ends(outcome) && outcome != OUTCOME_SKIPPED ? "failure" : NULL,
		.failures = spent->failures,
		.crashes = spent->crashes,
		.reason = xstrdup(reason),
		.is_failed_attempt = is_failure,
		.ends = outcome_ends(outcome),
	};
}
