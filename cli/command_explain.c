/* reeve explain: why a job, a task or a queue is where it is. */
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/table.h"
#include "supervisor/control.h"
#include "workers/acts.h"
#include "workers/explain.h"

#include <stdio.h>

static void print_clean(const char *before, const char *text, const char *after)
{
	OWNED(free) char *clean = table_clean(text ? text : "", 0);
	printf("%s%s%s", before, clean, after);
}

static void print_ids(const char *title, const json_t *ids)
{
	for (size_t i = 0; i < json_array_size(ids); i++)
		printf("    %s: %s\n", title, json_string_value(json_array_get(ids, i)));
}

static void print_finding(const json_t *finding)
{
	print_clean("- ", jsontext_member(finding, "says"), "\n");
	print_ids("failed", json_object_get(finding, "failed"));
	print_ids("missing", json_object_get(finding, "missing"));
	if (jsontext_member(finding, "since"))
		print_clean("    since: ", jsontext_member(finding, "since"), "\n");
	if (jsontext_member(finding, "mend"))
		print_clean("    mend:  ", jsontext_member(finding, "mend"), "\n");
}

static void print_number(const json_t *explanation, const char *key)
{
	const json_t *value = json_object_get(explanation, key);
	if (json_is_number(value))
		printf(", %s %.0f", key, json_number_value(value));
}

static void print_explanation(const json_t *explanation)
{
	static const char *const numbers[] = { "depth", "delayed", "working", "dead" };
	print_clean("", jsontext_member(explanation, "kind"), " ");
	print_clean("", jsontext_member(explanation, "id"), " is ");
	print_clean("", jsontext_member(explanation, "status"), "");
	if (jsontext_member(explanation, "reason"))
		print_clean(": ", jsontext_member(explanation, "reason"), "");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		print_number(explanation, numbers[i]);
	putchar('\n');
	const json_t *findings = json_object_get(explanation, "findings");
	for (size_t i = 0; i < json_array_size(findings); i++)
		print_finding(json_array_get(findings, i));
}

/* A supervisor that is not there is one of the answers, not an error. */
static json_t *ask_supervisor(const struct arguments *arguments, const struct config *config)
{
	struct error err = { 0 };
	const char *path;
	OWNED(json) json_t *request = json_pack("{s:s}", "command", "status");
	OWNED(json) json_t *reply = NULL;
	if (!session_find_config(arguments, &path, &err) ||
		!control_call(path, config->control_path, request, &reply, &err))
		return NULL;
	return json_incref(reply);
}

/* A job, else a task, else a queue. */
static bool explain(
	const struct explain_view *view, const char *id, json_t **out, struct error *err)
{
	enum acts_kind kind;
	if (acts_find(view->store, id, &kind, err))
		return kind == ACTS_JOB ? explain_job(view, id, out, err)
					: explain_task(view, id, out, err);
	if (err->kind != ERROR_NOT_FOUND)
		return false;
	if (explain_queue(view, id, out, err))
		return true;
	return err->kind != ERROR_NOT_FOUND
		       ? false
		       : error_set(err, ERROR_NOT_FOUND, "no job, task or queue \"%.100s\"", id);
}

static int run(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	OWNED(json) json_t *reply = ask_supervisor(arguments, session.config);
	const struct explain_view view = { session.store, session.config,
		json_object_get(reply, "status"), json_object_get(reply, "scaling") };
	OWNED(json) json_t *explanation = NULL;
	if (!explain(&view, arguments_word(arguments, 0), &explanation, &err))
		return say_error(&err);
	if (arguments->is_json)
		print_json(json_incref(explanation));
	else
		print_explanation(explanation);
	return EXIT_OK;
}

const struct command command_explain = {
	.name = "explain",
	.words = "JOB|TASK|QUEUE",
	.words_min = 1,
	.words_max = 1,
	.summary = "say what holds a job, a task or a queue up, and the command that mends it",
	.run = run,
};
