/* Life of a child process; see self.h. */
#include "workers/self.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS   3000 /* back at work within 5 s of the store */

/* What a signal handler may touch. */
static struct {
	struct store *volatile store;
	_Atomic uint32_t *volatile bell;
	void (*volatile wake)(void);
	volatile sig_atomic_t is_woken, wants_reopen;
} signalled;

static void on_signal(int number)
{
	signalled.is_woken = 1;
	if (number == SIGUSR1)
		signalled.wants_reopen = 1;
	if (signalled.store)
		signalled.store->ops->interrupt(signalled.store);
	if (signalled.bell)
		atomic_fetch_add(signalled.bell, 1);
	if (signalled.wake)
		signalled.wake();
}

void self_set_wake(void (*wake)(void))
{
	signalled.wake = wake;
}

static void on_noise(int number)
{
	(void)number;
}

/*
 * A terminal sends INT, QUIT, HUP and TSTP to the whole group; what they mean is the supervisor's
 * to say. They are caught rather than ignored: a caught signal is default again after exec, so
 * that handlers get what they expect.
 */
static const struct {
	int number;
	void (*handler)(int);
} reactions[] = {
	{ SIGTERM, on_signal },
	{ SIGUSR1, on_signal },
	{ SIGINT, on_noise },
	{ SIGQUIT, on_noise },
	{ SIGHUP, on_noise },
	{ SIGTSTP, on_noise },
	{ SIGTTIN, on_noise },
	{ SIGTTOU, on_noise },
	{ SIGUSR2, on_noise },
	{ SIGPIPE, on_noise },
};

static void set_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(reactions); i++) {
		struct sigaction action = { .sa_handler = reactions[i].handler };
		sigaction(reactions[i].number, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void self_begin(struct self *self, const struct worker_setup *setup, const char *role)
{
	*self = (struct self){ .setup = setup };
	set_signals();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, setup->name);
	log_set_process(setup->name);
	fault_set_role(role);
	(void)role;
	atomic_store(&setup->slot->pid, getpid());
	scoreboard_set_state(setup->slot, SLOT_STARTING);
}

_Noreturn void self_end(struct self *self, enum worker_exit code)
{
	struct store *store = self->store;
	signalled.store = NULL;
	store_close(store);
	atomic_store(&self->setup->slot->exit_cause, (int32_t)code);
	/* Not exit(3): what the parent has registered with atexit is not ours to run. */
	_exit(code);
}

static bool is_orphan(const struct self *self)
{
	struct pollfd lifeline = { .fd = self->setup->lifeline, .events = POLLIN };
	if (self->setup->supervisor == 0)
		return false;
	return getppid() != self->setup->supervisor ||
	       (lifeline.fd >= 0 && poll(&lifeline, 1, 0) > 0);
}

static enum slot_command command_of_orphan(struct self *self)
{
	int64_t now = clock_steady_ms();
	if (self->orphaned_at_ms == 0) {
		self->orphaned_at_ms = now;
		log_line(LOG_WARN, "the supervisor is gone: no new task is taken");
	}
	/* As in a drain: what it takes to end a handler is part of the grace. */
	const struct config_queue *queue = self->setup->queue;
	int64_t patience_ms =
		self->setup->config->shutdown_grace_ms - (queue ? queue->kill_after_ms : 0);
	bool is_over = now - self->orphaned_at_ms >= patience_ms;
	return is_over ? COMMAND_HALT : COMMAND_DRAIN;
}

enum slot_command self_command(struct self *self)
{
	if (signalled.wants_reopen) {
		struct error err;
		signalled.wants_reopen = 0;
		if (!log_reopen(&err))
			log_line(LOG_ERROR, "%s", err.text);
	}
	if (self->orphaned_at_ms || is_orphan(self))
		return command_of_orphan(self);
	return (enum slot_command)atomic_load(&self->setup->slot->command);
}

bool self_is_paused(const struct self *self)
{
	return atomic_load(&self->setup->slot->is_paused) != 0;
}

void self_sleep(struct self *self, int64_t ms)
{
	struct pollfd lifeline = { .fd = self->setup->lifeline, .events = POLLIN };
	struct timespec timeout = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (!signalled.is_woken)
		ppoll(&lifeline, self->orphaned_at_ms ? 0 : 1, &timeout, &before);
	signalled.is_woken = 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	atomic_store(&self->setup->slot->beat_ms, clock_steady_ms());
}

void self_note_store(struct self *self, bool ok, const struct error *err)
{
	if (!ok && self->out_since_ms == 0) {
		self->out_since_ms = clock_steady_ms();
		self->backoff_ms = BACKOFF_FIRST_MS;
		log_line(LOG_WARN, "%s; trying again", err->text);
	} else if (ok && self->out_since_ms != 0) {
		log_line(LOG_INFO, "the store answers again after %.1f s",
			(double)(clock_steady_ms() - self->out_since_ms) / 1000);
		self->out_since_ms = 0;
	}
}

/* Uniform in [backoff/2, backoff], so that the workers of a store do not come back as one. */
static void back_off(struct self *self)
{
	int64_t half = self->backoff_ms / 2;
	self_sleep(self, half + (int64_t)(ids_random64() % (uint64_t)(half + 1)));
	self->backoff_ms *= 2;
	if (self->backoff_ms > BACKOFF_MAX_MS)
		self->backoff_ms = BACKOFF_MAX_MS;
}

bool self_tries_again(struct self *self, bool ok, const struct error *err)
{
	if (ok) {
		self_note_store(self, true, err);
		return false;
	}
	if (err->kind != ERROR_UNAVAILABLE)
		return false;
	self_note_store(self, false, err);
	if (self_command(self) == COMMAND_HALT)
		return false;
	back_off(self);
	return true;
}

bool self_open_store(struct self *self, int64_t patience_ms, struct error *err)
{
	int64_t since = clock_steady_ms();
	struct store *store;
	bool ok;
	do {
		ok = store_open(self->setup->config->store_url, self->setup->bells, &store, err);
		bool is_over = patience_ms >= 0 && clock_steady_ms() - since > patience_ms;
		if (!ok && (is_over || self_command(self) != COMMAND_RUN))
			return false;
	} while (self_tries_again(self, ok, err));
	if (!ok)
		return false;
	self->store = store;
	signalled.store = store;
	signalled.bell = self->setup->queue ? NULL : &self->setup->board->keeper_bell;
	return true;
}
