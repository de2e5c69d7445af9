/* reeve results: what the completed tasks of a job gave back, one JSON line each. */
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "workers/acts.h"
#include "workers/pages.h"
#include "workers/shapes.h"
#include "workers/trace.h"

#include <stdio.h>

static bool has_born(const struct job_record *job, const char *name)
{
	for (size_t i = 0; i < job->name_count; i++)
		if (strcmp(job->names[i].name, name) == 0)
			return true;
	return false;
}

/* A name that the workflow has but that was not born yet has no results; another does not exist. */
static bool check_name(
	struct store *store, const struct job_record *job, const char *name, struct error *err)
{
	if (!name || has_born(job, name))
		return true;
	OWNED(workflow) struct workflow *workflow = NULL;
	if (!acts_open_workflow(store, job->workflow_hash, &workflow, err))
		return false;
	return workflow_find_task(workflow, name) ||
	       error_set(err, ERROR_NOT_FOUND, "workflow %s has no task \"%.80s\"", job->workflow,
		       name);
}

struct listing {
	bool is_json;
	struct print_list json;
};

static bool print_result(void *context, const struct task_record *task, struct error *err)
{
	struct listing *listing = context;
	(void)err;
	if (!listing->is_json) {
		puts(task->result ? task->result : "null");
		return true;
	}
	print_list_add(&listing->json,
		json_pack("{s:s, s:o, s:o}", "id", task->id, "name", trace_text(task->name),
			"result", shapes_value(task->result)));
	return true;
}

static bool print_results(
	struct store *store, const struct task_filter *filter, bool is_json, struct error *err)
{
	struct listing listing = { .is_json = is_json };
	if (!pages_of_tasks(store, *filter, print_result, &listing, err))
		return false;
	if (is_json)
		print_list_end(&listing.json);
	return true;
}

static int run(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	struct job_record job = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	const struct task_filter filter = { .job = arguments_word(arguments, 0),
		.name = arguments_word(arguments, 1),
		.parent = -1,
		.state = TASK_COMPLETED,
		.with_bodies = true };
	if (!session.store->ops->get_job(session.store, filter.job, &job, &err))
		return say_error(&err);
	bool ok = check_name(session.store, &job, filter.name, &err) &&
		  print_results(session.store, &filter, arguments->is_json, &err);
	job_record_finish(&job);
	return ok ? EXIT_OK : say_error(&err);
}

const struct command command_results = {
	.name = "results",
	.words = "JOB [NAME]",
	.words_min = 1,
	.words_max = 2,
	.summary = "print the results of a job's completed tasks, one JSON line each",
	.run = run,
};
