/* workflow/nest: workflows within workflows, resolved to hashes; workers/nested: ids of their jobs.
 */
#include "tests/descriptors.h"
#include "workers/nested.h"

static struct workflow_list list_of(const char *text)
{
	OWNED(json) json_t *all = read_json(text);
	struct workflow_list list = { .sources = xcalloc(
					      json_object_size(all), sizeof *list.sources) };
	const char *name;
	json_t *descriptor;
	json_object_foreach(all, name, descriptor)
	{
		list.sources[list.count++] = (struct workflow_source){ .name = xstrdup(name),
			.path = xstrdup("x.yaml"),
			.descriptor = json_incref(descriptor) };
	}
	return list;
}

static void expect_fault(const char *text, const char *name, const char *line)
{
	struct workflow_list list = list_of(text);
	OWNED(workflow) struct workflow *workflow = NULL;
	struct workflow_faults faults = { 0 };
	struct error err;
	CU_ASSERT_FALSE(workflow_open(&list, name, &workflow, &faults, &err));
	CU_ASSERT_EQUAL(faults.count, 1);
	check_text(xstrdup(faults.count ? faults.lines[0] : ""), line);
	workflow_faults_finish(&faults);
	workflow_list_finish(&list);
}

static void mistakes_of_nesting_are_named(void)
{
	expect_fault("{'a':{'tasks':{'x':{'workflow':'a'}}}}", "a",
		"tasks.x.workflow: nested workflows go round in a cycle: a → a");
	expect_fault("{'a':{'tasks':{'x':{'workflow':'b'}}}}", "a",
		"tasks.x.workflow: there is no workflow \"b\"");
	expect_fault("{'a':{'tasks':{'x':{'workflow':3}}}}", "a",
		"tasks.x.workflow: expected the name of a workflow, got 3");
	expect_fault("{'a':{'tasks':{'x':{'workflow':'b'}}},'b':{'tasks':{}}}", "a",
		"tasks.x.workflow: \"b\": invalid workflow descriptor: There must be at least 1 "
		"task in the tasks Hash.");
	expect_fault("{'a':{'tasks':{'x':{'workflow':'b','timeout':'1m'}}},'b':{'tasks':{'y':{"
		     "'queue':'q'}}}}",
		"a",
		"tasks.x: has both workflow and timeout; a nested job runs in place of a handler");
}

/* w0 names w1 twice, that w2 twice, and so on: each is resolved once. */
static struct workflow_list tower(int levels)
{
	struct workflow_list list = { .sources =
					      xcalloc((size_t)levels + 1, sizeof *list.sources) };
	for (int i = 0; i <= levels; i++) {
		OWNED(free)
		char *text = i < levels ? xprintf("{'tasks':{'x':{'workflow':'w%d'},'y':{"
						  "'workflow':'w%d'}}}",
						  i + 1, i + 1)
					: xstrdup("{'tasks':{'x':{'queue':'q'}}}");
		list.sources[list.count++] = (struct workflow_source){ .name = xprintf("w%d", i),
			.path = xstrdup("x.yaml"),
			.descriptor = read_json(text) };
	}
	return list;
}

static void sixteen_levels_are_the_most(void)
{
	OWNED(workflow) struct workflow *workflow = NULL;
	OWNED(workflow) struct workflow *deeper = NULL;
	struct workflow *const *nested;
	struct workflow_list good = tower(16), bad = tower(17);
	struct error err;
	CU_ASSERT_TRUE(workflow_open(&good, "w0", &workflow, NULL, &err));
	CU_ASSERT_EQUAL(workflow_nested(workflow, &nested), 16);
	CU_ASSERT_STRING_EQUAL(workflow_name(nested[0]), "w16");
	CU_ASSERT_FALSE(workflow_open(&bad, "w0", &deeper, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "workflows may be nested 16 deep"));
	workflow_list_finish(&good);
	workflow_list_finish(&bad);
}

static void a_hash_stands_for_all_that_is_nested(void)
{
	struct workflow_list before = list_of("{'a':{'tasks':{'x':{'workflow':'b'}}},"
					      "'b':{'tasks':{'y':{'queue':'q'}}}}");
	struct workflow_list after = list_of("{'a':{'tasks':{'x':{'workflow':'b'}}},"
					     "'b':{'tasks':{'y':{'queue':'other'}}}}");
	OWNED(workflow) struct workflow *one = NULL;
	OWNED(workflow) struct workflow *other = NULL;
	OWNED(workflow) struct workflow *again = NULL;
	struct error err;
	CU_ASSERT_TRUE_FATAL(workflow_open(&before, "a", &one, NULL, &err));
	CU_ASSERT_TRUE_FATAL(workflow_open(&after, "a", &other, NULL, &err));
	CU_ASSERT_STRING_NOT_EQUAL(workflow_hash(one), workflow_hash(other));
	CU_ASSERT_PTR_NULL(workflow_unresolved(one));
	CU_ASSERT_TRUE_FATAL(workflow_create_from_text(workflow_text(one), &again, &err));
	CU_ASSERT_STRING_EQUAL(workflow_hash(again), workflow_hash(one));
	CU_ASSERT_STRING_EQUAL(workflow_find_task(again, "x")->queue, WORKFLOW_NESTED_QUEUE);
	CU_ASSERT_FALSE(workflow_open(&before, "none", &again, NULL, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
	workflow_list_finish(&before);
	workflow_list_finish(&after);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, IDS_UUID_SIZE);
}

#define SIBLINGS 100000

static void tasks_of_a_job_have_jobs_of_their_own(void)
{
	static const char job[] = "01a20626-b1bc-76fa-aa6b-94e7948bbddd";
	char(*ids)[IDS_UUID_SIZE] = xcalloc(SIBLINGS, sizeof *ids);
	size_t doubles = 0;
	for (int i = 0; i < SIBLINGS; i++) {
		OWNED(free) char *task = xprintf("%s.%d", job, i + 1);
		nested_id(task, ids[i]);
		CU_ASSERT_TRUE(nested_is(ids[i]));
		CU_ASSERT_EQUAL(memcmp(ids[i], job, 13), 0);
		CU_ASSERT_STRING_EQUAL(ids[i] + 28, job + 28);
	}
	qsort(ids, SIBLINGS, sizeof *ids, compare);
	for (int i = 1; i < SIBLINGS; i++)
		doubles += compare(ids[i - 1], ids[i]) == 0;
	CU_ASSERT_EQUAL(doubles, 0);
	CU_ASSERT_FALSE(nested_is(job));
	free(ids);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(mistakes_of_nesting_are_named),
		SUITE_TEST(sixteen_levels_are_the_most),
		SUITE_TEST(a_hash_stands_for_all_that_is_nested),
		SUITE_TEST(tasks_of_a_job_have_jobs_of_their_own),
	};
	return suite_run("nest", tests, ARRAY_SIZE(tests));
}
