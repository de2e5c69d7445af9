/* reeve workflows, graph: descriptors, from files and from jobs. */
#include "base/jsontext.h"
#include "cli/catalogue.h"
#include "cli/choice.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/table.h"
#include "workers/acts.h"
#include "workers/nested.h"

#include <stdio.h>

/* A broken workflow is listed too, with its faults; in a table with the first. */
static void list_one(const struct workflow_list *list, const struct workflow_source *source,
	struct print_list *json, struct table *table)
{
	OWNED(workflow) struct workflow *workflow = NULL;
	struct error err = { 0 };
	struct workflow_faults faults = { 0 };
	bool ok = workflow_open(list, source->name, &workflow, &faults, &err);
	OWNED(free) char *all = faults.count ? workflow_faults_text(&faults) : xstrdup(err.text);
	OWNED(free) char *first = xstrdup(faults.count ? faults.lines[0] : err.text);
	workflow_faults_finish(&faults);
	json_int_t tasks = ok ? (json_int_t)workflow_task_count(workflow) : 0;
	if (json) {
		print_list_add(json,
			json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", source->name, "path",
				source->path, "tasks", ok ? json_integer(tasks) : json_null(),
				"hash", ok ? json_string(workflow_hash(workflow)) : json_null(),
				"fault", ok ? json_null() : json_string(all)));
		return;
	}
	table_add(table, source->name);
	if (ok)
		table_add_number(table, tasks);
	else
		table_add(table, NULL);
	table_add(table, source->path);
	table_add(table, ok ? "" : first);
}

static int run_workflows(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	OWNED_CATALOGUE struct catalogue catalogue = { 0 };
	int code;
	if (!session_open_config(arguments, false, &session, &code))
		return code;
	catalogue_load(session.config, &catalogue);
	for (size_t i = 0; i < catalogue.faults.count; i++)
		fprintf(stderr, "%s\n", catalogue.faults.lines[i]);
	struct print_list json = { 0 };
	OWNED(table) struct table *table = table_create("WORKFLOW|>TASKS|FILE|FAULT");
	for (size_t i = 0; i < catalogue.list.count; i++)
		list_one(&catalogue.list, &catalogue.list.sources[i],
			arguments->is_json ? &json : NULL, table);
	if (arguments->is_json)
		print_list_end(&json);
	else
		table_print(table, stdout);
	return EXIT_OK;
}

static void print_graph(const struct workflow *workflow, enum graph_format format,
	const struct job_record *job, bool is_json)
{
	OWNED(free) char *text = workflow_draw(workflow, format, job);
	size_t length = strlen(text);
	if (is_json)
		print_json(json_pack("{s:s}", "graph", text));
	else
		printf("%s%s", text, length && text[length - 1] == '\n' ? "" : "\n");
}

/* False where there is no such job; its workflow is the version that it was started with. */
static bool draw_job(const struct arguments *arguments, const struct config *config,
	enum graph_format format, struct error *err)
{
	OWNED(store) struct store *store = NULL;
	OWNED(workflow) struct workflow *workflow = NULL;
	struct job_record job = { 0 };
	if (!store_open(config->store_url, NULL, &store, err) ||
		!store->ops->get_job(store, arguments_word(arguments, 0), &job, err))
		return false;
	bool ok = acts_open_workflow(store, job.workflow_hash, &workflow, err) &&
		  nested_show_job(store, &job, err);
	if (ok)
		print_graph(workflow, format, &job, arguments->is_json);
	job_record_finish(&job);
	return ok;
}

static int run_graph(const struct arguments *arguments)
{
	static const char *const formats[] = {
		[GRAPH_TEXT] = "text", [GRAPH_DOT] = "dot", [GRAPH_MERMAID] = "mermaid"
	};
	OWNED_SESSION struct session session = { 0 };
	OWNED_CATALOGUE struct catalogue catalogue = { 0 };
	OWNED(workflow) struct workflow *workflow = NULL;
	struct error err = { 0 };
	int code, format;
	if (!choice_read("--format", arguments_option(arguments, "--format"), formats,
		    ARRAY_SIZE(formats), &format, &err))
		return say_error(&err);
	format = format < 0 ? GRAPH_TEXT : format;
	if (!session_open_config(arguments, false, &session, &code))
		return code;
	catalogue_load(session.config, &catalogue);
	const char *name = arguments_word(arguments, 0);
	if (!catalogue_find(&catalogue, name)) {
		if (draw_job(arguments, session.config, (enum graph_format)format, &err))
			return EXIT_OK;
		if (err.kind != ERROR_NOT_FOUND)
			return say_error(&err);
	}
	if (!catalogue_open(&catalogue, session.config, name, &workflow, &code))
		return code;
	print_graph(workflow, (enum graph_format)format, NULL, arguments->is_json);
	return EXIT_OK;
}

const struct command command_workflows = {
	.name = "workflows",
	.words = "",
	.summary = "list the workflows of the configuration",
	.slip = "lists all; to see one",
	.fix = "graph",
	.run = run_workflows,
};

const struct command command_graph = {
	.name = "graph",
	.words = "WORKFLOW|JOB",
	.words_min = 1,
	.words_max = 1,
	.summary = "draw a workflow, or a job with the states of its tasks",
	.options = { { "--format", "FORMAT", "text (default), dot or mermaid", 0 } },
	.run = run_graph,
};
