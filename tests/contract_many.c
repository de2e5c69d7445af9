/* The contract of one commit that bears very many children: a backend may write them down in pages
 * before, and nobody may see a difference. */
#include "tests/contract.h"

#include "base/clock.h"

#define MANY 40
#define MORE 110 /* than a backend writes at once */

/* What one commit bears: gates that wait for (1, "sync"), where the counter begins at `pending`,
 * and as many producers. */
struct litter {
	struct new_task children[MORE + 2];
	size_t gates;
	int64_t pending, timeout_ms;
};

static struct commit litter_commit(
	struct litter *litter, struct step *step, const struct leased *parent, enum outcome outcome)
{
	size_t count = 0;
	step_begin(step);
	for (; count < litter->gates; count++)
		litter->children[count] = (struct new_task){ .name = "sync",
			.queue = "sync",
			.payload = "{}",
			.scopes = "0",
			.waits = true,
			.wait_scope = 1,
			.wait_gate = "sync",
			.wait_timeout_ms = litter->timeout_ms };
	for (int64_t i = 0; i < litter->pending; i++)
		litter->children[count++] = (struct new_task){
			.name = "producer", .queue = "producer", .payload = "{}", .scopes = "0/1"
		};
	step_counter(step, 1, "sync", litter->pending);
	step_tally(step, 0, "sync", (struct tally){ .born = (int64_t)litter->gates });
	step_tally(step, 0, "producer", (struct tally){ .born = litter->pending });
	step_ended(step, parent->name, outcome);
	struct commit made = commit_of(parent, outcome);
	made.effects = step->effects;
	made.effects.children = litter->children;
	made.effects.children_count = count;
	return made;
}

/* A job whose first task bears the litter; answers the commit to be repeated. */
static struct commit bear(struct id *id, struct litter *litter, struct step *step)
{
	*id = submit_one("parent");
	struct commit made = litter_commit(litter, step, lease("parent"), OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
	return made;
}

static void produce(void)
{
	struct step step;
	step_begin(&step);
	step_counter(&step, 1, "sync", -1);
	commit_step(lease("producer"), OUTCOME_COMPLETED, &step);
}

static size_t complete_all(const char *name)
{
	size_t count = 0;
	for (const struct leased *held = lease(name); held; held = lease(name), count++)
		complete(held);
	return count;
}

static void they_wait_and_wake_together(void)
{
	struct litter litter = { .gates = MORE, .pending = 2 };
	struct step step;
	struct id id;
	int64_t before = clock_wall_ms();
	bear(&id, &litter, &step);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), MORE);
	CU_ASSERT_EQUAL(count_of(id.text, "producer", TASK_QUEUED), 2);
	ASSERT_STATE(child_id(id.text, 2).text, TASK_WAITING);
	CU_ASSERT_TRUE(task(child_id(id.text, 2).text)->created_at_ms >= before);
	CU_ASSERT_EQUAL(list_gates(NULL, 10)->count, 1);
	produce();
	CU_ASSERT_PTR_NULL(lease("sync"));
	produce();
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_QUEUED), MORE);
	CU_ASSERT_EQUAL(queue("sync").depth, MORE);
	CU_ASSERT_EQUAL(list_gates(NULL, 10)->count, 0);
	const struct leased *held = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_STRING_EQUAL(held->wait_gate, "sync");
	CU_ASSERT_EQUAL(held->wait_scope, 1);
	complete(held);
	CU_ASSERT_EQUAL(complete_all("sync"), MORE - 1);
	ASSERT_JOB(id.text, JOB_COMPLETED);
	CU_ASSERT_TRUE(task(child_id(id.text, 2).text)->created_at_ms >= before);
}

static void a_repeat_bears_nothing_twice(void)
{
	struct litter litter = { .gates = MANY, .pending = 1 };
	struct step step;
	struct id id;
	struct commit made = bear(&id, &litter, &step);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_REPEATED);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), MANY);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, MANY + 2);
}

static void a_stale_token_bears_nothing(void)
{
	struct litter litter = { .gates = MANY, .pending = 1 };
	struct step step;
	struct id id = submit_one("parent");
	const struct leased *held = lease("parent");
	release(OWNER, NULL, NULL);
	struct commit made = litter_commit(&litter, &step, held, OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_STALE);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, 1);
}

static void beside_what_the_handler_has_spawned(void)
{
	struct litter litter = { .gates = MANY, .pending = 1 };
	struct step step;
	struct id id = submit_one("parent");
	const struct leased *held = lease("parent");
	spawn(held, 0, "row", 200);
	struct commit made = litter_commit(&litter, &step, held, OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(queue("row").depth, 200);
	CU_ASSERT_EQUAL(list_tasks(of_job(id.text))->count, MANY + 202);
	produce();
	CU_ASSERT_EQUAL(complete_all("sync"), MANY);
}

static void where_nobody_produces_they_are_ready(void)
{
	struct litter litter = { .gates = MANY };
	struct step step;
	struct id id;
	bear(&id, &litter, &step);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_QUEUED), MANY);
	CU_ASSERT_EQUAL(complete_all("sync"), MANY);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void their_time_passes_from_their_birth(void)
{
	struct litter litter = { .gates = MANY, .pending = 1, .timeout_ms = 60000 };
	struct step step;
	struct id id;
	bear(&id, &litter, &step);
	pass_ms(59000);
	sweep(1000);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), MANY);
	pass_ms(2000);
	sweep(1000);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_QUEUED), MANY);
	const struct leased *held = lease("sync");
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_TRUE(held->wait_until_ms > 0 && held->wait_until_ms <= clock_wall_ms());
	complete(held);
	CU_ASSERT_EQUAL(complete_all("sync"), MANY - 1);
}

/* Its gate may open meanwhile: nothing is woken twice. */
static void what_has_woken_is_not_woken_by_its_time(void)
{
	struct litter litter = { .gates = MANY, .pending = 1, .timeout_ms = 60000 };
	struct step step;
	struct id id;
	bear(&id, &litter, &step);
	produce();
	pass_ms(61000);
	sweep(1000);
	CU_ASSERT_EQUAL(queue("sync").depth, MANY);
	CU_ASSERT_EQUAL(complete_all("sync"), MANY);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void one_of_them_is_taken_out_of_its_turn(void)
{
	struct litter litter = { .gates = MANY, .pending = 1 };
	struct step step;
	struct id id;
	const struct leased *held;
	bear(&id, &litter, &step);
	CU_ASSERT_EQUAL(lease_task_as(child_id(id.text, 5).text, &held), ERROR_NONE);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), MANY - 1);
	release(OTHER, NULL, NULL); /* waiting again */
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), MANY);
	CU_ASSERT_EQUAL(lease_task_as(child_id(id.text, 6).text, &held), ERROR_NONE);
	complete(held);
	produce();
	CU_ASSERT_EQUAL(queue("sync").depth, MANY - 1);
	CU_ASSERT_EQUAL(complete_all("sync"), MANY - 1);
	ASSERT_JOB(id.text, JOB_COMPLETED);
}

static void they_end_with_their_cancelled_job(void)
{
	struct litter litter = { .gates = MANY, .pending = 1, .timeout_ms = 60000 };
	struct step step;
	struct id id;
	struct error err;
	bool left = true;
	bear(&id, &litter, &step);
	check(store->ops->cancel_job(store, id.text, &err), &err);
	while (left)
		check(store->ops->end_cancelled(store, id.text, 50, &left, &err), &err);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_CANCELLED), MANY);
	pass_ms(61000);
	sweep(1000);
	CU_ASSERT_EQUAL(queue("sync").depth, 0);
	CU_ASSERT_PTR_NULL(lease("sync"));
}

static void a_retry_bears_them_once(void)
{
	struct litter litter = { .gates = MANY, .pending = 1 };
	struct step step;
	struct id id = submit_one("parent");
	const struct leased *held = lease("parent");
	struct commit again = commit_of(held, OUTCOME_RETRY);
	spawn(held, 0, "row", 5);
	commit(&again);
	struct commit made = litter_commit(&litter, &step, lease("parent"), OUTCOME_COMPLETED);
	CU_ASSERT_EQUAL(commit(&made).answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(count_of(id.text, "sync", TASK_WAITING), MANY);
	CU_ASSERT_EQUAL(queue("row").depth, 0);
}

/* More than one script or transaction takes at once. */
static void a_large_batch_is_leased_and_committed(void)
{
	struct commit commits[100];
	struct commit_result results[100];
	struct error err;
	const char *name = "mail";
	struct lease_request request = {
		.queues = &name, .queue_count = 1, .owner = OWNER, .lease_ms = LEASE_MS, .max = 100
	};
	for (int i = 0; i < 200; i++)
		push("mail");
	struct lease_batch batch = lease_many("mail", 100), next;
	CU_ASSERT_EQUAL_FATAL(batch.count, 100);
	for (size_t i = 0; i < 100; i++)
		commits[i] = commit_of(&batch.tasks[i], OUTCOME_COMPLETED);
	check(store->ops->commit(store, commits, 100, results, &request, &next, &err), &err);
	for (size_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(results[i].answer, COMMIT_DONE);
	CU_ASSERT_EQUAL(next.count, 100);
	lease_batch_finish(&next);
	CU_ASSERT_EQUAL(queue("mail").working, 100);
	CU_ASSERT_EQUAL(queue("mail").completed, 100);
	/* What can't be at its end leaves all of it undone. */
	batch = held_by(OWNER);
	for (size_t i = 0; i < 100; i++)
		commits[i] = commit_of(&batch.tasks[i], OUTCOME_COMPLETED);
	commits[99].outcome = OUTCOME_WAIT;
	CU_ASSERT_FALSE(store->ops->commit(store, commits, 100, results, NULL, NULL, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	CU_ASSERT_EQUAL(queue("mail").completed, 100);
}

static const struct suite_test tests[] = {
	SUITE_TEST(they_wait_and_wake_together),
	SUITE_TEST(a_repeat_bears_nothing_twice),
	SUITE_TEST(a_stale_token_bears_nothing),
	SUITE_TEST(beside_what_the_handler_has_spawned),
	SUITE_TEST(where_nobody_produces_they_are_ready),
	SUITE_TEST(their_time_passes_from_their_birth),
	SUITE_TEST(what_has_woken_is_not_woken_by_its_time),
	SUITE_TEST(one_of_them_is_taken_out_of_its_turn),
	SUITE_TEST(they_end_with_their_cancelled_job),
	SUITE_TEST(a_retry_bears_them_once),
	SUITE_TEST(a_large_batch_is_leased_and_committed),
};

const struct contract_part contract_many = { "many", tests, ARRAY_SIZE(tests) };
