/*
 * How much one script of the Redis store does at most, whatever the number of tasks: while it runs
 * Redis serves nobody else. Measured are the commands that each script calls, as MONITOR shows
 * them, and not time, which depends on the machine.
 */
#include "tests/redis_ground.h"

#include "base/clock.h"

#include <poll.h>
#include <stdio.h>

#define CALLS_MAX 800  /* of one script: 1 to 2 ms */
#define WORDS_MAX 4000 /* of all its commands */

static redisContext *monitor;
static struct store *store;

struct cost {
	char script[48]; /* how its call begins */
	long calls, words;
};

static void begin(void)
{
	ground_begin();
	store = ground_open();
	monitor = redisConnect("127.0.0.1", ground_port());
	freeReplyObject(redisCommand(monitor, "MONITOR"));
}

static long count_words(const char *line)
{
	long words = 0;
	for (const char *at = line; (at = strstr(at, " \"")); at++)
		words++;
	return words;
}

/* The dearest script since the last call of this. */
static struct cost measure(void)
{
	struct cost now = { 0 }, most = { 0 };
	char mark[IDS_OWNER_SIZE];
	ids_owner(mark);
	ground_ask(ground_port(), "ECHO %s", mark);
	for (bool is_over = false; !is_over;) {
		redisReply *reply;
		if (redisGetReply(monitor, (void **)&reply) != REDIS_OK)
			abort();
		if (strstr(reply->str, " lua] ")) {
			now.calls++;
			now.words += count_words(reply->str);
		} else {
			most = now.calls > most.calls ? now : most;
			now = (struct cost){ 0 };
			const char *at = strstr(reply->str, "] \"");
			snprintf(now.script, sizeof now.script, "%s", at ? at + 2 : "");
			is_over = strstr(reply->str, mark) != NULL;
		}
		freeReplyObject(reply);
	}
	return most;
}

static void expect_bounded(const char *act)
{
	struct cost most = measure();
	CU_ASSERT_TRUE(most.calls > 0);
	CU_ASSERT_TRUE(most.calls <= CALLS_MAX);
	CU_ASSERT_TRUE(most.words <= WORDS_MAX);
	printf("\n    %-28s %5ld calls %6ld words", act, most.calls, most.words);
}

static void finish(void)
{
	redisFree(monitor);
	store_close(store);
}

/* Of a job with one task in the queue "parent"; answers it leased. */
static struct leased begin_job(void)
{
	char id[IDS_UUID_SIZE], answered[STORE_ID_SIZE];
	struct error err;
	struct new_task entry = {
		.name = "parent", .queue = "parent", .payload = "{}", .scopes = "0"
	};
	struct submission submission = { .id = id,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{}",
		.effects = { .children = &entry, .children_count = 1 } };
	store_new_id(store, id);
	ground_check(store->ops->submit(store, &submission, answered, &err), &err);
	struct lease_batch batch = ground_lease(store, "parent", GROUND_OWNER);
	struct leased held = batch.tasks[0];
	held.job_id = xstrdup(held.job_id);
	lease_batch_finish(&batch);
	return held;
}

static void commit(const struct commit *made)
{
	struct commit_result result;
	struct error err;
	ground_check(store->ops->commit(store, made, 1, &result, NULL, NULL, &err), &err);
	CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
}

static void spawn_rows(const struct leased *parent, uint32_t count)
{
	static struct new_task rows[STORE_SPAWN_MAX];
	struct error err;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = (struct new_task){
			.name = "row", .queue = "row", .payload = "{}", .scopes = "0/1"
		};
	for (uint32_t first = 0; first < count; first += STORE_SPAWN_MAX)
		ground_check(store->ops->spawn(store, parent->id, &parent->token, first, rows,
				     STORE_SPAWN_MAX, &err),
			&err);
}

/* The parent's commit bears so many gates that wait for (1, "sync"), and one producer of them. */
static void bear_gates(const struct leased *parent, size_t count, int64_t timeout_ms)
{
	struct new_task *children = xcalloc(count + 1, sizeof *children);
	struct counter_change counter = { .scope = 1, .gate = "sync", .pending = 1 };
	struct tally_change born[] = {
		{ .scope = 0, .name = "sync", .add = { .born = (int64_t)count } },
		{ .scope = 0, .name = "producer", .add = { .born = 1 } },
	};
	struct commit made = ground_commit_of(parent);
	for (size_t i = 0; i < count; i++)
		children[i] = (struct new_task){ .name = "sync",
			.queue = "sync",
			.payload = "{}",
			.scopes = "0",
			.waits = true,
			.wait_scope = 1,
			.wait_gate = "sync",
			.wait_timeout_ms = timeout_ms };
	children[count] = (struct new_task){
		.name = "producer", .queue = "producer", .payload = "{}", .scopes = "0/1"
	};
	made.effects = (struct effects){ .children = children,
		.children_count = count + 1,
		.counters = &counter,
		.counters_count = 1,
		.tallies = born,
		.tallies_count = ARRAY_SIZE(born) };
	commit(&made);
	free(children);
}

static void open_gates(void)
{
	struct lease_batch batch = ground_lease(store, "producer", GROUND_OWNER);
	struct counter_change counter = { .scope = 1, .gate = "sync", .pending = -1 };
	struct commit made = ground_commit_of(batch.tasks);
	made.effects = (struct effects){ .counters = &counter, .counters_count = 1 };
	commit(&made);
	lease_batch_finish(&batch);
}

static struct lease_batch lease_many(const char *queue, size_t max)
{
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = 30000,
		.max = max };
	struct lease_batch batch;
	struct error err;
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	return batch;
}

/* As rows of a fan-out commit: two scopes, a counter and its tallies in each. */
static void commit_rows(struct lease_batch *batch)
{
	static struct counter_change counters[] = { { 0, "report", -1 }, { 1, "sync", -1 } };
	static struct tally_change tallies[] = { { 0, "row", { .completed = 1 } },
		{ 1, "row", { .completed = 1 } } };
	const char *queue = "row";
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = 30000,
		.max = 100 };
	struct commit commits[100];
	struct commit_result results[100];
	struct lease_batch next;
	struct error err;
	for (size_t i = 0; i < batch->count; i++) {
		commits[i] = ground_commit_of(&batch->tasks[i]);
		commits[i].result = "{\"done\":1}";
		commits[i].entry = "{\"worker\":\"w\"}";
		commits[i].output = "text";
		commits[i].effects = (struct effects){ .counters = counters,
			.counters_count = ARRAY_SIZE(counters),
			.tallies = tallies,
			.tallies_count = ARRAY_SIZE(tallies) };
	}
	ground_check(
		store->ops->commit(store, commits, batch->count, results, &request, &next, &err),
		&err);
	lease_batch_finish(batch);
	*batch = next;
}

static void rows_by_the_thousand(void)
{
	begin();
	struct leased parent = begin_job();
	measure();
	spawn_rows(&parent, 10000);
	expect_bounded("spawn");
	struct commit made = ground_commit_of(&parent);
	commit(&made);
	expect_bounded("birth");
	struct lease_batch batch = lease_many("row", 100);
	CU_ASSERT_EQUAL(batch.count, 100);
	expect_bounded("lease of 100");
	commit_rows(&batch);
	CU_ASSERT_EQUAL(batch.count, 100);
	expect_bounded("commit of 100");
	struct error err;
	size_t released;
	ground_check(
		store->ops->release_owner(store, GROUND_OWNER, NULL, NULL, &released, &err), &err);
	CU_ASSERT_EQUAL(released, 100);
	expect_bounded("release");
	lease_batch_finish(&batch);
	struct task_filter filter = {
		.parent = -1, .state = -1, .with_bodies = true, .limit = 1000
	};
	struct task_list tasks;
	ground_check(store->ops->list_tasks(store, &filter, &tasks, &err), &err);
	task_list_finish(&tasks);
	expect_bounded("list of tasks");
	free(parent.job_id);
	finish();
}

static void end_cancelled(const char *job)
{
	struct error err;
	bool left = true;
	ground_check(store->ops->cancel_job(store, job, &err), &err);
	while (left)
		ground_check(store->ops->end_cancelled(store, job, 1000, &left, &err), &err);
}

static void gates_by_the_thousand(void)
{
	begin();
	struct leased parent = begin_job();
	measure();
	bear_gates(&parent, 10000, 0);
	expect_bounded("birth of gates");
	open_gates();
	expect_bounded("gates that open");
	end_cancelled(parent.job_id);
	expect_bounded("cancel of ready gates");
	free(parent.job_id);
	parent = begin_job();
	bear_gates(&parent, 5000, 100);
	measure();
	poll(NULL, 0, 150);
	struct sweep_report report;
	struct error err;
	ground_check(store->ops->sweep(store, 1000, &report, &err), &err);
	CU_ASSERT_EQUAL(ground_queue(store, "sync").depth, 5000);
	expect_bounded("gates whose time has passed");
	free(parent.job_id);
	parent = begin_job();
	bear_gates(&parent, 5000, 0);
	measure();
	end_cancelled(parent.job_id);
	expect_bounded("cancel of waiting gates");
	size_t deleted;
	bool left = true;
	for (int64_t later = clock_wall_ms() + 1000; left;)
		ground_check(
			store->ops->gc(store, later, later, later, 1000, &deleted, &left, &err),
			&err);
	expect_bounded("deletion");
	free(parent.job_id);
	finish();
}

/* Everything that sweeps look at, at once, in many queues. */
static void sweeps_of_much_in_many_queues(void)
{
	begin();
	char queue[24], id[32];
	struct error err;
	for (int q = 0; q < 300; q++) {
		snprintf(queue, sizeof queue, "q%d", q);
		for (int i = 0; i < 3; i++) {
			snprintf(id, sizeof id, "%d-%d", q, i);
			ground_push(store, queue, id);
		}
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(id, sizeof id, "mail-%d", i);
		ground_push(store, "mail", id);
		if (i % 100 == 0)
			ground_ask(ground_port(), "RPUSH %sinbox:mail 1 2 3 4 no", ground_prefix());
	}
	for (int i = 0; i < 20; i++) {
		struct lease_batch batch = lease_many("mail", 100);
		CU_ASSERT_EQUAL(batch.count, 100);
		lease_batch_finish(&batch);
	}
	ground_ask(ground_port(), "EVAL %s 1 %sclock:mail",
		"for _, m in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
		"redis.call('ZADD', KEYS[1], 1, m) end",
		ground_prefix());
	measure();
	struct sweep_report report;
	ground_check(store->ops->sweep(store, 10000, &report, &err), &err);
	CU_ASSERT_EQUAL(report.released, 2000);
	expect_bounded("sweep");
	ground_check(store->ops->sweep(store, 10000, &report, &err), &err);
	expect_bounded("sweep of nothing");
	const char *names[40];
	char texts[ARRAY_SIZE(names)][8];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(texts[i], sizeof texts[i], "q%zu", i);
		names[i] = texts[i];
		ground_ask(ground_port(), "RPUSH %sinbox:%s 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
			ground_prefix(), texts[i]);
	}
	struct lease_request request = { .queues = names,
		.queue_count = ARRAY_SIZE(names),
		.owner = GROUND_OWNER,
		.lease_ms = 30000,
		.max = 100 };
	struct lease_batch batch;
	measure();
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	lease_batch_finish(&batch);
	expect_bounded("lease from many queues");
	ground_queue(store, "mail");
	expect_bounded("counts of a queue");
	size_t purged;
	ground_check(store->ops->purge(store, "mail", false, 1000, &purged, &err), &err);
	CU_ASSERT_EQUAL(purged, 1000);
	expect_bounded("purge");
	finish();
}

static void outboxes_in_batches(void)
{
	begin();
	const char *queue = "mail";
	struct error err;
	char ids[100][16];
	struct push pushes[100];
	struct sent sent[100];
	struct arrival arrivals[100];
	enum adoption answers[100];
	ground_check(store->ops->set_door(store, &queue, 1, true, &err), &err);
	for (int i = 0; i < 100; i++) {
		snprintf(ids[i], sizeof ids[i], "task-%d", i);
		pushes[i] = (struct push){
			.id = ids[i], .name = queue, .queue = queue, .payload = "{}"
		};
	}
	measure();
	ground_check(store->ops->push(store, pushes, 100, NULL, &err), &err);
	expect_bounded("push of 100");
	struct claim_request request = { .queue = queue,
		.owner = GROUND_OWNER,
		.claim_ms = 60000,
		.max = 100,
		.with_payloads = true };
	struct outgoing_list list;
	ground_check(store->ops->claim_unsent(store, &request, &list, &err), &err);
	CU_ASSERT_EQUAL_FATAL(list.count, 100);
	expect_bounded("claim of 100");
	for (int i = 0; i < 100; i++) {
		sent[i] = (struct sent){ .id = ids[i], .dispatch = 1 };
		arrivals[i] = (struct arrival){
			.queue = queue, .message_id = ids[i], .task_id = ids[i], .group = "g"
		};
	}
	ground_check(store->ops->mark_sent(store, sent, 100, &err), &err);
	expect_bounded("mark of 100");
	size_t count;
	ground_check(store->ops->resend(store, queue, 0, 50, &count, &err), &err);
	CU_ASSERT_EQUAL(count, 50);
	expect_bounded("resend");
	ground_check(store->ops->adopt(store, arrivals, 100, answers, &err), &err);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(answers[i], ADOPT_DONE);
	expect_bounded("adoption of 100");
	outgoing_list_finish(&list);
	finish();
}

static const struct suite_test tests[] = {
	SUITE_TEST(rows_by_the_thousand),
	SUITE_TEST(gates_by_the_thousand),
	SUITE_TEST(sweeps_of_much_in_many_queues),
	SUITE_TEST(outboxes_in_batches),
};

int main(void)
{
	return suite_run("redis_scripts", tests, ARRAY_SIZE(tests));
}
