/* reeve check: the configuration, all workflows, and what a reload would do. */
#include "base/jsontext.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/places.h"
#include "cli/session.h"
#include "supervisor/control.h"

#include <stdio.h>

static const struct {
	const char *change, *meaning;
} changes[] = {
	{ "live", "changed while its workers go on" },
	{ "roll", "its workers are replaced, busy ones after their task" },
	{ "add", "its workers are started" },
	{ "remove", "its workers end after their task" },
};

static const char *explain_change(const char *change)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (change && strcmp(changes[i].change, change) == 0)
			return changes[i].meaning;
	return NULL;
}

static void print_changes(const json_t *list)
{
	size_t shown = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		const char *queue = jsontext_member(entry, "queue");
		const char *meaning = explain_change(jsontext_member(entry, "change"));
		if (queue && meaning && ++shown)
			printf("reload: %s: %s\n", queue, meaning);
		if (json_object_get(entry, "schedules") && ++shown)
			puts("reload: schedules: taken over at once");
	}
	if (shown == 0)
		puts("reload: nothing changes");
}

/* Without a supervisor there is nothing to say. */
static void print_reload(const struct arguments *arguments, const struct config *config)
{
	struct error err = { 0 };
	const char *path;
	OWNED(json) json_t *request = json_pack("{s:s}", "command", "check");
	OWNED(json) json_t *reply = NULL;
	if (!session_find_config(arguments, &path, &err) ||
		!control_call(path, config->control_path, request, &reply, &err))
		return;
	if (control_judge(reply) == EXIT_OK)
		print_changes(json_object_get(reply, "changes"));
}

static int run(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct config_faults report = { 0 };
	size_t workflows;
	int code;
	if (!session_open_config(arguments, true, &session, &code))
		return code;
	struct error err;
	if (!places_check(session.config, &err))
		return say_error(&err);
	bool is_strict = arguments_option(arguments, "--strict");
	check_workflows(session.config, is_strict, &report, &workflows);
	bool is_fit = check_store(session.config, &report, &err);
	check_print(&report);
	size_t mistakes = report.count;
	config_faults_finish(&report);
	if (!is_fit)
		return say_error(&err);
	if (mistakes)
		return EXIT_MISUSE;
	if (arguments->is_json) {
		print_json(config_describe(session.config));
		return EXIT_OK;
	}
	printf("ok: %zu %s, %zu %s\n", session.config->queue_count,
		session.config->queue_count == 1 ? "queue" : "queues", workflows,
		workflows == 1 ? "workflow" : "workflows");
	print_reload(arguments, session.config);
	return EXIT_OK;
}

const struct command command_check = {
	.name = "check",
	.words = "",
	.summary = "check the configuration and its workflows; with a supervisor: what a reload "
		   "would do",
	.options = { { "--strict", NULL,
		"a workflow's queue that is not configured here is a mistake", 0 } },
	.slip = "takes no file as a word; to check another one",
	.fix = "check -c",
	.run = run,
};
