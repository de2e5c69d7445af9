/* The contract of schedules: what is remembered changes once, with all that it starts. */
#include "tests/contract.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)

static void finish_list(void *block)
{
	schedule_list_finish(block);
}

static const struct schedule_record *get(const char *name)
{
	struct schedule_list list;
	struct error err;
	check(store->ops->get_schedules(store, &name, 1, &list, &err), &err);
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	const struct schedule_list *kept = contract_keep(&list, sizeof list, finish_list);
	return &kept->rows[0];
}

static bool fire(const struct firing *firing)
{
	bool is_done = false;
	struct error err;
	check(store->ops->fire(store, firing, &is_done, &err), &err);
	return is_done;
}

static bool remember(const char *name, uint64_t version, const char *text)
{
	const struct firing firing = { .name = name, .version = version, .text = text };
	return fire(&firing);
}

static struct submission job_of(const char *id, struct step *begin)
{
	step_begin(begin);
	step_child(begin, "only");
	step_tally(begin, 0, "only", (struct tally){ .born = 1 });
	struct error err;
	check(store->ops->put_workflow(store, "hash", "nightly", "{}", &err), &err);
	return (struct submission){ .id = id,
		.workflow = "nightly",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = begin->effects };
}

static void a_schedule_that_nobody_knows_has_no_version(void)
{
	CU_ASSERT_EQUAL(get("nightly")->version, 0);
	CU_ASSERT_PTR_NULL(get("nightly")->text);
}

static void what_is_remembered_changes_only_from_what_was_read(void)
{
	CU_ASSERT_FALSE(remember("nightly", 1, "too early"));
	CU_ASSERT_TRUE(remember("nightly", 0, "first"));
	CU_ASSERT_FALSE(remember("nightly", 0, "another first"));
	uint64_t version = get("nightly")->version;
	CU_ASSERT_STRING_EQUAL(get("nightly")->text, "first");
	CU_ASSERT_TRUE(version > 0);
	CU_ASSERT_TRUE(remember("nightly", version, "second {\"at\": 1} \xc3\xa4"));
	CU_ASSERT_FALSE(remember("nightly", version, "from the first"));
	CU_ASSERT_STRING_EQUAL(get("nightly")->text, "second {\"at\": 1} \xc3\xa4");
	CU_ASSERT_TRUE(get("nightly")->version > version);
}

static void each_schedule_is_by_itself_and_listed_as_asked(void)
{
	static const char *const names[] = { "c", "none", "a" };
	struct schedule_list list;
	struct error err;
	remember("a", 0, "of a");
	remember("b", 0, "of b");
	remember("c", 0, "of c");
	check(store->ops->get_schedules(store, names, ARRAY_SIZE(names), &list, &err), &err);
	CU_ASSERT_EQUAL_FATAL(list.count, 3);
	CU_ASSERT_STRING_EQUAL(list.rows[0].text, "of c");
	CU_ASSERT_PTR_NULL(list.rows[1].text);
	CU_ASSERT_STRING_EQUAL(list.rows[2].text, "of a");
	schedule_list_finish(&list);
	check(store->ops->get_schedules(store, NULL, 0, &list, &err), &err);
	CU_ASSERT_EQUAL(list.count, 0);
	schedule_list_finish(&list);
}

static void a_job_is_started_with_what_is_remembered_and_once(void)
{
	struct step begin;
	struct id first = new_id(), second = new_id();
	struct submission job_one = job_of(first.text, &begin);
	struct firing firing = { .name = "nightly", .text = "{\"at\":1}", .job = &job_one };
	CU_ASSERT_TRUE(fire(&firing));
	ASSERT_JOB(first.text, JOB_RUNNING);
	CU_ASSERT_PTR_NOT_NULL(lease("only"));
	/* Another keeper that has read the same. */
	job_one.id = second.text;
	CU_ASSERT_FALSE(fire(&firing));
	CU_ASSERT_FALSE(exists(second.text));
	CU_ASSERT_PTR_NULL(lease("only"));
}

static void a_task_is_started_with_what_is_remembered_and_once(void)
{
	struct id first = new_id(), second = new_id();
	struct push task_one = {
		.id = first.text, .name = "dummy", .queue = "mail", .payload = "[1]", .priority = 7
	};
	struct firing firing = { .name = "dummy", .text = "{}", .task = &task_one };
	CU_ASSERT_TRUE(fire(&firing));
	ASSERT_STATE(first.text, TASK_QUEUED);
	CU_ASSERT_STRING_EQUAL(task(first.text)->name, "dummy");
	task_one.id = second.text;
	CU_ASSERT_FALSE(fire(&firing));
	CU_ASSERT_EQUAL(queue("mail").depth, 1);
	firing.version = get("dummy")->version;
	CU_ASSERT_TRUE(fire(&firing));
	CU_ASSERT_EQUAL(queue("mail").depth, 2);
}

static void what_is_remembered_outlives_the_job(void)
{
	struct step begin;
	struct id id = new_id();
	struct submission one = job_of(id.text, &begin);
	const struct firing firing = { .name = "nightly", .text = "{\"at\":1}", .job = &one };
	CU_ASSERT_TRUE(fire(&firing));
	complete(lease("only"));
	pass_ms(400 * DAY_MS);
	size_t deleted = 1;
	bool left = true;
	struct error err;
	while (left || deleted > 0)
		check(store->ops->gc(
			      store, INT64_MAX, INT64_MAX, INT64_MAX, 100, &deleted, &left, &err),
			&err);
	sweep(100);
	CU_ASSERT_FALSE(exists(id.text));
	CU_ASSERT_STRING_EQUAL(get("nightly")->text, "{\"at\":1}");
	CU_ASSERT_FALSE(fire(&firing));
}

static void a_firing_that_can_never_be_is_invalid(void)
{
	struct push bad = { .id = "", .name = "x", .queue = "mail", .payload = "1" };
	struct firing firing = { .name = "", .text = "{}" };
	struct error err = { 0 };
	bool is_done = false;
	CU_ASSERT_FALSE(store->ops->fire(store, &firing, &is_done, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	firing = (struct firing){ .name = "dummy", .text = "{}", .task = &bad };
	CU_ASSERT_FALSE(store->ops->fire(store, &firing, &is_done, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_EQUAL(get("dummy")->version, 0);
}

static void many_are_read_at_once(void)
{
	enum { COUNT = 2500 };
	char names[COUNT][16];
	const char *list_of[COUNT];
	struct schedule_list list;
	struct error err;
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof names[i], "s%zu", i);
		list_of[i] = names[i];
	}
	remember("s0", 0, "first");
	remember("s2499", 0, "last");
	check(store->ops->get_schedules(store, list_of, COUNT, &list, &err), &err);
	CU_ASSERT_EQUAL_FATAL(list.count, COUNT);
	CU_ASSERT_STRING_EQUAL(list.rows[0].text, "first");
	CU_ASSERT_PTR_NULL(list.rows[1200].text);
	CU_ASSERT_STRING_EQUAL(list.rows[COUNT - 1].text, "last");
	schedule_list_finish(&list);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_schedule_that_nobody_knows_has_no_version),
	SUITE_TEST(what_is_remembered_changes_only_from_what_was_read),
	SUITE_TEST(each_schedule_is_by_itself_and_listed_as_asked),
	SUITE_TEST(a_job_is_started_with_what_is_remembered_and_once),
	SUITE_TEST(a_task_is_started_with_what_is_remembered_and_once),
	SUITE_TEST(what_is_remembered_outlives_the_job),
	SUITE_TEST(a_firing_that_can_never_be_is_invalid),
	SUITE_TEST(many_are_read_at_once),
};

const struct contract_part contract_schedules = { "schedules", tests, ARRAY_SIZE(tests) };
