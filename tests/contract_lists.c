/* The contract of what a store answers about jobs, tasks, queues and workflows. */
#include "tests/contract.h"

#include "base/clock.h"

#include <stdio.h>

static struct job_list list_jobs(struct job_filter filter)
{
	struct job_list list;
	struct error err;
	check(store->ops->list_jobs(store, &filter, &list, &err), &err);
	return list;
}

static size_t count_jobs(struct job_filter filter)
{
	filter.limit = 100;
	struct job_list list = list_jobs(filter);
	size_t count = list.count;
	job_list_finish(&list);
	return count;
}

static void a_workflow_is_kept_by_its_hash(void)
{
	struct error err = { 0 };
	check(store->ops->put_workflow(store, "h1", "flow", "{\"v\":1}", &err), &err);
	check(store->ops->put_workflow(store, "h2", "flow", "{\"v\":2}", &err), &err);
	check(store->ops->put_workflow(store, "h1", "flow", "{\"v\":1}", &err), &err);
	OWNED(free) char *text = NULL;
	check(store->ops->get_workflow(store, "h1", &text, &err), &err);
	CU_ASSERT_STRING_EQUAL(text, "{\"v\":1}");
	OWNED(free) char *other = NULL;
	CU_ASSERT_FALSE(store->ops->get_workflow(store, "h3", &other, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void what_is_not_there_is_not_found(void)
{
	struct job_record record;
	struct attempt_list list;
	struct error err = { 0 };
	struct id id = new_id();
	CU_ASSERT_FALSE(store->ops->get_job(store, id.text, &record, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
	err.kind = ERROR_NONE;
	CU_ASSERT_FALSE(store->ops->list_attempts(store, id.text, &list, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
	CU_ASSERT_FALSE(exists(id.text));
	CU_ASSERT_FALSE(exists(child_id(id.text, 1).text));
	CU_ASSERT_FALSE(exists(child_id(submit_one("row").text, 2).text));
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 0);
}

static void jobs_are_listed_newest_first_in_pages(void)
{
	struct id ids[7];
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = submit_one("row");
		pass_ms(2); /* ids sort by the millisecond */
	}
	const char *before = NULL;
	char last[STORE_ID_SIZE];
	for (size_t seen = 0; seen < ARRAY_SIZE(ids);) {
		struct job_list page =
			list_jobs((struct job_filter){ .state = -1, .before = before, .limit = 3 });
		CU_ASSERT_EQUAL_FATAL(page.count, seen < 6 ? 3 : 1);
		for (size_t i = 0; i < page.count; i++, seen++)
			CU_ASSERT_STRING_EQUAL(
				page.rows[i].id, ids[ARRAY_SIZE(ids) - 1 - seen].text);
		snprintf(last, sizeof last, "%s", page.rows[page.count - 1].id);
		before = last;
		job_list_finish(&page);
	}
	struct job_list none =
		list_jobs((struct job_filter){ .state = -1, .before = before, .limit = 3 });
	CU_ASSERT_EQUAL(none.count, 0);
	job_list_finish(&none);
}

static void jobs_are_filtered(void)
{
	submit_one("row");
	complete(lease("row"));
	submit_one("row");
	struct step step;
	step_begin(&step);
	step_child(&step, "bad");
	step_child(&step, "row");
	submit(&step);
	step_begin(&step);
	step.effects.job_failure = "why";
	commit_step(lease("bad"), OUTCOME_FAILED, &step);
	CU_ASSERT_EQUAL(count_jobs((struct job_filter){ .state = -1 }), 3);
	CU_ASSERT_EQUAL(count_jobs((struct job_filter){ .state = JOB_COMPLETED }), 1);
	CU_ASSERT_EQUAL(count_jobs((struct job_filter){ .state = JOB_FAILED }), 1);
	CU_ASSERT_EQUAL(count_jobs((struct job_filter){ .state = -1, .unfinished = true }), 2);
	CU_ASSERT_EQUAL(count_jobs((struct job_filter){ .state = -1, .workflow = "flow" }), 3);
	CU_ASSERT_EQUAL(count_jobs((struct job_filter){ .state = -1, .workflow = "no" }), 0);
}

static void listed_jobs_carry_their_counts(void)
{
	submit_one("row");
	struct job_list list = list_jobs((struct job_filter){ .state = -1, .limit = 1 });
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	CU_ASSERT_EQUAL_FATAL(list.rows[0].name_count, 1);
	CU_ASSERT_STRING_EQUAL(list.rows[0].names[0].name, "row");
	CU_ASSERT_EQUAL(list.rows[0].names[0].states[TASK_QUEUED], 1);
	job_list_finish(&list);
}

static void tasks_of_a_job_are_listed_by_number_in_pages(void)
{
	struct id id = submit_one("split");
	const struct leased *held = lease("split");
	spawn(held, 0, "row", 24);
	complete_spawning(held, "row", 24);
	struct task_filter filter = of_job(id.text);
	filter.limit = 7;
	int64_t seen = 0;
	for (int page = 0; page < 4; page++) {
		const struct task_list *list = list_tasks(filter);
		for (size_t i = 0; i < list->count; i++)
			CU_ASSERT_EQUAL(list->rows[i].seq, ++seen);
		if (list->count > 0)
			filter.after = list->rows[list->count - 1].id;
	}
	CU_ASSERT_EQUAL(seen, 25);
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 0);
}

static void tasks_are_filtered(void)
{
	struct step step;
	step_begin(&step);
	step_child(&step, "a");
	step_child(&step, "b")->queue = "a";
	step_child(&step, "b");
	struct id id = submit(&step);
	const struct leased *first = lease("a");
	spawn(first, 0, "c", 2);
	complete_spawning(first, "c", 2);
	end(lease("c"), OUTCOME_FAILED);
	end(lease("c"), OUTCOME_INVALID);
	struct task_filter filter = of_job(id.text);
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 5);
	filter.queue = "a";
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 2);
	filter.name = "b";
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 1);
	filter.queue = NULL;
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 2);
	filter = of_job(id.text);
	filter.parent = 1;
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 2);
	filter.parent = 0;
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 3);
	filter = of_job(id.text);
	filter.is_dead = true;
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 2);
	filter.is_dead = false;
	filter.state = TASK_INVALID;
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 1);
	filter.state = TASK_QUEUED;
	CU_ASSERT_EQUAL(list_tasks(filter)->count, 2);
}

static void bodies_are_listed_only_where_asked_for(void)
{
	push_as((struct push){ .queue = "mail", .payload = "[7]" });
	struct commit made = commit_of(lease("mail"), OUTCOME_COMPLETED);
	made.result = "[8]";
	commit(&made);
	struct task_filter filter = of_job(NULL);
	CU_ASSERT_PTR_NULL(list_tasks(filter)->rows[0].payload);
	CU_ASSERT_PTR_NULL(list_tasks(filter)->rows[0].result);
	filter.with_bodies = true;
	CU_ASSERT_STRING_EQUAL(list_tasks(filter)->rows[0].payload, "[7]");
	CU_ASSERT_STRING_EQUAL(list_tasks(filter)->rows[0].result, "[8]");
}

static void all_tasks_are_listed_once_in_pages(void)
{
	for (int i = 0; i < 4; i++) {
		push("mail");
		pass_ms(2);
		struct id id = submit_one("split");
		const struct leased *held = lease("split");
		CU_ASSERT_STRING_EQUAL(held->job_id, id.text);
		spawn(held, 0, "row", 11);
		complete_spawning(held, "row", 11);
		pass_ms(2);
	}
	push_as((struct push){ .id = "foreign", .queue = "mail" });
	const size_t all = list_tasks(of_job(NULL))->count;
	CU_ASSERT_EQUAL(all, 4 * 13 + 1);
	struct task_filter filter = of_job(NULL);
	filter.limit = 5;
	size_t seen = 0;
	const struct task_list *whole = list_tasks(of_job(NULL));
	for (const struct task_list *page; (page = list_tasks(filter))->count > 0;) {
		for (size_t i = 0; i < page->count && seen < all; i++)
			CU_ASSERT_STRING_EQUAL(page->rows[i].id, whole->rows[seen++].id);
		filter.after = page->rows[page->count - 1].id;
	}
	CU_ASSERT_EQUAL(seen, all);
}

static void a_queue_is_counted(void)
{
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
	for (int i = 0; i < 6; i++)
		push("mail");
	push_as((struct push){ .queue = "mail", .delay_ms = 60000 });
	complete(lease("mail"));
	end(lease("mail"), OUTCOME_FAILED);
	end(lease("mail"), OUTCOME_INVALID);
	end(lease("mail"), OUTCOME_RETRY);
	lease("mail");
	pass_ms(5000);
	struct queue_stats stats = queue("mail");
	CU_ASSERT_EQUAL(stats.depth, 2);
	CU_ASSERT_EQUAL(stats.delayed, 1);
	CU_ASSERT_EQUAL(stats.working, 1);
	CU_ASSERT_EQUAL(stats.dead, 2);
	CU_ASSERT_EQUAL(stats.completed, 1);
	CU_ASSERT_EQUAL(stats.failed, 2);
	CU_ASSERT_TRUE(stats.oldest_ms >= 5000 && stats.oldest_ms < 60000);
	pass_ms(55000);
	CU_ASSERT_EQUAL(queue("mail").depth, 3);
	CU_ASSERT_EQUAL(queue("mail").delayed, 0);
}

static void a_task_tells_where_it_stands(void)
{
	int64_t before_ms = clock_wall_ms();
	struct id id = push_as((struct push){ .queue = "mail", .delay_ms = 60000 });
	const struct task_record *record = task(id.text);
	CU_ASSERT_EQUAL(record->state, TASK_QUEUED);
	CU_ASSERT_TRUE(record->due_at_ms >= before_ms + 60000);
	CU_ASSERT_EQUAL(record->attempt, 0);
	CU_ASSERT_EQUAL(record->finished_at_ms, 0);
	CU_ASSERT_PTR_NULL(record->job_id);
	CU_ASSERT_PTR_NULL(record->result);
	CU_ASSERT_STRING_EQUAL(record->payload, "{}");
	struct step step;
	step_begin(&step);
	step_child(&step, "row");
	step_gate(&step, 3, "sync")->scopes = "0/3.1";
	step_counter(&step, 3, "sync", 1);
	struct id job_id = submit(&step);
	record = task(child_id(job_id.text, 2).text);
	CU_ASSERT_EQUAL(record->state, TASK_WAITING);
	CU_ASSERT_STRING_EQUAL(record->wait_gate, "sync");
	CU_ASSERT_EQUAL(record->wait_scope, 3);
	CU_ASSERT_STRING_EQUAL(record->scopes, "0/3.1");
	CU_ASSERT_STRING_EQUAL(record->job_id, job_id.text);
	CU_ASSERT_EQUAL(record->seq, 2);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_workflow_is_kept_by_its_hash),
	SUITE_TEST(what_is_not_there_is_not_found),
	SUITE_TEST(jobs_are_listed_newest_first_in_pages),
	SUITE_TEST(jobs_are_filtered),
	SUITE_TEST(listed_jobs_carry_their_counts),
	SUITE_TEST(tasks_of_a_job_are_listed_by_number_in_pages),
	SUITE_TEST(tasks_are_filtered),
	SUITE_TEST(bodies_are_listed_only_where_asked_for),
	SUITE_TEST(all_tasks_are_listed_once_in_pages),
	SUITE_TEST(a_queue_is_counted),
	SUITE_TEST(a_task_tells_where_it_stands),
};
const struct contract_part contract_lists = { "lists", tests, ARRAY_SIZE(tests) };
