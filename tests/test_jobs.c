/*
 * Random workflows run to their end in a model without store or processes, in random order and with
 * random failures. After every step the counters and tallies that advance has told are compared
 * with a recount by their definition, worked out here from the edges and parents alone.
 */
#include "tests/random_workflow.h"

#include <inttypes.h>

#define TASKS_MAX 300
#define TALLIES   2000
#define JOBS      3000
#define ROUNDS    3

struct sim_task {
	int name;
	int64_t seq, parent;
	enum task_state state;
	bool waits;
	int64_t wait_scope;
	char *scopes, *payload;
};
struct sim_counter {
	int64_t scope, pending;
	const char *gate;
};
struct sim_tally {
	int64_t scope;
	const char *name;
	struct tally tally;
};
struct sim {
	const struct plan *plan;
	struct sim_task tasks[TASKS_MAX];
	size_t task_count;
	struct sim_counter counters[TALLIES];
	size_t counter_count;
	struct sim_tally tallies[TALLIES];
	size_t tally_count;
	bool is_too_large, is_kind;
	size_t judged, opened;
};

/* ---- the model of a store ---- */

static int64_t *counter_at(struct sim *sim, int64_t scope, const char *gate)
{
	for (size_t i = 0; i < sim->counter_count; i++)
		if (sim->counters[i].scope == scope && strcmp(sim->counters[i].gate, gate) == 0)
			return &sim->counters[i].pending;
	CU_ASSERT_TRUE_FATAL(sim->counter_count < TALLIES);
	sim->counters[sim->counter_count++] = (struct sim_counter){ .scope = scope, .gate = gate };
	return &sim->counters[sim->counter_count - 1].pending;
}

static struct tally *tally_at(struct sim *sim, int64_t scope, const char *name)
{
	for (size_t i = 0; i < sim->tally_count; i++)
		if (sim->tallies[i].scope == scope && strcmp(sim->tallies[i].name, name) == 0)
			return &sim->tallies[i].tally;
	CU_ASSERT_TRUE_FATAL(sim->tally_count < TALLIES);
	sim->tallies[sim->tally_count++] = (struct sim_tally){ .scope = scope, .name = name };
	return &sim->tallies[sim->tally_count - 1].tally;
}

static const char *name_text(const struct sim *sim, int name)
{
	return workflow_task_at(sim->plan->workflow, (size_t)name)->name;
}

static void give_birth(struct sim *sim, const struct new_task *born, int64_t parent)
{
	if (sim->task_count == TASKS_MAX) {
		sim->is_too_large = true;
		return;
	}
	struct sim_task *task = &sim->tasks[sim->task_count++];
	*task = (struct sim_task){ .name = atoi(born->name + 1),
		.seq = (int64_t)sim->task_count,
		.parent = parent,
		.state = born->waits ? TASK_WAITING : TASK_QUEUED,
		.waits = born->waits,
		.wait_scope = born->wait_scope,
		.scopes = xstrdup(born->scopes),
		.payload = xstrdup(born->payload) };
}

static void wake(struct sim *sim)
{
	for (size_t i = 0; i < sim->task_count; i++) {
		struct sim_task *task = &sim->tasks[i];
		if (task->state == TASK_WAITING &&
			*counter_at(sim, task->wait_scope, name_text(sim, task->name)) == 0)
			task->state = TASK_QUEUED;
	}
}

static void apply(struct sim *sim, const struct effects *effects, int64_t parent)
{
	for (size_t i = 0; i < effects->children_count; i++)
		give_birth(sim, &effects->children[i], parent);
	for (size_t i = 0; i < effects->counters_count; i++) {
		const struct counter_change *change = &effects->counters[i];
		CU_ASSERT_NOT_EQUAL(change->pending, 0);
		*counter_at(sim, change->scope, name_text(sim, atoi(change->gate + 1))) +=
			change->pending;
	}
	for (size_t i = 0; i < effects->tallies_count; i++) {
		const struct tally_change *change = &effects->tallies[i];
		struct tally *tally =
			tally_at(sim, change->scope, name_text(sim, atoi(change->name + 1)));
		tally->born += change->add.born;
		tally->completed += change->add.completed;
		tally->failed += change->add.failed;
		tally->invalid += change->add.invalid;
		tally->cancelled += change->add.cancelled;
		tally->excused += change->add.excused;
	}
	wake(sim);
}

/* ---- the recount by definition ---- */

static bool is_below(const struct sim *sim, const struct sim_task *task, int64_t scope)
{
	int64_t at = task->parent;
	if (scope == 0)
		return true;
	while (at != 0 && at != scope)
		at = sim->tasks[at - 1].parent;
	return at == scope;
}

static bool is_failed(enum task_state state)
{
	return state == TASK_FAILED || state == TASK_INVALID || state == TASK_CANCELLED;
}

static bool is_unfinished(enum task_state state)
{
	return state == TASK_WAITING || state == TASK_QUEUED;
}

static bool leads_to_awaited(const struct plan *plan, int name, int gate)
{
	for (int awaited = 0; awaited < plan->count; awaited++)
		if (plan->awaits[gate][awaited] && plan->leads[name][awaited])
			return true;
	return false;
}

/* A failure that is not forgiven holds an `after` task up that awaits it or what its success would
 * have brought. */
static bool withholds(const struct plan *plan, int name, int gate)
{
	bool holds = plan->awaits[gate][name];
	for (int heir = name + 1; heir < plan->count; heir++)
		holds = holds ||
			(plan_is_heir(plan, name, heir) && leads_to_awaited(plan, heir, gate));
	return holds && plan->kinds[gate] == AFTER && plan->policies[name] == FAIL;
}

static int64_t recount(const struct sim *sim, int64_t scope, int gate)
{
	int64_t pending = 0;
	for (size_t i = 0; i < sim->task_count; i++) {
		const struct sim_task *task = &sim->tasks[i];
		if (!is_below(sim, task, scope))
			continue;
		if (is_unfinished(task->state))
			pending += leads_to_awaited(sim->plan, task->name, gate);
		else if (is_failed(task->state))
			pending += withholds(sim->plan, task->name, gate);
	}
	return pending;
}

static struct tally recount_tally(const struct sim *sim, int64_t scope, int name)
{
	struct tally tally = { 0 };
	for (size_t i = 0; i < sim->task_count; i++) {
		const struct sim_task *task = &sim->tasks[i];
		if (task->name != name || !is_below(sim, task, scope))
			continue;
		tally.born++;
		tally.completed += task->state == TASK_COMPLETED;
		tally.failed += task->state == TASK_FAILED;
		tally.invalid += task->state == TASK_INVALID;
		tally.cancelled += task->state == TASK_CANCELLED;
		tally.excused += is_failed(task->state) && sim->plan->policies[name] == CONTINUE;
	}
	return tally;
}

static bool can_live_below(const struct sim *sim, int64_t scope, int gate)
{
	const struct plan *plan = sim->plan;
	if (scope == 0)
		return plan->kinds[gate] == AFTER || plan->is_entry_gate[gate];
	int opener = sim->tasks[scope - 1].name;
	return plan->kinds[gate] == GATE &&
	       (plan_is_heir(plan, opener, gate) || plan->on_failure[opener][gate]);
}

static void check_gate(struct sim *sim, int64_t scope, int gate)
{
	const struct plan *plan = sim->plan;
	if (!can_live_below(sim, scope, gate))
		return;
	CU_ASSERT_EQUAL(*counter_at(sim, scope, name_text(sim, gate)), recount(sim, scope, gate));
	for (int awaited = 0; awaited < plan->count; awaited++) {
		if (!plan->awaits[gate][awaited])
			continue;
		struct tally expected = recount_tally(sim, scope, awaited);
		struct tally *told = tally_at(sim, scope, name_text(sim, awaited));
		CU_ASSERT_EQUAL(memcmp(&expected, told, sizeof expected), 0);
	}
}

static void check_counts(struct sim *sim)
{
	for (int64_t scope = 0; scope <= (int64_t)sim->task_count; scope++)
		for (int gate = 0; gate < sim->plan->count; gate++)
			check_gate(sim, scope, gate);
	for (int name = 0; name < sim->plan->count; name++) {
		struct tally expected = recount_tally(sim, 0, name);
		CU_ASSERT_EQUAL(
			memcmp(&expected, tally_at(sim, 0, name_text(sim, name)), sizeof expected),
			0);
	}
}

/* ---- running ---- */

static bool should_open(const struct sim *sim, const struct sim_task *gate, int awaited)
{
	struct tally tally = recount_tally(sim, gate->wait_scope, awaited);
	int64_t ended_well = tally.completed + tally.excused;
	int64_t failed = tally.failed + tally.invalid + tally.cancelled - tally.excused;
	OWNED(json) json_t *payload = read_json(gate->payload);
	int64_t param = json_integer_value(json_object_get(payload, GATE_PARAM));
	if (sim->plan->kinds[gate->name] == AFTER)
		return failed == 0;
	switch (sim->plan->functions[gate->name]) {
	case 0:
		return ended_well == tally.born && tally.born >= param;
	case 1:
		return failed == 0;
	case 2:
		return true;
	case 3:
		return ended_well >= 1;
	default:
		return ended_well * 100 >= tally.born;
	}
}

static enum verdict judge(struct sim *sim, const struct sim_task *gate)
{
	const char *name = name_text(sim, gate->name);
	const char *const *awaited = NULL;
	struct tally tallies[NAMES_MAX];
	struct gate_view view = { .tallies = tallies };
	struct judgement judgement;
	bool opens = true;
	OWNED(json) json_t *payload = read_json(gate->payload);
	view.pending = *counter_at(sim, gate->wait_scope, name);
	view.count = workflow_awaited(sim->plan->workflow, name, &awaited);
	for (size_t i = 0; i < view.count; i++) {
		tallies[i] = *tally_at(sim, gate->wait_scope, awaited[i]);
		opens = opens && should_open(sim, gate, atoi(awaited[i] + 1));
	}
	workflow_judge(sim->plan->workflow, name, payload, &view, &judgement);
	sim->judged++;
	bool is_sealed = recount(sim, gate->wait_scope, gate->name) == 0;
	enum verdict expected = !is_sealed ? VERDICT_WAITING
				: opens    ? VERDICT_OPEN
					   : VERDICT_UNSATISFIABLE;
	CU_ASSERT_EQUAL(judgement.verdict, expected);
	return judgement.verdict;
}

static enum outcome draw_outcome(const struct sim *sim)
{
	static const enum outcome bad[] = { OUTCOME_FAILED, OUTCOME_FAILED, OUTCOME_INVALID,
		OUTCOME_CANCELLED };
	return sim->is_kind || random_chance(80) ? OUTCOME_COMPLETED
						 : bad[random_below(ARRAY_SIZE(bad))];
}

/* Spawns up to two of each; what waits is born with the commit, like in a store. */
static size_t spawn(struct sim *sim, const struct ended *parent, struct spawned *spawned,
	struct advance *arena, struct new_task *children, size_t *children_count)
{
	const char *const *names = NULL;
	size_t count = workflow_spawns(sim->plan->workflow, parent->name, &names);
	for (size_t i = 0; i < count; i++) {
		spawned[i] = (struct spawned){ names[i], random_below(3) };
		for (int64_t n = 0; n < spawned[i].count; n++) {
			struct error err;
			CU_ASSERT_TRUE_FATAL(workflow_spawn(sim->plan->workflow, parent, names[i],
				NULL, arena, &children[(*children_count)++], &err));
		}
	}
	return count;
}

static struct ended ended_of(const struct sim *sim, const struct sim_task *task)
{
	return (struct ended){
		.name = name_text(sim, task->name), .seq = task->seq, .scopes = task->scopes
	};
}

static void end_task(struct sim *sim, struct sim_task *task, enum outcome outcome)
{
	static const enum task_state states[] = { [OUTCOME_COMPLETED] = TASK_COMPLETED,
		[OUTCOME_FAILED] = TASK_FAILED,
		[OUTCOME_INVALID] = TASK_INVALID,
		[OUTCOME_CANCELLED] = TASK_CANCELLED };
	struct spawned spawned[NAMES_MAX];
	struct new_task children[2 * NAMES_MAX];
	size_t children_count = 0;
	struct advance arena = { 0 }, advance;
	struct ended ended = ended_of(sim, task);
	enum outcome recorded;
	ended.outcome = outcome;
	if (outcome == OUTCOME_COMPLETED) {
		ended.spawned = spawned;
		ended.spawned_count =
			spawn(sim, &ended, spawned, &arena, children, &children_count);
	}
	workflow_advance(sim->plan->workflow, &ended, &recorded, &advance);
	bool is_ignored = outcome != OUTCOME_COMPLETED && sim->plan->policies[task->name] == IGNORE;
	CU_ASSERT_EQUAL(recorded, is_ignored ? OUTCOME_COMPLETED : outcome);
	bool fails_job = outcome != OUTCOME_COMPLETED && sim->plan->policies[task->name] == FAIL;
	CU_ASSERT_EQUAL(advance.effects.job_failure != NULL, fails_job);
	task->state = states[recorded];
	for (size_t i = 0; i < children_count; i++)
		give_birth(sim, &children[i], task->seq);
	apply(sim, &advance.effects, task->seq);
	advance_finish(&advance);
	advance_finish(&arena);
}

static struct sim_task *pick(struct sim *sim, bool (*is_wanted)(enum task_state))
{
	struct sim_task *picked = NULL;
	unsigned seen = 0;
	for (size_t i = 0; i < sim->task_count; i++)
		if (is_wanted(sim->tasks[i].state) && random_below(++seen) == 0)
			picked = &sim->tasks[i];
	return picked;
}

static bool is_queued(enum task_state state)
{
	return state == TASK_QUEUED;
}

static void run_task(struct sim *sim, struct sim_task *task)
{
	enum verdict verdict = task->waits ? judge(sim, task) : VERDICT_OPEN;
	sim->opened += task->waits && verdict == VERDICT_OPEN;
	if (verdict == VERDICT_WAITING)
		task->state = TASK_WAITING;
	else
		end_task(sim, task, verdict == VERDICT_OPEN ? draw_outcome(sim) : OUTCOME_FAILED);
}

static void run(struct sim *sim)
{
	struct sim_task *task;
	check_counts(sim);
	while (!sim->is_too_large && (task = pick(sim, is_queued))) {
		run_task(sim, task);
		if (!sim->is_too_large)
			check_counts(sim);
	}
}

/* Nothing can run: what is left waits, in the end, for a failure to be mended. */
static void check_end(const struct sim *sim)
{
	const struct sim_task *first = NULL;
	bool any_failed = false;
	for (size_t i = 0; i < sim->task_count; i++) {
		const struct sim_task *task = &sim->tasks[i];
		any_failed = any_failed ||
			     (is_failed(task->state) && sim->plan->policies[task->name] == FAIL);
		if (task->state == TASK_WAITING && (!first || task->name < first->name))
			first = task;
	}
	if (!first)
		return;
	CU_ASSERT_TRUE(any_failed);
	CU_ASSERT_EQUAL(sim->plan->kinds[first->name], AFTER);
}

static void revive(struct sim *sim, struct sim_task *task)
{
	struct ended ended = ended_of(sim, task);
	struct advance advance;
	workflow_revive(sim->plan->workflow, &ended, task->state, &advance);
	CU_ASSERT_EQUAL(advance.effects.children_count, 0);
	CU_ASSERT_PTR_NULL(advance.effects.job_failure);
	task->state = TASK_QUEUED;
	apply(sim, &advance.effects, 0);
	check_counts(sim);
	advance_finish(&advance);
}

static void revive_some(struct sim *sim)
{
	for (size_t i = 0; i < sim->task_count; i++)
		if (is_failed(sim->tasks[i].state) && (sim->is_kind || random_chance(60)))
			revive(sim, &sim->tasks[i]);
}

static void finish(struct sim *sim)
{
	for (size_t i = 0; i < sim->task_count; i++) {
		free(sim->tasks[i].scopes);
		free(sim->tasks[i].payload);
	}
}

/* Runs a job, then retries what failed, the last time with nothing failing. */
static bool run_job(const struct plan *plan, struct sim *sim)
{
	struct advance advance;
	*sim = (struct sim){ .plan = plan };
	workflow_begin(plan->workflow, NULL, &advance);
	apply(sim, &advance.effects, 0);
	advance_finish(&advance);
	for (int round = 0; round < ROUNDS && !sim->is_too_large; round++) {
		sim->is_kind = round == ROUNDS - 1;
		run(sim);
		if (!sim->is_too_large) {
			check_end(sim);
			revive_some(sim);
		}
	}
	finish(sim);
	return !sim->is_too_large;
}

static void random_jobs_end_with_true_counters(void)
{
	static struct sim sim;
	size_t run = 0, gates = 0, opened = 0;
	for (uint64_t seed = 1; run < JOBS && seed < 20 * JOBS; seed++) {
		struct plan plan;
		unsigned failures = CU_get_number_of_failures();
		if (!random_workflow(&plan, seed * 0x9e3779b97f4a7c15u))
			continue;
		run += run_job(&plan, &sim);
		gates += sim.judged;
		opened += sim.opened;
		if (CU_get_number_of_failures() != failures) {
			printf("\nseed %" PRIu64 ": %s\n", seed, workflow_text(plan.workflow));
			seed = UINT64_MAX - 1;
		}
		workflow_destroy(plan.workflow);
	}
	CU_ASSERT_EQUAL(run, JOBS);
	CU_ASSERT_TRUE(gates > JOBS);
	CU_ASSERT_TRUE(opened > JOBS / 2);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(random_jobs_end_with_true_counters),
	};
	return suite_run("jobs", tests, ARRAY_SIZE(tests));
}
