/*
 * The keeper: releases what the dead held, puts back what is due, measures, deletes what is old.
 * It sleeps on a futex that the supervisor rings at a death, and looks up once a second.
 */
#include "workers/keeper.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "workers/doors.h"
#include "workers/nested.h"
#include "workers/preflight.h"
#include "workers/trace.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS        1000
#define LOOK_IDLE_MS   200 /* while somebody waits for the end of work */
#define LOOK_AWAIT_MS  250 /* while a queue without workers waits for its first task */
#define SWEEP_MAX_MS   30000
#define SWEEP_LEAST_MS 50 /* after a sweep that could move nothing */
#define SWEEP_ROWS     1000
#define GC_FIRST_MS    5000
#define GC_MS          60000
#define GC_ROWS        500
#define GC_PAGES       20

bool keeper_note(struct keeper *keeper, bool ok, const char *what, const struct error *err)
{
	atomic_store(&keeper->self.setup->slot->beat_ms, clock_steady_ms());
	if (ok || err->kind == ERROR_UNAVAILABLE)
		self_note_store(&keeper->self, ok, err);
	else
		log_line(LOG_ERROR, "%s: %s", what, err->text);
	return ok;
}

/* The entry for the trace of the task that the dead worker ran; NULL where it has ended. Owned. */
static char *print_lost_entry(struct keeper *keeper, const struct death *death)
{
	struct store *store = keeper->self.store;
	struct task_record task;
	struct error err;
	if (!*death->task_id || !store->ops->get_task(store, death->task_id, &task, &err))
		return NULL;
	const struct trace_entry entry = { .worker = death->worker,
		.task = task.name,
		.queue = task.queue,
		.message_id = task.id,
		.status = "lost",
		.message = death->cause,
		.attempt = task.attempt,
		.finished_at_ms = death->at_ms,
		.spent_ms = -1 };
	char *text = trace_print(&entry);
	task_record_finish(&task);
	return text;
}

static bool release(struct keeper *keeper, const struct death *death)
{
	struct store *store = keeper->self.store;
	OWNED(free) char *entry = print_lost_entry(keeper, death);
	const char *running = *death->task_id ? death->task_id : NULL;
	size_t released;
	struct error err;
	fault_step("release");
	bool ok = store->ops->release_owner(store, death->owner, running, entry, &released, &err);
	if (!keeper_note(keeper, ok, "release", &err))
		return false;
	fault_step("released");
	if (released > 0)
		log_line(LOG_INFO, "%s %s: %zu %s queued again", death->worker, death->cause,
			released, released == 1 ? "task is" : "tasks are");
	return true;
}

/* It may have ended a job that runs in the place of a task, and not told that task. */
static void tell_for(struct keeper *keeper, const struct death *death)
{
	char job[IDS_UUID_SIZE];
	int64_t seq;
	struct error err;
	if (store_split_id(death->task_id, job, &seq))
		keeper_note(keeper,
			nested_told(keeper->self.store, keeper->self.setup->owner, job, &err),
			"nested", &err);
}

/* A death is handled after the release: a keeper that dies in between does it again. */
static void release_the_dead(struct keeper *keeper)
{
	struct scoreboard *board = keeper->self.setup->board;
	struct death death;
	uint64_t number;
	while (scoreboard_next_death(board, &death, &number) && release(keeper, &death)) {
		tell_for(keeper, &death);
		scoreboard_death_handled(board, number);
	}
}

static void sweep(struct keeper *keeper)
{
	struct store *store = keeper->self.store;
	struct sweep_report report;
	struct error err;
	bool ok = store->ops->sweep(store, SWEEP_ROWS, &report, &err);
	int64_t next_ms = SWEEP_MAX_MS;
	if (keeper_note(keeper, ok, "sweep", &err)) {
		bool is_full = report.released >= SWEEP_ROWS || report.due >= SWEEP_ROWS ||
			       report.dropped >= SWEEP_ROWS;
		if (report.released > 0)
			log_line(LOG_INFO, "%zu expired leases are queued again", report.released);
		bool has_moved = report.released + report.due + report.dropped > 0;
		if (report.next_ms >= 0 && report.next_ms < next_ms)
			next_ms = report.next_ms;
		if (!has_moved && next_ms < SWEEP_LEAST_MS)
			next_ms = SWEEP_LEAST_MS;
		if (is_full)
			next_ms = 0;
	}
	keeper->sweep_at_ms = clock_steady_ms() + next_ms;
}

static int64_t before_ms(int64_t retention_ms)
{
	return retention_ms < 0 ? -1 : clock_wall_ms() - retention_ms;
}

static void collect_garbage(struct keeper *keeper)
{
	const struct config *config = keeper->self.setup->config;
	struct store *store = keeper->self.store;
	size_t deleted, total = 0;
	bool left = true;
	struct error err;
	for (int page = 0; left && page < GC_PAGES; page++) {
		bool ok = store->ops->gc(store, before_ms(config->retention_completed_ms),
			before_ms(config->retention_failed_ms),
			before_ms(config->retention_results_ms), GC_ROWS, &deleted, &left, &err);
		if (!keeper_note(keeper, ok, "gc", &err))
			break;
		total += deleted;
		release_the_dead(keeper);
	}
	if (total > 0)
		log_line(
			LOG_INFO, "%zu jobs and tasks are past their retention and deleted", total);
	keeper->gc_at_ms = clock_steady_ms() + (left ? 0 : GC_MS);
}

static void recount(struct keeper *keeper)
{
	struct error err;
	const struct waiting_gate *mended = NULL;
	bool ok = recount_look(&keeper->recount, keeper->self.store, keeper->jobs,
		clock_steady_ms(), &mended, &err);
	if (!ok)
		keeper_note(keeper, false, "recount", &err);
	else if (mended) /* mostly the store is not asked: its answer is no sign of life */
		log_line(LOG_WARN,
			"gate %s of job %s waited for %lld tasks that are not there; mended",
			mended->gate, mended->job, (long long)mended->pending);
}

/* Wall time may jump: at the latest the next look of the keeper finds that out. */
static void start_by_the_clock(struct keeper *keeper)
{
	struct error err;
	int64_t wait_ms;
	bool ok = schedules_look(
		keeper->schedules, keeper->self.store, clock_wall_ms(), &wait_ms, &err);
	if (!ok)
		keeper_note(keeper, false, "schedules", &err);
	keeper->schedules_at_ms = !ok || wait_ms < 0 ? INT64_MAX : clock_steady_ms() + wait_ms;
}

static void look(struct keeper *keeper)
{
	int64_t now = clock_steady_ms();
	bool is_changed = keeper_sees_change(keeper);
	release_the_dead(keeper);
	/* A change may have brought something that is due sooner than the last sweep knew. */
	if (is_changed || now >= keeper->sweep_at_ms)
		sweep(keeper);
	keeper_adopt_starts(keeper);
	keeper_nest(keeper);
	start_by_the_clock(keeper);
	/* The others first: a measurement may make the supervisor act on both. */
	keeper_beat(keeper);
	keeper_measure(keeper);
	if (keeper->self.setup->watch_idle && (is_changed || now >= keeper->idle_at_ms))
		keeper_judge_idle(keeper);
	keeper_follow_cancels(keeper);
	if (now >= keeper->gc_at_ms)
		collect_garbage(keeper);
	recount(keeper);
}

/* Until the bell rings or something is due, at most until the next look. */
static void rest(struct keeper *keeper, uint32_t bell)
{
	const struct worker_setup *setup = keeper->self.setup;
	int64_t most_ms = setup->watch_idle            ? LOOK_IDLE_MS
			  : keeper_is_awaiting(keeper) ? LOOK_AWAIT_MS
						       : LOOK_MS;
	int64_t due_at_ms = keeper->schedules_at_ms < keeper->sweep_at_ms ? keeper->schedules_at_ms
									  : keeper->sweep_at_ms;
	int64_t due_ms = due_at_ms - clock_steady_ms();
	int64_t ms = due_ms < most_ms ? (due_ms > 0 ? due_ms : 1) : most_ms;
	const struct timespec timeout = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	syscall(SYS_futex, &setup->board->keeper_bell, FUTEX_WAIT, bell, &timeout, NULL, 0);
	atomic_store(&setup->slot->beat_ms, clock_steady_ms());
}

static void keep(struct keeper *keeper)
{
	const struct worker_setup *setup = keeper->self.setup;
	scoreboard_set_state(setup->slot, SLOT_IDLE);
	while (self_command(&keeper->self) == COMMAND_RUN) {
		/* Read first: what rings during the look ends the rest at once. */
		uint32_t bell = atomic_load(&setup->board->keeper_bell);
		look(keeper);
		rest(keeper, bell);
	}
	release_the_dead(keeper);
}

/* Without a broker nothing would ever come back from the outboxes. With one the courier opens the
 * doors. */
static void close_doors(struct keeper *keeper)
{
	const struct config *config = keeper->self.setup->config;
	struct error err;
	if (!config->broker_url)
		keeper_note(
			keeper, doors_set(keeper->self.store, config, NULL, &err), "doors", &err);
}

_Noreturn void keeper_main(const struct worker_setup *setup)
{
	struct keeper keeper = { 0 };
	struct error err;
	self_begin(&keeper.self, setup, "keeper");
	if (!self_open_store(&keeper.self, CONFIG_NO_LIMIT, &err)) {
		bool is_told = self_command(&keeper.self) != COMMAND_RUN;
		if (!is_told)
			log_line(LOG_ERROR, "%s", err.text);
		self_end(&keeper.self, is_told ? WORKER_EXIT_OK : WORKER_EXIT_STORE);
	}
	preflight_tell(setup->config, setup->idle_queues, setup->idle_queue_count);
	keeper.jobs = jobs_create();
	close_doors(&keeper);
	keeper.gc_at_ms = clock_steady_ms() + GC_FIRST_MS;
	keeper.recount.cycle_at_ms = clock_steady_ms() + RECOUNT_FIRST_MS;
	keeper.schedules = schedules_create(setup->config);
	keeper_open_gauges(&keeper);
	keeper_open_watch(&keeper);
	keeper_open_nested(&keeper);
	keep(&keeper);
	keeper_close_nested(&keeper);
	keeper_end_beats(&keeper);
	recount_finish(&keeper.recount);
	schedules_destroy(keeper.schedules);
	jobs_destroy(keeper.jobs);
	free(keeper.gauges);
	free(keeper.watched);
	self_end(&keeper.self, WORKER_EXIT_OK);
}
