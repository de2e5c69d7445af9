/* Waiting for a handler: ticks, time-outs, orders, TERM and KILL; see runner_parts.h. */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/whereabouts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define OWN_TICK_MS 1000 /* where nobody is to be asked */

static const struct {
	enum run_status status;
	const char *message;
	bool may_answer; /* a stream handler is asked before it gets TERM */
} orders[] = {
	[ORDER_CANCEL] = { RUN_CANCELLED, "cancelled", true },
	[ORDER_HALT] = { RUN_HALTED, "stopped before its end", true },
	[ORDER_LOST] = { RUN_LOST, "the lease was lost", false },
};

void guard_init(struct guard *guard, const struct runner *runner, struct child *child,
	const struct run_watch *watch)
{
	*guard = (struct guard){
		.watch = watch,
		.child = child,
		.keep = runner->stream.child.process.pid,
		.may_have_ended = true, /* a long-lived one, before signals were blocked */
		.silence_ms = runner->queue->heartbeat_ms,
		.kill_after_ms = runner->queue->kill_after_ms,
		.slot = runner->slot,
	};
	for (int alarm = 0; alarm < ALARMS; alarm++)
		guard->alarms[alarm] = ALARM_NEVER;
	guard->alarms[ALARM_TICK] = clock_steady_ms() + (watch ? watch->tick_ms : OWN_TICK_MS);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &guard->signals);
}

void guard_finish(struct guard *guard)
{
	if (guard->slot)
		atomic_store(&guard->slot->overdue_at_ms, 0);
	free(guard->stop_message);
	guard->stop_message = NULL;
	sigprocmask(SIG_SETMASK, &guard->signals, NULL);
}

/* Test builds may, as if a handler could not be killed. */
static bool overlooks_timeouts(void)
{
#ifdef REEVE_FAULTS
	return getenv("REEVE_OVERLOOK_TIMEOUTS");
#else
	return false;
#endif
}

void guard_set_timeout(struct guard *guard, int64_t timeout_ms)
{
	const bool is_limited = timeout_ms != CONFIG_NO_LIMIT;
	const int64_t at_ms = is_limited ? clock_steady_ms() + timeout_ms : ALARM_NEVER;
	guard->timeout_ms = timeout_ms;
	guard->alarms[ALARM_TIMEOUT] = overlooks_timeouts() ? ALARM_NEVER : at_ms;
	/* The supervisor's to see: a handler that not even KILL ends holds us too. */
	if (guard->slot)
		atomic_store(
			&guard->slot->overdue_at_ms, is_limited ? at_ms + guard->kill_after_ms : 0);
}

void guard_show_life(struct guard *guard)
{
	if (guard->silence_ms > 0 && !guard->is_stopping)
		guard->alarms[ALARM_SILENCE] = clock_steady_ms() + guard->silence_ms;
}

/* "1h30m0s", "30m0s", "2.5s", "250ms". Owned. */
static char *print_duration(int64_t ms)
{
	const long long seconds = ms / 1000;
	if (ms < 1000)
		return xprintf("%lldms", (long long)ms);
	if (ms % 1000)
		return xprintf("%.10gs", (double)ms / 1000);
	if (seconds < 60)
		return xprintf("%llds", seconds);
	if (seconds < 3600)
		return xprintf("%lldm%llds", seconds / 60, seconds % 60);
	return xprintf("%lldh%lldm%llds", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static void send_term(struct guard *guard)
{
	process_signal(&guard->child->process, SIGTERM);
	if (guard->alarms[ALARM_KILL] == ALARM_NEVER)
		guard->alarms[ALARM_KILL] = clock_steady_ms() + guard->kill_after_ms;
}

static void send_kill(struct guard *guard)
{
	guard->was_killed = true;
	process_signal(&guard->child->process, SIGKILL);
}

static bool begin_stop(struct guard *guard, enum run_status status, char *message)
{
	if (guard->is_stopping) {
		free(message);
		return false;
	}
	guard->is_stopping = true;
	guard->stop_status = status;
	guard->stop_message = message;
	guard->alarms[ALARM_TIMEOUT] = ALARM_NEVER;
	guard->alarms[ALARM_SILENCE] = ALARM_NEVER;
	guard->alarms[ALARM_CLOSED] = ALARM_NEVER;
	guard->alarms[ALARM_MEMORY] = ALARM_NEVER;
	return true;
}

void guard_stop(struct guard *guard, enum run_status status, char *message)
{
	if (begin_stop(guard, status, message))
		send_term(guard);
}

void guard_kill(struct guard *guard, enum run_status status, char *message)
{
	if (begin_stop(guard, status, message))
		process_signal(&guard->child->process, SIGKILL);
}

/* Half of the time for an answer, half for TERM: both within kill_after. */
static void obey(struct guard *guard, enum run_order order)
{
	if (!begin_stop(guard, orders[order].status, xstrdup(orders[order].message)))
		return;
	const bool is_asked = guard->ask_to_stop && guard->ask_to_stop(guard);
	if (!is_asked || !orders[order].may_answer) {
		send_term(guard);
		return;
	}
	const int64_t now = clock_steady_ms();
	guard->alarms[ALARM_TERM] = now + guard->kill_after_ms / 2;
	guard->alarms[ALARM_KILL] = now + guard->kill_after_ms;
}

static void on_tick(struct guard *guard)
{
	process_reap_strays(guard->child->process.pid, guard->keep);
	if (guard->slot)
		atomic_store(&guard->slot->beat_ms, clock_steady_ms());
	if (!guard->watch) {
		guard->alarms[ALARM_TICK] = clock_steady_ms() + OWN_TICK_MS;
		return;
	}
	const enum run_order order = guard->watch->on_tick(guard->watch->context);
	guard->alarms[ALARM_TICK] = clock_steady_ms() + guard->watch->tick_ms;
	if (order != ORDER_GO_ON)
		obey(guard, order);
}

/* Before it is told to end: what it, or the program that its shell waits for, is waiting for. */
static void log_whereabouts(const struct guard *guard)
{
	const pid_t pid = whereabouts_innermost(guard->child->process.pid);
	OWNED(free) char *where = whereabouts_describe(pid);
	if (where)
		log_about(&guard->child->output.subject, LOG_WARN, "%s: pid %d, %s",
			guard->stop_message, (int)pid, where);
}

static void stop_stuck(struct guard *guard, char *message)
{
	if (!begin_stop(guard, RUN_TIMED_OUT, message))
		return;
	log_whereabouts(guard);
	send_term(guard);
}

static void on_timeout(struct guard *guard)
{
	OWNED(free) char *limit = print_duration(guard->timeout_ms);
	if (guard->is_starting)
		guard_stop(guard, RUN_BROKEN,
			xprintf("the handler did not say {\"ready\":true} within %s", limit));
	else
		stop_stuck(guard, xprintf("timed out after %s", limit));
}

static void on_silence(struct guard *guard)
{
	OWNED(free) char *limit = print_duration(guard->silence_ms);
	stop_stuck(guard, xprintf("hung: no sign of life for %s", limit));
}

static void on_closed(struct guard *guard)
{
	guard_stop(guard, RUN_BROKEN, xstrdup("the handler closed its socket but did not exit"));
}

static void (*const actions[ALARMS])(struct guard *guard) = {
	[ALARM_TICK] = on_tick,
	[ALARM_TIMEOUT] = on_timeout,
	[ALARM_SILENCE] = on_silence,
	[ALARM_CLOSED] = on_closed,
	[ALARM_MEMORY] = guard_sample_memory,
	[ALARM_TERM] = send_term,
	[ALARM_KILL] = send_kill,
};

int64_t guard_next_alarm(const struct guard *guard)
{
	int64_t next = ALARM_NEVER;
	for (int alarm = 0; alarm < ALARMS; alarm++)
		if (guard->alarms[alarm] < next)
			next = guard->alarms[alarm];
	return next;
}

void guard_wait(struct guard *guard, struct pollfd *fds, size_t count)
{
	const int64_t next = guard_next_alarm(guard);
	const int64_t left = next == ALARM_NEVER ? 0 : next - clock_steady_ms();
	const struct timespec limit = { .tv_sec = left > 0 ? left / 1000 : 0,
		.tv_nsec = left > 0 ? left % 1000 * 1000000 : 0 };
	sigset_t none;
	sigemptyset(&none);
	if (ppoll(fds, count, next == ALARM_NEVER ? NULL : &limit, &none) >= 0)
		return;
	for (size_t i = 0; i < count; i++)
		fds[i].revents = 0;
	if (errno != EINTR)
		return;
	guard->may_have_ended = true;
	guard->alarms[ALARM_TICK] = 0; /* the signal may be an order */
}

bool guard_sees_end(struct guard *guard)
{
	const bool may_have_ended = guard->may_have_ended;
	guard->may_have_ended = false;
	return may_have_ended && process_has_ended(&guard->child->process);
}

void guard_ring(struct guard *guard)
{
	const int64_t now = clock_steady_ms();
	for (int alarm = 0; alarm < ALARMS; alarm++)
		if (guard->alarms[alarm] <= now) {
			guard->alarms[alarm] = ALARM_NEVER;
			actions[alarm](guard);
		}
}

void guard_wait_for_end(struct guard *guard, struct child *child)
{
	struct pollfd fds[CHILD_FDS];
	for (;;) {
		child_fill_poll(child, fds);
		guard_wait(guard, fds, CHILD_FDS);
		child_serve(child, fds);
		if (guard_sees_end(guard))
			return;
		guard_ring(guard);
	}
}
