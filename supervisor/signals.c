/* Signals as a table; see signals.h. */
#include "supervisor/signals.h"

#include "base/log.h"
#include "supervisor/drain.h"
#include "supervisor/reap.h"
#include "supervisor/reload.h"
#include "supervisor/replace.h"
#include "supervisor/state.h"
#include "supervisor/status.h"

#include <signal.h>

static void on_child(struct supervisor *supervisor)
{
	reap_ended(supervisor);
	orphans_sweep(supervisor);
}

static void on_hangup(struct supervisor *supervisor)
{
	reload_request(supervisor);
}

static void on_stop(struct supervisor *supervisor)
{
	drain_begin(supervisor);
}

static void on_quit(struct supervisor *supervisor)
{
	drain_kill(supervisor);
}

static void scale_all(struct supervisor *supervisor, int step)
{
	if (supervisor->stage != STAGE_SERVING)
		return;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		if (!supervisor->pools[i]->is_removed)
			pool_override(supervisor->pools[i], supervisor->pools[i]->desired + step);
	log_line(LOG_INFO, "one worker %s for every queue", step > 0 ? "more" : "less");
}

static void on_more(struct supervisor *supervisor)
{
	scale_all(supervisor, 1);
}

static void on_less(struct supervisor *supervisor)
{
	scale_all(supervisor, -1);
}

static void pause_all(struct supervisor *supervisor, bool is_paused)
{
	for (size_t i = 0; i < supervisor->pool_count; i++)
		pool_pause(supervisor->pools[i], is_paused);
	log_line(LOG_INFO, "every queue is %s", is_paused ? "paused" : "resumed");
}

static void on_pause(struct supervisor *supervisor)
{
	pause_all(supervisor, true);
}

static void on_resume(struct supervisor *supervisor)
{
	pause_all(supervisor, false);
}

static void signal_children(const struct pool *pool, int number)
{
	for (size_t i = 0; i < pool->count; i++)
		if (child_is_alive(pool->children[i]))
			kill(pool->children[i]->pid, number);
}

/* Each process has a descriptor of its own, so each opens its own anew. */
static void on_reopen(struct supervisor *supervisor)
{
	struct error err;
	if (!log_reopen(&err))
		log_line(LOG_ERROR, "%s", err.text);
	for (size_t i = 0; i < PROCESS_KINDS; i++)
		signal_children(supervisor->processes[i], SIGUSR1);
	for (size_t i = 0; i < supervisor->pool_count; i++)
		signal_children(supervisor->pools[i], SIGUSR1);
	status_log(supervisor);
}

static void on_replace(struct supervisor *supervisor)
{
	replace_request(supervisor);
}

static const struct {
	int number;
	void (*act)(struct supervisor *supervisor);
} acts[] = {
	{ SIGCHLD, on_child },
	{ SIGHUP, on_hangup },
	{ SIGTERM, on_stop },
	{ SIGINT, on_stop },
	{ SIGQUIT, on_quit },
	{ SIGTTIN, on_more },
	{ SIGTTOU, on_less },
	{ SIGTSTP, on_pause },
	{ SIGCONT, on_resume },
	{ SIGUSR1, on_reopen },
	{ SIGUSR2, on_replace },
};
_Static_assert(ARRAY_SIZE(acts) == SIGNALS_WATCHED, "a watcher per row");

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = watcher->data;
	acts[watcher - supervisor->signals].act(supervisor);
}

static void set_mask(int how)
{
	sigset_t ours;
	sigemptyset(&ours);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		sigaddset(&ours, acts[i].number);
	sigprocmask(how, &ours, NULL);
}

void signals_hold(void)
{
	set_mask(SIG_BLOCK);
}

void signals_release(void)
{
	set_mask(SIG_UNBLOCK);
}

bool signals_await_stop(int64_t ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	sigset_t stops;
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGQUIT);
	return sigtimedwait(&stops, NULL, &time) > 0;
}

void signals_init(struct supervisor *supervisor)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		ev_signal_init(&supervisor->signals[i], on_signal, acts[i].number);
		supervisor->signals[i].data = supervisor;
		ev_signal_start(supervisor->loop, &supervisor->signals[i]);
	}
	set_mask(SIG_UNBLOCK);
}

void signals_finish(struct supervisor *supervisor)
{
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		ev_signal_stop(supervisor->loop, &supervisor->signals[i]);
	signal(SIGPIPE, SIG_DFL);
}
