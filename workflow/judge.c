/*
 * Whether a gate opens: each condition on the sealed set of the name it awaits, all of them
 * together. Nothing is judged while an unfinished task can still add to the set.
 */
#include "workflow/descriptor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* An awaited name's set. */
struct awaited_set {
	const char *name;
	int64_t born, completed, failed;
};

static struct awaited_set count_set(const char *name, const struct tally *tally)
{
	int64_t ended_badly = tally->failed + tally->invalid + tally->cancelled;
	return (struct awaited_set){
		.name = name,
		.born = tally->born,
		.completed = tally->completed + tally->skipped + tally->excused,
		.failed = ended_badly - tally->excused,
	};
}

/* What a condition needs, for people, and whether the set as it is has it. */
struct need {
	bool is_met;
	char text[160];
};

static struct need __attribute__((format(printf, 2, 3))) need(bool is_met, const char *format, ...)
{
	struct need need = { .is_met = is_met };
	va_list args;
	va_start(args, format);
	vsnprintf(need.text, sizeof need.text, format, args);
	va_end(args);
	return need;
}

typedef struct need judge_set(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload);

static struct need judge_eq_completed(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload)
{
	const json_t *param = json_object_get(payload, condition->param);
	double number = json_number_value(param);
	int64_t wanted = json_is_real(param) ? (int64_t)number : json_integer_value(param);
	if (!json_is_number(param))
		return need(false, "needs the number \"%.50s\" in its payload, which has %s",
			condition->param, param ? "something else there" : "none");
	/* More than the parameter opens, too: it counts what was born when it was computed. */
	bool is_met = set->completed == set->born && (double)set->born >= number;
	return need(is_met, "needs %" PRId64 " completed %.80s", wanted, set->name);
}

static struct need judge_completed(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload)
{
	(void)condition;
	(void)payload;
	return need(set->failed == 0, "needs every %.80s completed", set->name);
}

static struct need judge_all_finished(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload)
{
	(void)condition;
	(void)payload;
	return need(true, "needs every %.80s finished", set->name);
}

static struct need judge_at_least(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload)
{
	(void)payload;
	return need((double)set->completed >= condition->value,
		"needs at least %.0f completed %.80s", condition->value, set->name);
}

static struct need judge_percent(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload)
{
	(void)payload;
	bool is_met = (double)set->completed * 100 >= condition->value * (double)set->born;
	return need(is_met, "needs %g %% of %.80s completed", condition->value, set->name);
}

static struct need judge_after(
	const struct condition *condition, const struct awaited_set *set, const json_t *payload)
{
	(void)condition;
	(void)payload;
	return need(set->failed == 0, "runs after every %.80s", set->name);
}

static judge_set *const judges[GATE_FUNCTIONS] = {
	[GATE_EQ_COMPLETED] = judge_eq_completed,
	[GATE_COMPLETED] = judge_completed,
	[GATE_ALL_FINISHED] = judge_all_finished,
	[GATE_AT_LEAST] = judge_at_least,
	[GATE_PERCENT] = judge_percent,
	[GATE_AFTER] = judge_after,
};

static void add_reason(struct judgement *judgement, const char *text)
{
	size_t used = strlen(judgement->reason);
	snprintf(judgement->reason + used, sizeof judgement->reason - used, "%s%s",
		used ? "; " : "", text);
}

static void explain(
	struct judgement *judgement, const struct need *need, const struct awaited_set *set)
{
	char text[240];
	snprintf(text, sizeof text, "%s, has %" PRId64 " of %" PRId64 " (%" PRId64 " failed)",
		need->text, set->completed, set->born, set->failed);
	add_reason(judgement, text);
}

static void explain_waiting(
	struct judgement *judgement, const struct task_model *gate, int64_t pending)
{
	char text[80];
	if (pending <= 0)
		return;
	snprintf(text, sizeof text, "%" PRId64 " %s task%s can add to that", pending,
		gate->is_after ? "unfinished or failed" : "unfinished", pending == 1 ? "" : "s");
	add_reason(judgement, text);
}

/* What a failed task withholds from an `after` task comes when that task is retried. */
static enum verdict verdict_of(const struct task_model *gate, bool is_met, bool is_sealed)
{
	if (!is_sealed)
		return VERDICT_WAITING;
	if (is_met)
		return VERDICT_OPEN;
	return gate->is_after ? VERDICT_WAITING : VERDICT_UNSATISFIABLE;
}

void workflow_judge(const struct workflow *workflow, const char *name, const json_t *payload,
	const struct gate_view *view, struct judgement *judgement)
{
	size_t index = descriptor_find(workflow, name);
	*judgement = (struct judgement){ .verdict = VERDICT_OPEN };
	assert(index != NO_TASK);
	const struct task_model *gate = &workflow->tasks[index];
	assert(view->count >= gate->condition_count);
	bool is_sealed = view->pending <= 0;
	bool are_met = true;
	for (size_t i = 0; i < gate->condition_count; i++) {
		const struct condition *condition = &gate->conditions[i];
		struct awaited_set set = count_set(gate->awaited_names[i], &view->tallies[i]);
		struct need need = judges[condition->function](condition, &set, payload);
		if (!need.is_met || !is_sealed)
			explain(judgement, &need, &set);
		are_met = are_met && need.is_met;
	}
	explain_waiting(judgement, gate, view->pending);
	judgement->verdict = verdict_of(gate, are_met, is_sealed);
}
