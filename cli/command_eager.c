/* reeve eager: a job or a task here and now, without server and worker. */
#include "base/jsontext.h"
#include "base/log.h"
#include "cli/catalogue.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/payload.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/wait.h"
#include "workers/acts.h"
#include "workers/eager.h"
#include "workers/pages.h"
#include "workers/shapes.h"

#include <stdio.h>

/* The log goes to stderr, whatever the configuration says: stdout is for the result. */
static bool open_log(const struct config *config, struct error *err)
{
	const struct log_settings settings = { .level = config->log.level,
		.format = config->log.format,
		.line_max_bytes = config->log.line_max_bytes };
	log_set_process("eager");
	return log_open(&settings, err);
}

/* Into {NAME: [result, …]}, in the order of birth. */
static bool add_result(void *context, const struct task_record *task, struct error *err)
{
	json_t *names = context;
	json_t *list = json_object_get(names, task->name);
	(void)err;
	if (!list) {
		list = json_array();
		json_object_set_new(names, task->name, list);
	}
	json_array_append_new(list, shapes_value(task->result));
	return true;
}

static int print_job(struct store *store, const char *id)
{
	struct error err = { 0 };
	struct job_record job = { 0 };
	if (!store->ops->get_job(store, id, &job, &err))
		return say_error(&err);
	json_t *results = json_object();
	json_t *shape = shapes_job(&job);
	json_object_set_new(shape, "results", results);
	const struct task_filter completed = {
		.job = id, .parent = -1, .state = TASK_COMPLETED, .with_bodies = true
	};
	bool ok = pages_of_tasks(store, completed, add_result, results, &err);
	int code = ok ? wait_conclude_job(&job) : say_error(&err);
	print_json(shape);
	job_record_finish(&job);
	return code;
}

static int run_workflow(struct eager *eager, const struct workflow *workflow, const json_t *payload)
{
	struct error err = { 0 };
	const struct acts_start start = { .workflow = workflow, .payload = payload };
	char id[STORE_ID_SIZE];
	if (!acts_start(eager_store(eager), &start, id, &err) || !eager_run(eager, &err))
		return say_error(&err);
	return print_job(eager_store(eager), id);
}

static int run_task(struct eager *eager, const struct acts_push *push)
{
	struct store *store = eager_store(eager);
	struct error err = { 0 };
	struct task_record task = { 0 };
	char id[STORE_ID_SIZE];
	if (!acts_push(store, push, id, &err) || !eager_run(eager, &err) ||
		!store->ops->get_task(store, id, &task, &err))
		return say_error(&err);
	int code = wait_conclude_task(&task);
	if (!show_task(store, &task, true, &err))
		code = say_error(&err);
	task_record_finish(&task);
	return code;
}

static int eager_workflow(
	const struct arguments *arguments, const struct config *config, struct error *err)
{
	OWNED(json) json_t *payload = NULL;
	OWNED_CATALOGUE struct catalogue catalogue = { 0 };
	OWNED(workflow) struct workflow *workflow = NULL;
	OWNED(eager) struct eager *eager = NULL;
	int code;
	if (!payload_read_object(arguments_option(arguments, "--payload"), &payload, err))
		return say_error(err);
	catalogue_load(config, &catalogue);
	if (!catalogue_open(&catalogue, config, arguments_word(arguments, 0), &workflow, &code))
		return code;
	if (!check_queues(workflow, config, true))
		return EXIT_MISUSE;
	if (!eager_open(config, &eager, err))
		return say_error(err);
	return run_workflow(eager, workflow, payload);
}

static int eager_queue(
	const struct arguments *arguments, const struct config *config, struct error *err)
{
	OWNED(json) json_t *payload = NULL;
	OWNED(eager) struct eager *eager = NULL;
	const char *given = arguments_option(arguments, "--payload");
	struct acts_push push = { .queue = arguments_option(arguments, "--queue"),
		.name = arguments_option(arguments, "--task") };
	if (!payload_read(given ? given : "{}", &payload, err))
		return say_error(err);
	if (!config_find_served(config, push.queue))
		return say_misuse("--queue: no queue \"%s\" is configured", push.queue);
	if (config_find_served(config, push.queue)->type == QUEUE_PROGRAM)
		return say_misuse(
			"--queue: %s is of type program, which is given no tasks", push.queue);
	push.payload = payload;
	if (!eager_open(config, &eager, err))
		return say_error(err);
	return run_task(eager, &push);
}

static int run(const struct arguments *arguments)
{
	bool has_queue = arguments_option(arguments, "--queue");
	if (has_queue == (arguments->word_count > 0))
		return say_misuse("eager takes a WORKFLOW or --queue QUEUE");
	if (!has_queue && arguments_option(arguments, "--task"))
		return say_misuse(
			"--task names the task of --queue QUEUE; a workflow names its own");
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	int code;
	if (!session_open_config(arguments, false, &session, &code))
		return code;
	if (!open_log(session.config, &err))
		return say_error(&err);
	return has_queue ? eager_queue(arguments, session.config, &err)
			 : eager_workflow(arguments, session.config, &err);
}

const struct command command_eager = {
	.name = "eager",
	.words = "[WORKFLOW]",
	.words_max = 1,
	.summary = "run a job or a task here and now: no server, no worker, delays in virtual time",
	.options = { { "--queue", "QUEUE", "one task of this queue instead of a workflow", 0 },
		{ "--payload", "JSON|@FILE|-", "the payload; of a workflow an object", 0 },
		{ "--task", "NAME", "with --queue: the task's name (default: the queue's)", 0 } },
	.run = run,
};
