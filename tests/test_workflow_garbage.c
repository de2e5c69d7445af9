/* workflow/: descriptors and YAML with garbage in any place are refused or work; nothing crashes.
 */
#include "tests/descriptors.h"

#include "workflow/yamltext.h"

#include <stdint.h>

#define ROUNDS ((size_t)suite_many(5000, 1000))

static uint64_t random_state = 88172645463325252u;

static size_t below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state >> 33) % limit;
}

static const char full[] =
	"{'name':'all','payload':{'n':1},'starts':['a'],'tasks':{'a':{'queue':'qa','starts':['b'],"
	"'starts_on_failure':['f'],'starts_with_params':{'g':{'n':{'count':'b'}}},"
	"'starts_parallel':['w'],'retries':{'max':3,'delay':'1s'},'timeout':'5m','delay':'1s'},"
	"'b':{'queue':'qb','starts':['c'],'payload':{'x':1},'priority':3},'c':{'queue':'qc'},"
	"'f':{'queue':'qf','starts':['c'],'if_failed':'continue'},'w':{'queue':'qw'},"
	"'g':{'queue':'qg','waits_for':{'b':{'condition':{'function':'eq_completed','param':'n'}},"
	"'w':{'function':'percent','value':80,'timeout':'1h'}}},"
	"'z':{'queue':'qz','after':['b','c'],'if_failed':'ignore'}}}";

static json_t *random_value(void)
{
	static const char *const values[] = { "null", "true", "0", "-1", "1e9", "'a'", "'b'", "'z'",
		"''", "'5s'", "'none'", "'completed'", "[]", "['a']", "['b','b']", "[5]", "{}",
		"{'a':{}}", "{'g':{'n':{'count':'w'}}}", "{'w':'completed'}", "{'queue':'q'}",
		"{'condition':null}", "{'function':'at_least','value':1}" };
	return read_json(values[below(ARRAY_SIZE(values))]);
}

/* Puts a random value in a random place of an object or array. */
static void spoil(json_t *value)
{
	size_t size = json_is_array(value) ? json_array_size(value) : json_object_size(value);
	if (size == 0)
		return;
	size_t index = below(size);
	void *at = json_is_array(value) ? NULL : json_object_iter(value);
	for (size_t i = 0; at && i < index; i++)
		at = json_object_iter_next(value, at);
	json_t *inner = at ? json_object_iter_value(at) : json_array_get(value, index);
	bool is_leaf = json_object_size(inner) + json_array_size(inner) == 0;
	if (!is_leaf && below(5) > 0)
		spoil(inner);
	else if (!at)
		json_array_set_new(value, index, random_value());
	else if (below(6) == 0)
		json_object_del(value, json_object_iter_key(at));
	else
		json_object_iter_set_new(value, at, random_value());
}

static void use_task(const struct workflow *workflow, const char *name, enum outcome outcome)
{
	struct tally tallies[16] = { { 0 } };
	const struct gate_view view = { .tallies = tallies, .count = ARRAY_SIZE(tallies) };
	const struct ended ended = { .name = name, .seq = 1, .outcome = outcome };
	struct judgement judgement;
	struct advance advance;
	enum outcome recorded;
	workflow_advance(workflow, &ended, &recorded, &advance);
	for (size_t i = 0; i < advance.effects.children_count; i++)
		CU_ASSERT_PTR_NOT_NULL(
			workflow_find_task(workflow, advance.effects.children[i].name));
	advance_finish(&advance);
	workflow_judge(workflow, name, NULL, &view, &judgement);
}

static void use(const struct workflow *workflow)
{
	struct advance advance;
	workflow_begin(workflow, NULL, &advance);
	CU_ASSERT_TRUE(advance.effects.children_count > 0);
	advance_finish(&advance);
	for (size_t i = 0; i < workflow_task_count(workflow); i++) {
		use_task(workflow, workflow_task_at(workflow, i)->name, OUTCOME_COMPLETED);
		use_task(workflow, workflow_task_at(workflow, i)->name, OUTCOME_FAILED);
	}
	free(workflow_draw(workflow, (enum graph_format)below(3), NULL));
}

static void spoiled_descriptors_are_refused_with_reasons_or_work(void)
{
	OWNED(json) json_t *good = read_json(full);
	size_t accepted = 0;
	for (size_t round = 0; round < ROUNDS; round++) {
		OWNED(json) json_t *descriptor = json_deep_copy(good);
		OWNED(workflow) struct workflow *workflow = NULL;
		struct workflow_faults faults = { 0 };
		for (size_t spoils = 1 + below(3); spoils > 0; spoils--)
			spoil(descriptor);
		if (workflow_create("test", descriptor, &workflow, &faults, NULL)) {
			accepted++;
			use(workflow);
		} else {
			CU_ASSERT_TRUE(faults.count > 0);
		}
		workflow_faults_finish(&faults);
	}
	CU_ASSERT_TRUE(accepted > ROUNDS / 50);
	CU_ASSERT_TRUE(accepted < ROUNDS / 2);
}

static void spoiled_yaml_is_refused_or_read(void)
{
	static const char good[] =
		"base: &base {queue: q, retries: {max: 3}}\n"
		"starts: [a]\ntasks:\n  a:\n    <<: *base\n    starts:\n"
		"      - b\n  b: {<<: [*base], payload: {x: 0x1f, y: \"z\\n\"}}\n";
	static const char signs[] = "&*<>:-[]{},#|'\"!%@`~ \n\t?\\x\x80\xff";
	size_t read = 0;
	for (size_t round = 0; round < ROUNDS; round++) {
		char text[sizeof good];
		struct error err = { 0 };
		OWNED(json) json_t *value = NULL;
		memcpy(text, good, sizeof text);
		for (size_t spoils = 1 + below(3); spoils > 0; spoils--)
			text[below(sizeof text - 1)] = signs[below(sizeof signs)];
		if (workflow_parse_yaml(
			    text, below(4) ? sizeof text - 1 : below(sizeof text), &value, &err))
			read++;
		else
			CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	}
	CU_ASSERT_TRUE(read > ROUNDS / 50);
	CU_ASSERT_TRUE(read < ROUNDS);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(spoiled_descriptors_are_refused_with_reasons_or_work),
		SUITE_TEST(spoiled_yaml_is_refused_or_read),
	};
	return suite_run("workflow_garbage", tests, ARRAY_SIZE(tests));
}
