/*
 * What follows from the edges. A *producing* edge goes from a task to what its end can bring into
 * being; a *waiting* edge from an awaited name to the gate or `after` task that awaits it. Both
 * together must have no cycle: then the first waiting name in their order waits only for names that
 * end, and nothing can deadlock. What leads to what is told by producing edges alone: a gate that
 * exists is itself an unfinished task, and one that does not is brought by some task that is.
 */
#include "workflow/descriptor.h"

bool graph_list_has(const struct index_list *list, size_t index)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->at[i] == index)
			return true;
	return false;
}

static void append(struct workflow *workflow, struct index_list *list, size_t index)
{
	list->at = workflow_grow(workflow->arena, list->at, list->count, sizeof *list->at);
	list->at[list->count++] = index;
}

static void append_all(
	struct workflow *workflow, struct index_list *list, const struct index_list *more)
{
	FOR_EACH_INDEX(index, more)
	{
		if (!graph_list_has(list, index))
			append(workflow, list, index);
	}
}

static void link_task(struct workflow *workflow, size_t index)
{
	struct task_model *task = &workflow->tasks[index];
	append_all(workflow, &task->heirs, &task->starts);
	for (size_t i = 0; i < task->param_start_count; i++)
		append_all(workflow, &task->heirs,
			&(struct index_list){ &task->param_starts[i].child, 1 });
	append_all(workflow, &task->heirs, &task->parallel);
	append_all(workflow, &task->heirs, &task->manual);
	for (size_t i = 0; i < task->condition_count; i++)
		append_all(workflow, &workflow->tasks[task->conditions[i].awaited].followers,
			&(struct index_list){ &index, 1 });
}

static void mark_children(const struct workflow *workflow, task_set started)
{
	for (size_t i = 0; i < workflow->count; i++) {
		FOR_EACH_INDEX(heir, &workflow->tasks[i].heirs)
		{
			set_add(started, heir);
		}
		FOR_EACH_INDEX(child, &workflow->tasks[i].on_failure)
		{
			set_add(started, child);
		}
	}
}

static void link_entries(struct workflow *workflow)
{
	task_set started =
		workflow_take(workflow->arena, set_words(workflow->count) * sizeof *started);
	mark_children(workflow, started);
	FOR_EACH_INDEX(index, &workflow->explicit)
	{
		append(workflow, &workflow->entries, index);
	}
	for (size_t i = 0; i < workflow->count && !workflow->has_starts; i++)
		if (!set_has(started, i) && workflow->tasks[i].condition_count == 0)
			append(workflow, &workflow->entries, i);
	for (size_t i = 0; i < workflow->count; i++)
		if (workflow->tasks[i].is_after && !set_has(started, i) &&
			!graph_list_has(&workflow->explicit, i))
			append(workflow, &workflow->entries, i);
	for (size_t i = 0; i < workflow->count; i++)
		if (workflow->tasks[i].is_after ||
			(workflow->tasks[i].waits_for && graph_list_has(&workflow->entries, i)))
			append(workflow, &workflow->gates, i);
}

void graph_link(struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->count; i++)
		link_task(workflow, i);
	for (size_t i = 0; i < workflow->count; i++) {
		struct task_model *task = &workflow->tasks[i];
		task->facts.is_last = task->heirs.count + task->followers.count == 0;
		FOR_EACH_INDEX(follower, &task->followers)
		{
			task->facts.wakes_nested =
				task->facts.wakes_nested || workflow->tasks[follower].facts.nested;
		}
	}
	link_entries(workflow);
}

/* A walk in depth over all edges; the path is where it stands. */
struct walk {
	const struct workflow *workflow;
	struct workflow_faults *faults;
	enum { UNSEEN, ON_PATH, DONE } * seen;
	size_t *path;
	size_t depth;
};

static void report_cycle(struct walk *walk, size_t again)
{
	const struct task_model *tasks = walk->workflow->tasks;
	const char *name = tasks[again].facts.name;
	size_t first = walk->depth;
	while (walk->path[first - 1] != again)
		first--;
	char *path = xstrdup(name);
	for (size_t i = first; i <= walk->depth; i++) {
		const char *next = i < walk->depth ? tasks[walk->path[i]].facts.name : name;
		char *longer = xprintf("%s → %s", path, next);
		free(path);
		path = longer;
	}
	descriptor_fault(
		walk->faults, "tasks.%s: starting and waiting go round in a cycle: %s", name, path);
	free(path);
}

static void visit(struct walk *walk, size_t index)
{
	const struct task_model *task = &walk->workflow->tasks[index];
	const struct index_list *const edges[] = { &task->heirs, &task->on_failure,
		&task->followers };
	if (walk->seen[index] == DONE)
		return;
	if (walk->seen[index] == ON_PATH) {
		report_cycle(walk, index);
		return;
	}
	walk->seen[index] = ON_PATH;
	walk->path[walk->depth++] = index;
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		FOR_EACH_INDEX(next, edges[i])
		{
			visit(walk, next);
		}
	}
	walk->depth--;
	walk->seen[index] = DONE;
}

void graph_check_cycles(const struct workflow *workflow, struct workflow_faults *faults)
{
	OWNED(free) void *seen = xcalloc(workflow->count, sizeof *((struct walk *)0)->seen);
	OWNED(free) size_t *path = xcalloc(workflow->count + 1, sizeof *path);
	struct walk walk = { .workflow = workflow, .faults = faults, .seen = seen, .path = path };
	for (size_t i = 0; i < workflow->count; i++)
		visit(&walk, i);
}

static void unite(task_set set, const uint64_t *more, size_t words)
{
	for (size_t i = 0; i < words; i++)
		set[i] |= more[i];
}

static bool intersect(const uint64_t *a, const uint64_t *b, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

static task_set derive_leads(struct workflow *workflow, size_t index)
{
	struct task_model *task = &workflow->tasks[index];
	const struct index_list *const edges[] = { &task->heirs, &task->on_failure };
	size_t words = set_words(workflow->count);
	if (task->leads_to)
		return task->leads_to;
	task->leads_to = workflow_take(workflow->arena, words * sizeof *task->leads_to);
	set_add(task->leads_to, index);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		FOR_EACH_INDEX(child, edges[i])
		{
			unite(task->leads_to, derive_leads(workflow, child), words);
		}
	}
	return task->leads_to;
}

/* The gates below a task and what they await. */
static void derive_gates(struct workflow *workflow, struct task_model *task)
{
	struct index_list children = { 0 };
	append_all(workflow, &children, &task->heirs);
	append_all(workflow, &children, &task->on_failure);
	task->watched =
		workflow_take(workflow->arena, set_words(workflow->count) * sizeof *task->watched);
	FOR_EACH_INDEX(child, &children)
	{
		const struct task_model *gate = &workflow->tasks[child];
		if (!gate->waits_for)
			continue;
		append(workflow, &task->gates, child);
		for (size_t i = 0; i < gate->condition_count; i++)
			set_add(task->watched, gate->conditions[i].awaited);
	}
}

/* Failed for good, such a task keeps from coming what the `after` task awaits: it is that, or what
 * only its success would have brought. */
static bool withholds(const struct task_model *task, size_t index, const struct task_model *after)
{
	for (size_t i = 0; i < after->condition_count; i++)
		if (after->conditions[i].awaited == index)
			return true;
	FOR_EACH_INDEX(heir, &task->heirs)
	{
		if (set_has(after->producers, heir))
			return true;
	}
	return false;
}

static void derive_producers(struct workflow *workflow, struct task_model *gate)
{
	size_t words = set_words(workflow->count);
	OWNED(free) task_set awaited = xcalloc(words, sizeof *awaited);
	gate->producers = workflow_take(workflow->arena, words * sizeof *gate->producers);
	gate->withheld = workflow_take(workflow->arena, words * sizeof *gate->withheld);
	for (size_t i = 0; i < gate->condition_count; i++)
		set_add(awaited, gate->conditions[i].awaited);
	for (size_t i = 0; i < workflow->count; i++)
		if (intersect(workflow->tasks[i].leads_to, awaited, words))
			set_add(gate->producers, i);
	for (size_t i = 0; i < workflow->count && gate->is_after; i++)
		if (withholds(&workflow->tasks[i], i, gate))
			set_add(gate->withheld, i);
}

void graph_derive(struct workflow *workflow)
{
	for (size_t i = 0; i < workflow->count; i++)
		derive_leads(workflow, i);
	for (size_t i = 0; i < workflow->count; i++) {
		derive_gates(workflow, &workflow->tasks[i]);
		if (workflow->tasks[i].condition_count)
			derive_producers(workflow, &workflow->tasks[i]);
	}
}
