/* reeve results: what the completed tasks of a job gave back, one JSON line each. */
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "workers/acts.h"
#include "workers/shapes.h"

#include <stdio.h>

#define PAGE 500

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

static void print_result(const struct task_record *task, bool is_json, struct print_list *list)
{
	if (!is_json) {
		puts(task->result ? task->result : "null");
		return;
	}
	print_list_add(
		list, json_pack("{s:s, s:o, s:o}", "id", task->id, "name", shapes_text(task->name),
			      "result", shapes_value(task->result)));
}

static bool print_results(
	struct store *store, struct task_filter filter, bool is_json, struct error *err)
{
	struct print_list json = { 0 };
	char after[STORE_ID_SIZE];
	bool is_last = false;
	while (!is_last) {
		struct task_list page = { 0 };
		if (!store->ops->list_tasks(store, &filter, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++)
			print_result(&page.rows[i], is_json, &json);
		is_last = page.count < filter.limit;
		if (page.count)
			filter.after = strcpy(after, page.rows[page.count - 1].id);
		task_list_finish(&page);
	}
	if (is_json)
		print_list_end(&json);
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
		.with_bodies = true,
		.limit = PAGE };
	if (!session.store->ops->get_job(session.store, filter.job, &job, &err))
		return say_error(&err);
	bool ok = check_name(session.store, &job, filter.name, &err) &&
		  print_results(session.store, filter, arguments->is_json, &err);
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
