/* reeve cancel, retry. */
#include "cli/commands.h"
#include "cli/known.h"
#include "cli/say.h"
#include "cli/session.h"
#include "workers/acts.h"

static int cancel_task(struct store *store, const char *id)
{
	struct error err = { 0 };
	bool is_ended;
	if (!acts_cancel_task(store, id, &is_ended, &err))
		return say_error(&err);
	if (is_ended)
		say("task %s is cancelled", id);
	else
		say("task %s is working; its handler is told and stopped", id);
	return EXIT_OK;
}

static int cancel_job(struct store *store, const char *id)
{
	struct error err = { 0 };
	if (!acts_cancel_job(store, id, &err))
		return say_error(&err);
	say("job %s is cancelled", id);
	return EXIT_OK;
}

static int run_cancel(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	enum acts_kind kind;
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	const char *id = arguments_word(arguments, 0);
	if (!acts_find(session.store, id, &kind, &err))
		return say_error(&err);
	return kind == ACTS_JOB ? cancel_job(session.store, id) : cancel_task(session.store, id);
}

static int retry_dead(struct store *store, const char *queue)
{
	struct error err = { 0 };
	size_t retried;
	if (!acts_retry_dead(store, queue, &retried, &err))
		return say_error(&err);
	say("%zu of queue %s queued again", retried, queue);
	return EXIT_OK;
}

static int64_t count_cancelled(struct store *store, const char *id)
{
	struct job_record job = { 0 };
	int64_t count = 0;
	if (!store->ops->get_job(store, id, &job, NULL))
		return 0;
	for (size_t i = 0; i < job.name_count; i++)
		count += job.names[i].states[TASK_CANCELLED];
	job_record_finish(&job);
	return count;
}

static void say_nothing_failed(struct store *store, const char *id)
{
	if (count_cancelled(store, id) == 0)
		say("job %s has no failed task", id);
	else
		say("job %s has no failed task; what was cancelled is retried by its own id: reeve "
		    "tasks %s --status cancelled",
			id, id);
}

static int retry_job(struct store *store, const char *id)
{
	struct error err = { 0 };
	size_t retried;
	if (!acts_retry_job(store, id, &retried, &err))
		return say_error(&err);
	if (retried)
		say("%zu of job %s queued again", retried, id);
	else
		say_nothing_failed(store, id);
	return EXIT_OK;
}

static int retry_task(struct store *store, const char *id)
{
	struct error err = { 0 };
	if (!acts_retry_task(store, id, &err))
		return say_error(&err);
	say("task %s queued again", id);
	return EXIT_OK;
}

static int run_retry(const struct arguments *arguments)
{
	const char *dead = arguments_option(arguments, "--dead");
	const char *id = arguments_word(arguments, 0);
	if (!dead == !id)
		return say_misuse("retry takes a JOB or a TASK, or --dead QUEUE");
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	enum acts_kind kind;
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	if (dead)
		return known_queue_of_tasks(&session, dead, &code) ? retry_dead(session.store, dead)
								   : code;
	if (!acts_find(session.store, id, &kind, &err))
		return say_error(&err);
	return kind == ACTS_JOB ? retry_job(session.store, id) : retry_task(session.store, id);
}

const struct command command_cancel = {
	.name = "cancel",
	.words = "JOB|TASK",
	.words_min = 1,
	.words_max = 1,
	.summary = "end a job or a task; a working handler is stopped",
	.run = run_cancel,
};

const struct command command_retry = {
	.name = "retry",
	.words = "JOB|TASK",
	.words_max = 1,
	.summary = "queue failed tasks again, with fresh budgets",
	.options = { { "--dead", "QUEUE", "all failed and invalid tasks of this queue", 0 } },
	.run = run_retry,
};
