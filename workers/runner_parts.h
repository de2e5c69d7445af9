#pragma once
/*
 * What the parts of the runner share; see runner.h for what it is. A child is a started program
 * with our ends of its pipes; a guard is one wait for it, with its time-outs and orders.
 */
#include "workers/cgroup.h"
#include "workers/lines.h"
#include "workers/messages.h"
#include "workers/output.h"
#include "workers/process.h"
#include "workers/runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

/* Bytes on their way to a program; what they point to is borrowed. */
struct outbox {
	struct iovec parts[3];
	int count, at;
};
enum outbox_state { OUTBOX_SENT, OUTBOX_WAITING, OUTBOX_REFUSED };
void outbox_add(struct outbox *outbox, const char *bytes, size_t count);
/* Writes what fits into a non-blocking descriptor. */
enum outbox_state outbox_send(struct outbox *outbox, int fd);

enum channel { CHANNEL_NONE, CHANNEL_PIPE, CHANNEL_SOCKET };

struct child {
	struct process process; /* pid 0: none */
	int input;              /* to its stdin; -1 once all is written */
	struct outbox unwritten;
	int prints[OUTPUT_STREAMS]; /* from its stdout and stderr; -1 after their end */
	int channel;                /* messages; -1: none, or after its end */
	bool is_confined;           /* runs in the runner's cgroup */
	struct output output;
};

struct child_spec {
	const struct process_command *command;
	char *const *environment;
	const char *input; /* for its stdin, a newline is added; NULL: nothing to read */
	enum channel channel;
	bool is_hook; /* runs beside the handler, outside its cgroup */
};

void child_init(struct child *child);
bool child_start(struct child *child, const struct runner *runner, const struct child_spec *spec,
	struct error *err);
/* After a wait: writes input, reads output, as the descriptors allow. */
#define CHILD_FDS 3 /* stdin, stdout, stderr */
void child_fill_poll(const struct child *child, struct pollfd fds[CHILD_FDS]);
void child_serve(struct child *child, const struct pollfd fds[CHILD_FDS]);
/* Reads what stdout and stderr hold now; never waits. */
void child_drain_output(struct child *child);
/* How many bytes a descriptor of ours holds for reading now. */
size_t child_waiting_bytes(int fd);
/* Kills the group; what is in the pipes can still be read, until child_finish. */
void child_kill(struct child *child, const struct runner *runner);
/* Reaps the program (killed or ended before) and whatever it left, and closes everything. */
void child_finish(struct child *child, const struct runner *runner, struct process_end *end);
static inline bool child_is_running(const struct child *child)
{
	return child->process.pid > 0;
}

enum alarm {
	ALARM_TICK,
	ALARM_TIMEOUT,
	ALARM_SILENCE,
	ALARM_CLOSED,
	ALARM_MEMORY,
	ALARM_TERM,
	ALARM_KILL,
	ALARMS
};
#define ALARM_NEVER INT64_MAX

struct guard {
	const struct run_watch *watch; /* NULL: nobody asks */
	struct child *child;
	pid_t keep;             /* a child that is not a stray; 0: none */
	int64_t alarms[ALARMS]; /* steady times */
	int64_t timeout_ms, silence_ms, kill_after_ms;
	int64_t memory_limit; /* bytes, watched by us; 0: not */
	struct slot *slot;    /* gets a sign of our life at each tick; or NULL */
	bool may_have_ended;  /* a signal came since we looked */
	bool is_starting;     /* the time-out is for {"ready":true} */
	/* Where there is a stream: asks the handler to stop by itself; false: it can't be asked. */
	bool (*ask_to_stop)(struct guard *guard);
	/* Once it is to be stopped: */
	bool is_stopping, was_killed;
	enum run_status stop_status;
	char *stop_message; /* owned */
	sigset_t signals;   /* the mask before */
};

/* Signals are blocked until guard_finish, but for the waits. */
void guard_init(struct guard *guard, const struct runner *runner, struct child *child,
	const struct run_watch *watch);
void guard_set_timeout(struct guard *guard, int64_t timeout_ms);
void guard_show_life(struct guard *guard);
void guard_wait(struct guard *guard, struct pollfd *fds, size_t count);
/* Steady time; ALARM_NEVER: none. For who waits otherwise. */
int64_t guard_next_alarm(const struct guard *guard);
/* Until the program has ended. */
void guard_wait_for_end(struct guard *guard, struct child *child);
/* True once the program has ended; looks only where a signal said that it may have. */
bool guard_sees_end(struct guard *guard);
/* After what the wait brought was handled: tick, time-outs, TERM, KILL. */
void guard_ring(struct guard *guard);
/* Ends the handler; the first reason stays. `message` is owned by the guard from here on. */
void guard_stop(struct guard *guard, enum run_status status, char *message);
/* The same without a word to it. */
void guard_kill(struct guard *guard, enum run_status status, char *message);
/* Where the kernel does not bound the handler's memory, we look ourselves. */
void guard_watch_memory(struct guard *guard, const struct runner *runner);
void guard_sample_memory(struct guard *guard);
/* Being told to stop does not undo what the handler has done by its own word. */
static inline bool guard_still_listens(const struct guard *guard)
{
	return !guard->is_stopping || guard->stop_status == RUN_HALTED;
}
void guard_finish(struct guard *guard);

/* What a handler answered for one task. */
struct answer {
	bool is_done, is_failed;
	char *result, *reason, *backtrace;
	bool is_permanent, is_retry;
	int64_t retry_in_ms;
};
void answer_finish(struct answer *answer);
/* Hands a message on or notes it as the answer. False: the attempt fails with err's text. */
bool answer_take(struct answer *answer, const struct message *message,
	const struct run_watch *watch, struct error *err);

/* A verdict's parts, for exec and stream alike. */
void verdict_stopped(struct run_result *result, struct guard *guard);
void verdict_failed(struct run_result *result, struct answer *answer);
void verdict_broken(struct run_result *result, const char *message);
/* "exited with 3: …" or "killed by signal 11 (SIGSEGV)", with the end of stderr. `why` of a signal
 * comes after its name; NULL: nobody knows. Owned. */
char *verdict_describe_end(
	const struct process_end *end, const struct output *output, const char *why);

struct stream {
	struct child child;
	struct lines lines;
	char *last_id; /* of the task before; owned, or NULL */
	bool is_ready;
};

/* What `recycle` says of the process that runs now: our own, or a stream handler. */
struct service {
	int64_t began_at_ms;    /* steady */
	int64_t tasks_left;     /* 0: due */
	int64_t tasks_done;     /* since its start */
	int64_t ends_at_ms;     /* steady */
	int64_t memory_most;    /* bytes */
	int64_t measured_at_ms; /* steady */
	bool is_large;          /* at the last measurement */
};

#define RUNNER_LIMITS 6

struct runner {
	const struct config_queue *queue;
	struct slot *slot; /* or NULL */
	struct process_command command;
	char **environment; /* without the names that each task sets */
	int oom_events;     /* -1: nobody counts OOM kills */
	struct process_limit limits[RUNNER_LIMITS];
	size_t limit_count;
	struct cgroup cgroup; /* of the handler; procs -1: none */
	struct service service;
	const struct run_watch *hook_watch;
	bool was_large; /* a task since the last runner_tend took much memory */
	struct stream stream;
	struct post *post; /* runner_post.c; NULL: not opened */
};

/* The environment of one task: its own variables (owned), then the runner's (borrowed). */
struct task_environment {
	char **list;
	size_t own;
};
void task_environment_init(struct task_environment *environment, const struct runner *runner,
	const struct run_request *request);
void task_environment_finish(struct task_environment *environment);
/* True for REEVE_TASK_ID and the like, which never come from outside. */
bool task_environment_owns(const char *variable);

/* runner_limits.c */
void limits_init(struct runner *runner);
/* True where we watch limits.memory ourselves. */
bool limits_are_watched(const struct runner *runner);
/* ", over limits.cpu", ", out of memory"; oom_kills as counted before. Owned; NULL: it is neither.
 */
char *limits_explain(const struct runner *runner, int64_t oom_kills, const struct process_end *end);

/* runner_recycle.c: begins the count anew, for a process that has just started. */
void service_begin(struct runner *runner);

void exec_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result);
void stream_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result);
void post_run(struct runner *runner, const struct run_request *request,
	const struct run_watch *watch, struct run_result *result);
void post_close(struct runner *runner);
/* runner_reply.c: what a whole reply means. now_ms: wall. */
struct http_reply;
void reply_judge(const struct http_reply *reply, int64_t now_ms, struct run_result *result);
bool stream_warm(struct runner *runner, const struct run_watch *watch, struct error *err);
void stream_tend(struct runner *runner);
void stream_dismiss(struct runner *runner);
