/* reeve logs: the newest lines of the supervisor, its workers and their handlers. */
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/print.h"
#include "cli/say.h"
#include "cli/session.h"
#include "supervisor/control.h"

#include <stdio.h>

struct reading {
	bool is_json;
	int code;
};

static bool on_reply(void *context, const json_t *reply)
{
	struct reading *reading = context;
	reading->code = control_judge(reply);
	const char *line = jsontext_member(reply, "line");
	if (json_is_true(json_object_get(reply, "missed"))) {
		say("lines are missing here: they came faster than they were read");
		return true;
	}
	if (reading->code != EXIT_OK || !line)
		return false;
	if (reading->is_json)
		print_json(json_pack("{s:s}", "line", line));
	else
		puts(line);
	fflush(stdout);
	return true;
}

/* A word that is a configured queue is one, any other is a task's id. */
static json_t *make_request(const struct arguments *arguments)
{
	json_t *request = json_pack("{s:s, s:b}", "command", "logs", "follow",
		arguments_option(arguments, "--follow") != NULL);
	const char *word = arguments_word(arguments, 0);
	if (!word)
		return request;
	const char *path;
	bool is_queue = true;
	OWNED(config) struct config *config = NULL;
	struct config_faults faults = { 0 };
	if (session_find_config(arguments, &path, NULL) &&
		config_load(path, &config, &faults, NULL))
		is_queue = config_find_queue(config, word) || config_find_served(config, word);
	config_faults_finish(&faults);
	json_object_set_new(request, is_queue ? "queue" : "task", json_string(word));
	return request;
}

static int run(const struct arguments *arguments)
{
	OWNED_PLACE struct control_place place = { 0 };
	struct reading reading = { .is_json = arguments->is_json };
	struct error err = { 0 };
	int code;
	if (!control_find(arguments, &place, &code))
		return code;
	OWNED(json) json_t *request = make_request(arguments);
	if (!control_stream(
		    place.config_path, place.control_path, request, on_reply, &reading, &err))
		return say_error(&err);
	return reading.code;
}

const struct command command_logs = {
	.name = "logs",
	.words = "[QUEUE|TASK]",
	.words_max = 1,
	.summary = "print the newest lines of the log",
	.options = { { "--follow", NULL, "go on with new lines as they come", 'f' } },
	.run = run,
};
