/* Everything here and now; see eager.h. */
#include "workers/eager.h"

#include "base/clock.h"
#include "workers/attempt.h"
#include "workers/nested.h"

#include <stdio.h>

#define SWEEP_LIMIT 1000
#define NAME_SIZE   (SCOREBOARD_TEXT + 8)

/* One queue's worker with what a supervisor would have made for it. */
struct hireling {
	struct worker_setup setup;
	struct worker worker;
	char owner[IDS_OWNER_SIZE];
	char name[NAME_SIZE];
};

struct eager {
	struct store *store;
	struct scoreboard *board;
	int board_fd;
	struct hireling *hirelings;
	size_t count;
	struct config_queue nested; /* what the keeper serves elsewhere: the last hireling's */
	int64_t offset_ms;          /* how far the clock has jumped */
};

static void hire(struct eager *eager, const struct config *config, const struct config_queue *queue,
	size_t index)
{
	struct hireling *hireling = &eager->hirelings[index];
	struct slot *slot = &eager->board->slots[index];
	ids_owner(hireling->owner);
	snprintf(hireling->name, sizeof hireling->name, "%s#eager", queue->name);
	hireling->setup = (struct worker_setup){ .config = config,
		.queue = queue,
		.board = eager->board,
		.slot = slot,
		.owner = hireling->owner,
		.name = hireling->name,
		.lifeline = -1 };
	char **environment = runner_build_environment(config, queue);
	hireling->worker = (struct worker){
		.self = { .setup = &hireling->setup, .store = eager->store },
		.queue = queue,
		.slot = slot,
		.runner = runner_create(queue, environment, slot),
		.jobs = jobs_create(),
		.average_ms = -1,
	};
	sources_open(&hireling->worker.sources, &hireling->setup);
	runner_free_environment(environment);
}

static void dismiss(struct hireling *hireling)
{
	runner_destroy(hireling->worker.runner);
	jobs_destroy(hireling->worker.jobs);
	sources_finish(&hireling->worker.sources);
	lease_batch_finish(&hireling->worker.hand.batch);
}

bool eager_open(const struct config *config, struct eager **out, struct error *err)
{
	struct scoreboard *board;
	struct store *store;
	int board_fd;
	size_t count = config->queue_count + 1;
	if (count > SCOREBOARD_SLOTS)
		return error_set(err, ERROR_INVALID, "more than %d queues", SCOREBOARD_SLOTS - 1);
	if (!store_open("memory:", NULL, &store, err))
		return false;
	if (!scoreboard_create(&board, &board_fd, err)) {
		store_close(store);
		return false;
	}
	struct eager *eager = xmalloc(sizeof *eager);
	*eager = (struct eager){ .store = store,
		.board = board,
		.board_fd = board_fd,
		.hirelings = xcalloc(count, sizeof *eager->hirelings),
		.nested = nested_queue(),
		.count = count };
	for (size_t i = 0; i < config->queue_count; i++)
		hire(eager, config, &config->queues[i], i);
	hire(eager, config, &eager->nested, config->queue_count);
	*out = eager;
	return true;
}

void eager_close(struct eager *eager)
{
	for (size_t i = 0; i < eager->count; i++)
		dismiss(&eager->hirelings[i]);
	free(eager->hirelings);
	json_decref(eager->nested.validate);
	scoreboard_destroy(eager->board, eager->board_fd);
	store_close(eager->store);
	free(eager);
	clock_set_offset_ms(0);
}

struct store *eager_store(struct eager *eager)
{
	return eager->store;
}

/* Does what the queue has ready; *next_ms becomes the time until it has more, where that is
 * sooner. */
static bool work_queue(struct worker *worker, bool *has_worked, int64_t *next_ms, struct error *err)
{
	if (!worker_lease(worker, err))
		return false;
	int64_t wait_ms = worker->hand.batch.count ? 0 : worker->hand.batch.next_ms;
	if (wait_ms >= 0 && (*next_ms < 0 || wait_ms < *next_ms))
		*next_ms = wait_ms;
	while (worker->hand.next < worker->hand.batch.count) {
		worker_do_next(worker);
		*has_worked = true;
	}
	return true;
}

/* What the keeper does elsewhere: gates whose time is over, tasks that are due. */
static bool sweep(struct eager *eager, int64_t *next_ms, struct error *err)
{
	struct sweep_report report = { 0 };
	if (!eager->store->ops->sweep(eager->store, SWEEP_LIMIT, &report, err))
		return false;
	int64_t wait_ms = report.due || report.released ? 0 : report.next_ms;
	if (wait_ms >= 0 && (*next_ms < 0 || wait_ms < *next_ms))
		*next_ms = wait_ms;
	return true;
}

bool eager_run(struct eager *eager, struct error *err)
{
	int64_t next_ms = 0;
	while (next_ms >= 0) {
		bool has_worked = false;
		next_ms = -1;
		for (size_t i = 0; i < eager->count; i++)
			if (!work_queue(&eager->hirelings[i].worker, &has_worked, &next_ms, err))
				return false;
		if (has_worked) {
			next_ms = 0;
			continue;
		}
		if (!sweep(eager, &next_ms, err))
			return false;
		if (next_ms > 0) {
			/* The store's clock counts whole milliseconds: one more is past it. */
			eager->offset_ms += next_ms + 1;
			clock_set_offset_ms(eager->offset_ms);
		}
	}
	return true;
}
