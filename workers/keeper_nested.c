/*
 * The keeper serves the queue of tasks with jobs in their place: a worker's loop without a process
 * of its own, at most so many tasks between two looks at everything else.
 */
#include "workers/keeper.h"

#include "base/clock.h"
#include "workers/nested.h"

#define AT_ONCE  64
#define QUIET_MS 30000 /* other hosts may ring nobody here */

void keeper_open_nested(struct keeper *keeper)
{
	struct keeper_nested *nested = &keeper->nested;
	char *none[] = { NULL };
	nested->queue = nested_queue();
	nested->setup = *keeper->self.setup;
	nested->setup.queue = &nested->queue;
	nested->worker = (struct worker){ .self = keeper->self,
		.queue = &nested->queue,
		.slot = keeper->self.setup->slot,
		.runner = runner_create(&nested->queue, none, keeper->self.setup->slot),
		.jobs = jobs_create(),
		.average_ms = -1 };
	nested->worker.self.setup = &nested->setup;
	sources_open(&nested->worker.sources, &nested->setup);
}

void keeper_close_nested(struct keeper *keeper)
{
	struct worker *worker = &keeper->nested.worker;
	sources_finish(&worker->sources);
	runner_destroy(worker->runner);
	jobs_destroy(worker->jobs);
	lease_batch_finish(&worker->hand.batch);
	json_decref(keeper->nested.queue.validate);
}

static bool has_task(const struct worker *worker)
{
	return worker->hand.next < worker->hand.batch.count;
}

void keeper_nest(struct keeper *keeper)
{
	struct keeper_nested *nested = &keeper->nested;
	struct worker *worker = &nested->worker;
	struct store *store = keeper->self.store;
	struct error err;
	int64_t now = clock_steady_ms();
	/* Read before the lease: what is rung in between is seen the next time. */
	uint32_t rung = store->ops->bell(store, WORKFLOW_NESTED_QUEUE);
	if (rung == nested->seen && now < nested->at_ms)
		return;
	if (!keeper_note(keeper, worker_lease(worker, &err), "nested", &err))
		return;
	for (int i = 0; i < AT_ONCE && has_task(worker); i++)
		worker_do_next(worker);
	int64_t next_ms = worker->hand.batch.next_ms;
	if (has_task(worker)) {
		worker_give_back(worker);
		scoreboard_ring_keeper(keeper->self.setup->board);
		next_ms = 0;
	}
	nested->seen = rung;
	nested->at_ms = now + (next_ms >= 0 && next_ms < QUIET_MS ? next_ms : QUIET_MS);
	scoreboard_set_task(worker->slot, "", "", 0);
	scoreboard_set_state(worker->slot, SLOT_IDLE);
}
