/* Replacing the binary: the side of the one that runs; see replace.h. */
#include "supervisor/replace.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "supervisor/deaths.h"
#include "supervisor/handover.h"
#include "supervisor/notify.h"
#include "supervisor/signals.h"
#include "supervisor/state.h"
#include "supervisor/successor.h"
#include "supervisor/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS    10000
#define CLIENTS_MS   1000 /* for requests that are being answered */
#define CLIENTS_STEP 0.005

static void refuse(struct supervisor *supervisor, const char *why)
{
	log_line(LOG_ERROR, "not replaced, the running binary stays: %s: %s",
		supervisor->replace.binary ? supervisor->replace.binary : "its path", why);
}

static int64_t answer_ms(void)
{
	return fault_number("REEVE_REHEARSAL_MS", ANSWER_MS);
}

/* --- the rehearsal --- */

static void set_default_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* It gets the state and the scoreboard, which it maps as a copy, and nothing by which it could do
 * anything in our name. */
static _Noreturn void become_rehearsal(const struct supervisor *supervisor,
	const struct successor *successor, int output, pid_t parent)
{
	close(supervisor->lifeline_write);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	OWNED_FD int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(nothing, 0);
	dup2(output, 1);
	dup2(output, 2);
	unsetenv("NOTIFY_SOCKET");
	fcntl(supervisor->board_fd, F_SETFD, 0);
	successor_announce(TAKEOVER_REHEARSAL, successor->state);
	set_default_signals();
	fault_step("rehearse");
	execv(supervisor->replace.binary, successor->words);
	dprintf(2, "%s\n", strerror(errno));
	_exit(127);
}

static pid_t fork_rehearsal(
	const struct supervisor *supervisor, const struct successor *successor, int output)
{
	sigset_t all, before;
	sigfillset(&all);
	pid_t parent = getpid();
	sigprocmask(SIG_BLOCK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		become_rehearsal(supervisor, successor, output, parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void read_answer(struct supervisor *supervisor)
{
	char more[1024];
	ssize_t got;
	while ((got = read(supervisor->replace.answer_fd, more, sizeof more)) > 0) {
		size_t room = sizeof supervisor->replace.said - 1 - supervisor->replace.length;
		size_t taken = (size_t)got < room ? (size_t)got : room;
		memcpy(supervisor->replace.said + supervisor->replace.length, more, taken);
		supervisor->replace.length += taken;
	}
	if (got == 0 || errno != EAGAIN)
		ev_io_stop(supervisor->loop, &supervisor->replace.answer);
}

static void on_answer(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	read_answer(watcher->data);
}

static void kill_rehearsal(const struct supervisor *supervisor)
{
	kill(-supervisor->replace.pid, SIGKILL);
	kill(supervisor->replace.pid, SIGKILL);
}

static void arm(struct supervisor *supervisor, double after_s)
{
	ev_now_update(supervisor->loop);
	ev_timer_stop(supervisor->loop, &supervisor->replace.patience);
	ev_timer_set(&supervisor->replace.patience, after_s, 0);
	ev_timer_start(supervisor->loop, &supervisor->replace.patience);
}

static bool begin_rehearsal(struct supervisor *supervisor)
{
	OWNED_SUCCESSOR struct successor successor = { .state = -1 };
	int ends[2];
	if (!successor_prepare(supervisor, &successor) || pipe2(ends, O_CLOEXEC) != 0)
		return false;
	OWNED_FD int output = ends[1];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pid_t pid = fork_rehearsal(supervisor, &successor, output);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	supervisor->replace.pid = pid;
	supervisor->replace.answer_fd = ends[0];
	supervisor->replace.length = 0;
	supervisor->replace.is_late = false;
	supervisor->replace.asked_at_ms = clock_steady_ms();
	ev_io_set(&supervisor->replace.answer, ends[0], EV_READ);
	ev_io_start(supervisor->loop, &supervisor->replace.answer);
	arm(supervisor, (double)answer_ms() / 1000);
	return true;
}

void replace_request(struct supervisor *supervisor)
{
	if (supervisor->stage != STAGE_SERVING) {
		refuse(supervisor, "the supervisor is stopping");
	} else if (supervisor->replace.pid || supervisor->replace.agreed_at_ms) {
		log_line(LOG_INFO, "the binary is being replaced already");
	} else if (!supervisor->replace.binary) {
		refuse(supervisor, "it could not be found out");
	} else if (!begin_rehearsal(supervisor)) {
		refuse(supervisor, strerror(errno));
	} else {
		log_line(LOG_INFO, "%s rehearses in our place, pid %d", supervisor->replace.binary,
			(int)supervisor->replace.pid);
	}
}

void replace_cancel(struct supervisor *supervisor)
{
	if (supervisor->replace.pid)
		kill_rehearsal(supervisor);
}

/* --- its answer --- */

/* The first line that is no warning, in place. */
static const char *find_complaint(char *said)
{
	const char *line;
	while ((line = strsep(&said, "\n")))
		if (*line && strncmp(line, "warning: ", 9) != 0)
			return line;
	return "without a word";
}

static bool has_agreed(const struct supervisor *supervisor, int exit_status)
{
	static const char answer[] = TAKEOVER_ANSWER "\n";
	size_t length = supervisor->replace.length, wanted = sizeof answer - 1;
	return WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == 0 && length >= wanted &&
	       strcmp(supervisor->replace.said + length - wanted, answer) == 0;
}

static void tell_refusal(struct supervisor *supervisor, int exit_status)
{
	char death[SCOREBOARD_TEXT];
	OWNED(free) char *why = NULL;
	if (supervisor->stage != STAGE_SERVING)
		why = xstrdup("the supervisor is stopping");
	else if (supervisor->replace.is_late)
		why = xprintf("no answer within %lld ms", (long long)answer_ms());
	else if (WIFSIGNALED(exit_status))
		why = xprintf("its rehearsal was %s", deaths_describe(exit_status, death));
	else
		why = xprintf("its rehearsal ended with %d: %s", WEXITSTATUS(exit_status),
			find_complaint(supervisor->replace.said));
	refuse(supervisor, why);
}

void replace_on_reaped(struct supervisor *supervisor, int exit_status)
{
	read_answer(supervisor);
	supervisor->replace.said[supervisor->replace.length] = '\0';
	ev_io_stop(supervisor->loop, &supervisor->replace.answer);
	ev_timer_stop(supervisor->loop, &supervisor->replace.patience);
	close(supervisor->replace.answer_fd);
	supervisor->replace.answer_fd = -1;
	supervisor->replace.pid = 0;
	if (supervisor->stage != STAGE_SERVING || supervisor->replace.is_late ||
		!has_agreed(supervisor, exit_status)) {
		tell_refusal(supervisor, exit_status);
		return;
	}
	supervisor->replace.agreed_at_ms = clock_steady_ms();
	control_server_set_accepting(supervisor->server, false);
	arm(supervisor, 0);
}

/* Whoever has asked gets his answer; whoever asks from now on waits for the other program. */
static void leave_loop_when_quiet(struct supervisor *supervisor)
{
	int64_t spent_ms = clock_steady_ms() - supervisor->replace.agreed_at_ms;
	if (control_server_is_quiet(supervisor->server) || spent_ms >= CLIENTS_MS)
		ev_break(supervisor->loop, EVBREAK_ALL);
	else
		arm(supervisor, CLIENTS_STEP);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = timer->data;
	if (supervisor->replace.agreed_at_ms) {
		leave_loop_when_quiet(supervisor);
		return;
	}
	supervisor->replace.is_late = true;
	kill_rehearsal(supervisor);
}

/* --- in earnest --- */

bool replace_is_agreed(const struct supervisor *supervisor)
{
	return supervisor->replace.agreed_at_ms != 0 && supervisor->stage != STAGE_ENDED;
}

/* A last look: the rehearsal may be a second old, and the other program can't come back. */
static bool file_is_good(const struct supervisor *supervisor, struct error *err)
{
	OWNED(config) struct config *config = NULL;
	struct config_faults faults = { 0 };
	bool is_good = config_load(supervisor->config->path, &config, &faults, err);
	config_faults_finish(&faults);
	return is_good;
}

/* The one call that does not come back where it succeeds. */
static void become_other(struct supervisor *supervisor)
{
	OWNED_SUCCESSOR struct successor successor = { .state = -1 };
	struct handover_descriptors descriptors;
	struct error err;
	if (!file_is_good(supervisor, &err)) {
		refuse(supervisor, err.text);
		return;
	}
	if (!successor_prepare(supervisor, &successor)) {
		refuse(supervisor, strerror(errno));
		return;
	}
	notify_reloading();
	handover_list(supervisor, &descriptors);
	handover_set_inherited(&descriptors, true);
	successor_announce(TAKEOVER_EXEC, successor.state);
	fault_step("replace");
	execv(supervisor->replace.binary, successor.words);
	int reason = errno;
	unsetenv(TAKEOVER_VARIABLE);
	handover_set_inherited(&descriptors, false);
	refuse(supervisor, strerror(reason));
	notify_ready(supervisor);
}

void replace_exec(struct supervisor *supervisor)
{
	/* Pending signals stay over the exec. What our handlers have caught by now would not: the
	 * loop deals with it first, and it may be an order to stop. */
	signals_hold();
	ev_run(supervisor->loop, EVRUN_NOWAIT);
	if (supervisor->stage == STAGE_SERVING)
		become_other(supervisor);
	else
		refuse(supervisor, "the supervisor is stopping");
	supervisor->replace.agreed_at_ms = 0;
	control_server_set_accepting(supervisor->server, true);
	signals_release();
}

void replace_init(struct supervisor *supervisor)
{
	supervisor->replace.answer_fd = -1;
	supervisor->replace.binary = takeover_find_binary();
	ev_init(&supervisor->replace.patience, on_patience);
	ev_init(&supervisor->replace.answer, on_answer);
	supervisor->replace.patience.data = supervisor->replace.answer.data = supervisor;
}

void replace_finish(struct supervisor *supervisor)
{
	replace_cancel(supervisor);
	ev_timer_stop(supervisor->loop, &supervisor->replace.patience);
	ev_io_stop(supervisor->loop, &supervisor->replace.answer);
	if (supervisor->replace.answer_fd >= 0)
		close(supervisor->replace.answer_fd);
	free(supervisor->replace.binary);
}
