/*
 * The supervisor's life: take the lock, make what the children share, fork them, turn the loop
 * until it is told to end, count what had to be killed.
 */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/commands.h"
#include "supervisor/confine.h"
#include "supervisor/control_paths.h"
#include "supervisor/deaths.h"
#include "supervisor/drain.h"
#include "supervisor/lock.h"
#include "supervisor/logring.h"
#include "supervisor/logs.h"
#include "supervisor/notify.h"
#include "supervisor/orphans.h"
#include "supervisor/pools.h"
#include "supervisor/reload.h"
#include "supervisor/roll.h"
#include "supervisor/signals.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"
#include "supervisor/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__has_feature)
#define REEVE_HAS_CLANG_ASAN __has_feature(address_sanitizer)
#else
#define REEVE_HAS_CLANG_ASAN 0
#endif

/* Secrets are in our memory. The leak check of a sanitized build has to read it. */
static void hide_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !REEVE_HAS_CLANG_ASAN
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

static bool take_place(struct supervisor *supervisor, struct error *err)
{
	const struct config *config = supervisor->config;
	if (!control_choose_path(config->path, config->control_path, &supervisor->socket_path, err))
		return false;
	supervisor->lock_path = control_lock_path(supervisor->socket_path);
	return lock_take(supervisor->lock_path, config->path, &supervisor->lock_fd, err);
}

static bool open_lifeline(struct supervisor *supervisor, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERROR_UNAVAILABLE, "pipe: %s", strerror(errno));
	supervisor->lifeline_read = ends[0];
	supervisor->lifeline_write = ends[1];
	return true;
}

static bool open_shared(struct supervisor *supervisor, struct error *err)
{
	if (!open_lifeline(supervisor, err) || !log_ring_create(&supervisor->ring, err) ||
		!scoreboard_create(&supervisor->board, &supervisor->board_fd, err))
		return false;
	if (!bells_create(&supervisor->bells))
		return error_set(err, ERROR_UNAVAILABLE, "bells: %s", strerror(errno));
	ids_owner(supervisor->board->fleet_id);
	supervisor->board->started_at_ms = clock_wall_ms();
	log_ring_attach(supervisor->ring);
	confine_init(supervisor);
	slots_init(supervisor);
	return true;
}

static bool listen_for_commands(struct supervisor *supervisor, struct error *err)
{
	const struct control_port port = {
		.context = supervisor,
		.on_request = commands_on_request,
		.on_gone = commands_on_gone,
	};
	return control_server_open(supervisor->loop, supervisor->socket_path,
		supervisor->config->control_group, &port, &supervisor->server, err);
}

/* After every round of events: free places are given up here and nowhere else, so that no event's
 * handling meets a freed one. */
static void on_tidy(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	(void)loop, (void)events;
	struct supervisor *supervisor = watcher->data;
	if (!supervisor->is_untidy)
		return;
	supervisor->is_untidy = false;
	pools_tidy(supervisor);
	drain_advance(supervisor);
}

static void init_loop(struct supervisor *supervisor)
{
	supervisor->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	ev_prepare_init(&supervisor->tidy, on_tidy);
	supervisor->tidy.data = supervisor;
	ev_prepare_start(supervisor->loop, &supervisor->tidy);
	signals_init(supervisor);
	orphans_init(supervisor);
	deaths_init(supervisor);
	drain_init(supervisor);
	reload_init(supervisor);
	roll_init(supervisor);
	logs_init(supervisor);
}

static int exit_code(const struct supervisor *supervisor)
{
	if (supervisor->drain.has_killed || supervisor->drain.is_fatal)
		return 1;
	return supervisor->options.until_idle && atomic_load(&supervisor->board->any_failed) ? 1
											     : 0;
}

static int serve(struct supervisor *supervisor)
{
	log_line(LOG_INFO, "supervisor of %s, pid %d, %s", supervisor->config->path, (int)getpid(),
		supervisor->socket_path);
	pools_create(supervisor);
	pools_start(supervisor);
	watch_start(supervisor);
	ev_run(supervisor->loop, 0);
	watch_finish(supervisor);
	int code = exit_code(supervisor);
	log_line(LOG_INFO, "stopped, exit code %d", code);
	return code;
}

static bool set_up(struct supervisor *supervisor, struct error *err)
{
	/* The lock comes first: without it nothing of the other one's may be touched. */
	if (!take_place(supervisor, err) || !open_shared(supervisor, err))
		return false;
	init_loop(supervisor);
	if (!scaler_init(supervisor))
		return error_set(err, ERROR_UNAVAILABLE, "eventfd: %s", strerror(errno));
	return listen_for_commands(supervisor, err);
}

static void close_loop(struct supervisor *supervisor)
{
	control_server_close(supervisor->server);
	scaler_finish(supervisor);
	logs_finish(supervisor);
	reload_finish(supervisor);
	deaths_finish(supervisor);
	orphans_finish(supervisor);
	signals_finish(supervisor);
	pools_destroy(supervisor);
	ev_loop_destroy(supervisor->loop);
}

static void tear_down(struct supervisor *supervisor)
{
	if (supervisor->loop)
		close_loop(supervisor);
	if (supervisor->ring)
		log_ring_destroy(supervisor->ring);
	if (supervisor->board)
		scoreboard_destroy(supervisor->board, supervisor->board_fd);
	bells_destroy(&supervisor->bells);
	memory_close_fd(&supervisor->lifeline_write);
	memory_close_fd(&supervisor->lifeline_read);
	if (supervisor->lock_fd >= 0)
		lock_drop(supervisor->lock_path, supervisor->lock_fd);
	pids_finish(&supervisor->pids);
	free(supervisor->free_slots);
	confine_finish(supervisor);
	free(supervisor->socket_path);
	free(supervisor->lock_path);
	config_destroy(supervisor->config);
	free(supervisor);
}

int supervisor_run(struct config *config, const struct supervisor_options *options)
{
	struct error err = { 0 };
	struct supervisor *supervisor = xcalloc(1, sizeof *supervisor);
	*supervisor = (struct supervisor){
		.config = config,
		.options = *options,
		.started_at_ms = clock_steady_ms(),
		.lifeline_read = -1,
		.lifeline_write = -1,
		.lock_fd = -1,
		.scaler = { .bell_fd = -1 },
	};
	hide_memory();
	log_set_process("supervisor");
	reload_apply_log(config);
	int code;
	if (set_up(supervisor, &err)) {
		code = serve(supervisor);
	} else {
		fprintf(stderr, "reeve: %s\n", err.text);
		code = error_exit_code(&err);
	}
	tear_down(supervisor);
	return code;
}
