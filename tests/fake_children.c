/* Doubles of worker_main and keeper_main; see fake_children.h. */
#include "tests/fake_children.h"

#include "base/log.h"
#include "base/memory.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

char fake_home[PATH_MAX];

static volatile sig_atomic_t wants_reopen;

static void on_wake(int number)
{
	if (number == SIGUSR1)
		wants_reopen = 1;
}

static void write_line(const char *name, const char *line)
{
	OWNED(free) char *path = xprintf("%s/%s", fake_home, name);
	OWNED(free) char *text = xprintf("%s\n", line);
	OWNED_FD int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (write(fd, text, strlen(text)) < 0)
		abort();
}

static void begin(void)
{
	struct sigaction action = { .sa_handler = on_wake };
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Until a signal, or the supervisor's end. */
static void rest(const struct worker_setup *setup)
{
	struct pollfd lifeline = { .fd = setup->lifeline, .events = POLLIN };
	sigset_t none;
	sigemptyset(&none);
	if (ppoll(&lifeline, 1, NULL, &none) > 0)
		_exit(WORKER_EXIT_OK);
	if (!wants_reopen) {
		if (atomic_load(&setup->slot->state) == SLOT_BUSY)
			write_line("woken", setup->name);
		return;
	}
	wants_reopen = 0;
	log_reopen(NULL);
	log_line(LOG_INFO, "opened anew");
}

/* A handler in a group of its own, and one that has left that for a session of its own. */
static void start_handler(const struct worker_setup *setup)
{
	int told[2];
	char byte;
	if (pipe(told) != 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if (fork() == 0) {
			setsid();
			if (write(told[1], "", 1) != 1)
				abort();
			for (;;)
				pause();
		}
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	if (read(told[0], &byte, 1) != 1)
		abort();
	atomic_store(&setup->slot->handler_group, pid);
	OWNED(free) char *line = xprintf("%d", (int)pid);
	write_line("handlers", line);
}

static bool is_named(const struct worker_setup *setup, const char *start)
{
	return strncmp(setup->queue->name, start, strlen(start)) == 0;
}

static bool was_here_before(const struct worker_setup *setup)
{
	OWNED(free) char *path = xprintf("%s/%s", fake_home, setup->name);
	OWNED_FD int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	return fd < 0;
}

static _Noreturn void obey(const struct worker_setup *setup, bool is_busy)
{
	bool is_deaf = is_named(setup, "deaf");
	for (;;) {
		int command = atomic_load(&setup->slot->command);
		if (command == COMMAND_DRAIN && !is_busy)
			_exit(WORKER_EXIT_OK);
		if (command == COMMAND_HALT && !is_deaf)
			_exit(is_busy ? WORKER_EXIT_GAVE_BACK : WORKER_EXIT_OK);
		rest(setup);
	}
}

_Noreturn void worker_main(const struct worker_setup *setup)
{
	begin();
	if (is_named(setup, "crash"))
		_exit(WORKER_EXIT_STORE);
	if (getenv("NOTIFY_SOCKET"))
		write_line("inherited", "NOTIFY_SOCKET");
	/* "slow" is ready at its first start only. */
	if (!is_named(setup, "slow") || !was_here_before(setup))
		scoreboard_set_state(setup->slot, SLOT_IDLE);
	bool is_busy = is_named(setup, "busy") || is_named(setup, "deaf") ||
		       (is_named(setup, "odd") && strcmp(setup->name, "odd#1") == 0);
	if (is_busy) {
		scoreboard_set_task(setup->slot, "job.7", "render", 1);
		scoreboard_set_state(setup->slot, SLOT_BUSY);
	}
	if (is_named(setup, "busy-handler"))
		start_handler(setup);
	log_line(LOG_INFO, "at work with lease of %lld ms", (long long)setup->queue->lease_ms);
	obey(setup, is_busy);
}

static void handle_deaths(const struct worker_setup *setup)
{
	struct death death;
	uint64_t number;
	while (scoreboard_next_death(setup->board, &death, &number)) {
		OWNED(free)
		char *line = xprintf("%s|%s|%s|%s|%zu", death.worker, death.queue, death.task_id,
			death.cause, strlen(death.owner));
		write_line("deaths", line);
		scoreboard_death_handled(setup->board, number);
	}
}

_Noreturn void keeper_main(const struct worker_setup *setup)
{
	begin();
	scoreboard_set_state(setup->slot, SLOT_IDLE);
	if (setup->watch_idle) {
		atomic_store(&setup->board->is_idle, 1);
	}
	for (;;) {
		handle_deaths(setup);
		if (atomic_load(&setup->slot->command) != COMMAND_RUN)
			_exit(WORKER_EXIT_OK);
		struct timespec moment = { .tv_nsec = 10 * 1000000 };
		sigset_t none;
		sigemptyset(&none);
		struct pollfd lifeline = { .fd = setup->lifeline, .events = POLLIN };
		if (ppoll(&lifeline, 1, &moment, &none) > 0)
			_exit(WORKER_EXIT_OK);
	}
}

_Noreturn void listener_main(const struct worker_setup *setup)
{
	begin();
	scoreboard_set_state(setup->slot, SLOT_IDLE);
	obey(setup, false);
}
