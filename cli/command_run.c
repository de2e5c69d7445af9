/* reeve run: the supervisor in the foreground. */
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "cli/places.h"
#include "cli/session.h"
#include "supervisor/signals.h"
#include "supervisor/supervisor.h"
#include "supervisor/takeover.h"

struct selection {
	char *text;         /* the names' memory */
	const char **names; /* within text */
	size_t count;
};

static void finish_selection(struct selection *selection)
{
	free(selection->text);
	free(selection->names);
}

static bool refuse_queue(const struct config *config, const char *name, struct error *err)
{
	for (size_t i = 0; i < config->queue_count; i++)
		if (config_pulls(&config->queues[i], name))
			return error_set(err, ERROR_INVALID,
				"--only: %.80s is pulled by %s: --only %s", name,
				config->queues[i].name, config->queues[i].name);
	OWNED(free) const char **names = xcalloc(config->queue_count, sizeof *names);
	for (size_t i = 0; i < config->queue_count; i++)
		names[i] = config->queues[i].name;
	const char *nearest = nearest_find(name, names, config->queue_count);
	return error_set(err, ERROR_INVALID, "--only: no queue \"%.80s\" is configured%s%s", name,
		nearest ? "; nearest: " : "", nearest ? nearest : "");
}

static bool read_only(const struct config *config, const char *text, struct selection *selection,
	struct error *err)
{
	selection->text = xstrdup(text);
	selection->names = xcalloc(strlen(text) + 1, sizeof *selection->names);
	char *rest = NULL;
	for (const char *name = strtok_r(selection->text, ", ", &rest); name;
		name = strtok_r(NULL, ", ", &rest)) {
		if (!config_find_queue(config, name))
			return refuse_queue(config, name, err);
		selection->names[selection->count++] = name;
	}
	return selection->count || error_set(err, ERROR_INVALID, "--only: names no queue");
}

static bool check(const struct config *config)
{
	struct config_faults report = { 0 };
	size_t workflows;
	check_workflows(config, false, &report, &workflows);
	check_print(&report);
	bool ok = report.count == 0;
	config_faults_finish(&report);
	return ok;
}

#define READ_AGAIN_MS 1000

/*
 * The rehearsal has read the file just before; where it went bad since, the workers go on, and it
 * is read until it is good again: to end would end them.
 */
static bool open_config(const struct arguments *arguments, struct session *session, int *code)
{
	while (!session_open_config(arguments, true, session, code))
		if (takeover_phase() != TAKEOVER_IS_EXEC || signals_await_stop(READ_AGAIN_MS))
			return false;
	return true;
}

static int run(const struct arguments *arguments)
{
	OWNED_SESSION struct session session = { 0 };
	struct error err = { 0 };
	int code;
	signals_hold();
	if (!open_config(arguments, &session, &code))
		return code;
	bool is_checked = takeover_phase() == TAKEOVER_IS_EXEC;
	if (!is_checked && !places_check(session.config, &err))
		return say_error(&err);
	if (!is_checked && !check(session.config))
		return EXIT_MISUSE;
	struct selection selection = { 0 };
	const char *only = arguments_option(arguments, "--only");
	if (only && !read_only(session.config, only, &selection, &err)) {
		finish_selection(&selection);
		return say_error(&err);
	}
	const struct supervisor_options options = { .only = selection.names,
		.only_count = selection.count,
		.until_idle = arguments_option(arguments, "--until-idle"),
		.check = places_check };
	code = supervisor_run(GIVE(session.config), &options);
	finish_selection(&selection);
	return code;
}

const struct command command_run = {
	.name = "run",
	.words = "",
	.summary = "run the workers of all queues, in the foreground, until stopped",
	.options = { { "--only", "QUEUE,\u2026", "only these queues", 0 },
		{ "--until-idle", NULL,
			"until no job has an unfinished task that is or can lead to one of the "
			"queues; exit 1 if a task failed for good",
			0 } },
	.slip = "takes no queue; to run only some",
	.fix = "run --only",
	.run = run,
};
