/* The actions of the child table; see acts.h. */
#include "supervisor/acts.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/confine.h"
#include "supervisor/deaths.h"
#include "supervisor/fatal.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"

#include <signal.h>

static void fork_it(struct child *child)
{
	child->told_at_ms = 0;
	child->was_stopped = false;
	child->is_stale = false;
	child->is_hung = false;
	child->quiet_looks = child->late_looks = 0;
	if (!spawn_child(child))
		child_handle(child, EVENT_FORK_FAILED);
}

static void disarm(struct child *child)
{
	ev_timer_stop(child->pool->supervisor->loop, &child->timer);
	child->pool->supervisor->is_untidy = true;
}

static void fork_afresh(struct child *child)
{
	ev_timer_stop(child->pool->supervisor->loop, &child->timer);
	child->backoff = (struct backoff){ 0 };
	fork_it(child);
}

static void arm(struct child *child, int64_t delay_ms)
{
	if (delay_ms <= 0) {
		child_handle(child, EVENT_DUE);
		return;
	}
	/* The loop's clock stood still while this event was handled. */
	ev_now_update(child->pool->supervisor->loop);
	ev_timer_set(&child->timer, (double)delay_ms / 1000, 0);
	ev_timer_start(child->pool->supervisor->loop, &child->timer);
}

static double chance(void)
{
	return (double)(ids_random64() >> 11) / 9007199254740992.0;
}

static int64_t note_death(struct child *child, bool was_good)
{
	return backoff_note_death(
		&child->backoff, &child->pool->restart, was_good, clock_steady_ms(), chance());
}

/* A failed fork never goes on at once: the machine has no room just now. */
static void retry(struct child *child)
{
	int64_t delay_ms = note_death(child, false);
	arm(child, delay_ms < BACKOFF_STEP_MS ? BACKOFF_STEP_MS : delay_ms);
}

void acts_on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	child_handle(timer->data, EVENT_DUE);
}

static void wake(const struct child *child)
{
	if (child->pid)
		kill(child->pid, SIGTERM);
}

void acts_wake_idle(const struct child *child)
{
	/* Before we look whether it is busy; and it shows that it is idle before it looks at this.
	 * So one of us sees the other's word. */
	atomic_fetch_add(&child->slot->told, 1);
	if (atomic_load(&child->slot->state) != SLOT_BUSY)
		wake(child);
}

static void tell_command(struct child *child, enum slot_command command)
{
	child->was_stopped = true;
	if (child->told_at_ms == 0)
		child->told_at_ms = clock_steady_ms();
	atomic_store(&child->slot->command, (int32_t)command);
	if (command == COMMAND_HALT)
		wake(child);
	else
		acts_wake_idle(child);
}

static void drain(struct child *child)
{
	tell_command(child, COMMAND_DRAIN);
}

static void halt(struct child *child)
{
	tell_command(child, COMMAND_HALT);
}

/* Its handlers die with it: each has PDEATHSIG, and the hunt takes what has not. */
static void kill_it(struct child *child)
{
	child->was_stopped = true;
	kill(child->pid, SIGKILL);
}

static void bury(struct child *child)
{
	confine_kill(child->pool->supervisor, child->name);
	deaths_note(child);
	orphans_hunt(child->pool->supervisor, child);
}

static void restart(struct child *child)
{
	bool was_asked = child->was_stopped || deaths_is_recycling(child);
	bool was_good = deaths_tell(child);
	if (was_asked) {
		child->backoff = (struct backoff){ 0 };
		child_handle(child, EVENT_DUE);
		return;
	}
	int64_t delay_ms = note_death(child, was_good);
	child->pool->restarts++;
	if (child->backoff.is_probing)
		log_line(LOG_ERROR, "%s: died %d times before good service; next try in %lld ms",
			child->name, child->backoff.streak, (long long)delay_ms);
	arm(child, delay_ms);
	fatal_consider(child->pool);
}

static void release(struct child *child)
{
	deaths_tell(child);
	child->pool->supervisor->is_untidy = true;
}

const child_act acts_of_children[CHILD_ACTIONS] = {
	[ACTION_FORK] = fork_it,
	[ACTION_FORK_AFRESH] = fork_afresh,
	[ACTION_RETRY] = retry,
	[ACTION_DISARM] = disarm,
	[ACTION_DRAIN] = drain,
	[ACTION_HALT] = halt,
	[ACTION_KILL] = kill_it,
	[ACTION_BURY] = bury,
	[ACTION_RESTART] = restart,
	[ACTION_RELEASE] = release,
};
