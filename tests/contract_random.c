/*
 * The contract under acts in random order: workers that lease, write children ahead, commit, die,
 * come late and repeat themselves, on jobs that fan out and gather at a gate. After every few acts
 * the store's counts must equal a recount of its tasks, and in the end nothing may be lost.
 *
 * Queues get doors and lose them again; couriers claim what is unsent, send it to a broker that
 * doubles and loses messages and changes their order, and adopt what comes back.
 *
 * A job: split → rows, written ahead → at times an extra per row; sync waits for all of them, then
 * starts report.
 */
#include "tests/contract.h"

#include "base/clock.h"

#include <stdio.h>

#define ACTS    10000 /* in memory; a tenth, or less, where each costs a transaction */
#define JOBS    40
#define RECENT  6 /* leases that are likely to be still held */
#define HELD    4000
#define ROW_MAX 6
#define BOX     64 /* messages that the broker has */

struct held {
	const struct leased *task;
	int64_t valid_until_ms; /* steady: nobody else may have it before */
	uint32_t spawned;
	bool has_ended, is_lost; /* committed; released */
};
struct message {
	char id[STORE_ID_SIZE];
	const char *queue;
};
struct model {
	uint64_t state; /* of the generator */
	struct message box[BOX];
	size_t box_count;
	struct id jobs[JOBS], pushed[JOBS];
	bool is_cancelled[JOBS];
	size_t job_count, pushed_count;
	struct held held[HELD];
	size_t held_count;
	char ended[HELD][STORE_ID_SIZE]; /* each as often as a commit said that it ended it */
	size_t ended_count;
};
static const char *const names[] = { "split", "row", "extra", "sync", "report", "mail" };
static const char *const owners[] = { OWNER, OTHER, "00112233445566778899aabbccddeeff" };

/* xorshift64: Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t pick(struct model *model, uint32_t below)
{
	model->state ^= model->state << 13;
	model->state ^= model->state >> 7;
	model->state ^= model->state << 17;
	return (uint32_t)(model->state >> 32) % below;
}

static struct held *pick_held(struct model *model)
{
	if (model->held_count == 0)
		return NULL;
	size_t among = model->held_count;
	if (among > RECENT && pick(model, 4))
		among = RECENT;
	return &model->held[model->held_count - 1 - pick(model, (uint32_t)among)];
}

static size_t job_index(const struct model *model, const char *job_id)
{
	for (size_t i = 0; i < model->job_count; i++)
		if (strcmp(model->jobs[i].text, job_id) == 0)
			return i;
	CU_FAIL_FATAL("a task of no job of ours");
	return 0;
}

static bool is_of_cancelled(const struct model *model, const struct leased *task)
{
	return task->job_id && model->is_cancelled[job_index(model, task->job_id)];
}

static void submit_or_push(struct model *model)
{
	if (model->pushed_count < JOBS && pick(model, 2)) {
		model->pushed[model->pushed_count++] = push_as(
			(struct push){ .queue = "mail", .delay_ms = pick(model, 2) ? 0 : 20000 });
	} else if (model->job_count < JOBS) {
		struct step step;
		step_begin(&step);
		step_child(&step, "split");
		step_gate(&step, 0, "sync");
		step_counter(&step, 0, "sync", 1);
		model->jobs[model->job_count++] = submit(&step);
	}
}

static void remember(struct model *model, const struct leased *task, int64_t asked_ms)
{
	int64_t now_ms = clock_steady_ms();
	for (size_t i = 0; i < model->held_count; i++) {
		const struct held *other = &model->held[i];
		if (strcmp(other->task->id, task->id) != 0 || other->has_ended || other->is_lost)
			continue;
		CU_ASSERT_TRUE(other->valid_until_ms <= now_ms);
	}
	CU_ASSERT_FALSE(is_of_cancelled(model, task));
	if (model->held_count == HELD)
		CU_FAIL_FATAL("too many leases");
	model->held[model->held_count++] =
		(struct held){ .task = task, .valid_until_ms = asked_ms + LEASE_MS };
}

static void lease_some(struct model *model)
{
	int64_t asked_ms = clock_steady_ms();
	const char *name = names[pick(model, ARRAY_SIZE(names))];
	const struct leased *task = lease_as(owners[pick(model, 3)], name, LEASE_MS);
	if (!task)
		return;
	if (strcmp(name, "sync") == 0)
		CU_ASSERT_EQUAL(gate(task->job_id, 0, "sync")->pending, 0);
	remember(model, task, asked_ms);
}

/* As `reeve cancel TASK` does; then it lets go. */
static void lease_by_name(struct model *model)
{
	if (model->job_count == 0)
		return;
	size_t index = pick(model, (uint32_t)model->job_count);
	struct id id = child_id(model->jobs[index].text, 1 + pick(model, 10));
	int64_t asked_ms = clock_steady_ms();
	const struct leased *task;
	if (lease_task_as(id.text, &task) == ERROR_NONE)
		remember(model, task, asked_ms);
}

static void write_ahead(struct model *model, struct held *held)
{
	if (strcmp(held->task->name, "split") != 0 || held->spawned >= ROW_MAX)
		return;
	uint32_t count = 1 + pick(model, 3);
	struct new_task row = { .name = "row", .queue = "row", .payload = "{}", .scopes = "0" };
	struct error err = { 0 };
	if (!spawn_as(held->task, held->spawned, &row, count, &err)) {
		CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
		return;
	}
	check(spawn_as(held->task, held->spawned, &row, count, &err), &err);
	held->spawned += count;
}

static bool ends(enum outcome outcome)
{
	return outcome <= OUTCOME_CANCELLED;
}

/* What the workflow's rules would answer. */
static void work_out(
	struct model *model, const struct held *held, enum outcome outcome, struct step *step)
{
	const char *name = held->task->name;
	step_begin(step);
	if (!held->task->job_id || !ends(outcome))
		return;
	step_ended(step, name, outcome);
	bool is_good = outcome == OUTCOME_COMPLETED;
	int64_t pending = -1;
	if (is_good && strcmp(name, "split") == 0) {
		pending += held->spawned;
		step_tally(step, 0, "row", (struct tally){ .born = held->spawned });
	} else if (is_good && strcmp(name, "row") == 0 && pick(model, 4) == 0) {
		pending++;
		step_child(step, "extra");
	} else if (is_good && strcmp(name, "sync") == 0) {
		step_child(step, "report");
	}
	if (strcmp(name, "sync") != 0 && strcmp(name, "report") != 0 && pending != 0)
		step_counter(step, 0, "sync", pending);
}

static enum outcome choose_outcome(struct model *model, const struct held *held)
{
	static const enum outcome outcomes[] = { OUTCOME_COMPLETED, OUTCOME_COMPLETED,
		OUTCOME_COMPLETED, OUTCOME_COMPLETED, OUTCOME_RETRY, OUTCOME_RETRY,
		OUTCOME_GIVE_BACK, OUTCOME_FAILED };
	bool is_gate = strcmp(held->task->name, "sync") == 0;
	if (is_gate && gate(held->task->job_id, 0, "sync")->pending > 0)
		return OUTCOME_WAIT;
	return outcomes[pick(model, ARRAY_SIZE(outcomes))];
}

/* A repeat, a stale or a good commit: the store knows which, and the model knows what it must say.
 */
static void commit_held(struct model *model, struct held *held, enum outcome outcome)
{
	struct step step;
	work_out(model, held, outcome, &step);
	struct commit made = commit_of(held->task, outcome);
	made.effects = step.effects;
	made.delay_ms = pick(model, 2) ? 0 : 5000;
	made.entry = "{}";
	if (held->task->job_id)
		made.gate_version = gate(held->task->job_id, 0, "sync")->version;
	bool was_valid = held->valid_until_ms > clock_steady_ms() && !held->is_lost;
	struct commit_result result = commit(&made);
	if (held->has_ended) {
		CU_ASSERT_EQUAL(result.answer, COMMIT_REPEATED);
		return;
	}
	if (was_valid)
		CU_ASSERT_EQUAL(result.answer, COMMIT_DONE);
	if (held->is_lost)
		CU_ASSERT_EQUAL(result.answer, COMMIT_STALE);
	CU_ASSERT_NOT_EQUAL(result.answer, COMMIT_REPEATED);
	if (result.answer != COMMIT_DONE)
		return;
	held->has_ended = true;
	if (ends(outcome) || is_of_cancelled(model, held->task))
		snprintf(model->ended[model->ended_count++], STORE_ID_SIZE, "%s", held->task->id);
}

static void commit_some(struct model *model)
{
	struct held *held = pick_held(model);
	if (!held)
		return;
	for (uint32_t chunks = pick(model, 3); chunks > 0; chunks--)
		write_ahead(model, held);
	if (pick(model, 8))
		commit_held(model, held, choose_outcome(model, held));
}

static void renew_some(struct model *model)
{
	struct held *held = pick_held(model);
	if (!held)
		return;
	int64_t asked_ms = clock_steady_ms();
	bool was_valid = held->valid_until_ms > asked_ms && !held->is_lost && !held->has_ended;
	enum renewal renewal = renew(held->task);
	if (was_valid)
		CU_ASSERT_NOT_EQUAL(renewal, RENEW_STALE);
	if (held->is_lost || held->has_ended)
		CU_ASSERT_EQUAL(renewal, RENEW_STALE);
	if (renewal != RENEW_STALE)
		held->valid_until_ms = asked_ms + LEASE_MS;
}

static void kill_owner(struct model *model)
{
	const char *owner = owners[pick(model, 3)];
	const char *running = NULL;
	for (size_t i = 0; i < model->held_count; i++) {
		struct held *held = &model->held[i];
		if (strcmp(held->task->token.owner, owner) != 0)
			continue;
		held->is_lost |= !held->has_ended;
		running = held->task->id;
	}
	release(owner, running, "{\"status\":\"crash\"}");
	CU_ASSERT_EQUAL(held_by(owner).count, 0);
	CU_ASSERT_EQUAL(release(owner, running, "{}"), 0);
}

static void let_time_pass(struct model *model)
{
	pass_ms(pick(model, LEASE_MS / 4));
	if (pick(model, 2))
		sweep(1 + pick(model, 20));
}

static void cancel_some(struct model *model)
{
	if (model->job_count == 0 || pick(model, 40))
		return;
	size_t index = pick(model, (uint32_t)model->job_count);
	struct error err = { 0 };
	if (store->ops->cancel_job(store, model->jobs[index].text, &err))
		model->is_cancelled[index] = true;
	else
		CU_ASSERT_EQUAL(err.kind, ERROR_CONFLICT);
}

static void forget_end(struct model *model, const char *id)
{
	for (size_t i = 0; i < model->ended_count; i++)
		if (strcmp(model->ended[i], id) == 0) {
			model->ended_count--;
			memmove(model->ended[i], model->ended[model->ended_count], STORE_ID_SIZE);
			return;
		}
	CU_FAIL("a failed task that no commit has ended");
}

/* Only while the gate still waits: an opened one is never undone. */
static void revive_some(struct model *model)
{
	if (model->job_count == 0)
		return;
	size_t index = pick(model, (uint32_t)model->job_count);
	const char *id = model->jobs[index].text;
	struct task_filter filter = of_job(id);
	filter.is_dead = true;
	const struct task_list *dead = list_tasks(filter);
	if (dead->count == 0 || gate(id, 0, "sync")->pending == 0)
		return;
	struct step step;
	step_begin(&step);
	step_tally(&step, 0, dead->rows[0].name, (struct tally){ .failed = -1 });
	step_counter(&step, 0, "sync", 1);
	struct error err = { 0 };
	if (store->ops->revive(store, dead->rows[0].id, &step.effects, &err))
		forget_end(model, dead->rows[0].id);
	else
		CU_ASSERT_TRUE(err.kind == ERROR_CONFLICT && model->is_cancelled[index]);
}

static void open_or_close_door(struct model *model)
{
	if (pick(model, 4) == 0)
		set_door(names[pick(model, ARRAY_SIZE(names))], pick(model, 3) > 0);
}

/* Some die between claim and send, or between send and mark. */
static void send_some(struct model *model)
{
	struct claim_request request = { .queue = names[pick(model, ARRAY_SIZE(names))],
		.owner = owners[pick(model, 3)],
		.claim_ms = 5000,
		.horizon_ms = pick(model, 2) ? 20000 : 0,
		.max = 1 + pick(model, 5) };
	struct outgoing_list list = claim_as(&request);
	for (size_t i = 0; i < list.count && pick(model, 12); i++) {
		bool is_lost = pick(model, 20) == 0 || model->box_count == BOX;
		if (!is_lost) {
			struct message *message = &model->box[model->box_count++];
			memcpy(message->id, list.rows[i].id, sizeof message->id);
			message->queue = request.queue;
		}
		if (pick(model, 12))
			mark(list.rows[i].id, list.rows[i].dispatch);
	}
	resend(request.queue, 10000, 3);
}

static void adopt_some(struct model *model)
{
	if (model->box_count == 0)
		return;
	struct message *message = &model->box[pick(model, (uint32_t)model->box_count)];
	enum adoption answer = adopt_task(message->queue, message->id, NULL);
	CU_ASSERT_NOT_EQUAL(answer, ADOPT_UNKNOWN);
	if (pick(model, 8)) /* else it comes again */
		*message = model->box[--model->box_count];
}

static int64_t reported(const struct job_record *record, const char *name, int state)
{
	for (size_t i = 0; i < record->name_count; i++)
		if (strcmp(record->names[i].name, name) == 0)
			return record->names[i].states[state];
	return 0;
}

static void recount_job(const struct model *model, size_t index)
{
	const char *id = model->jobs[index].text;
	int64_t counts[ARRAY_SIZE(names)][TASK_STATES] = { 0 };
	const struct task_list *list = list_tasks(of_job(id));
	for (size_t i = 0; i < list->count; i++)
		for (size_t n = 0; n < ARRAY_SIZE(names); n++)
			counts[n][list->rows[i].state] += strcmp(names[n], list->rows[i].name) == 0;
	const struct job_record *record = job(id);
	int64_t unfinished = 0;
	for (size_t n = 0; n < ARRAY_SIZE(names); n++)
		for (int state = 0; state < TASK_STATES; state++) {
			CU_ASSERT_EQUAL(reported(record, names[n], state), counts[n][state]);
			unfinished += n < 3 && state <= TASK_WORKING ? counts[n][state] : 0;
		}
	if (!model->is_cancelled[index])
		CU_ASSERT_EQUAL(gate(id, 0, "sync")->pending, unfinished);
}

static void recount_queue(const char *name)
{
	struct task_filter filter = of_job(NULL);
	filter.queue = name;
	const struct task_list *list = list_tasks(filter);
	int64_t counts[TASK_STATES] = { 0 };
	for (size_t i = 0; i < list->count; i++)
		counts[list->rows[i].state]++;
	struct queue_stats stats = queue(name);
	CU_ASSERT_EQUAL(stats.depth + stats.delayed, counts[TASK_QUEUED]);
	CU_ASSERT_TRUE(stats.unsent >= 0 && stats.sent >= 0);
	CU_ASSERT_TRUE(stats.unsent + stats.sent <= counts[TASK_QUEUED]);
	CU_ASSERT_EQUAL(stats.working, counts[TASK_WORKING]);
	CU_ASSERT_EQUAL(stats.dead, counts[TASK_FAILED] + counts[TASK_INVALID]);
}

static void recount(const struct model *model)
{
	for (size_t i = 0; i < model->job_count; i++)
		recount_job(model, i);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		recount_queue(names[i]);
}

static bool drain_queue(struct model *model, const char *name)
{
	int64_t asked_ms = clock_steady_ms();
	struct lease_batch batch = lease_many(name, 50);
	for (size_t i = 0; i < batch.count; i++) {
		remember(model, &batch.tasks[i], asked_ms);
		commit_held(model, &model->held[model->held_count - 1], OUTCOME_COMPLETED);
	}
	return batch.count > 0;
}

static void drain(struct model *model)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		release(owners[i], NULL, NULL);
	for (size_t i = 0; i < model->held_count; i++)
		model->held[i].is_lost |= !model->held[i].has_ended;
	for (size_t i = 0; i < model->job_count; i++) {
		bool left = model->is_cancelled[i];
		struct error err;
		while (left)
			check(store->ops->end_cancelled(store, model->jobs[i].text, 3, &left, &err),
				&err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		set_door(names[i], false);
	for (bool found = true; found;) {
		pass_ms(20000);
		sweep(1000);
		found = false;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			found |= drain_queue(model, names[i]);
	}
}

static size_t times_ended(const struct model *model, const char *id)
{
	size_t times = 0;
	for (size_t i = 0; i < model->ended_count; i++)
		times += strcmp(model->ended[i], id) == 0;
	return times;
}

static void check_job_end(const struct model *model, size_t index)
{
	const char *id = model->jobs[index].text;
	bool is_cancelled = model->is_cancelled[index];
	ASSERT_JOB(id, is_cancelled ? JOB_CANCELLED : JOB_COMPLETED);
	CU_ASSERT_TRUE(job(id)->finished_at_ms > 0);
	const struct task_list *list = list_tasks(of_job(id));
	size_t gates = 0;
	for (size_t i = 0; i < list->count; i++) {
		CU_ASSERT_TRUE(list->rows[i].state >= TASK_COMPLETED);
		size_t times = times_ended(model, list->rows[i].id);
		bool by_store = list->rows[i].state == TASK_CANCELLED && times == 0;
		CU_ASSERT_TRUE(times == 1 || (is_cancelled && by_store));
		gates += strcmp(list->rows[i].name, "sync") == 0;
	}
	CU_ASSERT_EQUAL(gates, 1);
	if (!is_cancelled)
		CU_ASSERT_EQUAL(gate(id, 0, "sync")->version, 1);
}

static void check_end(const struct model *model)
{
	for (size_t i = 0; i < model->job_count; i++)
		check_job_end(model, i);
	for (size_t i = 0; i < model->pushed_count; i++) {
		CU_ASSERT_TRUE(task(model->pushed[i].text)->state >= TASK_COMPLETED);
		CU_ASSERT_EQUAL(times_ended(model, model->pushed[i].text), 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CU_ASSERT_EQUAL(queue(names[i]).working + queue(names[i]).depth +
					queue(names[i]).unsent + queue(names[i]).sent,
			0);
}

static void run(uint64_t seed)
{
	static void (*const acts[])(struct model *) = { submit_or_push, lease_some, lease_some,
		lease_some, lease_some, lease_by_name, commit_some, commit_some, commit_some,
		commit_some, commit_some, commit_some, renew_some, let_time_pass, cancel_some,
		revive_some, open_or_close_door, send_some, send_some, send_some, adopt_some,
		adopt_some, adopt_some, adopt_some };
	struct model *model = xcalloc(1, sizeof *model);
	model->state = seed;
	const int count = contract_is_in_memory() ? ACTS : suite_many(ACTS / 10, ACTS / 40);
	for (int i = 0; i < count; i++) {
		acts[pick(model, ARRAY_SIZE(acts))](model);
		if (pick(model, 150) == 0)
			kill_owner(model);
		if (i % 50 == 0)
			recount(model);
	}
	while (model->job_count < (size_t)suite_many(JOBS, JOBS / 4))
		submit_or_push(model);
	drain(model);
	recount(model);
	check_end(model);
	free(model);
}

static void no_order_of_acts_loses_or_doubles_a_task(void)
{
	run(0x9e3779b97f4a7c15u);
}

static void no_other_order_of_acts_does(void)
{
	run(20261122);
}

static void nor_does_one_that_nobody_has_seen(void)
{
	uint64_t seed = ids_random64() | 1;
	unsigned before = CU_get_number_of_failures();
	run(seed);
	if (CU_get_number_of_failures() > before)
		fprintf(stderr, "\n    seed %llu\n", (unsigned long long)seed);
}

static const struct suite_test tests[] = {
	SUITE_TEST(no_order_of_acts_loses_or_doubles_a_task),
	SUITE_TEST(no_other_order_of_acts_does),
	SUITE_TEST(nor_does_one_that_nobody_has_seen),
};
const struct contract_part contract_random = { "random", tests, ARRAY_SIZE(tests) };
