#pragma once
/*
 * Runs the user's code for one task at a time: `exec` (a process per task), `stream` (one
 * long-lived process, JSON lines over a socket) or `post` (an HTTP server). Knows nothing of stores
 * or workflows: it tells what happened, the worker decides what that means. No descendant of a
 * handler outlives its run (exec) or its handler (stream): group kill, then every process that was
 * re-parented to us.
 */
#include "base/error.h"
#include "config/config.h"
#include "workers/scoreboard.h"

#include <jansson.h>

enum run_status {
	RUN_DONE,
	RUN_FAILED,    /* `fail`, a bad exit: against the budget of retries */
	RUN_RETRY,     /* exit 75, `retry_in`: the same budget, logged as a retry */
	RUN_PERMANENT, /* exit 125, `permanent`: no retry */
	RUN_INVALID,   /* exit 65: bad payload, no retry */
	RUN_CRASHED,   /* a signal that we did not send, an OOM kill: against `crashes` */
	RUN_TIMED_OUT, /* timeout or missed heartbeat; against retries */
	RUN_BROKEN,    /* garbage, a long line, two answers, a wrong id, silence, no such program */
	RUN_CANCELLED, /* stopped because on_tick said so */
	RUN_HALTED,
	RUN_LOST,
	RUN_HANDLER_LATE, /* the handler answered a second time for the task before: give back */
	RUN_NESTED, /* no run: a job in its place goes on; again after retry_in_ms, uncounted */
};

struct run_result {
	enum run_status status;
	char *result;        /* JSON text of `done`, or NULL for null */
	char *message;       /* for people: the reason, the exit or signal plus the end of stderr */
	char *backtrace;     /* at most 16 KiB, or NULL */
	int64_t retry_in_ms; /* −1: not given */
	char *output;        /* the last 16 KiB of stdout and stderr */
	int64_t started_at_ms, finished_at_ms; /* wall */
};
void run_result_finish(struct run_result *result);

struct run_request {
	const char *task_id, *job_id /* or NULL */, *name;
	const char *queue; /* the task's own; NULL: the runner's */
	uint32_t attempt;
	const char *envelope; /* one JSON object, one line, without newline; post: the body */
	bool is_text;         /* post: the body is no JSON */
	int64_t due_at_ms;    /* wall; 0: not known */
	int64_t timeout_ms;   /* CONFIG_NO_LIMIT: none */
	int64_t deadline_ms;  /* wall; 0: none */
	const char *traceparent;
};

enum run_order { ORDER_GO_ON, ORDER_CANCEL, ORDER_HALT, ORDER_LOST };

/* What the runner asks of the worker meanwhile. */
struct run_watch {
	void *context;
	/* An array of {"task","payload"} objects as the handler sent it; false: the attempt fails
	 * with err's text (RUN_BROKEN), e.g. a name that may not be spawned. */
	bool (*on_spawn)(void *context, const json_t *children, struct error *err);
	void (*on_progress)(void *context, double fraction, const char *message);
	/* Called every tick_ms at most and after each signal: renews the lease, reads the
	 * scoreboard's command. Anything but ORDER_GO_ON: `cancel` line where there is a stream,
	 * TERM, after kill_after KILL, and the matching RUN_ status; but a handler that still says
	 * `done` (and exits with 0) after ORDER_HALT is RUN_DONE. */
	enum run_order (*on_tick)(void *context);
	int64_t tick_ms;
};

struct runner;
/* environment: NULL-terminated NAME=VALUE list for handlers (already filtered); copied. */
struct runner *runner_create(
	const struct config_queue *queue, char *const *environment, struct slot *slot);
/* Where limits.memory is set: handlers from now on run in a cgroup of this name in `parent`. False:
 * that is not possible here, and the runner watches the memory itself. */
bool runner_confine(struct runner *runner, const char *parent, const char *name);
/* Ends a stream handler ({"stop":true}, TERM after kill_after, KILL). */
void runner_destroy(struct runner *runner);
/* Always fills result: whatever goes wrong is a status with a message. */
void runner_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result);
/* True where a long-lived handler of ours works on the queue. */
bool runner_has_stream(const struct config_queue *queue);
/* stream: starts the handler ahead and waits for {"ready":true}; true where it is ready (or for
 * exec). err says why not. */
bool runner_warm(struct runner *runner, const struct run_watch *watch, struct error *err);
/* How the program of a queue of `type: program` has ended. */
enum served {
	SERVED_STOPPED, /* as on_tick ordered */
	SERVED_KILLED,  /* the same, and it had to be killed */
	SERVED_WELL,    /* by itself, with 0 */
	SERVED_BADLY    /* by itself otherwise, or it could not be started */
};
/* Starts it and waits for its end; any order is TERM, after kill_after KILL. The message says how
 * it ended. Owned. */
enum served runner_serve(struct runner *runner, const struct run_watch *watch, char **message);
/* Between tasks: reaps what ended, notices a handler that died or spoke out of turn. */
void runner_tend(struct runner *runner);

/* Counts a task of the queue, of whatever type, for `recycle`. */
void runner_note_task(struct runner *runner);
/* Between tasks: true where `recycle` says that the stream handler (or with another protocol or
 * type the worker) is to be replaced. */
bool runner_is_worn(struct runner *runner);
/* The key of `recycle` that says so, also while a program is served; NULL: none. */
const char *runner_find_wear(struct runner *runner);
/* How many tasks may still be taken until then; at least 1. */
int64_t runner_tasks_left(const struct runner *runner);
/* Ends a stream handler that is worn; false where it is the worker that has to end. */
bool runner_recycle(struct runner *runner);

/* Runs a hook: argv with `input` on stdin, output to the log, at most timeout_ms, process group
 * killed at its end. True where it exits 0; err names exit, signal or time-out. */
bool runner_run_hook(struct runner *runner, const struct config_argv *argv, const char *input,
	const struct log_subject *subject, int64_t timeout_ms, struct error *err);

/* From now on hooks call this watch's on_tick as well (NULL: nobody's): a hook may last longer than
 * a lease. An order ends the hook; the watch is borrowed. */
void runner_watch_hooks(struct runner *runner, const struct run_watch *watch);

/*
 * The environment of handlers: ours without the secret variables, narrowed to pass_env's globs,
 * then the queue's env on top. NULL-terminated, owned; free with runner_free_environment.
 */
char **runner_build_environment(const struct config *config, const struct config_queue *queue);
void runner_free_environment(char **environment);
