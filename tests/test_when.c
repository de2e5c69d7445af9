/* workflow/when: conditions on the payload and on parents' results, and the words of mistakes. */
#include "tests/descriptors.h"

/* A descriptor of tasks a and b.c: a starts b.c, whose `when` is this. */
#define WITH(when)                                              \
	"{'tasks':{'a':{'queue':'q','starts':['b.c']},'b.c':{'" \
	"queue':'q','when':" when "}}}"

static const char payload_text[] =
	"{'country':'ES','stars':4,'price':1.5,'tags':['a','b'],'of':{'who':null},'no':false}";
static const char inputs_text[] =
	"{'a':[{'score':5,'ok':true},{'score':7}],'b.c':['text'],'none':[]}";

static const struct {
	const char *when;
	const char *reason; /* NULL: it holds */
} cases[] = {
	{ "{'payload.country':'ES'}", NULL },
	{ "{'payload.country':'FR'}", "when: payload.country is \"ES\"" },
	{ "{'payload.country':['FR','ES']}", NULL },
	{ "{'payload.country':['FR','IT']}", "when: payload.country is \"ES\"" },
	{ "{'payload.country':{'not':'FR'}}", NULL },
	{ "{'payload.country':{'not':['ES','FR']}}", "when: payload.country is \"ES\"" },
	{ "{'payload.country':{'in':['ES']}}", NULL },
	{ "{'payload.stars':4.0}", NULL },
	{ "{'payload.stars':{'greater_than':3}}", NULL },
	{ "{'payload.stars':{'greater_than':4}}", "when: payload.stars is 4" },
	{ "{'payload.stars':{'at_least':4,'at_most':4.0,'less_than':4.5}}", NULL },
	{ "{'payload.stars':{'at_least':4,'at_most':3}}", "when: payload.stars is 4" },
	{ "{'payload.price':{'less_than':1}}", "when: payload.price is 1.5" },
	/* What can't be compared does not hold. */
	{ "{'payload.country':{'greater_than':3}}", "when: payload.country is \"ES\"" },
	{ "{'payload.missing':{'greater_than':3}}", "when: payload.missing is nothing" },
	{ "{'payload.country':{'greater_than':'EE','less_than':'ET'}}", NULL },
	{ "{'payload.no':false}", NULL },
	{ "{'payload.no':{'presence':true}}", NULL },
	{ "{'payload.of.who':{'presence':true}}", "when: payload.of.who is null" },
	{ "{'payload.of.who':{'presence':false}}", NULL },
	{ "{'payload.of.who':null}", NULL },
	{ "{'payload.missing':null}", NULL },
	{ "{'payload.missing.deeper':{'absence':true}}", NULL },
	{ "{'payload.stars':{'absence':true}}", "when: payload.stars is 4" },
	{ "{'payload.tags':{'equal':['a','b']}}", NULL },
	{ "{'payload.tags.1':'b'}", NULL },
	{ "{'payload.tags.2':'b'}", "when: payload.tags.2 is nothing" },
	{ "{'payload':{'presence':true}}", NULL },
	/* All conditions hold, or none does it. */
	{ "{'payload.country':'ES','payload.stars':5}", "when: payload.stars is 4" },
	/* Every result of a parent. */
	{ "{'results.a.score':{'at_least':5}}", NULL },
	{ "{'results.a.score':{'at_least':6}}", "when: results.a.score is 5" },
	{ "{'results.a.ok':true}", "when: results.a.ok is nothing" },
	{ "{'results.b.c':'text'}", NULL },
	{ "{'results.none':null}", NULL },
	{ "{'results.none.x':1}", "when: results.none.x is nothing" },
	{ "{'results.other':1}", "when: results.other is nothing" },
	{ "{'result.score':{'presence':true}}", "when: result.score is nothing" },
	{ "{'result':{'presence':true}}", "when: result is nothing" },
};

static void every_condition_must_hold(void)
{
	OWNED(json) json_t *payload = read_json(payload_text);
	OWNED(json) json_t *inputs = read_json(inputs_text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OWNED(json) json_t *when = read_json(cases[i].when);
		char *reason = NULL;
		enum when_answer answer = workflow_when(when, payload, inputs, &reason);
		CU_ASSERT_EQUAL(answer, cases[i].reason ? WHEN_FALSE : WHEN_TRUE);
		check_text(reason ? reason : xstrdup(""), cases[i].reason ? cases[i].reason : "");
	}
}

static void results_that_are_only_counted_can_not_be_looked_at(void)
{
	OWNED(json) json_t *when = read_json("{'result.x':1}");
	OWNED(json) json_t *inputs = read_json("{'a':{'count':100000}}");
	char *reason = NULL;
	CU_ASSERT_EQUAL(workflow_when(when, NULL, inputs, &reason), WHEN_UNKNOWN);
	check_text(reason, "when: result.x can't be looked at: the results have over 1 MiB");
}

static void a_payload_that_is_no_object_has_nothing_at_a_path(void)
{
	OWNED(json) json_t *payload = read_json("3");
	OWNED(json) json_t *whole = read_json("{'payload':3}");
	OWNED(json) json_t *path = read_json("{'payload.x':3}");
	char *reason = NULL;
	CU_ASSERT_EQUAL(workflow_when(whole, payload, NULL, &reason), WHEN_TRUE);
	CU_ASSERT_EQUAL(workflow_when(path, payload, NULL, &reason), WHEN_FALSE);
	free(reason);
}

#define SUBJECTS ": expected payload.KEY, result.KEY or results.TASK.KEY"
#define TESTS    "equal, not, in, greater_than, less_than, at_least, at_most, presence, absence"

static void mistakes_are_named_with_their_place(void)
{
	static const struct {
		const char *descriptor, *line;
	} mistakes[] = {
		{ WITH("'x'"), "tasks.b.c.when: expected an object of conditions, got \"x\"" },
		{ WITH("{}"), "tasks.b.c.when: expected an object of conditions, got {}" },
		{ WITH("{'country':'ES'}"), "tasks.b.c.when.country" SUBJECTS },
		{ WITH("{'payload.':1}"), "tasks.b.c.when.payload." SUBJECTS },
		{ WITH("{'payload.a..b':1}"), "tasks.b.c.when.payload.a..b" SUBJECTS },
		{ WITH("{'results.x.y':1}"),
			"tasks.b.c.when.results.x.y: expected the name of a task behind results" },
		{ WITH("{'payload.a':[]}"),
			"tasks.b.c.when.payload.a: expected a list of at least one value, got []" },
		{ WITH("{'payload.a':{}}"),
			"tasks.b.c.when.payload.a: expected at least one of " TESTS ", got {}" },
		{ WITH("{'payload.a':{'gt':3}}"),
			"tasks.b.c.when.payload.a.gt: unknown test; there are " TESTS },
		{ WITH("{'payload.a':{'greater_than':null}}"),
			"tasks.b.c.when.payload.a.greater_than: expected a number or a text, got "
			"null" },
		{ WITH("{'payload.a':{'presence':1}}"),
			"tasks.b.c.when.payload.a.presence: expected true or false, got 1" },
		{ "{'tasks':{'a':{'queue':'q','when':{'result':1}}}}",
			"tasks.a.when: asks for a parent's result, but no task starts \"a\" and it "
			"waits for none" },
		{ WITH("{'results.b.c.x':1,'results.a':{'in':['x']},'payload':3}"), NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		OWNED(json) json_t *descriptor = read_json(mistakes[i].descriptor);
		OWNED(workflow) struct workflow *workflow = NULL;
		struct workflow_faults faults = { 0 };
		struct error err;
		workflow_create("test", descriptor, &workflow, &faults, &err);
		CU_ASSERT_EQUAL(faults.count, mistakes[i].line ? 1 : 0);
		check_text(xstrdup(faults.count ? faults.lines[0] : ""),
			mistakes[i].line ? mistakes[i].line : "");
		workflow_faults_finish(&faults);
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_condition_must_hold),
		SUITE_TEST(results_that_are_only_counted_can_not_be_looked_at),
		SUITE_TEST(a_payload_that_is_no_object_has_nothing_at_a_path),
		SUITE_TEST(mistakes_are_named_with_their_place),
	};
	return suite_run("when", tests, ARRAY_SIZE(tests));
}
