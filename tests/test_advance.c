/* workflow/advance and judge: what one step of a job changes, and when a gate opens. */
#include "base/jsontext.h"
#include "tests/suite.h"
#include "workflow/workflow.h"

#include <stdio.h>

/* The public example of Qyu's README (github.com/QyuTeam/qyu). */
static const char advertising[] =
	"{'starts':['ad:group:generate'],'tasks':{"
	"'ad:group:generate':{'queue':'ad-group-generate','starts':['ad:group:children:split']},"
	"'ad:group:children:split':{'queue':'ad-group-children-split',"
	"'starts_manually':['ad:group:children:generate'],"
	"'starts_with_params':{'ad:group:sync:gate':{'nr_tasks':"
	"{'count':'ad:group:children:generate'}}}},"
	"'ad:group:children:generate':{'queue':'ad-group-children-generate'},"
	"'ad:group:sync:gate':{'queue':'sync-adgroups','waits_for':{'ad:group:children:generate':"
	"{'condition':{'param':'nr_tasks','function':'eq_completed'}}},"
	"'starts':['campaign:package']},"
	"'campaign:package':{'queue':'campaign-package'}}}";

/* JSON with ' for " in the tests' texts. */
static json_t *json(const char *text)
{
	OWNED(free) char *quoted = xstrdup(text);
	for (char *at = quoted; *at; at++)
		if (*at == '\'')
			*at = '"';
	struct error err = { 0 };
	json_t *value = NULL;
	if (!jsontext_parse(quoted, strlen(quoted), &value, &err))
		printf("%s: %s\n", text, err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	return value;
}

static struct workflow *make(const char *text)
{
	OWNED(json) json_t *descriptor = json(text);
	struct error err = { 0 };
	struct workflow *workflow = NULL;
	if (!workflow_create("test", descriptor, &workflow, NULL, &err))
		printf("%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(workflow);
	return workflow;
}

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
	for (char *at = text; *at; at++)
		if (*at == '"')
			*at = '\'';
	return text;
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

static void check_text(char *got, const char *expected)
{
	if (strcmp(got, expected) != 0)
		printf("\n     got: %s\nexpected: %s\n", got, expected);
	CU_ASSERT_STRING_EQUAL(got, expected);
	free(got);
}

#define EXPECT_CHILDREN(advance, text) check_text(print_children(&(advance).effects), text)
#define EXPECT_COUNTERS(advance, text) check_text(print_counters(&(advance).effects), text)
#define EXPECT_TALLIES(advance, text)  check_text(print_tallies(&(advance).effects), text)

static void begin(const struct workflow *workflow, const char *payload, struct advance *advance)
{
	OWNED(json) json_t *value = json(payload);
	workflow_begin(workflow, value, advance);
}

static void a_job_of_one_task_begins_and_ends(void)
{
	OWNED(workflow)
	struct workflow *workflow =
		make("{'starts':['say:hello'],'tasks':{'say:hello':{'queue':'say-hello'}}}");
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
	OWNED(workflow) struct workflow *workflow = make(advertising);
	OWNED(json) json_t *job = json("{'nr':2,'ad:group:children:generate':{'color':'red'}}");
	OWNED(json) json_t *payload = json("{'nr':2}");
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

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_job_of_one_task_begins_and_ends),
		SUITE_TEST(the_advertising_job_splits_and_joins),
	};
	return suite_run("advance", tests, ARRAY_SIZE(tests));
}
