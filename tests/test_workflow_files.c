/* workflow/: descriptors from files, JSON and YAML; the check of their queues; pictures. */
#include "tests/descriptors.h"

#include "config/config.h"

#include <stdlib.h>
#include <unistd.h>

/* Files in a folder of their own, dropped at the end. */
static char folder[] = "/tmp/reeve-workflows-XXXXXX";

static char *put_file(const char *name, const char *text)
{
	char *path = xprintf("%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void drop_file(char *path)
{
	unlink(path);
	free(path);
}

static void files_and_folders_are_read_and_the_bad_ones_are_named(void)
{
	char *good = put_file("b.json", "{\"tasks\":{\"a\":{\"queue\":\"q\"}}}");
	char *named = put_file("a.yaml", "name: import\ntasks: {a: {queue: q}}\n");
	char *several = put_file("c.yml", "workflows:\n  one: {tasks: {a: {queue: q}}}\n"
					  "  import: {tasks: {a: {queue: q}}}\n");
	char *half = put_file("d.json", "{\"tasks\":{\"a\":");
	char *other = put_file("notes.txt", "not a workflow");
	char *hidden = put_file(".e.json", "{");
	OWNED(free) char *missing = xprintf("%s/missing", folder);
	char *const paths[] = { folder, missing, NULL };
	struct workflow_list list;
	struct workflow_faults faults = { 0 };
	workflow_list_load(paths, &list, &faults);
	CU_ASSERT_EQUAL_FATAL(list.count, 3);
	CU_ASSERT_STRING_EQUAL(list.sources[0].name, "import");
	CU_ASSERT_STRING_EQUAL(list.sources[0].path, named);
	CU_ASSERT_STRING_EQUAL(list.sources[1].name, "b");
	CU_ASSERT_STRING_EQUAL(list.sources[2].name, "one");
	CU_ASSERT_EQUAL_FATAL(faults.count, 3);
	OWNED(free)
	char *twice = xprintf("%s: workflow \"import\" is in %s already", several, named);
	OWNED(free) char *broken = xprintf("%s: not JSON at line 1", half);
	OWNED(free) char *gone = xprintf("%s: No such file or directory", missing);
	CU_ASSERT_STRING_EQUAL(faults.lines[0], twice);
	CU_ASSERT_EQUAL(strncmp(faults.lines[1], broken, strlen(broken)), 0);
	CU_ASSERT_STRING_EQUAL(faults.lines[2], gone);
	workflow_list_finish(&list);
	workflow_faults_finish(&faults);
	char *const files[] = { good, named, several, half, other, hidden };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		drop_file(files[i]);
}

/* What a YAML text is as JSON, or the reason why it is nothing. */
static char *through_yaml(const char *text)
{
	char *path = put_file("x.yaml", text);
	char *const paths[] = { path, NULL };
	struct workflow_list list;
	struct workflow_faults faults = { 0 };
	workflow_list_load(paths, &list, &faults);
	char *answer = list.count ? jsontext_print(list.sources[0].descriptor)
				  : xstrdup(faults.lines[0] + strlen(path) + 2);
	workflow_list_finish(&list);
	workflow_faults_finish(&faults);
	drop_file(path);
	return answer;
}

static void yaml_is_read_as_the_json_that_it_means(void)
{
	static const struct {
		const char *yaml, *json;
	} texts[] = {
		{ "a: [1, -2, +3, 0x1f, 0o17, 007]", "{\"a\":[1,-2,3,31,15,7]}" },
		{ "a: [1.5, -0.25, 1e3, .5]", "{\"a\":[1.5,-0.25,1000.0,0.5]}" },
		{ "a: [true, False, no, yes, on]", "{\"a\":[true,false,\"no\",\"yes\",\"on\"]}" },
		{ "a: [~, null, '', 'null', \"5\"]", "{\"a\":[null,null,\"\",\"null\",\"5\"]}" },
		{ "a:\nb: text with spaces", "{\"a\":null,\"b\":\"text with spaces\"}" },
		{ "a: [1.2.3, 1e, '-', x1, 12:30, 2026-11-22]",
			"{\"a\":[\"1.2.3\",\"1e\",\"-\",\"x1\",\"12:30\",\"2026-11-22\"]}" },
		{ "a: &x {k: 1}\nb: *x", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}" },
		{ "a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}",
			"{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":3,\"l\":2}}" },
		{ "a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}",
			"{\"a\":{\"k\":1},\"b\":{\"k\":2,\"m\":3},\"c\":{\"k\":1,\"m\":3}}" },
		{ "7: seven", "{\"7\":\"seven\"}" },
		{ "ad:group:sync: {queue: q}", "{\"ad:group:sync\":{\"queue\":\"q\"}}" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_text(through_yaml(texts[i].yaml), texts[i].json);
}

static void bad_yaml_is_refused_with_its_place(void)
{
	static const struct {
		const char *yaml, *reason;
	} texts[] = {
		{ "", "the file is empty" },
		{ "a: 1\na: 2", "line 2 column 1: this key is there already" },
		{ "a: .inf", "line 1 column 4: a number that JSON or 64 bits can't hold" },
		{ "a: 99999999999999999999",
			"line 1 column 4: a number that JSON or 64 bits can't hold" },
		{ "? [a]\n: 1", "line 1 column 3: a key must be a text" },
		{ "a: {<<: 5}", "line 1 column 5: << takes a mapping or a list of mappings" },
		{ "a: &x [*x]", "line 1 column 4: nested too deep" },
		{ "a: 1\n---\nb: 2", "more than one YAML document" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_text(through_yaml(texts[i].yaml), texts[i].reason);
	OWNED(free) char *unclosed = through_yaml("a: [1, 2");
	CU_ASSERT_EQUAL(strncmp(unclosed, "line ", 5), 0);
	OWNED(free) char *unknown = through_yaml("a: *nobody");
	CU_ASSERT_EQUAL(strncmp(unknown, "line ", 5), 0);
}

static void a_bomb_of_aliases_is_refused(void)
{
	char *text = xstrdup("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 9; i++) {
		char *more = xprintf("%sa%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n",
			text, i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		free(text);
		text = more;
	}
	OWNED(free) char *reason = through_yaml(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(reason, "too many values, with its aliases followed"));
	free(text);
}

static void the_same_workflow_in_yaml_and_json_is_the_same_text(void)
{
	OWNED(free)
	char *yaml = through_yaml("starts: [a]\ntasks:\n  a: {queue: q, starts: [b]}\n"
				  "  b: {queue: q, priority: 5}\n");
	OWNED(json)
	json_t *descriptor = read_json("{'starts':['a'],'tasks':{'a':{'queue':'q','starts':['b']},"
				       "'b':{'queue':'q','priority':5}}}");
	check_text(jsontext_print(descriptor), yaml);
}

static void keys_of_payloads_that_name_a_task_are_warnings(void)
{
	OWNED(json) json_t *rules = read_json("{'times':{'presence':true},'report':{},'n':{}}");
	OWNED(json) json_t *none = json_object();
	struct config_queue queues[] = {
		{ .name = (char *)"work", .validate = rules },
		{ .name = (char *)"split",
			.type = QUEUE_SPLIT,
			.split_payload_key = (char *)"rows",
			.validate = none },
	};
	const struct config config = { .queues = queues, .queue_count = 2 };
	OWNED(workflow)
	struct workflow *workflow =
		make_workflow("{'payload':{'n':1,'rows':[1],'report':{'to':'a'}},"
			      "'tasks':{'cut':{'queue':'split','starts_parallel':['rows']},'rows':{"
			      "'queue':'far'},"
			      "'deep':{'workflow':'other'},"
			      "'report':{'queue':'work','after':'rows','when':{'payload.rows.x':{'"
			      "presence':true},"
			      "'payload.to':{'presence':true},'results.rows.ok':true}}}}");
	OWNED(json) json_t *payload = read_json("{'cut':null,'deep':{'a':1},'n':2}");
	struct workflow_faults found = { 0 };
	workflow_check_sections(workflow, &config, &found);
	workflow_check_payload(workflow, "schedules.s.payload", payload, &found);
	static const char *const expected[] = {
		"workflow test: payload.rows: a task of workflow test has this name: so it is the "
		"task's section, which has to be an object, and no task gets it",
		"workflow test: tasks.cut: `split` of its queue reads \"rows\" of the payload, but "
		"a "
		"task has this name: in a job's payload it is that task's section, and arrives "
		"nowhere as a key",
		"workflow test: tasks.report: `when` reads \"rows\" of the payload, but a task has "
		"this name: in a job's payload it is that task's section, and arrives nowhere as a "
		"key",
		"workflow test: tasks.report: `validate` of its queue reads \"report\" of the "
		"payload, but a task has this name: in a job's payload it is that task's section, "
		"and arrives nowhere as a key",
		"schedules.s.payload.cut: a task of workflow test has this name: so it is the "
		"task's section, which has to be an object, and no task gets it",
	};
	CU_ASSERT_EQUAL_FATAL(found.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < found.count; i++)
		check_text(xstrdup(found.lines[i]), expected[i]);
	workflow_faults_finish(&found);
}

static void gates_need_sync_queues_and_unknown_queues_are_warnings(void)
{
	struct config_queue queues[] = { { .name = (char *)"work", .type = QUEUE_HANDLER },
		{ .name = (char *)"gates", .type = QUEUE_SYNC } };
	const struct config config = { .queues = queues, .queue_count = 2 };
	OWNED(workflow)
	struct workflow *workflow = make_workflow(
		"{'tasks':{'a':{'queue':'work','starts':['w','g','h']},'w':{'queue':'far'},"
		"'g':{'queue':'gates','waits_for':{'w':'completed'}},"
		"'h':{'queue':'work','waits_for':{'w':'completed'}},"
		"'l':{'queue':'work','after':'w'}}}");
	struct workflow_faults mistakes = { 0 }, warnings = { 0 };
	workflow_check_queues(workflow, &config, false, &mistakes, &warnings);
	CU_ASSERT_EQUAL_FATAL(mistakes.count, 1);
	CU_ASSERT_STRING_EQUAL(mistakes.lines[0], "workflow test: tasks.h: waits_for needs a queue "
						  "of type sync, and \"work\" is not");
	CU_ASSERT_EQUAL_FATAL(warnings.count, 1);
	CU_ASSERT_STRING_EQUAL(
		warnings.lines[0], "workflow test: tasks.w.queue: \"far\" is not configured here");
	workflow_check_queues(workflow, &config, true, &mistakes, &warnings);
	CU_ASSERT_EQUAL(mistakes.count, 3);
	CU_ASSERT_EQUAL(warnings.count, 1);
	workflow_faults_finish(&mistakes);
	workflow_faults_finish(&warnings);
}

/* A graph with every kind of edge and names that need escaping. */
#define DRAWN                                                                                     \
	"{'name':'all','tasks':{'a':{'queue':'qa','starts':['b'],'starts_on_failure':['f'],"      \
	"'starts_with_params':{'g':{'n':{'count':'b'}}},'starts_parallel':['w<\\\\1>']},"         \
	"'b':{'queue':'qb','starts':['c']},'c':{'queue':'qc'},'f':{'queue':'qf','starts':['c']}," \
	"'w<\\\\1>':{'queue':'qw'},"                                                              \
	"'g':{'queue':'qg','waits_for':{'b':{'function':'eq_completed','param':'n'},"             \
	"'w<\\\\1>':{'function':'percent','value':80}}},"                                         \
	"'z':{'queue':'qz','after':['b','c']}}}"

static void the_tree_shows_every_task_with_what_it_waits_for(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(DRAWN);
	check_text(workflow_draw(workflow, GRAPH_TEXT, NULL),
		"all\n"
		"├─ a  queue qa\n"
		"│  ├─ b  queue qb\n"
		"│  │  └─ c  queue qc\n"
		"│  ├─ g  queue qg  waits for b (eq_completed n), w<\\1> (percent 80)\n"
		"│  ├─ w<\\1>  spawned  queue qw\n"
		"│  └─ f  on failure  queue qf\n"
		"│     └─ c\n"
		"└─ z  queue qz  after b, c\n");
}

static void the_tree_of_a_job_has_its_counts(void)
{
	OWNED(workflow)
	struct workflow *workflow =
		make_workflow("{'name':'x','tasks':{'a':{'queue':'q','starts':['b','c']},"
			      "'b':{'queue':'q','starts':['d']},'c':{'queue':'q','starts':['b']},"
			      "'d':{'queue':'q'}}}");
	struct name_count names[] = { { .name = (char *)"a", .states = { [TASK_COMPLETED] = 1 } },
		{ .name = (char *)"b",
			.states = {
				[TASK_QUEUED] = 2, [TASK_COMPLETED] = 3, [TASK_FAILED] = 1 } } };
	const struct job_record job = { .names = names, .name_count = 2 };
	check_text(workflow_draw(workflow, GRAPH_TEXT, &job),
		"x\n"
		"└─ a  queue q  1 completed\n"
		"   ├─ b  queue q  2 queued, 3 completed, 1 failed\n"
		"   │  └─ d  queue q\n"
		"   └─ c  queue q\n"
		"      └─ b  (see above)\n");
}

static void dot_and_mermaid_have_every_edge_and_escaped_names(void)
{
	OWNED(workflow) struct workflow *workflow = make_workflow(DRAWN);
	check_text(workflow_draw(workflow, GRAPH_DOT, NULL),
		"digraph {\n"
		"\tnode [shape=box];\n"
		"\tn0 [label=\"a\\nqueue qa\"];\n"
		"\tn1 [label=\"b\\nqueue qb\"];\n"
		"\tn2 [label=\"c\\nqueue qc\"];\n"
		"\tn3 [label=\"f\\nqueue qf\"];\n"
		"\tn4 [label=\"w<\\\\1>\\nqueue qw\"];\n"
		"\tn5 [shape=octagon, label=\"g\\nqueue qg\"];\n"
		"\tn6 [shape=octagon, label=\"z\\nqueue qz\"];\n"
		"\tn0 -> n1;\n"
		"\tn0 -> n5;\n"
		"\tn0 -> n4 [label=\"spawns\"];\n"
		"\tn0 -> n3 [label=\"on failure\", style=dashed];\n"
		"\tn1 -> n2;\n"
		"\tn1 -> n5 [label=\"awaited by\", style=dotted];\n"
		"\tn1 -> n6 [label=\"awaited by\", style=dotted];\n"
		"\tn2 -> n6 [label=\"awaited by\", style=dotted];\n"
		"\tn3 -> n2;\n"
		"\tn4 -> n5 [label=\"awaited by\", style=dotted];\n"
		"}\n");
	OWNED(workflow)
	struct workflow *quoted =
		make_workflow("{'tasks':{'a\\u0022#`&':{'queue':'q','starts_parallel':['b']},"
			      "'b':{'queue':'q'},'c':{'queue':'q','after':'b'}}}");
	check_text(workflow_draw(quoted, GRAPH_MERMAID, NULL),
		"flowchart TD\n"
		"\tn0[\"a#quot;#35;#96;#amp;<br/>queue q\"]\n"
		"\tn1[\"b<br/>queue q\"]\n"
		"\tn2{{\"c<br/>queue q\"}}\n"
		"\tn0 -->|spawns| n1\n"
		"\tn1 -.->|awaited by| n2\n");
	OWNED(free) char *dot = workflow_draw(quoted, GRAPH_DOT, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(dot, "label=\"a\\\"#`&\\nqueue q\""));
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(files_and_folders_are_read_and_the_bad_ones_are_named),
		SUITE_TEST(yaml_is_read_as_the_json_that_it_means),
		SUITE_TEST(bad_yaml_is_refused_with_its_place),
		SUITE_TEST(a_bomb_of_aliases_is_refused),
		SUITE_TEST(the_same_workflow_in_yaml_and_json_is_the_same_text),
		SUITE_TEST(keys_of_payloads_that_name_a_task_are_warnings),
		SUITE_TEST(gates_need_sync_queues_and_unknown_queues_are_warnings),
		SUITE_TEST(the_tree_shows_every_task_with_what_it_waits_for),
		SUITE_TEST(the_tree_of_a_job_has_its_counts),
		SUITE_TEST(dot_and_mermaid_have_every_edge_and_escaped_names),
	};
	if (!mkdtemp(folder))
		return 1;
	int answer = suite_run("workflow_files", tests, ARRAY_SIZE(tests));
	rmdir(folder);
	return answer;
}
