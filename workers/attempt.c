/* The life of an attempt, and the hand of leased tasks it comes from; see attempt.h. */
#include "workers/attempt.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/jsontext.h"
#include "base/log.h"

/* Tasks leased ahead go back when the one that runs takes longer than this. */
#define AHEAD_MS 50

struct log_subject attempt_subject(const struct attempt *attempt)
{
	return (struct log_subject){ .queue = attempt->task->queue,
		.task = attempt->task->id,
		.attempt = (int)attempt->task->token.attempt };
}

/* Tasks in hand that have not begun. */
static size_t unstarted(const struct worker *worker)
{
	return worker->hand.batch.count - worker->hand.next;
}

bool worker_takes_more(struct worker *worker)
{
	return self_command(&worker->self) == COMMAND_RUN && !self_is_paused(&worker->self);
}

/* As many as would start within AHEAD_MS by what was measured, at most the queue's `batch`. */
static size_t room_ahead(const struct worker *worker)
{
	int64_t fits = worker->average_ms > 0 ? AHEAD_MS / worker->average_ms : AHEAD_MS;
	int64_t most = runner_tasks_left(worker->runner);
	if (most > worker->queue->batch)
		most = worker->queue->batch;
	int64_t count = fits < most ? fits : most;
	bool is_one = worker->average_ms < 0 || count < 1 || !sources_allow_ahead(&worker->sources);
	return is_one ? 1 : (size_t)count;
}

static void request_lease(struct worker *worker, struct lease_request *request)
{
	*request = (struct lease_request){ .owner = worker->self.setup->owner,
		.lease_ms = worker->queue->lease_ms };
	sources_request(&worker->sources, request);
	worker->cancel_ticket = worker->self.store->ops->cancel_bell(worker->self.store);
	request->max = room_ahead(worker);
}

bool worker_wants(struct worker *worker, struct lease_request *request)
{
	if (unstarted(worker) > 0 || !worker_takes_more(worker) || runner_is_worn(worker->runner))
		return false;
	request_lease(worker, request);
	return true;
}

bool worker_lease(struct worker *worker, struct error *err)
{
	struct store *store = worker->self.store;
	struct lease_request request;
	struct lease_batch batch;
	request_lease(worker, &request);
	if (!store->ops->lease(store, &request, &batch, err))
		return false;
	if (batch.count > 0)
		fault_step("leased");
	sources_note(&worker->sources, &batch);
	lease_batch_finish(&worker->hand.batch);
	worker->hand = (struct hand){ .batch = batch };
	return true;
}

void worker_give_back(struct worker *worker)
{
	struct store *store = worker->self.store;
	struct hand *hand = &worker->hand;
	size_t count = unstarted(worker);
	struct error err;
	if (count == 0)
		return;
	struct commit *commits = xcalloc(count, sizeof *commits);
	struct commit_result *answers = xcalloc(count, sizeof *answers);
	for (size_t i = 0; i < count; i++) {
		const struct leased *task = &hand->batch.tasks[hand->next + i];
		commits[i] = (struct commit){
			.id = task->id,
			.token = task->token,
			.outcome = OUTCOME_GIVE_BACK,
			.failures = task->failures,
			.crashes = task->crashes,
		};
	}
	/* Where the store is out their leases end by themselves. */
	bool ok = store->ops->commit(store, commits, count, answers, NULL, NULL, &err);
	self_note_store(&worker->self, ok, &err);
	hand->next = hand->batch.count;
	free(commits);
	free(answers);
}

static void mind_hand(struct attempt *attempt)
{
	bool is_long = clock_wall_ms() - attempt->received_at_ms > AHEAD_MS;
	if (unstarted(attempt->worker) > 0 && (is_long || !worker_takes_more(attempt->worker)))
		worker_give_back(attempt->worker);
}

static void renew(struct attempt *attempt)
{
	static const enum run_order orders[] = { [RENEWED] = ORDER_GO_ON,
		[RENEW_STALE] = ORDER_LOST,
		[RENEW_CANCELLED] = ORDER_CANCEL };
	struct self *self = &attempt->worker->self;
	enum renewal answer;
	struct error err;
	attempt->cancel_ticket = self->store->ops->cancel_bell(self->store);
	bool ok = self->store->ops->renew(self->store, attempt->task->id, &attempt->task->token,
		attempt->worker->queue->lease_ms, &answer, &err);
	if (ok || err.kind == ERROR_UNAVAILABLE)
		self_note_store(self, ok, &err);
	if (ok) {
		attempt->renewed_at_ms = clock_steady_ms();
		attempt->order = orders[answer];
	} else if (err.kind != ERROR_UNAVAILABLE) {
		attempt->order = ORDER_LOST;
	}
}

/* It is time, or something was cancelled, and the answer tells whether it is this. */
static bool is_to_renew(const struct attempt *attempt, int64_t now)
{
	const struct worker *worker = attempt->worker;
	struct store *store = worker->self.store;
	return now - attempt->renewed_at_ms >= worker->queue->lease_ms / 3 ||
	       store->ops->cancel_bell(store) != attempt->cancel_ticket;
}

enum run_order attempt_tick(struct attempt *attempt)
{
	struct worker *worker = attempt->worker;
	int64_t now = clock_steady_ms();
	atomic_store(&worker->slot->beat_ms, now);
	if (attempt->order != ORDER_GO_ON)
		return attempt->order;
	mind_hand(attempt);
	if (self_command(&worker->self) == COMMAND_HALT)
		attempt->order = ORDER_HALT;
	else if (!attempt->is_committed && is_to_renew(attempt, now))
		renew(attempt);
	return attempt->order;
}

static bool load_job(struct attempt *attempt, struct error *err)
{
	const struct leased *task = attempt->task;
	struct self *self = &attempt->worker->self;
	bool ok;
	if (!task->job_id)
		return true;
	do
		ok = jobs_get(attempt->worker->jobs, self->store, task->job_id, task->name,
			&attempt->job, err);
	while (self_tries_again(self, ok, err));
	if (ok)
		attempt->facts = attempt->job.facts;
	return ok;
}

static bool load_payload(struct attempt *attempt, struct error *err)
{
	const char *text = attempt->task->payload;
	return jsontext_parse(text, strlen(text), &attempt->payload, err) ||
	       error_wrap(err, "payload");
}

static void begin(struct attempt *attempt, struct worker *worker, const struct leased *task)
{
	struct error err = { 0 };
	*attempt = (struct attempt){ .worker = worker,
		.task = task,
		.renewed_at_ms = clock_steady_ms(),
		.cancel_ticket = worker->cancel_ticket,
		.received_at_ms = clock_wall_ms() };
	scoreboard_set_task(worker->slot, task->id, task->name, task->token.attempt);
	scoreboard_set_state(worker->slot, SLOT_BUSY);
	if (!load_job(attempt, &err) || !load_payload(attempt, &err))
		attempt->load_error = err;
	if (attempt->load_error.kind == ERROR_UNAVAILABLE)
		attempt->order = ORDER_HALT;
	if (!attempt->payload)
		attempt->payload = json_null();
	budget_read(worker->queue, attempt->facts, &attempt->budget);
	spawner_init(&attempt->spawner, &worker->self, task, &attempt->job, attempt->payload);
}

static void finish(struct attempt *attempt)
{
	spawner_finish(&attempt->spawner);
	json_decref(attempt->payload);
	json_decref(attempt->envelope);
	run_result_finish(&attempt->run);
	decision_finish(&attempt->decision);
}

static void run(struct attempt *attempt)
{
	attempt_work(attempt);
	fault_step("ran");
	decision_judge(&attempt->budget, attempt->task, &attempt->run, &attempt->decision);
	attempt_run_after(attempt);
}

static void measure(struct worker *worker, int64_t spent_ms)
{
	atomic_fetch_add(&worker->slot->busy_ms, spent_ms);
	atomic_fetch_add(&worker->slot->served, 1);
	worker->average_ms =
		worker->average_ms < 0 ? spent_ms : (worker->average_ms * 7 + spent_ms) / 8;
}

void worker_do_next(struct worker *worker)
{
	struct hand *hand = &worker->hand;
	struct attempt attempt;
	int64_t since = clock_steady_ms();
	begin(&attempt, worker, &hand->batch.tasks[hand->next++]);
	attempt_settle(&attempt);
	if (!attempt.is_settled)
		run(&attempt);
	runner_note_task(worker->runner); /* the commit leases no more than is still due */
	attempt_conclude(&attempt);
	measure(worker, clock_steady_ms() - since);
	struct lease_batch next = attempt.next;
	finish(&attempt);
	sources_note(&worker->sources, &next);
	if (unstarted(worker) == 0) {
		lease_batch_finish(&hand->batch);
		*hand = (struct hand){ .batch = next };
	}
}
