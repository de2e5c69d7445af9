/* workflow/: what a descriptor may be, the words of each mistake, the plain questions to it. */
#include "tests/descriptors.h"

#include "config/config.h"

/* All lines of the mistakes, one below the other; empty where there is none. */
static char *mistakes_in(const char *text)
{
	OWNED(json) json_t *descriptor = read_json(text);
	OWNED(workflow) struct workflow *workflow = NULL;
	struct workflow_faults faults = { 0 };
	struct error err = { 0 };
	bool is_made = workflow_create("test", descriptor, &workflow, &faults, &err);
	CU_ASSERT_EQUAL(is_made, faults.count == 0);
	char *lines = xstrdup("");
	for (size_t i = 0; i < faults.count; i++) {
		char *longer = xprintf("%s%s%s", lines, i ? "\n" : "", faults.lines[i]);
		free(lines);
		lines = longer;
	}
	if (!is_made) {
		OWNED(free)
		char *first = xprintf("invalid workflow descriptor: %.150s", faults.lines[0]);
		CU_ASSERT_EQUAL(strncmp(err.text, first, strlen(first)), 0);
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	}
	workflow_faults_finish(&faults);
	return lines;
}

struct refusal {
	const char *descriptor, *lines;
};

static void expect_refusals(const struct refusal *refusals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_text(mistakes_in(refusals[i].descriptor), refusals[i].lines);
}

/* A descriptor of tasks a and b, with these keys beside a's queue. */
#define A_WITH(keys) \
	"{'starts':['a'],'tasks':{'a':{'queue':'qa','starts':['b']," keys "},'b':{'queue':'qb'}}}"
/* a starts w and the gate g, which waits for w in this way. */
#define GATE(condition)                                                                      \
	"{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['w'],'starts_parallel':['g']}," \
	"'w':{'queue':'q'},'g':{'queue':'q','waits_for':{'w':" condition "}}}}"

static void the_example_of_qyu_is_accepted(void)
{
	check_text(mistakes_in(QYU_EXAMPLE), "");
	OWNED(workflow) struct workflow *workflow = make_workflow(QYU_EXAMPLE);
	CU_ASSERT_EQUAL(workflow_task_count(workflow), 5);
	CU_ASSERT_STRING_EQUAL(workflow_name(workflow), "test");
	CU_ASSERT_STRING_EQUAL(workflow_task_at(workflow, 3)->queue, "sync-adgroups");
	CU_ASSERT_TRUE(workflow_find_task(workflow, "ad:group:sync:gate")->waits);
	CU_ASSERT_FALSE(workflow_find_task(workflow, "campaign:package")->waits);
	CU_ASSERT_PTR_NULL(workflow_find_task(workflow, "campaign"));
}

static void qyus_checks_have_qyus_words(void)
{
	static const char keys[] =
		"[\"queue\", \"waits_for\", \"starts\", \"starts_parallel\", \"starts_manually\", "
		"\"starts_with_params\"]";
	static const struct refusal refusals[] = {
		{ "[]", "Descriptor type must be a Hash." },
		{ "'text'", "Descriptor type must be a Hash." },
		{ "{'starts':'a','tasks':{'a':{'queue':'q'}}}",
			"Entry points (starts) must be an Array." },
		{ "{}", "Tasks must be a Hash." },
		{ "{'starts':null,'tasks':[]}",
			"Entry points (starts) must be an Array.\nTasks must be a Hash." },
		{ "{'starts':[],'tasks':{}}",
			"There must be at least 1 entry point, and all entry points must exist in "
			"the tasks Hash.\nThere must be at least 1 task in the tasks Hash." },
		{ "{'starts':['x'],'tasks':{'a':{'queue':'q'}}}",
			"There must be at least 1 entry point, and all entry points must exist in "
			"the tasks Hash.\nstarts: there is no task \"x\"" },
		{ "{'tasks':{}}", "There must be at least 1 task in the tasks Hash." },
		{ "{'starts':['a'],'tasks':{'a':{'queue':5}}}", "a must have a valid queue" },
		{ "{'starts':['a'],'tasks':{'a':{}}}", "a must have a valid queue" },
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q'},'b':5}}",
			"b must be described by a Hash" },
		{ A_WITH("'starts_parallel':{}"),
			"a must follow the reference declaration format" },
		{ A_WITH("'starts_manually':'b'"),
			"a must follow the reference declaration format" },
		{ A_WITH("'starts_with_params':['b']"),
			"a must follow the reference declaration format" },
		{ A_WITH("'waits_for':['b']"), "a must follow the reference declaration format" },
		{ A_WITH("'starts_parallel':['x']"),
			"a must list existing tasks in its references\n"
			"tasks.a.starts_parallel: there is no task \"x\"" },
		{ A_WITH("'waits_for':{'x':{'condition':{'function':'completed'}}}"),
			"a must list existing tasks in its references\n"
			"tasks.a.waits_for: there is no task \"x\"" },
		{ A_WITH("'starts_with_params':{'x':{}}"),
			"a must list existing tasks in its references\n"
			"tasks.a.starts_with_params: there is no task \"x\"" },
		{ A_WITH("'starts_with_params':{'b':{'n':{'count':'b'}}}"),
			"a starts b with parameters, but b has no waits_for that takes them" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));

	char *got = mistakes_in(A_WITH("'quue':1,'start':[]"));
	OWNED(free)
	char *expected =
		xprintf("a must only contain the following keys: %s or [\"after\", \"payload\", "
			"\"retries\", \"timeout\", \"delay\", \"priority\", \"if_failed\", "
			"\"starts_on_failure\", \"when\", \"workflow\"], not \"quue\", \"start\"",
			keys);
	check_text(got, expected);
}

static void parameters_must_be_those_that_the_gate_takes(void)
{
	static const char descriptor[] =
		"{'starts':['a'],'tasks':{'a':{'queue':'q','starts_parallel':['w'],"
		"'starts_with_params':{'g':{'other':{'count':'w'},'n':{'count':'w'}}}},"
		"'w':{'queue':'q'},"
		"'g':{'queue':'q','waits_for':{'w':{'condition':{'param':'n','function':"
		"'eq_completed'}}}}}}";
	check_text(mistakes_in(descriptor), "a must pass the correct parameters to the sync task");
	/* Once for a task, whatever number of children. */
	check_text(mistakes_in("{'starts':['a'],'tasks':{'a':{'queue':'q','starts_parallel':['w'],"
			       "'starts_with_params':{'g':{'other':{'count':'w'}},"
			       "'h':{'one':{'count':'w'}}}},'w':{'queue':'q'},"
			       "'g':{'queue':'q','waits_for':{'w':'completed'}},"
			       "'h':{'queue':'q','waits_for':{}}}}"),
		"a must pass the correct parameters to the sync task");
}

static void what_qyu_does_not_look_at_is_taken_and_told(void)
{
	static const char *const told[] = {
		"workflow test: tasks.a.starts_with_params.g.n: only the first function counts, "
		"count; the others are ignored",
		"workflow test: tasks.g.waits_for.w: \"note\" is ignored; a condition has "
		"function, param, value, timeout",
		"workflow test: tasks.g.waits_for.w: \"timout\" is ignored; a condition has "
		"function, param, value, timeout",
	};
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'starts':['a'],'tasks':{'a':{'queue':'q','starts_parallel':['w'],"
		"'starts_with_params':{'g':{'n':{'count':'w','sum':'x'}}}},'w':{'queue':'q'},"
		"'g':{'queue':'q','waits_for':{'w':{'note':1,'timeout':'5m','condition':"
		"{'param':'n','function':'eq_completed','timout':'5m'}}}}}}");
	struct workflow_faults found = { 0 };
	workflow_check_ignored(workflow, &found);
	CU_ASSERT_EQUAL_FATAL(found.count, ARRAY_SIZE(told));
	for (size_t i = 0; i < found.count; i++)
		CU_ASSERT_STRING_EQUAL(found.lines[i], told[i]);
	workflow_faults_finish(&found);
}

static void mistakes_are_told_all_at_once_in_the_order_of_the_tasks(void)
{
	static const char descriptor[] = "{'starts':['a'],'tasks':{'b':{'queue':1,'starts':5},"
					 "'a':{'queue':'q','starts':['x'],'timeout':'soon'}}}";
	check_text(mistakes_in(descriptor),
		"b must have a valid queue\n"
		"b must follow the reference declaration format\n"
		"a must list existing tasks in its references\n"
		"tasks.a.starts: there is no task \"x\"\n"
		"tasks.a.timeout: expected a duration from 100ms to 30d, or none, got \"soon\"");
}

static void wrong_values_are_named_with_path_and_expectation(void)
{
	static const char queue[] = "tasks.a.queue: expected 1 to 80 letters, digits, _ or -, with "
				    ".fifo allowed at the "
				    "end, got ";
	static const struct refusal refusals[] = {
		{ A_WITH("'payload':[1]"),
			"tasks.a.payload: expected an object of defaults, got [1]" },
		{ A_WITH("'delay':'1w'"),
			"tasks.a.delay: expected a duration such as 250ms, 5s, 10m, 6h, 7d, got "
			"\"1w\"" },
		{ A_WITH("'timeout':'31d'"),
			"tasks.a.timeout: expected a duration from 100ms to 30d, or none, got "
			"\"31d\"" },
		{ A_WITH("'timeout':'99ms'"),
			"tasks.a.timeout: expected a duration from 100ms to 30d, or none, got "
			"\"99ms\"" },
		{ A_WITH("'timeout':30"),
			"tasks.a.timeout: expected a duration from 100ms to 30d, or none, got 30" },
		{ A_WITH("'priority':101"),
			"tasks.a.priority: expected a whole number from -100 to 100, got 101" },
		{ A_WITH("'priority':1.5"),
			"tasks.a.priority: expected a whole number from -100 to 100, got 1.5" },
		{ A_WITH("'if_failed':'retry'"),
			"tasks.a.if_failed: expected fail, continue or ignore, got \"retry\"" },
		{ A_WITH("'retries':3"), "tasks.a.retries: expected an object of max, delay, "
					 "factor, max_delay, jitter, got 3" },
		{ A_WITH("'retries':{'max':1001}"), "tasks.a.retries.max: expected a whole number "
						    "from 0 to 1000, got 1001" },
		{ A_WITH("'retries':{'delay':'2d'}"),
			"tasks.a.retries.delay: expected a duration of at most 1d, got \"2d\"" },
		{ A_WITH("'retries':{'factor':0.5}"),
			"tasks.a.retries.factor: expected a number from 1 to 10, got 0.5" },
		{ A_WITH("'retries':{'max_delay':'8d'}"),
			"tasks.a.retries.max_delay: expected a duration of at most 7d, got "
			"\"8d\"" },
		{ A_WITH("'retries':{'jitter':'yes'}"),
			"tasks.a.retries.jitter: expected true or false, got \"yes\"" },
		{ A_WITH("'retries':{'times':3}"),
			"tasks.a.retries.times: unknown key; retries has max, delay, factor, "
			"max_delay, jitter" },
		{ A_WITH("'starts_on_failure':'b'"),
			"tasks.a.starts_on_failure: expected a list of tasks, got \"b\"" },
		{ A_WITH("'starts_on_failure':['x']"),
			"tasks.a.starts_on_failure: there is no task \"x\"" },
		{ A_WITH("'after':[]"),
			"tasks.a.after: expected a task or a list of tasks, got []" },
		{ A_WITH("'after':'x'"), "tasks.a.after: there is no task \"x\"" },
		{ A_WITH("'after':['b',7]"), "tasks.a.after: expected the name of a task, got 7" },
		{ A_WITH("'starts_with_params':{'b':5}"),
			"tasks.a.starts_with_params.b: expected an object of parameters, got 5" },
		{ "{'name':7,'tasks':{'a':{'queue':'q'}}}",
			"name: expected a name of 1 to 200 bytes without control characters, got "
			"7" },
		{ "{'payload':7,'tasks':{'a':{'queue':'q'}}}",
			"payload: expected an object of defaults, got 7" },
		{ "{'tasks':{'':{'queue':'q'}}}",
			"tasks: expected a name of 1 to 200 bytes without control characters, got "
			"\"\"" },
		{ A_WITH("'waits_for':{}"), "" }, /* as in Qyu: it waits for none */
		{ A_WITH("'waits_for':{'b':'completed'},'after':'b'"),
			"tasks.a: has both after and waits_for; a task waits in one way" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));

	static const char *const names[] = {
		"", "a b", "a/b", "a.fif", ".fifo",
		"123456789012345678901234567890123456789012345678901234567890123456789012345678901"
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		OWNED(free) char *text = xprintf("{'tasks':{'a':{'queue':'%s'}}}", names[i]);
		OWNED(free) char *got = mistakes_in(text);
		CU_ASSERT_EQUAL(strncmp(got, queue, strlen(queue)), 0);
	}
	check_text(mistakes_in("{'tasks':{'a':{'queue':'A-z_0.fifo'}}}"), "");
}

static void good_values_of_every_key_are_accepted_and_read(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		A_WITH("'payload':{'x':1},'delay':'5s','timeout':'10m','priority':-3,"
		       "'if_failed':'continue','retries':{'max':0,'delay':'1s','factor':2.5,"
		       "'max_delay':'7d','jitter':false},'starts_on_failure':['b']"));
	const struct workflow_task *task = workflow_find_task(workflow, "a");
	CU_ASSERT_EQUAL(task->delay_ms, 5000);
	CU_ASSERT_TRUE(task->has_timeout);
	CU_ASSERT_EQUAL(task->timeout_ms, 600000);
	CU_ASSERT_TRUE(task->has_priority);
	CU_ASSERT_EQUAL(task->priority, -3);
	CU_ASSERT_TRUE(task->has_retries);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(task->retries, "max")), 0);
	CU_ASSERT_FALSE(task->may_spawn);
	const struct workflow_task *plain = workflow_find_task(workflow, "b");
	CU_ASSERT_FALSE(plain->has_timeout);
	CU_ASSERT_FALSE(plain->has_priority);
	CU_ASSERT_FALSE(plain->has_retries);
	CU_ASSERT_PTR_NULL(plain->retries);

	OWNED(workflow) struct workflow *untimed = make_workflow(A_WITH("'timeout':'none'"));
	CU_ASSERT_EQUAL(workflow_find_task(untimed, "a")->timeout_ms, CONFIG_NO_LIMIT);
	CU_ASSERT_TRUE(workflow_find_task(untimed, "a")->has_timeout);
}

static void keys_beside_starts_and_tasks_are_ignored_as_qyu_did(void)
{
	check_text(mistakes_in("{'author':'me','starts':['a'],'tasks':{'a':{'queue':'q'}}}"), "");
}

static void null_references_are_missing_references(void)
{
	check_text(mistakes_in("{'starts':['a'],'tasks':{'a':{'queue':'q','starts':null,"
			       "'starts_with_params':null,'starts_manually':null,"
			       "'starts_parallel':null,'waits_for':null}}}"),
		"");
}

static void conditions_are_accepted_in_every_form(void)
{
	static const char *const forms[] = {
		"{'condition':{'param':'n','function':'eq_completed'}}",
		"{'function':'eq_completed','param':'n'}",
		"'completed'",
		"{'condition':'completed'}",
		"{'function':'completed','param':'n'}",
		"'all_finished'",
		"{'function':'all_finished','timeout':'5m'}",
		"{'condition':{'function':'all_finished'},'timeout':'5m'}",
		"{'function':'at_least','value':3}",
		"{'function':'percent','value':80,'timeout':'1h'}",
		"{'condition':{'function':'percent','value':12.5}}",
		"{'function':'completed','timeout':'none'}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		OWNED(free)
		char *text = xprintf(
			"{'payload':{'n':1},'starts':['a'],'tasks':{'a':{'queue':'q','starts':"
			"['w','g']},'w':{'queue':'q'},'g':{'queue':'q','waits_for':{'w':%s}}}}",
			forms[i]);
		check_text(mistakes_in(text), "");
	}
}

static void bad_conditions_are_refused(void)
{
#define FUNCTIONS                                                                            \
	"tasks.g.waits_for.w: expected the function eq_completed, completed, all_finished, " \
	"at_least or percent, got "
	static const struct refusal refusals[] = {
		{ GATE("'finished'"), FUNCTIONS "\"finished\"" },
		{ GATE("{}"), FUNCTIONS "{}" },
		{ GATE("null"), FUNCTIONS "null" },
		{ GATE("{'condition':{'param':'n'}}"),
			FUNCTIONS "{\"condition\":{\"param\":\"n\"}}" },
		{ GATE("'eq_completed'"), "tasks.g.waits_for.w: eq_completed needs a param" },
		{ GATE("{'function':'eq_completed','param':7}"),
			"tasks.g.waits_for.w: eq_completed needs a param" },
		{ GATE("{'function':'eq_completed','param':''}"),
			"tasks.g.waits_for.w: eq_completed needs a param" },
		{ GATE("{'function':'at_least'}"), "tasks.g.waits_for.w: expected at_least with a "
						   "value of 0 or more, got nothing" },
		{ GATE("{'function':'at_least','value':1.5}"),
			"tasks.g.waits_for.w: expected at_least with a value of 0 or more, got "
			"1.5" },
		{ GATE("{'function':'percent','value':101}"),
			"tasks.g.waits_for.w: expected percent with a value from 0 to 100, got "
			"101" },
		{ GATE("{'function':'completed','timout':'5m'}"),
			"tasks.g.waits_for.w: unknown key \"timout\"; a condition has function, "
			"param, value, timeout" },
		{ GATE("{'condition':{'function':'completed','timout':'5m'}}"), "" },
		{ GATE("{'condition':{'function':'completed','timeout':'1ms'}}"),
			"tasks.g.waits_for.w: expected a timeout from 100ms to 3650d, got "
			"\"1ms\"" },
		{ GATE("{'function':'completed','timeout':'1ms'}"),
			"tasks.g.waits_for.w: expected a timeout from 100ms to 3650d, got "
			"\"1ms\"" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));
}

static void start_functions_other_than_count_are_refused(void)
{
#define COUNTED(function)                                                                     \
	"{'starts':['a'],'tasks':{'a':{'queue':'q','starts_parallel':['w'],"                  \
	"'starts_with_params':{'g':{'n':" function "}}},'w':{'queue':'q'},'x':{'queue':'q'}," \
	"'g':{'queue':'q','starts':['x'],'waits_for':{'w':{'condition':"                      \
	"{'param':'n','function':'eq_completed'}}}}}}"
#define COUNT_ONLY                                                                                 \
	"tasks.a.starts_with_params.g.n: expected {\"count\": NAME}, the only function there is, " \
	"got "
	static const struct refusal refusals[] = {
		{ COUNTED("{'count':'w'}"), "" },
		{ COUNTED("{'sum':'w'}"), COUNT_ONLY "{\"sum\":\"w\"}" },
		{ COUNTED("{'count':'w','sum':'w'}"), "" }, /* Qyu looks at the first alone */
		{ COUNTED("{'sum':'w','count':'w'}"),
			COUNT_ONLY "{\"sum\":\"w\",\"count\":\"w\"}" },
		{ COUNTED("5"), COUNT_ONLY "5" },
		{ COUNTED("{'count':'y'}"),
			"tasks.a.starts_with_params.g.n: there is no task \"y\"" },
		{ COUNTED("{'count':5}"),
			"tasks.a.starts_with_params.g.n: expected the name of a task, got 5" },
		{ COUNTED("{'count':'a'}"),
			"tasks.a.starts_with_params.g.n.count: \"a\" can't come below \"a\"" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));
}

static void cycles_over_all_kinds_of_edges_are_shown_as_paths(void)
{
#define CYCLE(name) "tasks." name ": starting and waiting go round in a cycle: "
	static const struct refusal refusals[] = {
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['a']}}}",
			CYCLE("a") "a → a" },
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['b']},"
		  "'b':{'queue':'q','starts_parallel':['a']}}}",
			CYCLE("a") "a → b → a" },
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['b']},"
		  "'b':{'queue':'q','starts':['c']},'c':{'queue':'q','starts_on_failure':['b']}}}",
			CYCLE("b") "b → c → b" },
		{ "{'tasks':{'a':{'queue':'q','after':'b'},'b':{'queue':'q','after':'a'}}}",
			CYCLE("a") "a → b → a" },
		/* Two gates that wait for each other's children. */
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['g','h']},"
		  "'g':{'queue':'q','starts':['x'],'waits_for':{'y':'completed'}},"
		  "'h':{'queue':'q','starts':['y'],'waits_for':{'x':'completed'}},"
		  "'x':{'queue':'q'},'y':{'queue':'q'}}}",
			CYCLE("g") "g → x → h → y → g" },
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['g']},"
		  "'g':{'queue':'q','waits_for':{'a':'completed'}}}}",
			"tasks.g.waits_for.a: \"a\" can't come below \"a\", which starts this "
			"gate" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));
}

static void what_can_not_come_is_refused(void)
{
	static const struct refusal refusals[] = {
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q'},'b':{'queue':'q'}}}",
			"tasks.b: is unreachable: no entry point leads to it" },
		{ "{'tasks':{'a':{'queue':'q'},'g':{'queue':'q','waits_for':{'a':'completed'}}}}",
			"tasks.g: is unreachable: a gate must be started by a task or stand in "
			"starts" },
		/* w comes beside the gate's parent, not below it. */
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['p','w']},"
		  "'p':{'queue':'q','starts':['g']},'w':{'queue':'q'},"
		  "'g':{'queue':'q','waits_for':{'w':'completed'}}}}",
			"tasks.g.waits_for.w: \"w\" can't come below \"p\", which starts this "
			"gate" },
		/* w comes by p's success, the gate by its failure. */
		{ "{'starts':['p'],'tasks':{'p':{'queue':'q','starts':['w'],"
		  "'starts_on_failure':['g']},'w':{'queue':'q'},"
		  "'g':{'queue':'q','waits_for':{'w':'completed'}}}}",
			"tasks.g.waits_for.w: \"w\" can't come below \"p\", which starts this "
			"gate" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));
}

static void a_parameter_that_nothing_computes_is_named(void)
{
#define EQ "'waits_for':{'w':{'function':'eq_completed','param':'n'}}"
#define PLAIN(top, of_a, of_g)                                                          \
	"{" top "'starts':['a'],'tasks':{'a':{'queue':'q','starts':['w','g']" of_a "}," \
	"'w':{'queue':'q'},'g':{'queue':'q'" of_g "," EQ "}}}"
	static const struct refusal refusals[] = {
		{ PLAIN("", "", ""),
			"tasks.g.waits_for.w: nothing computes \"n\" where \"a\" starts this gate; "
			"use starts_with_params there or give it a default in payload" },
		{ PLAIN("'payload':{'n':2},", "", ""), "" },
		{ PLAIN("", "", ",'payload':{'n':2}"), "" },
		/* A handler may give it to a, or g is started by one. */
		{ "{'starts':['s'],'tasks':{'s':{'queue':'q','starts_parallel':['a']},"
		  "'a':{'queue':'q','starts':['w','g']},'w':{'queue':'q'},'g':{'queue':'q'," EQ
		  "}}}",
			"" },
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['w'],"
		  "'starts_manually':['g']},'w':{'queue':'q'},'g':{'queue':'q'," EQ "}}}",
			"" },
		/* Computed for a gate above, and handed down. */
		{ "{'starts':['a'],'tasks':{'a':{'queue':'q','starts_parallel':['v'],"
		  "'starts_with_params':{'h':{'n':{'count':'v'}}}},'v':{'queue':'q'},"
		  "'h':{'queue':'q','starts':['w','g'],'waits_for':{'v':{'function':"
		  "'eq_completed','param':'n'}}},'w':{'queue':'q'},'g':{'queue':'q'," EQ "}}}",
			"" },
		{ "{'starts':['a','g'],'tasks':{'a':{'queue':'q','starts':['w']},"
		  "'w':{'queue':'q'},'g':{'queue':'q'," EQ "}}}",
			"tasks.g.waits_for.w: nothing computes \"n\" for an entry point; give it a "
			"default in payload" },
	};
	expect_refusals(refusals, ARRAY_SIZE(refusals));
}

static void names_with_a_nul_are_no_names_of_tasks(void)
{
	check_text(mistakes_in("{'starts':['a\\u0000b'],'tasks':{'a':{'queue':'q'}}}"),
		"There must be at least 1 entry point, and all entry points must exist in the "
		"tasks Hash.\nstarts: expected the name of a task, got \"a\\u0000b\"");
}

static void more_tasks_than_the_limit_are_refused(void)
{
	OWNED(json) json_t *tasks = json_object();
	for (int i = 0; i <= 2000; i++) {
		char name[16];
		snprintf(name, sizeof name, "t%d", i);
		json_object_set_new(tasks, name, json_pack("{s:s}", "queue", "q"));
	}
	OWNED(json) json_t *descriptor = json_pack("{s:O}", "tasks", tasks);
	OWNED(workflow) struct workflow *workflow = NULL;
	struct error err = { 0 };
	CU_ASSERT_FALSE(workflow_create("big", descriptor, &workflow, NULL, &err));
	CU_ASSERT_STRING_EQUAL(
		err.text, "invalid workflow descriptor: tasks: expected at most 2000, got 2001");
	json_object_del(tasks, "t7");
	CU_ASSERT_TRUE(workflow_create("big", descriptor, &workflow, NULL, &err));
}

static void text_and_hash_are_of_the_whole_descriptor_with_its_name(void)
{
	OWNED(json) json_t *unnamed = read_json("{'tasks':{'a':{'queue':'q'}}}");
	OWNED(json) json_t *named = read_json("{'tasks':{'a':{'queue':'q'}},'name':'test'}");
	OWNED(workflow) struct workflow *one = NULL, *two = NULL, *three = NULL, *back = NULL;
	struct error err;
	CU_ASSERT_TRUE_FATAL(workflow_create("test", unnamed, &one, NULL, &err));
	CU_ASSERT_TRUE_FATAL(workflow_create("file", named, &two, NULL, &err));
	CU_ASSERT_TRUE_FATAL(workflow_create("file", unnamed, &three, NULL, &err));
	CU_ASSERT_STRING_EQUAL(
		workflow_text(one), "{\"name\":\"test\",\"tasks\":{\"a\":{\"queue\":\"q\"}}}");
	CU_ASSERT_STRING_EQUAL(workflow_text(two), workflow_text(one));
	CU_ASSERT_STRING_EQUAL(workflow_hash(two), workflow_hash(one));
	CU_ASSERT_STRING_NOT_EQUAL(workflow_hash(three), workflow_hash(one));
	/* printf '%s' TEXT | sha256sum */
	CU_ASSERT_STRING_EQUAL(workflow_hash(one),
		"c387103e985f7507d0c1a6424bbe7f065adddb1f5ef7ed23f0f8133583cf4af2");
	CU_ASSERT_TRUE_FATAL(workflow_create_from_text(workflow_text(one), &back, &err));
	CU_ASSERT_STRING_EQUAL(workflow_hash(back), workflow_hash(one));
	CU_ASSERT_STRING_EQUAL(workflow_name(back), "test");
}

static void a_descriptor_without_any_name_is_refused(void)
{
	OWNED(workflow) struct workflow *workflow = NULL;
	struct error err = { 0 };
	CU_ASSERT_FALSE(workflow_create_from_text(
		"{\"tasks\":{\"a\":{\"queue\":\"q\"}}}", &workflow, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "name: expected"));
	CU_ASSERT_FALSE(workflow_create_from_text("{\"tasks\":", &workflow, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
}

static void spawning_is_told_by_the_parents_lists(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'tasks':{'a':{'queue':'q','starts_manually':['m'],'starts_parallel':['p','r'],"
		"'starts':['s']},'m':{'queue':'q'},'p':{'queue':'q'},'r':{'queue':'q'},"
		"'s':{'queue':'q','starts_manually':['m']}}}");
	const char *const *names = NULL;
	CU_ASSERT_EQUAL_FATAL(workflow_spawns(workflow, "a", &names), 2);
	CU_ASSERT_STRING_EQUAL(names[0], "p");
	CU_ASSERT_STRING_EQUAL(names[1], "r");
	CU_ASSERT_EQUAL_FATAL(workflow_spawns(workflow, "s", &names), 1);
	CU_ASSERT_STRING_EQUAL(names[0], "m");
	CU_ASSERT_EQUAL(workflow_spawns(workflow, "m", &names), 0);
	CU_ASSERT_TRUE(workflow_may_spawn(workflow, "a", "m"));
	CU_ASSERT_TRUE(workflow_may_spawn(workflow, "a", "p"));
	CU_ASSERT_FALSE(workflow_may_spawn(workflow, "a", "s"));
	CU_ASSERT_FALSE(workflow_may_spawn(workflow, "m", "a"));
	CU_ASSERT_FALSE(workflow_may_spawn(workflow, "a", "nobody"));
	CU_ASSERT_FALSE(workflow_may_spawn(workflow, "nobody", "a"));
	CU_ASSERT_TRUE(workflow_find_task(workflow, "a")->may_spawn);
	CU_ASSERT_FALSE(workflow_find_task(workflow, "m")->may_spawn);
}

static bool leads(const struct workflow *workflow, const char *name, const char *queue)
{
	return workflow_leads_to_queue(workflow, name, &queue, 1);
}

static void a_task_leads_to_the_queues_of_all_that_comes_after_it(void)
{
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'tasks':{'a':{'queue':'qa','starts':['b'],'starts_on_failure':['f']},"
		"'b':{'queue':'qb','starts_parallel':['c']},'c':{'queue':'qc'},"
		"'f':{'queue':'qf'},'d':{'queue':'qd','after':'c','starts':['e']},"
		"'e':{'queue':'qe'}}}");
	CU_ASSERT_TRUE(leads(workflow, "a", "qa"));
	CU_ASSERT_TRUE(leads(workflow, "a", "qc"));
	CU_ASSERT_TRUE(leads(workflow, "a", "qf"));
	CU_ASSERT_TRUE(leads(workflow, "c", "qd"));
	CU_ASSERT_TRUE(leads(workflow, "a", "qe"));
	CU_ASSERT_FALSE(leads(workflow, "b", "qa"));
	CU_ASSERT_FALSE(leads(workflow, "f", "qe"));
	CU_ASSERT_FALSE(leads(workflow, "nobody", "qa"));
	const char *const both[] = { "nowhere", "qe" };
	CU_ASSERT_TRUE(workflow_leads_to_queue(workflow, "d", both, 2));
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(the_example_of_qyu_is_accepted),
		SUITE_TEST(qyus_checks_have_qyus_words),
		SUITE_TEST(parameters_must_be_those_that_the_gate_takes),
		SUITE_TEST(what_qyu_does_not_look_at_is_taken_and_told),
		SUITE_TEST(mistakes_are_told_all_at_once_in_the_order_of_the_tasks),
		SUITE_TEST(wrong_values_are_named_with_path_and_expectation),
		SUITE_TEST(good_values_of_every_key_are_accepted_and_read),
		SUITE_TEST(keys_beside_starts_and_tasks_are_ignored_as_qyu_did),
		SUITE_TEST(null_references_are_missing_references),
		SUITE_TEST(conditions_are_accepted_in_every_form),
		SUITE_TEST(bad_conditions_are_refused),
		SUITE_TEST(start_functions_other_than_count_are_refused),
		SUITE_TEST(cycles_over_all_kinds_of_edges_are_shown_as_paths),
		SUITE_TEST(what_can_not_come_is_refused),
		SUITE_TEST(a_parameter_that_nothing_computes_is_named),
		SUITE_TEST(names_with_a_nul_are_no_names_of_tasks),
		SUITE_TEST(more_tasks_than_the_limit_are_refused),
		SUITE_TEST(text_and_hash_are_of_the_whole_descriptor_with_its_name),
		SUITE_TEST(a_descriptor_without_any_name_is_refused),
		SUITE_TEST(spawning_is_told_by_the_parents_lists),
		SUITE_TEST(a_task_leads_to_the_queues_of_all_that_comes_after_it),
	};
	return suite_run("workflow", tests, ARRAY_SIZE(tests));
}
