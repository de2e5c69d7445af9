/* The run of an attempt: before hook, then handler, split or nothing by the queue's type, after. */
#include "workers/attempt.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "workers/nested.h"
#include "workers/shapes.h"
#include "workers/trace.h"

#include <inttypes.h>
#include <stdio.h>

#define TICK_MIN_MS      50
#define TICK_MAX_MS      1000
#define HOOK_MS          60000
#define HALTED_HOOK_MS   2000
#define TRACEPARENT_SIZE 56
#define TRACE_ID_DIGITS  32

static void end_run(struct attempt *attempt, enum run_status status, const char *message)
{
	struct run_result *run = &attempt->run;
	run->status = status;
	free(run->message);
	run->message = xstrdup(message);
	run->finished_at_ms = clock_wall_ms();
	if (run->started_at_ms == 0)
		run->started_at_ms = run->finished_at_ms;
}

void attempt_fail(struct attempt *attempt, const struct error *err)
{
	if (err->kind == ERROR_UNAVAILABLE) {
		attempt->order = ORDER_HALT;
		end_run(attempt, RUN_HALTED, err->text);
	} else if (err->kind == ERROR_CONFLICT) {
		attempt->order = ORDER_LOST;
		end_run(attempt, RUN_LOST, err->text);
	} else {
		end_run(attempt, RUN_PERMANENT, err->text);
	}
}

static bool on_spawn(void *context, const json_t *children, struct error *err)
{
	struct attempt *attempt = context;
	if (attempt->is_incomplete || spawner_add_all(&attempt->spawner, children, err))
		return true;
	/* Not the handler's fault: the next tick ends it. */
	if (err->kind == ERROR_CONFLICT || err->kind == ERROR_UNAVAILABLE) {
		attempt->is_incomplete = true;
		attempt->order = err->kind == ERROR_CONFLICT ? ORDER_LOST : ORDER_HALT;
		return true;
	}
	return false;
}

static void on_progress(void *context, double fraction, const char *message)
{
	const struct attempt *attempt = context;
	struct log_subject subject = attempt_subject(attempt);
	log_about(&subject, LOG_DEBUG, "%.0f %% done%s%s", fraction * 100, message ? ": " : "",
		message ? message : "");
}

static int64_t tick_ms(const struct attempt *attempt)
{
	const struct hand *hand = &attempt->worker->hand;
	int64_t third = attempt->worker->queue->lease_ms / 3;
	if (third < TICK_MIN_MS || hand->next < hand->batch.count)
		return TICK_MIN_MS;
	return third < TICK_MAX_MS ? third : TICK_MAX_MS;
}

static enum run_order on_tick(void *context)
{
	struct attempt *attempt = context;
	enum run_order order = attempt_tick(attempt);
	attempt->watch.tick_ms = tick_ms(attempt);
	return order;
}

/* The first tick comes at once: what was ordered while the program started is seen. */
static const struct run_watch *watch(struct attempt *attempt)
{
	attempt->watch = (struct run_watch){ .context = attempt,
		.on_spawn = on_spawn,
		.on_progress = on_progress,
		.on_tick = on_tick };
	return &attempt->watch;
}

/* W3C trace context: all tasks of a job are one trace (the job's UUID), each attempt one span. */
static void print_traceparent(const struct attempt *attempt, char out[TRACEPARENT_SIZE])
{
	const struct leased *task = attempt->task;
	char digits[TRACE_ID_DIGITS + 1];
	size_t count = 0;
	for (const char *at = task->job_id ? task->job_id : task->id; *at; at++)
		if (strchr("0123456789abcdef", *at) && count < TRACE_ID_DIGITS)
			digits[count++] = *at;
	digits[count] = '\0';
	if (count < TRACE_ID_DIGITS) /* a foreign id */
		snprintf(digits, sizeof digits, "%016" PRIx64 "%016" PRIx64, ids_random64(),
			ids_random64());
	snprintf(out, TRACEPARENT_SIZE, "00-%s-%016" PRIx64 "-01", digits, ids_random64() | 1);
}

static int64_t timeout_ms(const struct attempt *attempt)
{
	return attempt->facts && attempt->facts->has_timeout ? attempt->facts->timeout_ms
							     : attempt->worker->queue->timeout_ms;
}

/* What a handler gets: the envelope; where `post` meets messages of others, theirs as it came. */
static char *print_input(const struct attempt *attempt, bool *is_text)
{
	const struct config_queue *queue = attempt->worker->queue;
	bool is_bare = queue->post && queue->format == FORMAT_RAW;
	*is_text = is_bare && json_is_string(attempt->payload);
	if (*is_text)
		return xstrdup(json_string_value(attempt->payload));
	return jsontext_print(is_bare ? attempt->payload : attempt->envelope);
}

static void run_handler(struct attempt *attempt)
{
	int64_t timeout = timeout_ms(attempt);
	int64_t deadline = timeout >= 0 ? clock_wall_ms() + timeout : 0;
	char traceparent[TRACEPARENT_SIZE];
	print_traceparent(attempt, traceparent);
	json_object_set_new(attempt->envelope, "deadline", shapes_time(deadline));
	bool is_text;
	OWNED(free) char *text = print_input(attempt, &is_text);
	const struct run_request request = { .task_id = attempt->task->id,
		.job_id = attempt->task->job_id,
		.name = attempt->task->name,
		.queue = attempt->task->queue,
		.attempt = attempt->task->token.attempt,
		.envelope = text,
		.is_text = is_text,
		.due_at_ms = attempt->task->scheduled_at_ms,
		.timeout_ms = timeout,
		.deadline_ms = deadline,
		.traceparent = traceparent };
	runner_run(attempt->worker->runner, &request, watch(attempt), &attempt->run);
}

static void run_nothing(struct attempt *attempt)
{
	end_run(attempt, RUN_DONE, NULL);
}

/* A gate that has opened may have a handler of its own. */
static void run_gate(struct attempt *attempt)
{
	if (attempt->worker->queue->run.count > 0)
		run_handler(attempt);
	else
		run_nothing(attempt);
}

/* A handler may make the list that is split. */
static void run_split(struct attempt *attempt)
{
	if (attempt->worker->queue->run.count > 0)
		run_handler(attempt);
	if (attempt->worker->queue->run.count == 0 || attempt->run.status == RUN_DONE)
		attempt_split(attempt);
}

static void (*const performers[])(struct attempt *) = {
	[QUEUE_HANDLER] = run_handler,
	[QUEUE_SPLIT] = run_split,
	[QUEUE_SYNC] = run_gate,
	[QUEUE_NOOP] = run_nothing,
};

/* What a tick has found outweighs what the handler said, but a handler that was done when the
 * worker was told to stop is done. */
static void apply_order(struct attempt *attempt)
{
	static const enum run_status statuses[] = {
		[ORDER_CANCEL] = RUN_CANCELLED, [ORDER_HALT] = RUN_HALTED, [ORDER_LOST] = RUN_LOST
	};
	static const char *const messages[] = { [ORDER_CANCEL] = "cancelled",
		[ORDER_HALT] = "given back: the worker was told to stop",
		[ORDER_LOST] = "the lease was lost" };
	enum run_order order = attempt->order;
	bool is_done = attempt->run.status == RUN_DONE && !attempt->is_incomplete;
	if (order == ORDER_GO_ON || (order == ORDER_HALT && is_done))
		return;
	end_run(attempt, statuses[order], messages[order]);
}

static void perform(struct attempt *attempt)
{
	struct error err;
	if (attempt->facts && attempt->facts->nested)
		nested_run(attempt);
	else
		performers[attempt->worker->queue->type](attempt);
	apply_order(attempt);
	if (attempt->run.status == RUN_DONE && !spawner_flush(&attempt->spawner, &err))
		attempt_fail(attempt, &err);
}

static json_t *describe_outcome(const struct attempt *attempt)
{
	const struct decision *decision = &attempt->decision;
	const struct run_result *run = &attempt->run;
	json_t *outcome = json_object();
	json_t *result;
	if (!run->result || !jsontext_parse(run->result, strlen(run->result), &result, NULL))
		result = json_null();
	json_object_set_new(outcome, "status", trace_text(decision->status));
	json_object_set_new(outcome, "result", result);
	json_object_set_new(outcome, "error", trace_text(decision->reason));
	json_object_set_new(outcome, "started_at", shapes_time(run->started_at_ms));
	json_object_set_new(outcome, "finished_at", shapes_time(run->finished_at_ms));
	json_object_set_new(outcome, "seconds",
		json_real((double)(run->finished_at_ms - run->started_at_ms) / 1000));
	json_object_set_new(outcome, "final", json_boolean(decision->ends));
	return outcome;
}

bool attempt_hook(struct attempt *attempt, const struct config_argv *argv, bool has_outcome,
	struct error *err)
{
	struct log_subject subject = attempt_subject(attempt);
	OWNED(json) json_t *input = json_copy(attempt->envelope);
	if (has_outcome)
		json_object_set_new(input, "outcome", describe_outcome(attempt));
	OWNED(free) char *text = jsontext_print(input);
	/* After an order to stop a hook still runs, in a hurry where the worker has to end. */
	int64_t time = attempt->order == ORDER_HALT ? HALTED_HOOK_MS : HOOK_MS;
	struct runner *runner = attempt->worker->runner;
	runner_watch_hooks(runner, attempt->order == ORDER_GO_ON ? watch(attempt) : NULL);
	bool ok = runner_run_hook(runner, argv, text, &subject, time, err);
	runner_watch_hooks(runner, NULL);
	return ok;
}

static bool has_hooks(const struct config_queue *queue)
{
	return queue->before.count || queue->after.count || queue->on_success.count ||
	       queue->on_failure.count;
}

/* False: run is filled with why. */
static bool prepare(struct attempt *attempt)
{
	const struct config_queue *queue = attempt->worker->queue;
	struct error err;
	bool may_run = queue->type == QUEUE_SPLIT || queue->type == QUEUE_SYNC;
	bool has_handler = queue->type == QUEUE_HANDLER || (may_run && queue->run.count > 0);
	if (!has_handler && !has_hooks(queue))
		return true;
	if (attempt->envelope || attempt_envelope(attempt, &attempt->envelope, &err))
		return true;
	attempt_fail(attempt, &err);
	return false;
}

static bool run_before(struct attempt *attempt)
{
	const struct config_argv *before = &attempt->worker->queue->before;
	struct error err;
	if (before->count == 0)
		return true;
	attempt->run.started_at_ms = clock_wall_ms();
	bool ok = attempt_hook(attempt, before, false, &err);
	if (!ok) {
		OWNED(free) char *message = xprintf("before: %s", err.text);
		end_run(attempt, RUN_FAILED, message);
	}
	return ok;
}

void attempt_work(struct attempt *attempt)
{
	attempt->run = (struct run_result){ .status = RUN_BROKEN, .retry_in_ms = -1 };
	if (attempt_tick(attempt) != ORDER_GO_ON) {
		apply_order(attempt);
		return;
	}
	if (!prepare(attempt))
		return;
	attempt->ran_before = true;
	if (run_before(attempt))
		perform(attempt);
	else
		apply_order(attempt);
}

void attempt_run_after(struct attempt *attempt)
{
	const struct config_argv *after = &attempt->worker->queue->after;
	struct log_subject subject = attempt_subject(attempt);
	struct error err;
	if (!attempt->ran_before || after->count == 0)
		return;
	/* What the handler has done is done: a failing after hook undoes nothing. */
	if (!attempt_hook(attempt, after, true, &err))
		log_about(&subject, LOG_WARN, "after: %s", err.text);
}
