/*
 * One step of a job: what is born, which counters and tallies change. Pure: nothing is read but the
 * descriptor and the ended task.
 *
 * A task's `scopes` is its line of scopes, "0/17.3/25.1": 0 is the whole job, 17.3 is "below task
 * 17, whose name is the descriptor's number 3". Only tasks that can start a gate open a scope. A
 * gate's counter in a scope is the number of unfinished tasks there that are, or can lead to, what
 * it awaits; for `after` tasks those count on whose failure (`if_failed: fail`) withholds it.
 */
#include "base/jsontext.h"
#include "workflow/descriptor.h"
#include "workflow/payload.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define JOB_SCOPES "0"

struct scope {
	int64_t seq;
	const struct task_model *opener; /* NULL: the whole job */
};

/* A step as it is worked out. */
struct step {
	const struct workflow *workflow;
	struct advance_arena *arena;
	struct effects *effects;
	struct scope *line; /* scopes that the task is in */
	size_t line_count;
	struct scope own;         /* the one that it opens for its children */
	const char *child_scopes; /* the line of its children */
	int64_t *births;          /* by task index */
};

void advance_finish(struct advance *advance)
{
	workflow_arena_destroy(advance->arena);
	*advance = (struct advance){ 0 };
}

static struct step begin_step(const struct workflow *workflow, struct advance *advance)
{
	*advance = (struct advance){ .arena = workflow_arena_create() };
	return (struct step){
		.workflow = workflow,
		.arena = advance->arena,
		.effects = &advance->effects,
		.births = workflow_take(advance->arena, workflow->count * sizeof(int64_t)),
	};
}

static void add_scope(struct step *step, int64_t seq, const struct task_model *opener)
{
	step->line = workflow_grow(step->arena, step->line, step->line_count, sizeof *step->line);
	step->line[step->line_count++] = (struct scope){ seq, opener };
}

static void read_scopes(struct step *step, const char *scopes)
{
	add_scope(step, 0, NULL);
	for (const char *at = scopes ? strchr(scopes, '/') : NULL; at; at = strchr(at + 1, '/')) {
		int64_t seq;
		size_t index;
		bool is_read = sscanf(at, "/%" SCNd64 ".%zu", &seq, &index) == 2;
		assert(is_read && index < step->workflow->count);
		add_scope(step, seq, &step->workflow->tasks[index]);
	}
}

static const char *scopes_below(const struct workflow *workflow, const struct task_model *parent,
	const struct ended *ended, struct advance_arena *arena)
{
	const char *scopes = ended->scopes ? ended->scopes : JOB_SCOPES;
	if (parent->gates.count == 0)
		return workflow_copy(arena, scopes);
	return workflow_adopt(arena, xprintf("%s/%" PRId64 ".%zu", scopes, ended->seq,
					     (size_t)(parent - workflow->tasks)));
}

static void add_counter(struct step *step, int64_t scope, const char *gate, int64_t pending)
{
	struct effects *effects = step->effects;
	for (size_t i = 0; i < effects->counters_count; i++) {
		struct counter_change *change = &effects->counters[i];
		if (change->scope == scope && change->gate == gate) {
			change->pending += pending;
			return;
		}
	}
	effects->counters = workflow_grow(
		step->arena, effects->counters, effects->counters_count, sizeof *effects->counters);
	effects->counters[effects->counters_count++] =
		(struct counter_change){ scope, gate, pending };
}

static void drop_zero_counters(struct effects *effects)
{
	size_t kept = 0;
	for (size_t i = 0; i < effects->counters_count; i++)
		if (effects->counters[i].pending != 0)
			effects->counters[kept++] = effects->counters[i];
	effects->counters_count = kept;
}

static void sum(struct tally *to, const struct tally *add)
{
	to->born += add->born;
	to->completed += add->completed;
	to->failed += add->failed;
	to->invalid += add->invalid;
	to->skipped += add->skipped;
	to->cancelled += add->cancelled;
	to->excused += add->excused;
}

static void add_tally(struct step *step, int64_t scope, const char *name, const struct tally *add)
{
	struct effects *effects = step->effects;
	for (size_t i = 0; i < effects->tallies_count; i++) {
		struct tally_change *change = &effects->tallies[i];
		if (change->scope == scope && change->name == name) {
			sum(&change->add, add);
			return;
		}
	}
	effects->tallies = workflow_grow(
		step->arena, effects->tallies, effects->tallies_count, sizeof *effects->tallies);
	effects->tallies[effects->tallies_count++] = (struct tally_change){ scope, name, *add };
}

static const struct index_list *gates_of(const struct step *step, const struct scope *scope)
{
	return scope->opener ? &scope->opener->gates : &step->workflow->gates;
}

static void tally_in(
	struct step *step, const struct scope *scope, size_t index, const struct tally *add)
{
	if (!scope->opener || set_has(scope->opener->watched, index))
		add_tally(step, scope->seq, step->workflow->tasks[index].facts.name, add);
}

/* Tasks of one name appear in a scope. */
static void appear_in(struct step *step, const struct scope *scope, size_t index, int64_t count)
{
	tally_in(step, scope, index, &(struct tally){ .born = count });
	FOR_EACH_INDEX(at, gates_of(step, scope))
	{
		const struct task_model *gate = &step->workflow->tasks[at];
		if (set_has(gate->producers, index))
			add_counter(step, scope->seq, gate->facts.name, count);
	}
}

static void count_births(struct step *step)
{
	for (size_t index = 0; index < step->workflow->count; index++) {
		if (step->births[index] == 0)
			continue;
		for (size_t i = 0; i < step->line_count; i++)
			appear_in(step, &step->line[i], index, step->births[index]);
		if (step->own.opener)
			appear_in(step, &step->own, index, step->births[index]);
	}
}

/* The task itself ends (-1) or is revived (1); `withholds`: its failure is not forgiven. */
static void count_itself(
	struct step *step, size_t index, int64_t change, const struct tally *add, bool withholds)
{
	for (size_t i = 0; i < step->line_count; i++) {
		const struct scope *scope = &step->line[i];
		tally_in(step, scope, index, add);
		FOR_EACH_INDEX(at, gates_of(step, scope))
		{
			const struct task_model *gate = &step->workflow->tasks[at];
			bool is_held = withholds && set_has(gate->withheld, index);
			if (set_has(gate->producers, index) && !is_held)
				add_counter(step, scope->seq, gate->facts.name, change);
		}
	}
}

static struct new_task make_task(struct advance_arena *arena, const struct task_model *task,
	const json_t *payload, const char *scopes, int64_t parent)
{
	return (struct new_task){
		.name = task->facts.name,
		.queue = task->facts.queue,
		.payload = workflow_adopt(arena, jsontext_print(payload)),
		.priority = task->facts.priority,
		.delay_ms = task->facts.delay_ms,
		.scopes = scopes,
		.waits = task->facts.waits,
		.wait_scope = task->waits_for ? parent : 0,
		.wait_gate = task->facts.waits ? task->facts.name : NULL,
		.wait_timeout_ms = task->wait_timeout_ms,
	};
}

static void bear(struct step *step, size_t index, const json_t *inherited, int64_t parent)
{
	const struct task_model *task = &step->workflow->tasks[index];
	struct effects *effects = step->effects;
	OWNED(json) json_t *payload = payload_started(step->workflow, task, inherited);
	effects->children = workflow_grow(
		step->arena, effects->children, effects->children_count, sizeof *effects->children);
	effects->children[effects->children_count++] =
		make_task(step->arena, task, payload, step->child_scopes, parent);
	step->births[index]++;
}

static void bear_all(struct step *step, const struct index_list *children, const json_t *inherited,
	int64_t parent)
{
	FOR_EACH_INDEX(child, children)
	{
		bear(step, child, inherited, parent);
	}
}

void workflow_begin(const struct workflow *workflow, const json_t *payload, struct advance *advance)
{
	struct step step = begin_step(workflow, advance);
	step.child_scopes = JOB_SCOPES;
	read_scopes(&step, NULL);
	bear_all(&step, &workflow->entries, payload, 0);
	count_births(&step);
	drop_zero_counters(step.effects);
}

/* Each parameter is the number of tasks of a name that this commit has brought so far. */
static void bear_with_params(struct step *step, const struct param_start *start,
	const json_t *inherited, const struct ended *ended)
{
	bool is_object = json_is_object(inherited);
	OWNED(json)
	json_t *payload = jsontext_merge(is_object ? inherited : ended->job_payload, NULL);
	for (size_t i = 0; i < start->count; i++) {
		const struct start_param *param = &start->params[i];
		json_object_set_new(
			payload, param->name, json_integer(step->births[param->counted]));
	}
	bear(step, start->child, payload, ended->seq);
}

static void bear_successors(
	struct step *step, const struct task_model *task, const struct ended *ended)
{
	OWNED(json) json_t *inherited = payload_inherited(task, ended);
	for (size_t i = 0; i < ended->spawned_count; i++) {
		size_t index = descriptor_find(step->workflow, ended->spawned[i].name);
		assert(index != NO_TASK);
		step->births[index] += ended->spawned[i].count;
	}
	bear_all(step, &task->starts, inherited, ended->seq);
	for (size_t i = 0; i < task->param_start_count; i++)
		bear_with_params(step, &task->param_starts[i], inherited, ended);
}

static void bear_on_failure(
	struct step *step, const struct task_model *task, const struct ended *ended)
{
	OWNED(json) json_t *inherited = payload_inherited(task, ended);
	bear_all(step, &task->on_failure, inherited, ended->seq);
}

static struct tally tally_of(enum outcome outcome, int64_t by)
{
	switch (outcome) {
	case OUTCOME_COMPLETED:
		return (struct tally){ .completed = by };
	case OUTCOME_INVALID:
		return (struct tally){ .invalid = by };
	case OUTCOME_SKIPPED:
		return (struct tally){ .skipped = by };
	case OUTCOME_CANCELLED:
		return (struct tally){ .cancelled = by };
	default:
		assert(outcome == OUTCOME_FAILED);
		return (struct tally){ .failed = by };
	}
}

static bool is_failure(enum outcome outcome)
{
	return outcome == OUTCOME_FAILED || outcome == OUTCOME_INVALID ||
	       outcome == OUTCOME_CANCELLED;
}

static const char *failure_text(struct advance_arena *arena, const struct ended *ended)
{
	static const char *const how[] = {
		[OUTCOME_FAILED] = "failed",
		[OUTCOME_INVALID] = "got an invalid payload",
		[OUTCOME_CANCELLED] = "was cancelled",
	};
	/* "row was cancelled: cancelled" says nothing more. */
	bool is_told =
		ended->reason && *ended->reason &&
		(ended->outcome != OUTCOME_CANCELLED || strcmp(ended->reason, "cancelled") != 0);
	const char *reason = is_told ? ended->reason : NULL;
	return workflow_adopt(arena, xprintf("%s %s%s%s", ended->name, how[ended->outcome],
					     reason ? ": " : "", reason ? reason : ""));
}

static struct step step_of(const struct workflow *workflow, const struct task_model *task,
	const struct ended *ended, struct advance *advance)
{
	struct step step = begin_step(workflow, advance);
	read_scopes(&step, ended->scopes);
	step.child_scopes = scopes_below(workflow, task, ended, step.arena);
	if (task->gates.count)
		step.own = (struct scope){ ended->seq, task };
	return step;
}

void workflow_advance(const struct workflow *workflow, const struct ended *ended,
	enum outcome *recorded, struct advance *advance)
{
	size_t index = descriptor_find(workflow, ended->name);
	assert(index != NO_TASK);
	const struct task_model *task = &workflow->tasks[index];
	bool failed = is_failure(ended->outcome);
	bool is_unforgiven = failed && task->policy == IF_FAILED_FAIL;
	struct step step = step_of(workflow, task, ended, advance);
	*recorded = failed && task->policy == IF_FAILED_IGNORE ? OUTCOME_COMPLETED : ended->outcome;
	struct tally tally = tally_of(*recorded, 1);
	tally.excused = failed && task->policy == IF_FAILED_CONTINUE;
	if (*recorded == OUTCOME_COMPLETED)
		bear_successors(&step, task, ended);
	if (failed)
		bear_on_failure(&step, task, ended);
	count_births(&step);
	count_itself(&step, index, -1, &tally, is_unforgiven);
	if (is_unforgiven)
		step.effects->job_failure = failure_text(step.arena, ended);
	drop_zero_counters(step.effects);
}

void workflow_revive(const struct workflow *workflow, const struct ended *ended,
	enum task_state was, struct advance *advance)
{
	static const enum outcome outcomes[TASK_STATES] = {
		[TASK_FAILED] = OUTCOME_FAILED,
		[TASK_INVALID] = OUTCOME_INVALID,
		[TASK_CANCELLED] = OUTCOME_CANCELLED,
	};
	size_t index = descriptor_find(workflow, ended->name);
	assert(index != NO_TASK && is_failure(outcomes[was]));
	const struct task_model *task = &workflow->tasks[index];
	struct step step = step_of(workflow, task, ended, advance);
	struct tally tally = tally_of(outcomes[was], -1);
	tally.excused = task->policy == IF_FAILED_CONTINUE ? -1 : 0;
	count_itself(&step, index, 1, &tally, task->policy == IF_FAILED_FAIL);
	drop_zero_counters(step.effects);
}

bool workflow_spawn(const struct workflow *workflow, const struct ended *parent,
	const char *child_name, const json_t *payload, struct advance *arena,
	struct new_task *child, struct error *err)
{
	size_t index = descriptor_find(workflow, parent->name);
	size_t child_index = descriptor_find(workflow, child_name);
	if (!workflow_may_spawn(workflow, parent->name, child_name))
		return error_set(err, ERROR_INVALID,
			"%.80s may not spawn \"%.80s\": it is not in its starts_parallel or "
			"starts_manually",
			parent->name, child_name);
	if (!arena->arena)
		arena->arena = workflow_arena_create();
	const struct task_model *task = &workflow->tasks[child_index];
	OWNED(json) json_t *whole = payload_spawned(task, payload, parent->job_payload);
	const char *scopes = scopes_below(workflow, &workflow->tasks[index], parent, arena->arena);
	*child = make_task(arena->arena, task, whole, scopes, parent->seq);
	return true;
}
