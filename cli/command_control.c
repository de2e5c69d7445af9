/* reeve reload, restart, stop, scale, pause, resume: requests to the supervisor. */
#include "base/clock.h"
#include "base/jsontext.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/fleet.h"
#include "cli/print.h"
#include "cli/say.h"
#include "supervisor/control.h"

#include <stdio.h>
#include <time.h>

#define STOP_POLL_MS   100
#define STOP_MARGIN_MS 5000 /* over the grace, for the supervisor's own end */

/* Sends the request and prints the reply with --json, else the line. */
static int ask(const struct arguments *arguments, json_t *request, json_t **reply)
{
	OWNED_PLACE struct control_place place = { 0 };
	int code;
	if (!control_find(arguments, &place, &code)) {
		json_decref(request);
		return code;
	}
	if (control_ask(&place, request, reply, &code) && arguments->is_json)
		print_json(json_incref(*reply));
	return code;
}

static void print_changes(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "changes");
	size_t changed = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *queue = jsontext_member(json_array_get(list, i), "queue");
		const char *change = jsontext_member(json_array_get(list, i), "change");
		if (!queue || !change || strcmp(change, "none") == 0)
			continue;
		printf("%s: %s\n", queue, change);
		changed++;
	}
	if (changed == 0)
		puts("nothing changed");
}

static int run_reload(const struct arguments *arguments)
{
	OWNED(json) json_t *reply = NULL;
	int code = ask(arguments, json_pack("{s:s}", "command", "reload"), &reply);
	if (code == EXIT_OK && !arguments->is_json)
		print_changes(reply);
	return code;
}

static int run_restart(const struct arguments *arguments)
{
	json_t *request = json_pack("{s:s}", "command", "restart");
	json_t *queues = json_array();
	for (size_t i = 0; i < arguments->word_count; i++)
		json_array_append_new(queues, json_string(arguments->words[i]));
	if (arguments->word_count)
		json_object_set(request, "queues", queues);
	json_decref(queues);
	OWNED(json) json_t *reply = NULL;
	int code = ask(arguments, request, &reply);
	if (code != EXIT_OK || arguments->is_json)
		return code;
	const json_t *replaced = json_object_get(reply, "queues");
	for (size_t i = 0; i < json_array_size(replaced); i++)
		printf("%s: its workers are being replaced\n",
			json_string_value(json_array_get(replaced, i)));
	return code;
}

/* Another pid is another supervisor, which somebody has started in place of the old one. */
static bool is_gone(const struct control_place *place, json_int_t pid)
{
	struct error err = { 0 };
	OWNED(json) json_t *request = json_pack("{s:s}", "command", "ping");
	OWNED(json) json_t *reply = NULL;
	if (!control_call(place->config_path, place->control_path, request, &reply, &err))
		return true;
	return json_integer_value(json_object_get(reply, "pid")) != pid;
}

static int await_end(const struct control_place *place, json_int_t pid)
{
	int64_t until_ms = clock_steady_ms() + place->grace_ms + STOP_MARGIN_MS;
	const struct timespec pause = { 0, STOP_POLL_MS * 1000000 };
	while (!is_gone(place, pid)) {
		if (clock_steady_ms() > until_ms) {
			say("supervisor %lld is still there after its grace; without grace: kill "
			    "-QUIT %lld",
				(long long)pid, (long long)pid);
			return EXIT_NEGATIVE;
		}
		nanosleep(&pause, NULL);
	}
	return EXIT_OK;
}

static int run_stop(const struct arguments *arguments)
{
	OWNED_PLACE struct control_place place = { 0 };
	OWNED(json) json_t *reply = NULL;
	int code;
	if (!control_find(arguments, &place, &code) ||
		!control_ask(&place, json_pack("{s:s}", "command", "stop"), &reply, &code))
		return code;
	code = await_end(&place, json_integer_value(json_object_get(reply, "pid")));
	if (code == EXIT_OK && arguments->is_json)
		print_json(json_incref(reply));
	return code;
}

/* 4, +1, −1 */
static bool is_scale(const char *text)
{
	if (*text == '+' || *text == '-')
		text++;
	size_t digits = strspn(text, "0123456789");
	return digits > 0 && digits < 6 && text[digits] == '\0';
}

static int run_scale(const struct arguments *arguments)
{
	const char *workers = arguments_word(arguments, 1);
	if (!is_scale(workers))
		return say_misuse("scale: expected a count, +N or -N, got \"%s\"", workers);
	OWNED(json) json_t *reply = NULL;
	int code = ask(arguments,
		json_pack("{s:s, s:s, s:s}", "command", "scale", "queue",
			arguments_word(arguments, 0), "workers", workers),
		&reply);
	if (code == EXIT_OK && !arguments->is_json)
		printf("%s: %lld workers\n", arguments_word(arguments, 0),
			(long long)json_integer_value(json_object_get(reply, "workers")));
	return code;
}

static int pause_or_resume(const struct arguments *arguments, bool is_paused)
{
	if (arguments_option(arguments, "--all"))
		return fleet_set_pause(arguments, is_paused);
	OWNED(json) json_t *reply = NULL;
	int code = ask(arguments,
		json_pack("{s:s, s:s}", "command", arguments->command->name, "queue",
			arguments_word(arguments, 0)),
		&reply);
	if (code == EXIT_OK && !arguments->is_json)
		printf("%s: %s\n", arguments_word(arguments, 0), is_paused ? "paused" : "resumed");
	if (code == EXIT_OK && !is_paused && jsontext_member(reply, "paused_by"))
		say("%s is still paused on every host: reeve resume %s --all",
			arguments_word(arguments, 0), arguments_word(arguments, 0));
	return code;
}

static int run_pause(const struct arguments *arguments)
{
	return pause_or_resume(arguments, true);
}

static int run_resume(const struct arguments *arguments)
{
	return pause_or_resume(arguments, false);
}

const struct command command_reload = {
	.name = "reload",
	.words = "",
	.summary = "read the configuration again; workers are replaced only where it matters",
	.slip = "takes no queue (it reads the whole configuration); to replace a queue's workers",
	.fix = "restart",
	.run = run_reload,
};

const struct command command_restart = {
	.name = "restart",
	.words = "[QUEUE\u2026]",
	.words_max = ARGUMENTS_WORDS_ANY,
	.summary = "replace workers, busy ones after their task",
	.run = run_restart,
};

const struct command command_stop = {
	.name = "stop",
	.words = "",
	.summary = "drain and end the supervisor; waits until it is gone",
	.slip = "takes no queue (it ends the supervisor); to hold a queue",
	.fix = "pause",
	.run = run_stop,
};

const struct command command_scale = {
	.name = "scale",
	.words = "QUEUE N|+N|-N",
	.words_min = 2,
	.words_max = 2,
	.summary = "change a queue's number of workers until the next reload",
	.run = run_scale,
};

const struct command command_pause = {
	.name = "pause",
	.words = "QUEUE",
	.words_min = 1,
	.words_max = 1,
	.summary = "let a queue's workers take no new task",
	.options = { { "--all", NULL, "on every host that shares the store", 0 } },
	.run = run_pause,
};

const struct command command_resume = {
	.name = "resume",
	.words = "QUEUE",
	.words_min = 1,
	.words_max = 1,
	.summary = "let a paused queue go on",
	.options = { { "--all", NULL, "on every host that shares the store", 0 } },
	.run = run_resume,
};
