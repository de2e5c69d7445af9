/* workflow/advance: what one step of a job changes. */
#include "tests/descriptors.h"

#include <inttypes.h>

static void add_text(char **text, char *more)
{
	char *longer = xprintf("%s%s%s", *text, **text ? " " : "", more);
	free(*text);
	free(more);
	*text = longer;
}

/* "name{payload}@scopes" of each child, "?scope" where it waits. */
static char *print_children(const struct effects *effects)
{
	char *text = xstrdup("");
	for (size_t i = 0; i < effects->children_count; i++) {
		const struct new_task *child = &effects->children[i];
		add_text(&text, xprintf("%s%s@%s", child->name, child->payload, child->scopes));
		if (child->waits)
			add_text(&text, xprintf("?%s:%lld", child->wait_gate,
						(long long)child->wait_scope));
	}
	char *quoted = requote(text, '"', '\'');
	free(text);
	return quoted;
}

static char *print_counters(const struct effects *effects)
{
	char *text = xstrdup("");
	for (size_t i = 0; i < effects->counters_count; i++) {
		const struct counter_change *change = &effects->counters[i];
		add_text(&text, xprintf("%lld:%s%+lld", (long long)change->scope, change->gate,
					(long long)change->pending));
	}
	return text;
}

static char *print_tallies(const struct effects *effects)
{
	static const char *const names[] = { "born", "completed", "failed", "invalid", "skipped",
		"cancelled", "excused" };
	char *text = xstrdup("");
	for (size_t i = 0; i < effects->tallies_count; i++) {
		const struct tally_change *change = &effects->tallies[i];
		const struct tally *add = &change->add;
		const int64_t counts[] = { add->born, add->completed, add->failed, add->invalid,
			add->skipped, add->cancelled, add->excused };
		for (size_t j = 0; j < ARRAY_SIZE(counts); j++)
			if (counts[j])
				add_text(&text,
					xprintf("%lld:%s.%s%+lld", (long long)change->scope,
						change->name, names[j], (long long)counts[j]));
	}
	return text;
}

#define EXPECT_CHILDREN(advance, text) check_text(print_children(&(advance).effects), text)
#define EXPECT_COUNTERS(advance, text) check_text(print_counters(&(advance).effects), text)
#define EXPECT_TALLIES(advance, text)  check_text(print_tallies(&(advance).effects), text)

static void begin(const struct workflow *workflow, const char *payload, struct advance *advance)
{
	OWNED(json) json_t *value = read_json(payload);
	workflow_begin(workflow, value, advance);
}

static void a_job_of_one_task_begins_and_ends(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'starts':['say:hello'],'tasks':{'say:hello':{'queue':'say-hello'}}}");
	struct advance advance;
	begin(workflow, "{'to':'world'}", &advance);
	EXPECT_CHILDREN(advance, "say:hello{'to':'world'}@0");
	EXPECT_COUNTERS(advance, "");
	EXPECT_TALLIES(advance, "0:say:hello.born+1");
	advance_finish(&advance);

	enum outcome recorded;
	const struct ended ended = {
		.name = "say:hello", .seq = 1, .scopes = "0", .outcome = OUTCOME_COMPLETED
	};
	workflow_advance(workflow, &ended, &recorded, &advance);
	CU_ASSERT_EQUAL(recorded, OUTCOME_COMPLETED);
	EXPECT_CHILDREN(advance, "");
	EXPECT_TALLIES(advance, "0:say:hello.completed+1");
	CU_ASSERT_PTR_NULL(advance.effects.job_failure);
	advance_finish(&advance);
}

static void the_advertising_job_splits_and_joins(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(QYU_EXAMPLE);
	OWNED(json)
	json_t *job = read_json("{'nr':2,'ad:group:children:generate':{'color':'red'}}");
	OWNED(json) json_t *payload = read_json("{'nr':2}");
	struct advance advance;
	enum outcome recorded;
	struct ended ended = { .name = "ad:group:generate",
		.seq = 1,
		.scopes = "0",
		.job_payload = job,
		.payload = payload,
		.outcome = OUTCOME_COMPLETED };
	workflow_advance(workflow, &ended, &recorded, &advance);
	EXPECT_CHILDREN(advance, "ad:group:children:split{'nr':2}@0");
	advance_finish(&advance);

	const struct spawned spawned = { "ad:group:children:generate", 2 };
	ended.name = "ad:group:children:split";
	ended.seq = 2;
	ended.spawned = &spawned;
	ended.spawned_count = 1;
	workflow_advance(workflow, &ended, &recorded, &advance);
	EXPECT_CHILDREN(
		advance, "ad:group:sync:gate{'nr':2,'nr_tasks':2}@0/2.1 ?ad:group:sync:gate:2");
	EXPECT_COUNTERS(advance, "2:ad:group:sync:gate+2");
	EXPECT_TALLIES(advance,
		"0:ad:group:children:generate.born+2 2:ad:group:children:generate.born+2 "
		"0:ad:group:sync:gate.born+1 0:ad:group:children:split.completed+1");
	advance_finish(&advance);

	ended = (struct ended){ .name = "ad:group:children:generate",
		.seq = 3,
		.scopes = "0/2.1",
		.outcome = OUTCOME_COMPLETED };
	workflow_advance(workflow, &ended, &recorded, &advance);
	EXPECT_COUNTERS(advance, "2:ad:group:sync:gate-1");
	EXPECT_TALLIES(advance, "0:ad:group:children:generate.completed+1 "
				"2:ad:group:children:generate.completed+1");
	advance_finish(&advance);
}

/* The end of a task, with payloads as short texts; NULL: none. */
struct end {
	const char *name;
	int64_t seq;
	const char *scopes, *job_payload, *payload;
	enum outcome outcome;
	const struct spawned *spawned;
	size_t spawned_count;
};

static enum outcome advance_task(
	const struct workflow *workflow, const struct end *end, struct advance *advance)
{
	OWNED(json) json_t *job = read_json(end->job_payload ? end->job_payload : "{}");
	OWNED(json) json_t *payload = read_json(end->payload ? end->payload : "{}");
	const struct ended ended = { .name = end->name,
		.seq = end->seq,
		.scopes = end->scopes ? end->scopes : "0",
		.job_payload = job,
		.payload = payload,
		.outcome = end->outcome,
		.reason = "exit 3",
		.spawned = end->spawned,
		.spawned_count = end->spawned_count };
	enum outcome recorded;
	workflow_advance(workflow, &ended, &recorded, advance);
	return recorded;
}

static void expect_children(const char *descriptor, const struct end *end, const char *children)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(descriptor);
	struct advance advance;
	advance_task(workflow, end, &advance);
	EXPECT_CHILDREN(advance, children);
	advance_finish(&advance);
}

static void expect_begin(const char *descriptor, const char *payload, const char *children)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(descriptor);
	struct advance advance;
	begin(workflow, payload, &advance);
	EXPECT_CHILDREN(advance, children);
	advance_finish(&advance);
}

static void a_task_gets_the_jobs_payload_with_its_section_and_no_others(void)
{
	static const char two[] =
		"{'starts':['a','b'],'tasks':{'a':{'queue':'q'},'b':{'queue':'q'}}}";
	expect_begin(two, "{'x':1,'b':{'y':2},'a':7}", "a{'x':1}@0 b{'x':1,'y':2}@0");
	expect_begin(two, "{'x':1,'a':{'x':2}}", "a{'x':2}@0 b{'x':1}@0");
	expect_begin(two, "{}", "a{}@0 b{}@0");
	expect_begin(two, "null", "a{}@0 b{}@0");
	expect_begin(two, "[1,2]", "a[1,2]@0 b[1,2]@0");
	expect_begin(two, "'text'", "a'text'@0 b'text'@0");
}

static void sections_of_the_job_survive_down_the_starting_edges(void)
{
	static const char chain[] =
		"{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['b']},'b':{'queue':'q'}}}";
	expect_children(chain,
		&(struct end){ .name = "a",
			.seq = 1,
			.job_payload = "{'x':1,'y':1,'b':{'z':3}}",
			.payload = "{'x':2,'w':5}" },
		"b{'x':2,'y':1,'w':5,'z':3}@0");
	/* The task's own payload may carry a section, too, and wins. */
	expect_children(chain,
		&(struct end){ .name = "a",
			.seq = 1,
			.job_payload = "{'b':{'z':3}}",
			.payload = "{'b':{'z':4}}" },
		"b{'z':4}@0");
	expect_children(chain,
		&(struct end){ .name = "a", .seq = 1, .job_payload = "{'x':1}", .payload = "[1]" },
		"b[1]@0");
	expect_children(chain,
		&(struct end){ .name = "a", .seq = 1, .job_payload = "{'x':1}", .payload = "null" },
		"b{'x':1}@0");
}

static void defaults_lie_beneath_all_that_is_given(void)
{
	static const char descriptor[] =
		"{'payload':{'x':'top','y':'top','b':{'s':'top'}},'starts':['a'],'tasks':{"
		"'a':{'queue':'q','starts':['b'],'payload':{'y':'a','z':'a'}},"
		"'b':{'queue':'q','payload':{'z':'b'}}}}";
	expect_begin(descriptor, "{}", "a{'x':'top','y':'a','z':'a'}@0");
	expect_begin(descriptor, "{'x':'job','z':'job'}", "a{'x':'job','y':'a','z':'job'}@0");
	expect_begin(descriptor, "{'a':{'z':'section'}}", "a{'x':'top','y':'a','z':'section'}@0");
	/* What only a default of the parent gave does not hide the child's own. */
	expect_children(descriptor,
		&(struct end){ .name = "a",
			.seq = 1,
			.job_payload = "{}",
			.payload = "{'x':'top','y':'a','z':'a'}" },
		"b{'x':'top','y':'top','s':'top','z':'b'}@0");
	expect_children(descriptor,
		&(struct end){ .name = "a",
			.seq = 1,
			.job_payload = "{'z':'job'}",
			.payload = "{'x':'top','y':'a','z':'job'}" },
		"b{'x':'top','y':'top','s':'top','z':'job'}@0");
}

static void what_is_started_comes_before_what_is_started_with_parameters(void)
{
	static const char descriptor[] =
		"{'starts':['a'],'tasks':{'a':{'queue':'q','starts_with_params':{"
		"'g':{'n':{'count':'w'}}},'starts':['w','v'],'starts_parallel':['w']},"
		"'w':{'queue':'q'},'v':{'queue':'q'},'g':{'queue':'q','waits_for':{'w':"
		"{'function':'eq_completed','param':'n'}}}}}";
	const struct spawned spawned = { "w", 3 };
	expect_children(descriptor,
		&(struct end){ .name = "a",
			.seq = 4,
			.payload = "{'x':1}",
			.spawned = &spawned,
			.spawned_count = 1 },
		"w{'x':1}@0/4.0 v{'x':1}@0/4.0 g{'x':1,'n':4}@0/4.0 ?g:4");
	expect_children(descriptor, &(struct end){ .name = "a", .seq = 4, .payload = "[7]" },
		"w[7]@0/4.0 v[7]@0/4.0 g{'n':1}@0/4.0 ?g:4");
}

static void tasks_carry_what_their_keys_say(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'starts':['a'],'tasks':{'a':{'queue':'qa','delay':'5s','priority':7,"
		"'starts':['w','v','g']},'w':{'queue':'q'},'v':{'queue':'q'},"
		"'g':{'queue':'qg','waits_for':{'w':{'function':'completed','timeout':'10m'},"
		"'v':{'condition':'all_finished','timeout':'3m'}}}}}");
	struct advance advance;
	begin(workflow, "{}", &advance);
	CU_ASSERT_EQUAL_FATAL(advance.effects.children_count, 1);
	const struct new_task *child = &advance.effects.children[0];
	CU_ASSERT_STRING_EQUAL(child->queue, "qa");
	CU_ASSERT_EQUAL(child->delay_ms, 5000);
	CU_ASSERT_EQUAL(child->priority, 7);
	CU_ASSERT_FALSE(child->waits);
	CU_ASSERT_PTR_NULL(child->wait_gate);
	advance_finish(&advance);
	advance_task(workflow, &(struct end){ .name = "a", .seq = 1 }, &advance);
	CU_ASSERT_EQUAL_FATAL(advance.effects.children_count, 3);
	child = &advance.effects.children[2];
	CU_ASSERT_TRUE(child->waits);
	CU_ASSERT_EQUAL(child->wait_scope, 1);
	CU_ASSERT_STRING_EQUAL(child->wait_gate, "g");
	CU_ASSERT_EQUAL(child->wait_timeout_ms, 180000);
	CU_ASSERT_EQUAL(child->priority, 0);
	advance_finish(&advance);
}

static void a_split_into_nothing_leaves_a_gate_with_nothing_to_wait_for(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(QYU_EXAMPLE);
	struct advance advance;
	advance_task(
		workflow, &(struct end){ .name = "ad:group:children:split", .seq = 2 }, &advance);
	EXPECT_CHILDREN(advance, "ad:group:sync:gate{'nr_tasks':0}@0/2.1 ?ad:group:sync:gate:2");
	EXPECT_COUNTERS(advance, "");
	advance_finish(&advance);
}

/* Two splits in each other, each with a gate that awaits the rows. */
static const char nested[] =
	"{'starts':['outer'],'tasks':{"
	"'outer':{'queue':'q','starts_parallel':['inner'],'starts':['all']},"
	"'inner':{'queue':'q','starts_parallel':['row'],'starts':['some']},"
	"'row':{'queue':'q'},"
	"'some':{'queue':'q','waits_for':{'row':'completed'},'starts':['sum']},"
	"'sum':{'queue':'q'},"
	"'all':{'queue':'q','waits_for':{'row':'completed','sum':'completed'}}}}";

static void nested_scopes_each_have_their_own_counter(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(nested);
	struct advance advance;
	const struct spawned inner = { "inner", 2 }, rows = { "row", 3 };
	advance_task(workflow,
		&(struct end){ .name = "outer", .seq = 1, .spawned = &inner, .spawned_count = 1 },
		&advance);
	EXPECT_CHILDREN(advance, "all{}@0/1.0 ?all:1");
	EXPECT_COUNTERS(advance, "1:all+2");
	EXPECT_TALLIES(advance, "0:inner.born+2 0:all.born+1 0:outer.completed+1");
	advance_finish(&advance);

	advance_task(workflow,
		&(struct end){ .name = "inner",
			.seq = 3,
			.scopes = "0/1.0",
			.spawned = &rows,
			.spawned_count = 1 },
		&advance);
	EXPECT_CHILDREN(advance, "some{}@0/1.0/3.1 ?some:3");
	/* In 1: three rows and the gate that leads to sum, less inner itself. */
	EXPECT_COUNTERS(advance, "1:all+3 3:some+3");
	EXPECT_TALLIES(advance, "0:row.born+3 1:row.born+3 3:row.born+3 0:some.born+1 "
				"0:inner.completed+1");
	advance_finish(&advance);

	advance_task(workflow, &(struct end){ .name = "row", .seq = 5, .scopes = "0/1.0/3.1" },
		&advance);
	EXPECT_COUNTERS(advance, "1:all-1 3:some-1");
	EXPECT_TALLIES(advance, "0:row.completed+1 1:row.completed+1 3:row.completed+1");
	advance_finish(&advance);

	/* The gate ends and brings sum: nothing changes for the outer one. */
	advance_task(workflow, &(struct end){ .name = "some", .seq = 8, .scopes = "0/1.0/3.1" },
		&advance);
	EXPECT_CHILDREN(advance, "sum{}@0/1.0/3.1");
	EXPECT_COUNTERS(advance, "");
	EXPECT_TALLIES(advance, "0:sum.born+1 1:sum.born+1 0:some.completed+1");
	advance_finish(&advance);
}

static void a_gate_that_is_an_entry_point_lives_in_the_jobs_scope(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'starts':['a','g'],'tasks':{'a':{'queue':'q','starts':['w']},"
		"'w':{'queue':'q'},'g':{'queue':'q','waits_for':{'w':'completed'}}}}");
	struct advance advance;
	begin(workflow, "{}", &advance);
	EXPECT_CHILDREN(advance, "a{}@0 g{}@0 ?g:0");
	EXPECT_COUNTERS(advance, "0:g+1");
	advance_finish(&advance);
	advance_task(workflow, &(struct end){ .name = "a", .seq = 1 }, &advance);
	EXPECT_CHILDREN(advance, "w{}@0");
	EXPECT_COUNTERS(advance, "");
	advance_finish(&advance);
	advance_task(workflow, &(struct end){ .name = "w", .seq = 3 }, &advance);
	EXPECT_COUNTERS(advance, "0:g-1");
	advance_finish(&advance);
}

static const char diamond[] =
	"{'tasks':{'d':{'queue':'q','after':['b','c'],'payload':{'x':1}},"
	"'a':{'queue':'q','starts':['b','c']},'b':{'queue':'q'},'c':{'queue':'q'}}}";

static void after_tasks_are_born_with_the_job_and_wait(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(diamond);
	struct advance advance;
	begin(workflow, "{'y':2,'d':{'z':3}}", &advance);
	EXPECT_CHILDREN(advance, "a{'y':2}@0 d{'x':1,'y':2,'z':3}@0 ?d:0");
	EXPECT_COUNTERS(advance, "0:d+1");
	advance_finish(&advance);
	advance_task(workflow, &(struct end){ .name = "a", .seq = 1 }, &advance);
	EXPECT_COUNTERS(advance, "0:d+1");
	advance_finish(&advance);
	advance_task(workflow, &(struct end){ .name = "b", .seq = 3 }, &advance);
	EXPECT_COUNTERS(advance, "0:d-1");
	advance_finish(&advance);
}

static void a_started_after_task_waits_in_the_jobs_scope_at_each_start(void)
{
	static const char descriptor[] =
		"{'starts':['a','b'],'tasks':{'a':{'queue':'q'},"
		"'b':{'queue':'q','starts':['c','c']},'c':{'queue':'q','after':'a'}}}";
	expect_begin(descriptor, "{}", "a{}@0 b{}@0");
	expect_children(
		descriptor, &(struct end){ .name = "b", .seq = 2 }, "c{}@0 ?c:0 c{}@0 ?c:0");
}

static void spawned_children_have_the_given_payload_and_their_section(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'payload':{'t':1},'tasks':{'a':{'queue':'q','starts_parallel':['w','g']},"
		"'w':{'queue':'qw','payload':{'u':2},'priority':4,'delay':'1s'},"
		"'g':{'queue':'qg','waits_for':{'w':'completed'}}}}");
	OWNED(json) json_t *job = read_json("{'w':{'color':'red','row':0},'x':9}");
	OWNED(json) json_t *given = read_json("{'row':5,'g':6}");
	OWNED(json) json_t *number = json_integer(7);
	const struct ended parent = { .name = "a", .seq = 3, .scopes = "0", .job_payload = job };
	struct advance arena = { 0 };
	struct new_task child;
	struct error err = { 0 };
	CU_ASSERT_TRUE_FATAL(workflow_spawn(workflow, &parent, "w", given, &arena, &child, &err));
	check_text(requote(child.payload, '"', '\''), "{'t':1,'u':2,'row':0,'g':6,'color':'red'}");
	CU_ASSERT_STRING_EQUAL(child.scopes, "0/3.0");
	CU_ASSERT_STRING_EQUAL(child.queue, "qw");
	CU_ASSERT_EQUAL(child.priority, 4);
	CU_ASSERT_EQUAL(child.delay_ms, 1000);
	CU_ASSERT_FALSE(child.waits);
	CU_ASSERT_TRUE_FATAL(workflow_spawn(workflow, &parent, "w", number, &arena, &child, &err));
	CU_ASSERT_STRING_EQUAL(child.payload, "7");
	CU_ASSERT_TRUE_FATAL(workflow_spawn(workflow, &parent, "g", NULL, &arena, &child, &err));
	CU_ASSERT_STRING_EQUAL(child.payload, "{\"t\":1}");
	CU_ASSERT_TRUE(child.waits);
	CU_ASSERT_EQUAL(child.wait_scope, 3);
	CU_ASSERT_FALSE(workflow_spawn(workflow, &parent, "a", NULL, &arena, &child, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_STRING_EQUAL(err.text, "a may not spawn \"a\": it is not in its starts_parallel "
					 "or starts_manually");
	CU_ASSERT_FALSE(workflow_spawn(workflow, &parent, "zz", NULL, &arena, &child, &err));
	advance_finish(&arena);
}

/* What a's end under a policy brings. */
struct policy_case {
	const char *policy;
	enum outcome outcome, recorded;
	const char *children, *counters, *tallies, *job_failure;
};

static void expect_policy(const struct policy_case *expected)
{
	OWNED(free)
	char *text = xprintf("{'tasks':{'a':{'queue':'q','if_failed':'%s','starts':['b'],"
			     "'starts_on_failure':['c']},'b':{'queue':'q'},'c':{'queue':'q'},"
			     "'d':{'queue':'q','after':'b'}}}",
		expected->policy);
	OWNED(workflow) struct workflow *workflow = make_workflow(text);
	struct advance advance;
	enum outcome recorded = advance_task(workflow,
		&(struct end){ .name = "a", .seq = 1, .outcome = expected->outcome }, &advance);
	const char *failure = advance.effects.job_failure;
	CU_ASSERT_EQUAL(recorded, expected->recorded);
	EXPECT_CHILDREN(advance, expected->children);
	EXPECT_COUNTERS(advance, expected->counters);
	EXPECT_TALLIES(advance, expected->tallies);
	check_text(xstrdup(failure ? failure : ""), expected->job_failure);
	advance_finish(&advance);
}

static void a_failure_counts_as_the_policy_of_its_task_says(void)
{
	static const struct policy_case cases[] = {
		{ "fail", OUTCOME_COMPLETED, OUTCOME_COMPLETED, "b{}@0", "",
			"0:b.born+1 0:a.completed+1", "" },
		/* d hangs on the failure: what it awaits may still come, by a retry. */
		{ "fail", OUTCOME_FAILED, OUTCOME_FAILED, "c{}@0", "", "0:c.born+1 0:a.failed+1",
			"a failed: exit 3" },
		{ "fail", OUTCOME_INVALID, OUTCOME_INVALID, "c{}@0", "", "0:c.born+1 0:a.invalid+1",
			"a got an invalid payload: exit 3" },
		{ "fail", OUTCOME_CANCELLED, OUTCOME_CANCELLED, "c{}@0", "",
			"0:c.born+1 0:a.cancelled+1", "a was cancelled: exit 3" },
		{ "continue", OUTCOME_FAILED, OUTCOME_FAILED, "c{}@0", "0:d-1",
			"0:c.born+1 0:a.failed+1 0:a.excused+1", "" },
		{ "continue", OUTCOME_INVALID, OUTCOME_INVALID, "c{}@0", "0:d-1",
			"0:c.born+1 0:a.invalid+1 0:a.excused+1", "" },
		{ "ignore", OUTCOME_FAILED, OUTCOME_COMPLETED, "b{}@0 c{}@0", "",
			"0:b.born+1 0:c.born+1 0:a.completed+1", "" },
		{ "fail", OUTCOME_SKIPPED, OUTCOME_SKIPPED, "", "0:d-1", "0:a.skipped+1", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_policy(&cases[i]);
}

static void children_of_a_failed_attempt_are_not_counted(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(nested);
	const struct spawned rows = { "row", 3 };
	struct advance advance;
	advance_task(workflow,
		&(struct end){ .name = "inner",
			.seq = 3,
			.scopes = "0/1.0",
			.spawned = &rows,
			.spawned_count = 1,
			.outcome = OUTCOME_FAILED },
		&advance);
	EXPECT_CHILDREN(advance, "");
	EXPECT_COUNTERS(advance, "1:all-1");
	EXPECT_TALLIES(advance, "0:inner.failed+1");
	advance_finish(&advance);
}

static void reviving_undoes_the_count_of_the_failure(void)
{
	OWNED(workflow)
	struct workflow *workflow =
		make_workflow("{'tasks':{'s':{'queue':'q','starts':['w','g']},"
			      "'w':{'queue':'q','if_failed':'continue'},"
			      "'g':{'queue':'q','waits_for':{'w':'all_finished'}},"
			      "'d':{'queue':'q','after':'w'}}}");
	const struct ended ended = { .name = "w", .seq = 2, .scopes = "0/1.0" };
	struct advance advance;
	workflow_revive(workflow, &ended, TASK_FAILED, &advance);
	EXPECT_CHILDREN(advance, "");
	EXPECT_COUNTERS(advance, "0:d+1 1:g+1");
	EXPECT_TALLIES(advance, "0:w.failed-1 0:w.excused-1 1:w.failed-1 1:w.excused-1");
	CU_ASSERT_PTR_NULL(advance.effects.job_failure);
	advance_finish(&advance);

	/* Under `fail` the after task never stopped counting it. */
	OWNED(workflow) struct workflow *strict = make_workflow(diamond);
	const struct ended failed = { .name = "b", .seq = 2, .scopes = "0" };
	workflow_revive(strict, &failed, TASK_INVALID, &advance);
	EXPECT_COUNTERS(advance, "");
	EXPECT_TALLIES(advance, "0:b.invalid-1");
	advance_finish(&advance);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_job_of_one_task_begins_and_ends),
		SUITE_TEST(the_advertising_job_splits_and_joins),
		SUITE_TEST(a_task_gets_the_jobs_payload_with_its_section_and_no_others),
		SUITE_TEST(sections_of_the_job_survive_down_the_starting_edges),
		SUITE_TEST(defaults_lie_beneath_all_that_is_given),
		SUITE_TEST(what_is_started_comes_before_what_is_started_with_parameters),
		SUITE_TEST(tasks_carry_what_their_keys_say),
		SUITE_TEST(a_split_into_nothing_leaves_a_gate_with_nothing_to_wait_for),
		SUITE_TEST(nested_scopes_each_have_their_own_counter),
		SUITE_TEST(a_gate_that_is_an_entry_point_lives_in_the_jobs_scope),
		SUITE_TEST(after_tasks_are_born_with_the_job_and_wait),
		SUITE_TEST(a_started_after_task_waits_in_the_jobs_scope_at_each_start),
		SUITE_TEST(spawned_children_have_the_given_payload_and_their_section),
		SUITE_TEST(a_failure_counts_as_the_policy_of_its_task_says),
		SUITE_TEST(children_of_a_failed_attempt_are_not_counted),
		SUITE_TEST(reviving_undoes_the_count_of_the_failure),
	};
	return suite_run("advance", tests, ARRAY_SIZE(tests));
}
