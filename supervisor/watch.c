/* Timers of the supervisor; see watch.h. */
#include "supervisor/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/drain.h"
#include "supervisor/hung.h"
#include "supervisor/notify.h"
#include "supervisor/state.h"

#define READY_LOOK_S    0.02
#define READY_LATEST_MS 30000
#define IDLE_LOOK_S     0.2

static bool has_come_up(const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		if (child_is_ready(pool->children[i]))
			return true;
	/* A queue whose workers die is in trouble; the others shall not wait for it. */
	return pool->desired == 0 || pool->closed_until_s != 0 ||
	       (!pool->process && pool->deaths > 0);
}

static bool all_are_up(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (!has_come_up(supervisor->pools[i]))
			return false;
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		if (!has_come_up(supervisor->processes[i]))
			return false;
	return true;
}

static void on_ready_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct supervisor *supervisor = timer->data;
	int64_t spent_ms = clock_steady_ms() - supervisor->started_at_ms;
	bool is_up = all_are_up(supervisor);
	if (!is_up && spent_ms < READY_LATEST_MS)
		return;
	ev_timer_stop(loop, timer);
	supervisor->watch.is_ready = true;
	log_line(is_up ? LOG_INFO : LOG_WARN, "%s after %lld ms",
		is_up ? "ready" : "not everything is up", (long long)spent_ms);
	notify_ready(supervisor);
}

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	notify_alive(timer->data);
}

static void on_idle_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct supervisor *supervisor = timer->data;
	if (atomic_load(&supervisor->board->is_idle) != 1)
		return;
	ev_timer_stop(loop, timer);
	log_line(LOG_INFO, "nothing is left to do");
	drain_begin(supervisor);
}

static void start(struct supervisor *supervisor, ev_timer *timer,
	void (*act)(struct ev_loop *, ev_timer *, int), double every_s)
{
	ev_timer_init(timer, act, every_s, every_s);
	timer->data = supervisor;
	if (every_s > 0)
		ev_timer_start(supervisor->loop, timer);
}

void watch_start(struct supervisor *supervisor)
{
	start(supervisor, &supervisor->watch.ready, on_ready_look,
		supervisor->watch.is_ready ? 0 : READY_LOOK_S);
	start(supervisor, &supervisor->watch.watchdog, on_watchdog,
		(double)notify_interval_ms() / 1000);
	start(supervisor, &supervisor->watch.idle, on_idle_look,
		supervisor->options.until_idle ? IDLE_LOOK_S : 0);
	hung_init(supervisor);
}

void watch_finish(struct supervisor *supervisor)
{
	ev_timer_stop(supervisor->loop, &supervisor->watch.ready);
	ev_timer_stop(supervisor->loop, &supervisor->watch.watchdog);
	ev_timer_stop(supervisor->loop, &supervisor->watch.idle);
	ev_timer_stop(supervisor->loop, &supervisor->watch.hung);
}
