/* reeve push: one task without a workflow. */
#include "base/jsontext.h"
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/payload.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/wait.h"
#include "workers/acts.h"
#include "workers/doors.h"

#define PRIORITY_MOST 100

static bool read_priority(const char *text, int *out, struct error *err)
{
	char *end = NULL;
	long priority = text ? strtol(text, &end, 10) : 0;
	if (text && (*end != '\0' || end == text || priority < -PRIORITY_MOST ||
			    priority > PRIORITY_MOST))
		return error_set(err, ERROR_INVALID,
			"--priority: expected a number from -100 to 100, got \"%.40s\"", text);
	*out = (int)priority;
	return true;
}

static bool read_push(const struct arguments *arguments, struct acts_push *push, struct error *err)
{
	const char *delay = arguments_option(arguments, "--delay");
	push->queue = arguments_word(arguments, 0);
	push->name = arguments_option(arguments, "--task");
	push->key = arguments_option(arguments, "--key");
	if (!config_is_queue_name(push->queue))
		return error_set(err, ERROR_INVALID,
			"\"%.100s\" is no name of a queue: letters, digits, _ and -, at most 80",
			push->queue);
	if (push->key && !*push->key)
		return error_set(err, ERROR_INVALID, "--key: expected a text, got none");
	if (delay && (!config_parse_duration(delay, &push->delay_ms) ||
			     push->delay_ms > STORE_DELAY_MAX_MS))
		return error_set(err, ERROR_INVALID,
			"--delay: expected a duration like 250ms, 5s or 10m, at most 365000d, got "
			"\"%.40s\"",
			delay);
	return read_priority(arguments_option(arguments, "--priority"), &push->priority, err);
}

/* A queue may be served by another host, so this is no mistake. */
static void warn_of_queue(const struct config *config, const char *queue)
{
	if (config_find_served(config, queue))
		return;
	OWNED_CATALOGUE struct catalogue catalogue = { 0 };
	catalogue_load(config, &catalogue);
	if (catalogue_find(&catalogue, queue))
		say("%s is a workflow; to start a job of it: reeve start %s", queue, queue);
	say("warning: queue %s is not configured here; the task waits for a host that serves it",
		queue);
}

static int conclude(struct store *store, const char *id, const struct arguments *arguments)
{
	bool is_waiting = arguments_option(arguments, "--wait");
	if (!arguments->is_json)
		puts(id);
	else if (is_waiting)
		say("task %s", id);
	fflush(stdout);
	if (!is_waiting && !arguments->is_json)
		return EXIT_OK;
	struct task_record task = { 0 };
	struct error err = { 0 };
	bool ok = is_waiting ? wait_for_task(store, id, &task, &err)
			     : store->ops->get_task(store, id, &task, &err);
	if (!ok)
		return say_error(&err);
	if (arguments->is_json)
		ok = show_task(store, &task, true, &err);
	int code = !ok ? say_error(&err) : is_waiting ? wait_conclude_task(&task) : EXIT_OK;
	task_record_finish(&task);
	return code;
}

static int run(const struct arguments *arguments)
{
	struct error err = { 0 };
	struct acts_push push = { 0 };
	OWNED(json) json_t *payload = NULL;
	const char *given = arguments_word(arguments, 1);
	if (!read_push(arguments, &push, &err) ||
		!payload_read(given ? given : "{}", &payload, &err))
		return say_error(&err);
	OWNED_SESSION struct session session = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	warn_of_queue(session.config, push.queue);
	const struct config_queue *queue = config_find_served(session.config, push.queue);
	if (queue && queue->type == QUEUE_PROGRAM)
		return say_misuse("queue %s is of type program, which pulls for itself: reeve "
				  "gives it no tasks",
			push.queue);
	if (queue && !arguments_option(arguments, "--priority"))
		push.priority = queue->priority;
	push.payload = payload;
	char id[STORE_ID_SIZE];
	if (session.config->broker_url &&
		!doors_set(session.store, session.config, push.queue, &err))
		return say_error(&err);
	if (!acts_push(session.store, &push, id, &err))
		return say_error(&err);
	return conclude(session.store, id, arguments);
}

const struct command command_push = {
	.name = "push",
	.words = "QUEUE [JSON|@FILE|-]",
	.words_min = 1,
	.words_max = 2,
	.summary = "push one task without a workflow; prints its id",
	.options = { { "--task", "NAME", "the task's name (default: the queue's)", 0 },
		{ "--delay", "DURATION", "not before this time is over: 250ms, 5s, 10m, 6h, 7d",
			0 },
		{ "--priority", "N", "-100 to 100, higher first (default: 0)", 0 },
		{ "--key", "KEY",
			"where an unfinished task of the queue has this key, its id is printed "
			"instead",
			0 },
		{ "--wait", NULL, "until the task has ended; exit 1 unless it is completed", 0 } },
	.run = run,
};
