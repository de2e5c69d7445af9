/*
 * What an act costs does not grow with what lies beside it: delayed tasks that are not due,
 * siblings of a cancelled job. The work is counted, never timed: steps of SQLite's machine,
 * commands that scripts call in Redis, rows and index entries that PostgreSQL's statistics tell of.
 */
#include "tests/contract.h"
#include "tests/work_counter.h"

#include <stdio.h>

#define FEW    250 /* more than what is looked at one by one anywhere */
#define MANY   2000
#define CHUNK  25 /* of children written ahead */
#define DAY_MS 86400000

struct act {
	const char *name;
	void (*run)(void);
};

/* The second time: what is only done once for a session is not the act's. */
static int64_t measure(const struct act *act)
{
	act->run();
	int64_t before = work_count(store, contract_scheme());
	act->run();
	return work_count(store, contract_scheme()) - before;
}

/* Each act beside few and beside many; the store is made anew between them. */
static void compare(void (*fill)(int count), const struct act *acts, size_t count)
{
	int64_t few[16];
	work_clean(store, contract_scheme());
	fill(FEW);
	for (size_t i = 0; i < count; i++)
		few[i] = measure(&acts[i]);
	contract_end();
	contract_begin();
	work_clean(store, contract_scheme());
	fill(MANY);
	for (size_t i = 0; i < count; i++) {
		int64_t many = measure(&acts[i]);
		bool is_bounded = many <= few[i] + few[i] / 2 + 40;
		if (!is_bounded)
			fprintf(stderr, "\n    %s: %lld beside %d, %lld beside %d\n", acts[i].name,
				(long long)few[i], FEW, (long long)many, MANY);
		CU_ASSERT_TRUE(is_bounded);
	}
}

static void push_later(const char *name, int count)
{
	struct push rows[100];
	struct id ids[ARRAY_SIZE(rows)];
	struct error err;
	size_t n = 0;
	for (int i = 0; i < count; i++) {
		ids[n] = new_id();
		rows[n] = (struct push){ .id = ids[n].text,
			.name = name,
			.queue = name,
			.payload = "1",
			.key = ids[n].text,
			.delay_ms = DAY_MS + (int64_t)i * 1000 };
		if (++n == ARRAY_SIZE(rows) || i + 1 == count) {
			check(store->ops->push(store, rows, n, NULL, &err), &err);
			n = 0;
		}
	}
}

static void lease_nothing(void)
{
	CU_ASSERT_PTR_NULL(lease("mail"));
}

static void push_and_complete(void)
{
	push("mail");
	complete(lease("mail"));
}

static void push_twice_with_a_key(void)
{
	struct push same = { .queue = "mail", .key = "once", .delay_ms = DAY_MS / 2 };
	struct id first = push_as(same), second = push_as(same);
	CU_ASSERT_STRING_EQUAL(second.text, first.text);
}

static void retry_later(void)
{
	push("mail");
	struct commit made = commit_of(lease("mail"), OUTCOME_RETRY);
	made.delay_ms = DAY_MS / 2;
	commit(&made);
}

static void sweep_all(void)
{
	CU_ASSERT_EQUAL(sweep(100).due, 0);
}

static void ask_queue(void)
{
	CU_ASSERT_TRUE(queue("mail").delayed >= FEW);
	CU_ASSERT_EQUAL(queue("mail").depth, 0);
}

static void fill_delayed(int count)
{
	push_later("mail", count);
}

static void delayed_tasks_cost_nothing_until_they_are_due(void)
{
	static const struct act acts[] = {
		{ "lease, nothing is due", lease_nothing },
		{ "push, lease and commit", push_and_complete },
		{ "push, lease and retry", retry_later },
		{ "push with a key, twice", push_twice_with_a_key },
		{ "sweep", sweep_all },
		{ "get_queue", ask_queue },
	};
	compare(fill_delayed, acts, ARRAY_SIZE(acts));
}

static void fill_outbox(int count)
{
	set_door("mail", true);
	push_later("mail", count);
}

static void claim_nothing(void)
{
	CU_ASSERT_EQUAL(claim("mail", 10).count, 0);
}

static void claim_and_mark(void)
{
	struct id id = push("mail");
	struct outgoing_list list = claim("mail", 10);
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	mark(id.text, list.rows[0].dispatch);
	adopt_task("mail", id.text, NULL);
	complete(lease("mail"));
}

static void delayed_tasks_of_a_broker_cost_nothing_until_they_are_due(void)
{
	static const struct act acts[] = {
		{ "claim, nothing is due", claim_nothing },
		{ "push, claim, mark, adopt, lease, commit", claim_and_mark },
		{ "sweep", sweep_all },
		{ "get_queue", ask_queue },
	};
	compare(fill_outbox, acts, ARRAY_SIZE(acts));
}

static struct id cancelled;
static const struct leased *held;

/* A job whose children are all queued but one, which is worked on, and that is cancelled. */
static void fill_cancelled(int count)
{
	cancelled = submit_one("split");
	const struct leased *parent = lease("split");
	for (int at = 0; at < count; at += CHUNK)
		spawn(parent, (uint32_t)at, "row",
			(size_t)(count - at < CHUNK ? count - at : CHUNK));
	complete_spawning(parent, "row", count);
	held = lease("row");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
}

static void cancel_it(void)
{
	struct error err;
	check(store->ops->cancel_job(store, cancelled.text, &err), &err);
}

static void renew_it(void)
{
	CU_ASSERT_EQUAL(renew(held), RENEW_CANCELLED);
}

/* What is not in a bundle any more is passed over one by one, some with each lease: as many as an
 * earlier lease has unpacked, whatever the bundle's size. */
static const struct leased *lease_behind(void)
{
	const struct leased *task = NULL;
	for (int i = 0; i < 10 && !task; i++)
		task = lease("row");
	return task;
}

static void push_and_complete_behind(void)
{
	push("row");
	const struct leased *task = lease_behind();
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	CU_ASSERT_PTR_NULL(task->job_id);
	complete(task);
}

static void ask_job(void)
{
	ASSERT_JOB(cancelled.text, JOB_CANCELLED);
}

static void end_some(void)
{
	bool left;
	struct error err;
	check(store->ops->end_cancelled(store, cancelled.text, 4, &left, &err), &err);
	CU_ASSERT_TRUE(left);
}

static void what_a_cancel_costs_does_not_grow_with_the_job(void)
{
	static const struct act acts[] = {
		{ "cancel_job", cancel_it },
		{ "renew", renew_it },
		{ "push behind its tasks, lease and commit", push_and_complete_behind },
		{ "get_job", ask_job },
		{ "end_cancelled", end_some },
	};
	compare(fill_cancelled, acts, ARRAY_SIZE(acts));
}

static bool end_page(size_t limit, int64_t *work)
{
	bool left;
	struct error err;
	int64_t before = work_count(store, contract_scheme());
	check(store->ops->end_cancelled(store, cancelled.text, limit, &left, &err), &err);
	*work = work_count(store, contract_scheme()) - before;
	return left;
}

static void the_last_page_of_a_cancel_costs_as_much_as_the_second(void)
{
	int64_t first, second, work, most = 0;
	work_clean(store, contract_scheme());
	fill_cancelled(MANY);
	cancel_it();
	end_page(100, &first);
	CU_ASSERT_TRUE(end_page(100, &second));
	while (end_page(100, &work))
		most = work > most ? work : most;
	if (most > second + second / 2 + 40)
		fprintf(stderr, "\n    a page: %lld, then up to %lld\n", (long long)second,
			(long long)most);
	CU_ASSERT_TRUE(most <= second + second / 2 + 40);
}

/* The first lease puts the cancelled ones aside: not one after another. */
static void the_first_lease_after_a_cancel_has_the_next_job_s_task(void)
{
	static const int sizes[] = { FEW, MANY };
	int64_t work[ARRAY_SIZE(sizes)];
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (i > 0) {
			contract_end();
			contract_begin();
		}
		work_clean(store, contract_scheme());
		fill_cancelled(sizes[i]);
		struct id behind = push("row");
		cancel_it();
		int64_t before = work_count(store, contract_scheme());
		const struct leased *task = lease_behind();
		work[i] = work_count(store, contract_scheme()) - before;
		CU_ASSERT_PTR_NOT_NULL_FATAL(task);
		CU_ASSERT_STRING_EQUAL(task->id, behind.text);
	}
	CU_ASSERT_TRUE(work[1] <= work[0] + work[0] / 2 + 40);
}

/* Nothing of them is left anywhere, also where a lease has put them aside. */
static void what_a_lease_has_put_aside_ends_with_the_pages_of_its_job(void)
{
	struct error err;
	bool left = true;
	const char *name = "row";
	fill_cancelled(700);
	cancel_it();
	CU_ASSERT_PTR_NULL(lease_behind());
	CU_ASSERT_EQUAL(queue("row").depth, 0);
	CU_ASSERT_TRUE(queue("row").delayed >= 500);
	end(held, OUTCOME_CANCELLED);
	while (left)
		check(store->ops->end_cancelled(store, cancelled.text, 150, &left, &err), &err);
	CU_ASSERT_EQUAL(count_of(cancelled.text, "row", TASK_CANCELLED), 700);
	CU_ASSERT_EQUAL(count_of(cancelled.text, "row", TASK_QUEUED), 0);
	CU_ASSERT_EQUAL(queue("row").delayed, 0);
	CU_ASSERT_EQUAL(queue("row").depth, 0);
	struct lease_batch none = lease_by(&(struct lease_request){ .queues = &name,
		.queue_count = 1,
		.owner = OWNER,
		.lease_ms = LEASE_MS,
		.max = 1 });
	CU_ASSERT_EQUAL(none.count, 0);
	CU_ASSERT_EQUAL(none.next_ms, -1);
}

static void the_same_in_an_outbox(void)
{
	struct error err;
	bool left = true;
	set_door("row", true);
	cancelled = submit_one("split");
	const struct leased *parent = lease("split");
	spawn(parent, 0, "row", 300);
	complete_spawning(parent, "row", 300);
	struct id behind = push("row");
	cancel_it();
	struct outgoing_list list = claim("row", 1);
	CU_ASSERT_EQUAL_FATAL(list.count, 1);
	CU_ASSERT_STRING_EQUAL(list.rows[0].id, behind.text);
	while (left)
		check(store->ops->end_cancelled(store, cancelled.text, 150, &left, &err), &err);
	CU_ASSERT_EQUAL(count_of(cancelled.text, "row", TASK_CANCELLED), 300);
	CU_ASSERT_EQUAL(queue("row").delayed, 0);
	CU_ASSERT_EQUAL(queue("row").depth, 1);
	CU_ASSERT_EQUAL(queue("row").unsent, 1);
}

static const struct suite_test tests[] = {
	SUITE_TEST(delayed_tasks_cost_nothing_until_they_are_due),
	SUITE_TEST(delayed_tasks_of_a_broker_cost_nothing_until_they_are_due),
	SUITE_TEST(what_a_cancel_costs_does_not_grow_with_the_job),
	SUITE_TEST(the_last_page_of_a_cancel_costs_as_much_as_the_second),
	SUITE_TEST(the_first_lease_after_a_cancel_has_the_next_job_s_task),
	SUITE_TEST(what_a_lease_has_put_aside_ends_with_the_pages_of_its_job),
	SUITE_TEST(the_same_in_an_outbox),
};

const struct contract_part contract_work = { "work", tests, ARRAY_SIZE(tests) };
