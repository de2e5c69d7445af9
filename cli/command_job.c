/* reeve job, jobs: what the store knows of jobs. */
#include "cli/choice.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/traces.h"
#include "cli/wait.h"
#include "workers/nested.h"
#include "workers/shapes.h"

#include <stdio.h>

#define PAGE       200
#define PLACES_MAX 20

/* The jobs that run, or ran, in the place of its tasks. */
static bool show_places(struct store *store, const struct job_record *job, struct error *err)
{
	const struct task_filter filter = { .job = job->id,
		.queue = WORKFLOW_NESTED_QUEUE,
		.parent = -1,
		.state = -1,
		.limit = PLACES_MAX + 1 };
	struct task_list list;
	if (!store->ops->list_tasks(store, &filter, &list, err))
		return false;
	OWNED(table) struct table *table = table_create("NESTED|JOB|STATUS");
	for (size_t i = 0; i < list.count && i < PLACES_MAX; i++) {
		char id[IDS_UUID_SIZE];
		struct job_record nested = { 0 };
		nested_id(list.rows[i].id, id);
		bool is_there = store->ops->get_job(store, id, &nested, err);
		table_add(table, list.rows[i].name);
		table_add(table, id);
		table_add(table, is_there ? job_state_names[nested.state] : "not started");
		job_record_finish(&nested);
	}
	if (list.count > 0) {
		putchar('\n');
		table_print(table, stdout);
	}
	if (list.count > PLACES_MAX)
		printf("…\n");
	task_list_finish(&list);
	return true;
}

static int run_job(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	const char *id = arguments_word(arguments, 0);
	bool is_waiting = arguments_option(arguments, "--wait");
	struct job_record job = { 0 };
	struct error err = { 0 };
	bool ok = is_waiting ? wait_for_job(session.store, id, &job, &err)
			     : session.store->ops->get_job(session.store, id, &job, &err);
	if (!ok || !nested_show_job(session.store, &job, &err))
		return say_error(&err);
	show_job(&job, arguments->is_json);
	if (!arguments->is_json && (!show_places(session.store, &job, &err) ||
					   !traces_show_job(session.store, job.id, &err)))
		return say_error(&err);
	fflush(stdout);
	code = is_waiting ? wait_conclude_job(&job) : EXIT_OK;
	job_record_finish(&job);
	return code;
}

static void add_row(struct table *table, const struct job_record *job)
{
	int64_t born = 0, completed = 0;
	for (size_t i = 0; i < job->name_count; i++) {
		completed += job->names[i].states[TASK_COMPLETED];
		for (int state = 0; state < TASK_STATES; state++)
			born += job->names[i].states[state];
	}
	OWNED(free) char *done = xprintf("%lld/%lld", (long long)completed, (long long)born);
	OWNED(free) char *reason = table_clean(job->reason ? job->reason : "", 80);
	table_add(table, job->id);
	table_add(table, job->workflow);
	table_add(table, job_state_names[job->state]);
	table_add(table, done);
	table_add_time(table, job->created_at_ms);
	table_add_time(table, job->finished_at_ms);
	table_add(table, reason);
}

static bool show_jobs(
	struct store *store, struct job_filter filter, bool is_json, struct error *err)
{
	struct print_list json = { 0 };
	OWNED(table)
	struct table *table = table_create("JOB|WORKFLOW|STATUS|>DONE|CREATED|FINISHED|REASON");
	char before[STORE_ID_SIZE];
	bool is_last = false;
	while (!is_last) {
		struct job_list page = { 0 };
		if (!store->ops->list_jobs(store, &filter, &page, err))
			return false;
		for (size_t i = 0; is_json && i < page.count; i++)
			if (!nested_show_job(store, &page.rows[i], err))
				return false;
		for (size_t i = 0; i < page.count; i++)
			if (is_json)
				print_list_add(&json, shapes_job(&page.rows[i]));
			else
				add_row(table, &page.rows[i]);
		if (!is_json && page.count)
			table_print(table, stdout);
		is_last = page.count < filter.limit;
		if (page.count) {
			snprintf(before, sizeof before, "%s", page.rows[page.count - 1].id);
			filter.before = before;
		}
		job_list_finish(&page);
	}
	if (is_json)
		print_list_end(&json);
	return true;
}

static int run_jobs(const struct arguments *arguments)
{
	struct error err = { 0 };
	struct job_filter filter = { .workflow = arguments_option(arguments, "--workflow"),
		.limit = PAGE };
	if (!choice_read("--status", arguments_option(arguments, "--status"), job_state_names,
		    JOB_STATES, &filter.state, &err))
		return say_error(&err);
	OWNED_SESSION struct session session = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	return show_jobs(session.store, filter, arguments->is_json, &err) ? EXIT_OK
									  : say_error(&err);
}

const struct command command_job = {
	.name = "job",
	.words = "ID",
	.words_min = 1,
	.words_max = 1,
	.summary = "show a job",
	.options = { { "--wait", NULL, "until the job has ended; exit 1 unless it is completed",
		0 } },
	.run = run_job,
};

const struct command command_jobs = {
	.name = "jobs",
	.words = "",
	.summary = "list jobs, the newest first",
	.options = { { "--workflow", "WORKFLOW", "only jobs of this workflow", 0 },
		{ "--status", "STATUS", "only running, completed, failed or cancelled ones", 0 } },
	.slip = "lists all jobs; to see one",
	.fix = "job",
	.run = run_jobs,
};
