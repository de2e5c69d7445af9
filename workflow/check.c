/*
 * Mistakes that only the whole graph shows: tasks that can't be reached, gates that wait for what
 * can't come, parameters that nothing computes.
 */
#include "workflow/descriptor.h"

static void check_reachable(const struct workflow *workflow, struct workflow_faults *faults)
{
	for (size_t i = 0; i < workflow->count; i++) {
		const struct task_model *task = &workflow->tasks[i];
		bool is_reached = false;
		FOR_EACH_INDEX(entry, &workflow->entries)
		{
			is_reached = is_reached || set_has(workflow->tasks[entry].leads_to, i);
		}
		if (is_reached)
			continue;
		descriptor_fault(faults, "tasks.%s: is unreachable: %s", task->facts.name,
			task->waits_for ? "a gate must be started by a task or stand in starts"
					: "no entry point leads to it");
	}
}

static bool any_leads_to(
	const struct workflow *workflow, const struct index_list *children, size_t wanted)
{
	FOR_EACH_INDEX(child, children)
	{
		if (set_has(workflow->tasks[child].leads_to, wanted))
			return true;
	}
	return false;
}

/* A gate lives below the task that starts it: what it awaits must be able to come there. */
static void check_below(const struct workflow *workflow, size_t parent,
	const struct index_list *children, struct workflow_faults *faults)
{
	FOR_EACH_INDEX(child, children)
	{
		const struct task_model *gate = &workflow->tasks[child];
		for (size_t i = 0; gate->waits_for && i < gate->condition_count; i++)
			if (!any_leads_to(workflow, children, gate->conditions[i].awaited))
				descriptor_fault(faults,
					"tasks.%s.waits_for.%s: \"%s\" can't come below \"%s\", "
					"which starts this gate",
					gate->facts.name, gate->awaited_names[i],
					gate->awaited_names[i], workflow->tasks[parent].facts.name);
	}
}

static void check_counts(const struct workflow *workflow, const struct task_model *task,
	struct workflow_faults *faults)
{
	for (size_t i = 0; i < task->param_start_count; i++) {
		const struct param_start *start = &task->param_starts[i];
		for (size_t j = 0; j < start->count; j++) {
			size_t counted = start->params[j].counted;
			if (any_leads_to(workflow, &task->heirs, counted))
				continue;
			descriptor_fault(faults,
				"tasks.%s.starts_with_params.%s.%s.count: \"%s\" can't come below "
				"\"%s\"",
				task->facts.name, workflow->tasks[start->child].facts.name,
				start->params[j].name, workflow->tasks[counted].facts.name,
				task->facts.name);
		}
	}
}

static const struct param_start *find_start(const struct task_model *task, size_t child)
{
	for (size_t i = 0; i < task->param_start_count; i++)
		if (task->param_starts[i].child == child)
			return &task->param_starts[i];
	return NULL;
}

static bool computes(const struct param_start *start, const char *param)
{
	for (size_t i = 0; start && i < start->count; i++)
		if (strcmp(start->params[i].name, param) == 0)
			return true;
	return false;
}

/* Some starter computes the parameter for the task, or a handler gives its whole payload. */
static bool may_be_given(const struct workflow *workflow, size_t index, const char *param)
{
	for (size_t i = 0; i < workflow->count; i++) {
		const struct task_model *starter = &workflow->tasks[i];
		if (graph_list_has(&starter->manual, index) ||
			graph_list_has(&starter->parallel, index) ||
			computes(find_start(starter, index), param))
			return true;
	}
	return false;
}

/* Payloads flow down: what was given to an ancestor is there, too. */
static bool may_carry(const struct workflow *workflow, size_t index, const char *param)
{
	for (size_t i = 0; i < workflow->count; i++)
		if (set_has(workflow->tasks[i].leads_to, index) && may_be_given(workflow, i, param))
			return true;
	return false;
}

static bool starts_without(
	const struct workflow *workflow, size_t parent, size_t gate, const char *param)
{
	const struct task_model *starter = &workflow->tasks[parent];
	const struct param_start *start = find_start(starter, gate);
	bool is_plain = graph_list_has(&starter->starts, gate) ||
			graph_list_has(&starter->on_failure, gate);
	bool lacks = is_plain || (start && !computes(start, param));
	return lacks && !may_carry(workflow, parent, param);
}

static void check_param(const struct workflow *workflow, size_t index,
	const struct condition *condition, struct workflow_faults *faults)
{
	const struct task_model *gate = &workflow->tasks[index];
	const char *awaited = workflow->tasks[condition->awaited].facts.name;
	if (json_object_get(gate->own_defaults, condition->param) ||
		json_object_get(workflow->payload, condition->param))
		return;
	if (graph_list_has(&workflow->entries, index))
		descriptor_fault(faults,
			"tasks.%s.waits_for.%s: nothing computes \"%s\" for an entry point; give "
			"it a default in payload",
			gate->facts.name, awaited, condition->param);
	for (size_t i = 0; i < workflow->count; i++)
		if (starts_without(workflow, i, index, condition->param))
			descriptor_fault(faults,
				"tasks.%s.waits_for.%s: nothing computes \"%s\" where \"%s\" "
				"starts this gate; use starts_with_params there or give it a "
				"default in payload",
				gate->facts.name, awaited, condition->param,
				workflow->tasks[i].facts.name);
}

/* Born with the job and waiting for nobody, it has no parent. */
static void check_when(
	const struct workflow *workflow, size_t index, struct workflow_faults *faults)
{
	const struct task_model *task = &workflow->tasks[index];
	bool is_started = false;
	for (size_t i = 0; i < workflow->count; i++)
		is_started = is_started || graph_list_has(&workflow->tasks[i].heirs, index) ||
			     graph_list_has(&workflow->tasks[i].on_failure, index);
	if (task->facts.when_reads_results && !is_started && task->condition_count == 0)
		descriptor_fault(faults,
			"tasks.%s.when: asks for a parent's result, but no task starts \"%s\" and "
			"it "
			"waits for none",
			task->facts.name, task->facts.name);
}

void graph_check(const struct workflow *workflow, struct workflow_faults *faults)
{
	check_reachable(workflow, faults);
	for (size_t i = 0; i < workflow->count; i++) {
		const struct task_model *task = &workflow->tasks[i];
		check_below(workflow, i, &task->heirs, faults);
		check_below(workflow, i, &task->on_failure, faults);
		check_counts(workflow, task, faults);
		check_when(workflow, i, faults);
		for (size_t j = 0; j < task->condition_count; j++)
			if (task->conditions[j].function == GATE_EQ_COMPLETED)
				check_param(workflow, i, &task->conditions[j], faults);
	}
}
