/* The SQLite store between processes: the bell, the writers' lock, and deaths at any moment. */
#include "stores/sqlite_store.h"
#include "tests/sqlite_ground.h"

#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A hang is how a lost wake-up shows: nothing here waits this long otherwise. */
#define HANG_S 120

/* Waits for the next task of the queue without a time-out, and completes it. */
static void serve(struct store *store, const char *queue, const char *owner)
{
	for (;;) {
		uint32_t ticket = store->ops->bell(store, queue);
		struct lease_batch batch = ground_lease(store, queue, owner);
		if (batch.count == 0) {
			store->ops->wait(store, queue, ticket, -1);
			continue;
		}
		ground_commit(store, batch.tasks, OUTCOME_COMPLETED);
		lease_batch_finish(&batch);
		return;
	}
}

#define ROUNDS suite_many(1500, 300)

static void play(const char *mine, const char *other, bool begins)
{
	struct store *store = ground_open();
	for (int i = 0; i < ROUNDS; i++) {
		char id[32];
		snprintf(id, sizeof id, "%s-%d", other, i);
		if (begins)
			ground_push(store, other, id);
		serve(store, mine, mine);
		if (!begins)
			ground_push(store, other, id);
	}
	store_close(store);
}

static int pong(void *context)
{
	(void)context;
	alarm(HANG_S);
	play("pong", "ping", false);
	return 0;
}

static void no_wake_up_between_two_processes_is_missed(void)
{
	ground_begin();
	store_close(ground_open());
	pid_t child = ground_fork(pong, NULL);
	alarm(HANG_S);
	play("ping", "pong", true);
	CU_ASSERT_EQUAL(ground_wait(child), 0);
	alarm(0);
	ground_end();
}

static struct store *interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted->ops->interrupt(interrupted);
}

struct pipes {
	int ready[2];
};

/* Tells when it begins to wait; each signal must end one wait, wherever it meets the process. */
static int sleep_often(void *context)
{
	struct pipes *pipes = context;
	alarm(HANG_S);
	interrupted = ground_open();
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t ticket = interrupted->ops->bell(interrupted, "mail");
		if (write(pipes->ready[1], "", 1) != 1)
			return 1;
		interrupted->ops->wait(interrupted, "mail", ticket, -1);
	}
	store_close(interrupted);
	return 0;
}

static void an_interruption_ends_a_wait_at_whatever_moment_it_comes(void)
{
	struct pipes pipes;
	ground_begin();
	store_close(ground_open());
	CU_ASSERT_EQUAL_FATAL(pipe(pipes.ready), 0);
	pid_t child = ground_fork(sleep_often, &pipes);
	close(pipes.ready[1]);
	char byte;
	int rounds = 0;
	for (; read(pipes.ready[0], &byte, 1) == 1; rounds++)
		kill(child, SIGUSR1);
	CU_ASSERT_EQUAL(ground_wait(child), 0);
	CU_ASSERT_EQUAL(rounds, ROUNDS);
	close(pipes.ready[0]);
	ground_end();
}

static int sleep_on_a_queue_to_come(void *context)
{
	(void)context;
	alarm(HANG_S);
	struct store *store = ground_open();
	serve(store, "unheard-of", "owner");
	store_close(store);
	return 0;
}

static void a_sleeper_hears_of_a_queue_that_did_not_exist(void)
{
	ground_begin();
	pid_t child = ground_fork(sleep_on_a_queue_to_come, NULL);
	struct store *store = ground_open();
	ground_push(store, "unheard-of", "one");
	CU_ASSERT_EQUAL(ground_wait(child), 0);
	CU_ASSERT_EQUAL(ground_state(store, "one"), TASK_COMPLETED);
	store_close(store);
	ground_end();
}

#define PUSHERS 4
#define PUSHES  200

static int push_many(void *context)
{
	const int *number = context;
	struct store *store = ground_open();
	for (int i = 0; i < PUSHES; i++) {
		char id[32];
		snprintf(id, sizeof id, "task-%d-%d", *number, i);
		ground_push(store, "mail", id);
	}
	store_close(store);
	return 0;
}

static void writers_wait_for_each_other_and_lose_nothing(void)
{
	ground_begin(); /* they also make the file together */
	pid_t children[PUSHERS];
	int numbers[PUSHERS];
	for (int i = 0; i < PUSHERS; i++) {
		numbers[i] = i;
		children[i] = ground_fork(push_many, &numbers[i]);
	}
	for (int i = 0; i < PUSHERS; i++)
		CU_ASSERT_EQUAL(ground_wait(children[i]), 0);
	struct store *store = ground_open();
	CU_ASSERT_EQUAL(ground_queue(store, "mail").depth, PUSHERS * PUSHES);
	store_close(store);
	ground_end();
}

/*
 * The mill: jobs of one split, ROWS rows and a gate for the rows, worked on by processes that are
 * killed again and again. The counters are what workflow/ would make of them.
 */
#define JOBS    30
#define ROWS    30
#define WORKERS 4
#define KILLS   60

static struct new_task named(const char *name)
{
	return (struct new_task){ .name = name, .queue = name, .payload = "{}", .scopes = "0" };
}

static void submit_job(struct store *store)
{
	char id[IDS_UUID_SIZE], out[STORE_ID_SIZE];
	ids_uuid7(id);
	struct new_task children[] = { named("split"), named("gate") };
	children[1].waits = true;
	children[1].wait_gate = "gate";
	struct counter_change counter = { .gate = "gate", .pending = 1 };
	struct tally_change tallies[] = { { .name = "split", .add.born = 1 },
		{ .name = "gate", .add.born = 1 } };
	struct submission submission = { .id = id,
		.workflow = "mill",
		.workflow_hash = "h",
		.payload = "{}",
		.effects = { .children = children,
			.children_count = 2,
			.counters = &counter,
			.counters_count = 1,
			.tallies = tallies,
			.tallies_count = 2 } };
	struct error err;
	ground_check(store->ops->submit(store, &submission, out, &err), &err);
}

static void spawn_rows(struct store *store, const struct leased *task)
{
	struct new_task rows[ROWS];
	struct error err;
	for (size_t i = 0; i < ROWS; i++)
		rows[i] = named("row");
	for (uint32_t first = 0; first < ROWS; first += ROWS / 3)
		ground_check(store->ops->spawn(store, task->id, &task->token, first, rows + first,
				     ROWS / 3, &err),
			&err);
}

static void work_one(struct store *store, const struct leased *task)
{
	bool is_split = strcmp(task->name, "split") == 0;
	bool is_gate = strcmp(task->name, "gate") == 0;
	if (is_split)
		spawn_rows(store, task);
	struct counter_change counter = { .gate = "gate", .pending = is_split ? ROWS - 1 : -1 };
	struct tally_change tallies[] = { { .name = task->name, .add.completed = 1 },
		{ .name = "row", .add.born = ROWS } };
	struct commit commit = { .id = task->id,
		.token = task->token,
		.entry = "{}",
		.effects = { .counters = &counter,
			.counters_count = is_gate ? 0 : 1,
			.tallies = tallies,
			.tallies_count = is_split ? 2 : 1 } };
	struct commit_result result;
	struct error err;
	ground_check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	if (result.answer == COMMIT_DONE)
		return;
	fprintf(stderr, "task %s (%s) of %s: answer %d\n", task->id, task->name, task->token.owner,
		result.answer);
	abort();
}

static int mill(void *context)
{
	static const char *const queues[] = { "gate", "row", "split" };
	struct lease_request request = { .queues = queues,
		.queue_count = ARRAY_SIZE(queues),
		.owner = context,
		.lease_ms = 3600000,
		.max = 2 };
	struct store *store = ground_open();
	struct error err;
	for (;;) {
		struct lease_batch batch;
		ground_check(store->ops->lease(store, &request, &batch, &err), &err);
		for (size_t i = 0; i < batch.count; i++)
			work_one(store, &batch.tasks[i]);
		/* Rings of the other queues end it too early or not at all: look again soon. */
		if (batch.count == 0)
			store->ops->wait(store, "row", store->ops->bell(store, "row"), 5);
		lease_batch_finish(&batch);
	}
	return 0;
}

/* SQLite's connections must not cross fork: the parent opens one for each act. */
static bool is_all_done(void)
{
	struct job_filter filter = { .state = -1, .unfinished = true, .limit = 1 };
	struct job_list list;
	struct error err;
	struct store *store = ground_open();
	ground_check(store->ops->list_jobs(store, &filter, &list, &err), &err);
	bool is_done = list.count == 0;
	job_list_finish(&list);
	store_close(store);
	return is_done;
}

struct crew {
	pid_t pids[WORKERS];
	char owners[WORKERS][IDS_OWNER_SIZE];
};

static void hire(struct crew *crew, int i)
{
	ids_owner(crew->owners[i]);
	crew->pids[i] = ground_fork(mill, crew->owners[i]);
}

static void dismiss(struct crew *crew, int i)
{
	size_t released;
	struct error err;
	kill(crew->pids[i], SIGKILL);
	CU_ASSERT_EQUAL_FATAL(ground_wait(crew->pids[i]), 128 + SIGKILL);
	struct store *store = ground_open();
	ground_check(store->ops->release_owner(store, crew->owners[i], NULL, NULL, &released, &err),
		&err);
	store_close(store);
}

static void check_jobs(struct store *store)
{
	struct job_filter filter = { .state = -1, .limit = 100 };
	struct job_list list;
	struct error err;
	ground_check(store->ops->list_jobs(store, &filter, &list, &err), &err);
	CU_ASSERT_EQUAL(list.count, JOBS);
	for (size_t i = 0; i < list.count; i++) {
		struct job_record *job = &list.rows[i];
		CU_ASSERT_EQUAL(job->state, JOB_COMPLETED);
		CU_ASSERT_EQUAL_FATAL(job->name_count, 3);
		CU_ASSERT_EQUAL(job->names[0].states[TASK_COMPLETED], 1);
		CU_ASSERT_EQUAL(job->names[1].states[TASK_COMPLETED], 1);
		CU_ASSERT_EQUAL(job->names[2].states[TASK_COMPLETED], ROWS);
		for (int state = 0; state < TASK_STATES; state++)
			if (state != TASK_COMPLETED)
				CU_ASSERT_EQUAL(job->names[2].states[state], 0);
		struct gate_view view;
		ground_check(store->ops->get_gate(store, job->id, 0, "gate", NULL, 0, &view, &err),
			&err);
		CU_ASSERT_EQUAL(view.pending, 0);
		CU_ASSERT_EQUAL(view.version, 1);
		gate_view_finish(&view);
	}
	job_list_finish(&list);
}

static void check_queues(struct store *store)
{
	static const struct {
		const char *name;
		int64_t completed;
	} wanted[] = { { "split", JOBS }, { "gate", JOBS }, { "row", (int64_t)JOBS * ROWS } };
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct queue_stats stats = ground_queue(store, wanted[i].name);
		CU_ASSERT_EQUAL(stats.completed, wanted[i].completed);
		CU_ASSERT_EQUAL(stats.depth + stats.delayed + stats.working + stats.dead, 0);
	}
	struct sweep_report report;
	struct error err;
	do
		ground_check(store->ops->sweep(store, 1000, &report, &err), &err);
	while (report.dropped > 0);
	struct sqlite_store *inside = sqlite_of(store);
	sqlite3_stmt *row;
	sqlite3_prepare_v2(inside->db,
		"SELECT (SELECT count(*) FROM task), (SELECT count(*) FROM bundle), "
		"(SELECT count(*) FROM chunk), (SELECT count(*) FROM ready), "
		"(SELECT count(*) FROM lease), (SELECT count(*) FROM waiter)",
		-1, &row, NULL);
	sqlite3_step(row);
	CU_ASSERT_EQUAL(sqlite3_column_int64(row, 0), JOBS * (ROWS + 2));
	for (int i = 1; i < 6; i++)
		CU_ASSERT_EQUAL(sqlite3_column_int64(row, i), 0);
	sqlite3_finalize(row);
}

static void jobs_end_whole_though_workers_are_killed_again_and_again(void)
{
	struct crew crew;
	ground_begin();
	struct store *store = ground_open();
	for (int i = 0; i < JOBS; i++)
		submit_job(store);
	store_close(store);
	for (int i = 0; i < WORKERS; i++)
		hire(&crew, i);
	for (int kills = 0; !is_all_done(); kills++) {
		/* how long a worker lives is left to chance, from nothing to some acts */
		usleep(ids_random64() % 20000);
		int unlucky = (int)(ids_random64() % WORKERS);
		if (kills < KILLS) {
			dismiss(&crew, unlucky);
			hire(&crew, unlucky);
		}
	}
	for (int i = 0; i < WORKERS; i++)
		dismiss(&crew, i);
	store = ground_open();
	check_jobs(store);
	check_queues(store);
	store_close(store);
	ground_end();
}

#ifdef REEVE_FAULTS
static int push_and_die(void *context)
{
	struct store *store = ground_open();
	setenv("REEVE_DIE_AT", context, 1);
	ground_push(store, "mail", context);
	return 0;
}

static int64_t count_ready(void)
{
	struct store *store = ground_open();
	int64_t depth = ground_queue(store, "mail").depth;
	store_close(store);
	return depth;
}

static void a_push_is_there_from_its_commit_on(void)
{
	ground_begin();
	char before[] = "store-commit", after[] = "store-committed";
	store_close(ground_open());
	CU_ASSERT_EQUAL(ground_wait(ground_fork(push_and_die, before)), 128 + SIGKILL);
	CU_ASSERT_EQUAL(count_ready(), 0);
	CU_ASSERT_EQUAL(ground_wait(ground_fork(push_and_die, after)), 128 + SIGKILL);
	CU_ASSERT_EQUAL(count_ready(), 1);
	ground_end();
}

static int wait_for_mail(void *context)
{
	struct pipes *pipes = context;
	alarm(HANG_S);
	struct store *store = ground_open();
	uint32_t ticket = store->ops->bell(store, "mail");
	struct lease_batch none = ground_lease(store, "mail", "owner");
	if (none.count > 0 || write(pipes->ready[1], "", 1) != 1)
		return 1;
	store->ops->wait(store, "mail", ticket, -1);
	store_close(store);
	return 0;
}

static void a_sweep_rings_for_a_process_that_died_before_it_could(void)
{
	struct pipes pipes;
	ground_begin();
	struct store *store = ground_open();
	ground_push(store, "mail", "zero"); /* the queue exists */
	serve(store, "mail", "owner");
	store_close(store);
	CU_ASSERT_EQUAL_FATAL(pipe(pipes.ready), 0);
	pid_t sleeper = ground_fork(wait_for_mail, &pipes);
	char byte, after[] = "store-committed";
	CU_ASSERT_EQUAL(read(pipes.ready[0], &byte, 1), 1);
	CU_ASSERT_EQUAL(ground_wait(ground_fork(push_and_die, after)), 128 + SIGKILL);
	CU_ASSERT_EQUAL(waitpid(sleeper, NULL, WNOHANG), 0);
	struct sweep_report report;
	struct error err;
	store = ground_open();
	ground_check(store->ops->sweep(store, 10, &report, &err), &err);
	CU_ASSERT_EQUAL(ground_wait(sleeper), 0);
	close(pipes.ready[0]);
	close(pipes.ready[1]);
	store_close(store);
	ground_end();
}
#endif

static const struct suite_test tests[] = {
	SUITE_TEST(no_wake_up_between_two_processes_is_missed),
	SUITE_TEST(an_interruption_ends_a_wait_at_whatever_moment_it_comes),
	SUITE_TEST(a_sleeper_hears_of_a_queue_that_did_not_exist),
	SUITE_TEST(writers_wait_for_each_other_and_lose_nothing),
	SUITE_TEST(jobs_end_whole_though_workers_are_killed_again_and_again),
#ifdef REEVE_FAULTS
	SUITE_TEST(a_push_is_there_from_its_commit_on),
	SUITE_TEST(a_sweep_rings_for_a_process_that_died_before_it_could),
#endif
};

int main(void)
{
	return suite_run("sqlite between processes", tests, ARRAY_SIZE(tests));
}
