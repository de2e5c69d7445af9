/* Talks to the supervisor; see control.h. */
#include "cli/control.h"

#include "base/jsontext.h"
#include "cli/say.h"
#include "cli/session.h"
#include "supervisor/control.h"

#include <stdio.h>

#define DEFAULT_GRACE_MS 25000

bool control_find(const struct arguments *arguments, struct control_place *place, int *code)
{
	struct error err = { 0 };
	struct control_place found = { .grace_ms = DEFAULT_GRACE_MS };
	if (!session_find_config(arguments, &found.config_path, &err)) {
		*code = say_error(&err);
		return false;
	}
	OWNED(config) struct config *config = NULL;
	struct config_faults faults = { 0 };
	if (config_load(found.config_path, &config, &faults, &err)) {
		found.control_path = xstrdup(config->control_path);
		found.grace_ms = config->shutdown_grace_ms;
	} else {
		found.control_path = config_find_control(found.config_path);
		found.has_mistakes = true;
	}
	config_faults_finish(&faults);
	*place = found;
	return true;
}

void control_place_finish(struct control_place *place)
{
	free(place->control_path);
	place->control_path = NULL;
}

int control_judge(const json_t *reply)
{
	if (json_is_true(json_object_get(reply, "ok")))
		return EXIT_OK;
	const json_t *faults = json_object_get(reply, "faults");
	for (size_t i = 0; i < json_array_size(faults); i++)
		if (json_is_string(json_array_get(faults, i)))
			fprintf(stderr, "%s\n", json_string_value(json_array_get(faults, i)));
	const char *sentence = jsontext_member(reply, "error");
	say("%s", sentence ? sentence : "the supervisor gave an answer that is no answer");
	json_int_t code = json_integer_value(json_object_get(reply, "exit"));
	return code > 0 && code < 256 ? (int)code : EXIT_NEGATIVE;
}

bool control_ask(const struct control_place *place, json_t *request, json_t **reply, int *code)
{
	struct error err = { 0 };
	OWNED(json) json_t *answer = NULL;
	bool ok = control_call(place->config_path, place->control_path, request, &answer, &err);
	json_decref(request);
	*code = ok ? control_judge(answer) : say_error(&err);
	if (!ok && place->has_mistakes && !place->control_path)
		say("%s has mistakes, reeve check tells them: a control socket that it names is "
		    "not known",
			place->config_path);
	if (*code == EXIT_OK)
		*reply = GIVE(answer);
	return *code == EXIT_OK;
}
