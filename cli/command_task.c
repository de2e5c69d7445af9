/* reeve task, tasks, dead: what the store knows of tasks. */
#include "cli/choice.h"
#include "cli/commands.h"
#include "cli/known.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show.h"
#include "workers/nested.h"

static int run_task(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	struct store *store = session.store;
	struct task_record task = { 0 };
	struct error err = { 0 };
	if (!store->ops->get_task(store, arguments_word(arguments, 0), &task, &err))
		return say_error(&err);
	nested_show_task(&task);
	bool ok = show_task(store, &task, arguments->is_json, &err);
	task_record_finish(&task);
	return ok ? EXIT_OK : say_error(&err);
}

static bool check_job(struct store *store, const char *id, struct error *err)
{
	struct job_record job = { 0 };
	if (id && !store->ops->get_job(store, id, &job, err))
		return false;
	job_record_finish(&job);
	return true;
}

static int list(const struct arguments *arguments, const struct session *session,
	const struct task_filter *filter)
{
	struct error err = { 0 };
	bool ok = check_job(session->store, filter->job, &err) &&
		  show_tasks(session->store, filter, arguments->is_json, &err);
	return ok ? EXIT_OK : say_error(&err);
}

static int run_tasks(const struct arguments *arguments)
{
	struct error err = { 0 };
	struct task_filter filter = { .job = arguments_word(arguments, 0),
		.queue = arguments_option(arguments, "--queue"),
		.parent = -1 };
	if (!choice_read("--status", arguments_option(arguments, "--status"), task_state_names,
		    TASK_STATES, &filter.state, &err))
		return say_error(&err);
	OWNED_SESSION struct session session = { 0 };
	int code;
	return session_open(arguments, &session, &code) ? list(arguments, &session, &filter) : code;
}

static int run_dead(const struct arguments *arguments)
{
	const struct task_filter filter = {
		.queue = arguments_word(arguments, 0), .parent = -1, .state = -1, .is_dead = true
	};
	OWNED_SESSION struct session session = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	if (filter.queue && !known_queue_of_tasks(&session, filter.queue, &code))
		return code;
	return list(arguments, &session, &filter);
}

const struct command command_task = {
	.name = "task",
	.words = "ID",
	.words_min = 1,
	.words_max = 1,
	.summary = "show a task with its attempts and output",
	.run = run_task,
};

const struct command command_tasks = {
	.name = "tasks",
	.words = "[JOB]",
	.words_max = 1,
	.summary = "list tasks",
	.options = { { "--queue", "QUEUE", "only tasks of this queue", 0 },
		{ "--status", "STATUS", "only tasks in this state", 0 } },
	.run = run_tasks,
};

const struct command command_dead = {
	.name = "dead",
	.words = "[QUEUE]",
	.words_max = 1,
	.summary = "list the tasks that have failed for good",
	.run = run_dead,
};
