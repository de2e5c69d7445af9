#pragma once
/*
 * What the supervisor starts in a child, after fork and without exec: a worker of one queue, or a
 * built-in process. Each opens its own store connection, and never returns. They begin with SIGTERM
 * (look at the slot's command and pause) and SIGUSR1 (open the log anew) blocked, and unblock them
 * when they can take them.
 */
#include "config/config.h"
#include "workers/scoreboard.h"

/* Exit codes of our own children, read by the supervisor. */
enum worker_exit {
	WORKER_EXIT_OK = 0,        /* drained, as asked */
	WORKER_EXIT_GAVE_BACK = 3, /* halted in the middle of a task, which was given back */
	WORKER_EXIT_STORE = 4,     /* the store could not be opened */
	WORKER_EXIT_HANDLER = 5,   /* the handler can't be started, again and again */
	WORKER_EXIT_INTERNAL = 6,
	WORKER_EXIT_PROGRAM = 8,  /* type program: it ended by itself */
	WORKER_EXIT_KILLED = 9,   /* as told, but its program had to be killed */
	WORKER_EXIT_RECYCLED = 7, /* between tasks, as the queue's `recycle` says */
};

struct worker_setup {
	const struct config *config;
	const struct config_queue *queue; /* NULL for a built-in process */
	struct scoreboard *board;
	struct slot *slot;
	const char *owner;   /* this child's owner id, made by the supervisor before fork */
	const char *name;    /* "mail#1", "keeper": for log and trace */
	int lifeline;        /* read end of a pipe: end of file means that the supervisor is gone */
	const char *cgroup;  /* folder where handlers get cgroups of their own; NULL: none */
	struct bells *bells; /* shared by all children; NULL in an eager run */
	pid_t supervisor;    /* 0: none, in an eager run */
	int depth_bell;      /* keeper: an eventfd, written when the first task of a queue that is
				followed has come */
	/* keeper: what --until-idle watches; no queue named: all of the configuration */
	bool watch_idle;
	const char *const *idle_queues;
	size_t idle_queue_count;
};

_Noreturn void worker_main(const struct worker_setup *setup);
_Noreturn void courier_main(const struct worker_setup *setup);
_Noreturn void keeper_main(const struct worker_setup *setup);
_Noreturn void listener_main(const struct worker_setup *setup);
