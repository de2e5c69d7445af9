/*
 * The supervisor's life: take the lock, make what the children share, fork them, turn the loop
 * until it is told to end, count what had to be killed.
 */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "supervisor/commands.h"
#include "supervisor/confine.h"
#include "supervisor/control_paths.h"
#include "supervisor/deaths.h"
#include "supervisor/drain.h"
#include "supervisor/handover.h"
#include "supervisor/lock.h"
#include "supervisor/logring.h"
#include "supervisor/logs.h"
#include "supervisor/notify.h"
#include "supervisor/orphans.h"
#include "supervisor/opening.h"
#include "supervisor/pools.h"
#include "supervisor/reap.h"
#include "supervisor/reload.h"
#include "supervisor/replace.h"
#include "supervisor/roll.h"
#include "supervisor/signals.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"
#include "supervisor/takeover.h"
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
		!scoreboard_create(&supervisor->board, &supervisor->board_fd, err) ||
		!bells_create_shared(&supervisor->bells, &supervisor->bells_fd, err))
		return false;
	ids_owner(supervisor->board->fleet_id);
	supervisor->board->started_at_ms = clock_wall_ms();
	log_ring_attach(supervisor->ring);
	confine_init(supervisor);
	slots_init(supervisor);
	return true;
}

static struct control_port commands_of(struct supervisor *supervisor)
{
	return (struct control_port){
		.context = supervisor,
		.on_request = commands_on_request,
		.on_gone = commands_on_gone,
	};
}

static bool listen_for_commands(struct supervisor *supervisor, struct error *err)
{
	const struct control_port port = commands_of(supervisor);
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
	replace_init(supervisor);
}

static int exit_code(const struct supervisor *supervisor)
{
	if (supervisor->drain.has_killed || supervisor->drain.is_fatal)
		return 1;
	return supervisor->options.until_idle && atomic_load(&supervisor->board->any_failed) ? 1
											     : 0;
}

static size_t count_alive(const struct supervisor *supervisor)
{
	size_t alive = 0;
	for (size_t i = 0; i < supervisor->pool_count; i++)
		alive += pool_alive(supervisor->pools[i]);
	return alive;
}

/* Whoever died since the last look of the program before us is met here; then what it has started
 * is replaced, busy workers after their task. */
static void take_up(struct supervisor *supervisor)
{
	log_line(LOG_INFO, "replaced: version %s, pid %d, %zu workers go on", REEVE_VERSION,
		(int)getpid(), count_alive(supervisor));
	reap_ended(supervisor);
	reap_missing(supervisor);
	orphans_sweep(supervisor);
	deaths_tell_waiting(supervisor);
	roll_processes(supervisor);
	roll_advance(supervisor);
	if (supervisor->watch.is_ready)
		notify_ready(supervisor);
}

static void turn(struct supervisor *supervisor)
{
	while (supervisor->stage != STAGE_ENDED) {
		ev_run(supervisor->loop, 0);
		if (replace_is_agreed(supervisor))
			replace_exec(supervisor);
	}
}

static int serve(struct supervisor *supervisor, bool is_taken_over)
{
	if (is_taken_over)
		take_up(supervisor);
	else
		log_line(LOG_INFO, "supervisor of %s, pid %d, %s", supervisor->config->path,
			(int)getpid(), supervisor->socket_path);
	pools_start(supervisor);
	watch_start(supervisor);
	turn(supervisor);
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
	orphans_note_inherited(supervisor);
	if (!scaler_init(supervisor, -1))
		return error_set(err, ERROR_UNAVAILABLE, "eventfd: %s", strerror(errno));
	pools_create(supervisor);
	return listen_for_commands(supervisor, err);
}

/* The same with what the program before us hands over. */
static bool set_up_again(struct supervisor *supervisor, const json_t *state, struct error *err)
{
	struct handover_descriptors given;
	fault_step("taking");
	if (!takeover_open_shared(supervisor, state, err) ||
		!handover_read_descriptors(state, &given, err))
		return false;
	init_loop(supervisor);
	scaler_init(supervisor, given.depth_bell);
	const struct control_port port = commands_of(supervisor);
	supervisor->server = control_server_adopt(
		supervisor->loop, supervisor->socket_path, given.control, &port);
	pools_create(supervisor);
	if (!handover_restore(supervisor, state, err))
		return false;
	fault_step("taken");
	return true;
}

static bool rehearse(struct supervisor *supervisor, const json_t *state, struct error *err)
{
	if (!log_ring_create(&supervisor->ring, err))
		return false;
	init_loop(supervisor);
	if (!takeover_rehearse(supervisor, state, err))
		return false;
	puts(TAKEOVER_ANSWER);
	return true;
}

static void close_loop(struct supervisor *supervisor)
{
	control_server_close(supervisor->server);
	scaler_finish(supervisor);
	opening_stop(supervisor);
	logs_finish(supervisor);
	reload_finish(supervisor);
	deaths_finish(supervisor);
	orphans_finish(supervisor);
	replace_finish(supervisor);
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
	memory_close_fd(&supervisor->bells_fd);
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

static bool run(struct supervisor *supervisor, int *code, struct error *err)
{
	enum takeover_phase phase;
	OWNED(json) json_t *state = NULL;
	if (!takeover_read(&phase, &state, err))
		return false;
	if (phase == TAKEOVER_IS_REHEARSAL)
		return rehearse(supervisor, state, err);
	reload_apply_log(supervisor->config);
	if (state ? !set_up_again(supervisor, state, err) : !set_up(supervisor, err))
		return false;
	*code = serve(supervisor, state);
	return true;
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
		.bells_fd = -1,
		.scaler = { .bell_fd = -1 },
		.replace = { .answer_fd = -1 },
	};
	hide_memory();
	log_set_process("supervisor");
	int code = 0;
	if (!run(supervisor, &code, &err)) {
		fprintf(stderr, "reeve: %s\n", err.text);
		code = error_exit_code(&err);
	}
	tear_down(supervisor);
	return code;
}
