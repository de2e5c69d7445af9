/* workflow/judge: when a gate opens, and what it says while it does not. */
#include "tests/descriptors.h"

static const char diamond[] =
	"{'tasks':{'d':{'queue':'q','after':['b','c'],'payload':{'x':1}},"
	"'a':{'queue':'q','starts':['b','c']},'b':{'queue':'q'},'c':{'queue':'q'}}}";

struct verdict_case {
	const char *condition, *payload;
	int64_t pending;
	struct tally tally;
	enum verdict verdict;
	const char *reason;
};

static void expect_verdict(const struct verdict_case *expected)
{
	OWNED(free)
	char *text = xprintf("{'payload':{'n':0},'tasks':{'a':{'queue':'q','starts':['row','g']},"
			     "'row':{'queue':'q'},'g':{'queue':'q','waits_for':{'row':%s}}}}",
		expected->condition);
	OWNED(workflow) struct workflow *workflow = make_workflow(text);
	OWNED(json) json_t *payload = read_json(expected->payload);
	struct tally tally = expected->tally;
	const struct gate_view view = {
		.pending = expected->pending, .tallies = &tally, .count = 1
	};
	struct judgement judgement;
	workflow_judge(workflow, "g", payload, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, expected->verdict);
	check_text(xstrdup(judgement.reason), expected->reason);
}

#define OPEN  VERDICT_OPEN
#define NEVER VERDICT_UNSATISFIABLE
#define WAITS VERDICT_WAITING
#define SET(...)            \
	{                   \
		__VA_ARGS__ \
	}

static void gates_are_judged_by_their_functions(void)
{
#define EQ "{'condition':{'param':'n','function':'eq_completed'}}"
	static const struct verdict_case cases[] = {
		{ EQ, "{'n':5}", 0, SET(.born = 5, .completed = 5), OPEN, "" },
		{ EQ, "{'n':5}", 0, SET(.born = 5, .completed = 4, .failed = 1), NEVER,
			"needs 5 completed row, has 4 of 5 (1 failed)" },
		{ EQ, "{'n':5}", 0, SET(.born = 4, .completed = 4), NEVER,
			"needs 5 completed row, has 4 of 4 (0 failed)" },
		/* The parameter counts what was born by then: more may have come. */
		{ EQ, "{'n':5}", 0, SET(.born = 6, .completed = 6), OPEN, "" },
		{ EQ, "{'n':5}", 0, SET(.born = 6, .completed = 5, .failed = 1), NEVER,
			"needs 5 completed row, has 5 of 6 (1 failed)" },
		{ EQ, "{'n':0}", 0, SET(.born = 0), OPEN, "" },
		{ EQ, "{'n':3.0}", 0, SET(.born = 3, .completed = 3), OPEN, "" },
		{ EQ, "{'n':3}", 0,
			SET(.born = 3, .completed = 1, .skipped = 1, .failed = 1, .excused = 1),
			OPEN, "" },
		{ EQ, "{}", 0, SET(.born = 1, .completed = 1), NEVER,
			"needs the number \"n\" in its payload, which has none, has 1 of 1 "
			"(0 failed)" },
		{ EQ, "{'n':'5'}", 0, SET(.born = 5, .completed = 5), NEVER,
			"needs the number \"n\" in its payload, which has something else there, "
			"has 5 of 5 (0 failed)" },
		{ EQ, "[5]", 0, SET(.born = 5, .completed = 5), NEVER,
			"needs the number \"n\" in its payload, which has none, has 5 of 5 "
			"(0 failed)" },
		{ EQ, "{'n':5}", 1, SET(.born = 5, .completed = 4), WAITS,
			"needs 5 completed row, has 4 of 5 (0 failed); 1 unfinished task can add "
			"to that" },
		{ EQ, "{'n':5}", 2, SET(.born = 5, .completed = 5), WAITS,
			"needs 5 completed row, has 5 of 5 (0 failed); 2 unfinished tasks can add "
			"to that" },
		{ "'completed'", "{}", 0, SET(.born = 2, .completed = 2), OPEN, "" },
		{ "'completed'", "{}", 0, SET(.born = 0), OPEN, "" },
		{ "'completed'", "{}", 0, SET(.born = 2, .completed = 1, .invalid = 1), NEVER,
			"needs every row completed, has 1 of 2 (1 failed)" },
		{ "'completed'", "{}", 0,
			SET(.born = 2, .completed = 1, .cancelled = 1, .excused = 1), OPEN, "" },
		{ "'all_finished'", "{}", 0, SET(.born = 2, .failed = 2), OPEN, "" },
		{ "'all_finished'", "{}", 3, SET(.born = 2, .failed = 1), WAITS,
			"needs every row finished, has 0 of 2 (1 failed); 3 unfinished tasks can "
			"add to that" },
		{ "{'function':'at_least','value':2}", "{}", 0,
			SET(.born = 3, .completed = 2, .failed = 1), OPEN, "" },
		{ "{'function':'at_least','value':3}", "{}", 0,
			SET(.born = 3, .completed = 2, .failed = 1), NEVER,
			"needs at least 3 completed row, has 2 of 3 (1 failed)" },
		/* Enough have completed, but the set may still grow. */
		{ "{'function':'at_least','value':1}", "{}", 1, SET(.born = 2, .completed = 1),
			WAITS,
			"needs at least 1 completed row, has 1 of 2 (0 failed); 1 unfinished "
			"task can add to that" },
		{ "{'function':'percent','value':80}", "{}", 0,
			SET(.born = 5, .completed = 4, .failed = 1), OPEN, "" },
		{ "{'function':'percent','value':81}", "{}", 0,
			SET(.born = 5, .completed = 4, .failed = 1), NEVER,
			"needs 81 % of row completed, has 4 of 5 (1 failed)" },
		{ "{'function':'percent','value':100}", "{}", 0, SET(.born = 0), OPEN, "" },
		{ "{'function':'percent','value':33.3}", "{}", 0,
			SET(.born = 3, .completed = 1, .failed = 2), OPEN, "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_verdict(&cases[i]);
}

static void every_awaited_name_must_open_and_one_that_can_not_decides(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'tasks':{'a':{'queue':'q','starts':['v','w','g']},'v':{'queue':'q'},"
		"'w':{'queue':'q'},'g':{'queue':'q','waits_for':{'v':'completed',"
		"'w':{'function':'at_least','value':2}}}}}");
	struct tally tallies[2] = { { .born = 1, .completed = 1 }, { .born = 2, .completed = 2 } };
	struct gate_view view = { .tallies = tallies, .count = 2 };
	struct judgement judgement;
	workflow_judge(workflow, "g", NULL, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, VERDICT_OPEN);
	tallies[1] = (struct tally){ .born = 2, .completed = 1, .failed = 1 };
	workflow_judge(workflow, "g", NULL, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, VERDICT_UNSATISFIABLE);
	CU_ASSERT_STRING_EQUAL(
		judgement.reason, "needs at least 2 completed w, has 1 of 2 (1 failed)");
	tallies[0] = (struct tally){ .born = 1, .failed = 1 };
	workflow_judge(workflow, "g", NULL, &view, &judgement);
	CU_ASSERT_STRING_EQUAL(judgement.reason,
		"needs every v completed, has 0 of 1 (1 failed); needs at least 2 completed w, has "
		"1 of 2 (1 failed)");
}

static void an_after_task_runs_after_ended_sets_and_waits_for_failed_ones(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(diamond);
	struct tally tallies[2] = { { .born = 0 }, { .born = 1, .failed = 1, .excused = 1 } };
	struct gate_view view = { .tallies = tallies, .count = 2 };
	struct judgement judgement;
	workflow_judge(workflow, "d", NULL, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, VERDICT_OPEN);
	view.pending = 1;
	tallies[0] = (struct tally){ .born = 1, .failed = 1 };
	workflow_judge(workflow, "d", NULL, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, VERDICT_WAITING);
	CU_ASSERT_STRING_EQUAL(judgement.reason,
		"runs after every b, has 0 of 1 (1 failed); runs after every c, has 1 of 1 (0 "
		"failed); 1 unfinished or failed task can add to that");
	view.pending = 0;
	workflow_judge(workflow, "d", NULL, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, VERDICT_WAITING);
}

static void a_task_that_waits_for_nothing_is_open(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(diamond);
	const struct gate_view view = { 0 };
	struct judgement judgement;
	workflow_judge(workflow, "a", NULL, &view, &judgement);
	CU_ASSERT_EQUAL(judgement.verdict, VERDICT_OPEN);
}

static void awaited_names_come_in_the_descriptors_order(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(diamond);
	const char *const *names = NULL;
	CU_ASSERT_EQUAL_FATAL(workflow_awaited(workflow, "d", &names), 2);
	CU_ASSERT_STRING_EQUAL(names[0], "b");
	CU_ASSERT_STRING_EQUAL(names[1], "c");
	CU_ASSERT_EQUAL(workflow_awaited(workflow, "a", &names), 0);
	CU_ASSERT_EQUAL(workflow_awaited(workflow, "nobody", &names), 0);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(gates_are_judged_by_their_functions),
		SUITE_TEST(every_awaited_name_must_open_and_one_that_can_not_decides),
		SUITE_TEST(an_after_task_runs_after_ended_sets_and_waits_for_failed_ones),
		SUITE_TEST(a_task_that_waits_for_nothing_is_open),
		SUITE_TEST(awaited_names_come_in_the_descriptors_order),
	};
	return suite_run("judge", tests, ARRAY_SIZE(tests));
}
