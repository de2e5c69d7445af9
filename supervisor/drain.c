/* Stopping in steps; see drain.h. */
#include "supervisor/drain.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/deaths.h"
#include "supervisor/notify.h"
#include "supervisor/replace.h"
#include "supervisor/opening.h"
#include "supervisor/state.h"

#define KEEPER_CATCHES_UP_MS 1000 /* to release what the last deaths left */
#define PROCESSES_END_MS     2000
#define CATCH_UP_STEP_MS     10
#define UNKILLABLE_MS        5000 /* after the last KILL: a process that the kernel holds */

static void arm(struct supervisor *supervisor, int64_t delay_ms)
{
	ev_timer *timer = &supervisor->drain.timer;
	ev_timer_stop(supervisor->loop, timer);
	ev_now_update(supervisor->loop);
	ev_timer_set(timer, (double)(delay_ms > 0 ? delay_ms : 0) / 1000, 0);
	ev_timer_start(supervisor->loop, timer);
}

static void raise_workers(struct supervisor *supervisor, enum child_event event)
{
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_raise(supervisor->pools[i], event);
}

static size_t count_children(const struct supervisor *supervisor)
{
	size_t count = 0;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		count += supervisor->pools[i]->count;
	return count;
}

static void end(struct supervisor *supervisor)
{
	supervisor->stage = STAGE_ENDED;
	ev_timer_stop(supervisor->loop, &supervisor->drain.timer);
	ev_break(supervisor->loop, EVBREAK_ALL);
}

/* When this pool's workers have to give back, counted from the drain's begin. */
static int64_t halt_after_ms(const struct supervisor *supervisor, const struct pool *pool)
{
	int64_t after_ms = supervisor->config->shutdown_grace_ms - pool->kill_after_ms;
	return after_ms > 0 ? after_ms : 0;
}

/* Acts on what is due in the drain of workers; answers when to look again. */
static int64_t press_workers(struct supervisor *supervisor, int64_t spent_ms)
{
	int64_t next_ms = supervisor->config->shutdown_grace_ms;
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		int64_t halt_ms = halt_after_ms(supervisor, supervisor->pools[i]);
		if (halt_ms <= spent_ms)
			pool_raise(supervisor->pools[i], EVENT_HALT);
		else if (halt_ms < next_ms)
			next_ms = halt_ms;
	}
	if (spent_ms < supervisor->config->shutdown_grace_ms)
		return next_ms - spent_ms;
	log_line(LOG_WARN, "the grace is over, killing what is left");
	raise_workers(supervisor, EVENT_KILL);
	return UNKILLABLE_MS;
}

static void raise_processes(struct supervisor *supervisor, enum child_event event)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		pool_raise(supervisor->processes[i], event);
}

static size_t count_processes(const struct supervisor *supervisor)
{
	size_t count = 0;
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		count += supervisor->processes[i]->count;
	return count;
}

/* They go with the workers: nothing new is to come in. */
static void retire_first(struct supervisor *supervisor)
{
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		if (processes[i].is_first)
			pool_raise(supervisor->processes[i], EVENT_RETIRE);
}

/* The keeper: time to catch up; then all processes are told to end, then made to. */
static void press_processes(struct supervisor *supervisor)
{
	int64_t spent_ms = clock_steady_ms() - supervisor->drain.closing_at_ms;
	if (deaths_are_open(supervisor) && spent_ms < KEEPER_CATCHES_UP_MS) {
		arm(supervisor, CATCH_UP_STEP_MS);
		return;
	}
	raise_processes(supervisor, EVENT_RETIRE);
	if (spent_ms >= KEEPER_CATCHES_UP_MS + PROCESSES_END_MS)
		raise_processes(supervisor, EVENT_KILL);
	if (spent_ms >= KEEPER_CATCHES_UP_MS + PROCESSES_END_MS + UNKILLABLE_MS)
		end(supervisor);
	else
		arm(supervisor, PROCESSES_END_MS);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = timer->data;
	if (supervisor->stage == STAGE_CLOSING) {
		press_processes(supervisor);
		return;
	}
	int64_t spent_ms = clock_steady_ms() - supervisor->drain.began_at_ms;
	if (spent_ms >= supervisor->config->shutdown_grace_ms + UNKILLABLE_MS) {
		log_line(LOG_ERROR, "ending with workers that can't be killed");
		end(supervisor);
		return;
	}
	arm(supervisor, press_workers(supervisor, spent_ms));
}

void drain_init(struct supervisor *supervisor)
{
	ev_init(&supervisor->drain.timer, on_due);
	supervisor->drain.timer.data = supervisor;
}

static void enter(struct supervisor *supervisor)
{
	supervisor->stage = STAGE_DRAINING;
	supervisor->drain.began_at_ms = clock_steady_ms();
	ev_timer_stop(supervisor->loop, &supervisor->reload.timer);
	ev_timer_stop(supervisor->loop, &supervisor->roll_timer);
	ev_timer_stop(supervisor->loop, &supervisor->watch.ready);
	ev_timer_stop(supervisor->loop, &supervisor->watch.idle);
	scaler_stop(supervisor);
	opening_stop(supervisor);
	atomic_store(&supervisor->board->is_ending, 1);
	replace_cancel(supervisor);
	notify_stopping();
	for (size_t i = 0; i < supervisor->pool_count; i++)
		supervisor->pools[i]->desired = 0;
	supervisor->is_untidy = true;
}

void drain_begin(struct supervisor *supervisor)
{
	if (supervisor->stage != STAGE_SERVING)
		return;
	log_line(LOG_INFO, "stopping: workers end after their tasks, within %lld ms",
		(long long)supervisor->config->shutdown_grace_ms);
	enter(supervisor);
	raise_workers(supervisor, EVENT_RETIRE);
	retire_first(supervisor);
	arm(supervisor, press_workers(supervisor, 0));
}

void drain_kill(struct supervisor *supervisor)
{
	log_line(LOG_WARN, "stopping without grace");
	if (supervisor->stage == STAGE_SERVING)
		enter(supervisor);
	raise_workers(supervisor, EVENT_KILL);
	raise_processes(supervisor, EVENT_KILL);
	supervisor->drain.began_at_ms = clock_steady_ms() - supervisor->config->shutdown_grace_ms;
	arm(supervisor, UNKILLABLE_MS);
}

void drain_advance(struct supervisor *supervisor)
{
	if (supervisor->stage == STAGE_DRAINING && count_children(supervisor) == 0) {
		supervisor->stage = STAGE_CLOSING;
		supervisor->drain.closing_at_ms = clock_steady_ms();
		press_processes(supervisor);
	}
	if (supervisor->stage == STAGE_CLOSING && count_processes(supervisor) == 0)
		end(supervisor);
}
