/* Random workflows; see random_workflow.h. */
#include "tests/random_workflow.h"

static const char *const policy_names[POLICIES] = { "fail", "continue", "ignore" };
static const char *const function_names[] = { "eq_completed", "completed", "all_finished",
	"at_least", "percent" };

static uint64_t random_state;

unsigned random_below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % limit;
}

bool random_chance(unsigned percent)
{
	return random_below(100) < percent;
}

static void name_of(int index, char out[4])
{
	out[0] = 't';
	out[1] = (char)('0' + index);
	out[2] = '\0';
}

bool plan_is_heir(const struct plan *plan, int from, int to)
{
	return plan->starts[from][to] || plan->params[from][to] || plan->spawns[from][to];
}

static void close_leads(struct plan *plan)
{
	for (int from = plan->count - 1; from >= 0; from--) {
		plan->leads[from][from] = true;
		for (int via = from + 1; via < plan->count; via++)
			for (int to = via; to < plan->count; to++)
				if ((plan_is_heir(plan, from, via) ||
					    plan->on_failure[from][via]) &&
					plan->leads[via][to])
					plan->leads[from][to] = true;
	}
}

static void add_parents(struct plan *plan, int index)
{
	for (int from = 0; from < index; from++) {
		if (!random_chance(45))
			continue;
		edges *const kinds[] = { &plan->starts, &plan->spawns, &plan->spawns,
			&plan->on_failure };
		(*kinds[random_below(4)])[from][index] = true;
	}
}

/* Born with the job, in its scope. */
static bool make_entry_gate(struct plan *plan, int index)
{
	plan->kinds[index] = GATE;
	plan->is_entry_gate[index] = true;
	plan->functions[index] = (int)random_below(ARRAY_SIZE(function_names));
	plan->awaits[index][random_below((unsigned)index)] = true;
	return true;
}

/* One parent, and one or two names that it brings before the gate. */
static bool make_gate(struct plan *plan, int index)
{
	int parent = (int)random_below((unsigned)index);
	bool any = false;
	if (random_chance(20))
		return make_entry_gate(plan, index);
	memset(plan->leads, 0, sizeof plan->leads);
	close_leads(plan);
	for (int awaited = parent + 1; awaited < index; awaited++) {
		bool comes = false;
		for (int heir = parent + 1; heir < index; heir++)
			comes = comes ||
				(plan_is_heir(plan, parent, heir) && plan->leads[heir][awaited]);
		if (comes && (!any || random_chance(40)))
			any = plan->awaits[index][awaited] = true;
	}
	if (!any)
		return false;
	plan->kinds[index] = GATE;
	plan->functions[index] = (int)random_below(ARRAY_SIZE(function_names));
	if (plan->functions[index] == 0)
		plan->params[parent][index] = true;
	else
		(random_chance(50) ? plan->starts : plan->spawns)[parent][index] = true;
	if (random_chance(25))
		add_parents(plan, index);
	return true;
}

static void make_after(struct plan *plan, int index)
{
	plan->kinds[index] = AFTER;
	plan->awaits[index][random_below((unsigned)index)] = true;
	if (random_chance(40))
		plan->awaits[index][random_below((unsigned)index)] = true;
	if (random_chance(30)) {
		int parent = (int)random_below((unsigned)index);
		plan->starts[parent][index] = true;
	}
}

static json_t *names_from(const struct plan *plan, const edges *of, int from)
{
	json_t *names = json_array();
	for (int to = 0; to < plan->count; to++) {
		char name[4];
		name_of(to, name);
		if ((*of)[from][to])
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *params_from(const struct plan *plan, int from)
{
	json_t *starts = json_object();
	for (int gate = 0; gate < plan->count; gate++) {
		char name[4], counted[4];
		name_of(gate, name);
		for (int awaited = 0; plan->params[from][gate] && awaited < plan->count;
			awaited++) {
			name_of(awaited, counted);
			if (plan->awaits[gate][awaited])
				json_object_set_new(starts, name,
					json_pack("{s:{s:s}}", GATE_PARAM, "count", counted));
		}
	}
	return starts;
}

static json_t *conditions_of(const struct plan *plan, int gate)
{
	json_t *conditions = json_object();
	for (int awaited = 0; awaited < plan->count; awaited++) {
		char name[4];
		name_of(awaited, name);
		if (plan->awaits[gate][awaited])
			json_object_set_new(conditions, name,
				json_pack("{s:s,s:s,s:i}", "function",
					function_names[plan->functions[gate]], "param", GATE_PARAM,
					"value", 1));
	}
	return conditions;
}

static json_t *entries_of(const struct plan *plan)
{
	json_t *entries = json_array();
	for (int index = 0; index < plan->count; index++) {
		char name[4];
		bool is_brought = false;
		name_of(index, name);
		for (int from = 0; from < index; from++)
			is_brought = is_brought || plan_is_heir(plan, from, index) ||
				     plan->on_failure[from][index];
		if (plan->is_entry_gate[index] || (plan->kinds[index] == PLAIN && !is_brought))
			json_array_append_new(entries, json_string(name));
	}
	return entries;
}

static json_t *describe(const struct plan *plan)
{
	json_t *tasks = json_object();
	for (int i = 0; i < plan->count; i++) {
		char name[4];
		name_of(i, name);
		json_t *task = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o}", "queue", "q", "if_failed",
			policy_names[plan->policies[i]], "starts",
			names_from(plan, &plan->starts, i), "starts_with_params",
			params_from(plan, i), "starts_parallel", names_from(plan, &plan->spawns, i),
			"starts_on_failure", names_from(plan, &plan->on_failure, i));
		if (plan->kinds[i] == GATE)
			json_object_set_new(task, "waits_for", conditions_of(plan, i));
		if (plan->kinds[i] == AFTER)
			json_object_set_new(task, "after", names_from(plan, &plan->awaits, i));
		json_object_set_new(tasks, name, task);
	}
	return json_pack("{s:{s:i},s:o,s:o}", "payload", GATE_PARAM, 0, "starts", entries_of(plan),
		"tasks", tasks);
}

bool random_workflow(struct plan *plan, uint64_t seed)
{
	random_state = seed;
	*plan = (struct plan){ .count = 4 + (int)random_below(NAMES_MAX - 3) };
	for (int i = 0; i < plan->count; i++) {
		unsigned kind = i > 0 ? random_below(100) : 99;
		plan->policies[i] = random_below(POLICIES);
		if (kind < 20)
			make_after(plan, i);
		else if (kind >= 55 || i < 2 || !make_gate(plan, i))
			add_parents(plan, i);
	}
	memset(plan->leads, 0, sizeof plan->leads);
	close_leads(plan);
	OWNED(json) json_t *descriptor = describe(plan);
	struct error err;
	return workflow_create("random", descriptor, &plan->workflow, NULL, &err);
}
