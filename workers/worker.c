/*
 * A worker: leases tasks of one queue from the store, does one at a time, commits. Between tasks it
 * reads the parent's command; with nothing to do it sleeps on the store's bell.
 */
#include "workers/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "workers/attempt.h"
#include "workers/program.h"

#include <malloc.h>

#define PATIENCE_MS    300000 /* with a store that can't be opened */
#define PAUSE_MS       30000
#define IDLE_MOMENT_MS 1000
#define IDLE_MAX_MS    30000
#define WARM_TICK_MS   250
/* Once it has found nothing twice: what is due all the time can't be leased just now (after an
 * outage expired leases stay where they are for a while), and is not to be asked for in a circle.
 */
#define IDLE_LEAST_MS 20

static enum run_order tick_while_warming(void *context)
{
	struct worker *worker = context;
	atomic_store(&worker->slot->beat_ms, clock_steady_ms());
	return self_command(&worker->self) == COMMAND_RUN ? ORDER_GO_ON : ORDER_HALT;
}

static bool refuse_spawn(void *context, const json_t *children, struct error *err)
{
	(void)context;
	(void)children;
	return error_set(err, ERROR_INVALID, "spawn without a task");
}

static void drop_progress(void *context, double fraction, const char *message)
{
	(void)context;
	(void)fraction;
	(void)message;
}

/* A handler that does not start is told by each task it fails; here it only takes time. */
static void warm(struct worker *worker)
{
	struct error err;
	const struct run_watch watch = { .context = worker,
		.on_spawn = refuse_spawn,
		.on_progress = drop_progress,
		.on_tick = tick_while_warming,
		.tick_ms = WARM_TICK_MS };
	if (!runner_has_stream(worker->queue))
		return;
	if (!runner_warm(worker->runner, &watch, &err) &&
		self_command(&worker->self) == COMMAND_RUN)
		log_line(LOG_WARN, "%s", err.text);
}

static void show_idle(struct worker *worker)
{
	if (atomic_load(&worker->slot->state) == SLOT_BUSY)
		scoreboard_set_task(worker->slot, "", "", 0);
	scoreboard_set_state(worker->slot, SLOT_IDLE);
}

/* Uniform in [7/8, 1]: idle workers do not all look up at the same moment. */
static int64_t with_jitter(int64_t ms)
{
	return ms - (int64_t)(ids_random64() % (uint64_t)(ms / 8 + 1));
}

/* Looks once more when it shows that it is idle: what the supervisor tells a busy worker comes
 * without a signal. */
static void sleep_paused(struct worker *worker)
{
	if (self_command(&worker->self) == COMMAND_RUN && self_is_paused(&worker->self))
		self_sleep(&worker->self, PAUSE_MS);
}

/* The first wait of an idle time is short; after it memory is given back, and with each further
 * look what the store took for it: a connection, its caches. */
static void rest(struct worker *worker, uint32_t told, int *rounds)
{
	struct store *store = worker->self.store;
	int64_t next_ms = worker->hand.batch.next_ms;
	int64_t most_ms = *rounds == 0 ? IDLE_MOMENT_MS : with_jitter(IDLE_MAX_MS);
	if (*rounds > 0 && next_ms >= 0 && next_ms < IDLE_LEAST_MS)
		next_ms = IDLE_LEAST_MS;
	show_idle(worker);
	if (atomic_load(&worker->slot->told) != told)
		return;
	if (*rounds == 1)
		jobs_forget(worker->jobs);
	if (*rounds >= 1) {
		store->ops->relax(store);
		malloc_trim(0);
	}
	if (*rounds < 2)
		++*rounds;
	worker->hand.batch.next_ms = next_ms;
	sources_wait(&worker->sources, store, &worker->hand.batch, most_ms);
	atomic_store(&worker->slot->beat_ms, clock_steady_ms());
}

static void do_hand(struct worker *worker)
{
	while (worker->hand.next < worker->hand.batch.count) {
		if (!worker_takes_more(worker)) {
			worker_give_back(worker);
			return;
		}
		worker_do_next(worker);
	}
}

/* Fills an empty hand, or waits. False: the store answers with what no repeat can mend. */
static bool take_or_rest(struct worker *worker, int *rounds)
{
	struct store *store = worker->self.store;
	struct error err;
	/* Read before the lease: what is rung in between ends the rest at once. */
	uint32_t told = atomic_load(&worker->slot->told);
	sources_listen(&worker->sources, store);
	bool ok = worker_lease(worker, &err);
	if (self_tries_again(&worker->self, ok, &err))
		return true;
	if (!ok && err.kind != ERROR_UNAVAILABLE) {
		log_line(LOG_ERROR, "%s", err.text);
		return false;
	}
	if (ok && worker->hand.batch.count == 0)
		rest(worker, told, rounds);
	else
		*rounds = 0;
	return true;
}

/* The next task finds a fresh handler that is ready. False: it is we who have to end. */
static bool refresh(struct worker *worker)
{
	if (!runner_is_worn(worker->runner))
		return true;
	if (!runner_recycle(worker->runner))
		return false;
	warm(worker);
	return true;
}

static enum worker_exit serve(struct worker *worker)
{
	int rounds = 0;
	while (self_command(&worker->self) == COMMAND_RUN) {
		if (self_is_paused(&worker->self)) {
			show_idle(worker);
			sleep_paused(worker);
			continue;
		}
		runner_tend(worker->runner);
		if (!refresh(worker))
			return WORKER_EXIT_RECYCLED;
		if (!take_or_rest(worker, &rounds))
			return WORKER_EXIT_INTERNAL;
		do_hand(worker);
	}
	return worker->has_given_back ? WORKER_EXIT_GAVE_BACK : WORKER_EXIT_OK;
}

static void open_runner(struct worker *worker)
{
	const struct worker_setup *setup = worker->self.setup;
	char **environment = runner_build_environment(setup->config, setup->queue);
	worker->runner = runner_create(setup->queue, environment, setup->slot);
	runner_free_environment(environment);
	if (setup->cgroup && setup->queue->limits.memory > 0 &&
		!runner_confine(worker->runner, setup->cgroup, setup->name))
		log_line(LOG_WARN, "no cgroup for its handlers, limits.memory is watched instead");
}

_Noreturn void worker_main(const struct worker_setup *setup)
{
	if (setup->queue->type == QUEUE_PROGRAM)
		program_main(setup);
	struct worker worker = { .queue = setup->queue, .slot = setup->slot, .average_ms = -1 };
	struct error err;
	self_begin(&worker.self, setup, "worker");
	if (!self_open_store(&worker.self, PATIENCE_MS, &err)) {
		bool is_told = self_command(&worker.self) != COMMAND_RUN;
		if (!is_told)
			log_line(LOG_ERROR, "%s", err.text);
		self_end(&worker.self, is_told ? WORKER_EXIT_OK : WORKER_EXIT_STORE);
	}
	worker.jobs = jobs_create();
	sources_open(&worker.sources, setup);
	open_runner(&worker);
	warm(&worker);
	log_line(LOG_DEBUG, "works on queue %s", setup->queue->name);
	enum worker_exit code = serve(&worker);
	scoreboard_set_state(setup->slot, SLOT_DRAINING);
	runner_destroy(worker.runner);
	jobs_destroy(worker.jobs);
	sources_finish(&worker.sources);
	lease_batch_finish(&worker.hand.batch);
	self_end(&worker.self, code);
}
