#pragma once
/*
 * The supervisor's whole state, shared by the files of this folder and by nobody else. One loop,
 * one thread: no locks. What children see of it is the scoreboard, the log ring and the lifeline.
 */
#include "base/bells.h"
#include "supervisor/control_server.h"
#include "supervisor/orphans.h"
#include "supervisor/pids.h"
#include "supervisor/pool.h"
#include "supervisor/supervisor.h"
#include "workers/worker.h"

#include <ev.h>

enum stage {
	STAGE_SERVING,
	STAGE_DRAINING, /* workers end, the keeper still handles their deaths */
	STAGE_CLOSING,  /* the workers are gone, keeper and listener end */
	STAGE_ENDED
};

#define DEATHS_KEPT 32

struct death_note {
	int64_t at_ms; /* wall; 0: empty */
	pid_t pid;
	char worker[SCOREBOARD_TEXT];
	char task_id[sizeof((struct slot *)0)->task_id];
	char cause[SCOREBOARD_TEXT];
};

#define SIGNALS_WATCHED 11

struct supervisor {
	struct ev_loop *loop;
	struct config *config;
	struct supervisor_options options;
	int64_t started_at_ms; /* steady */
	enum stage stage;

	/* shared with the children */
	struct scoreboard *board;
	int board_fd;
	int *free_slots; /* a stack of indices */
	size_t free_slot_count;
	struct log_ring *ring;
	struct bells bells;
	int bells_fd;
	int lifeline_read, lifeline_write;
	char *cgroup; /* where handlers get cgroups; NULL: nowhere */

	struct pool *processes[PROCESS_KINDS];
	struct pool **pools; /* in the order of the configuration, removed ones while they drain */
	size_t pool_count, pool_room;
	struct pids pids;
	struct orphans orphans;
	struct death_note deaths[DEATHS_KEPT];
	uint64_t death_count;
	struct {
		struct untold *first, **end;
		ev_timer timer; /* while the ring is full */
	} untold;

	ev_signal signals[SIGNALS_WATCHED];
	ev_prepare tidy;
	bool is_untidy; /* free places wait to be given up */

	int lock_fd;
	char *socket_path, *lock_path;
	struct control_server *server;

	struct {
		ev_timer timer;
		int64_t began_at_ms; /* steady */
		int64_t closing_at_ms;
		bool has_killed; /* a task did not end by itself */
		bool is_fatal;   /* exit_on says so */
	} drain;
	struct {
		ev_timer timer;
		int64_t done_at_ms; /* steady time of the last one; 0: none */
		bool is_wanted;
		struct control_client **waiting; /* for the changes */
		size_t waiting_count, waiting_room;
	} reload;
	struct {
		ev_io bell;     /* active while somebody follows */
		ev_timer again; /* while a line is being written */
		struct log_follower *followers;
	} logs;
	struct {
		ev_timer ready; /* until everything is up for the first time */
		ev_timer watchdog;
		ev_timer idle; /* --until-idle */
		ev_timer hung;
		int64_t looked_at_ms; /* for hung workers; steady */
		bool is_ready;        /* everything has been up */
	} watch;
	struct {
		char *binary;      /* what is put in our place; NULL: not known */
		pid_t pid;         /* of the rehearsal; 0: none is on */
		int answer_fd;     /* where it speaks; −1: none is on */
		ev_timer patience; /* until it has answered, then until clients are gone */
		ev_io answer;
		char said[4096];
		size_t length;
		int64_t asked_at_ms, agreed_at_ms; /* steady; 0: it has not agreed */
		bool is_late;
	} replace;
	ev_timer roll_timer;
	ev_periodic opening; /* when a queue's hours open or close next */
	struct {
		ev_timer timer;
		ev_io bell;
		int bell_fd;          /* an eventfd that the keeper writes; see worker_setup */
		int64_t free_bytes;   /* of memory; what has grown since it was read is taken off */
		int64_t free_read_ms; /* steady; 0: never */
	} scaler;
};
