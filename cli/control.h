#pragma once
/* Requests to the running supervisor of this configuration. */
#include "cli/arguments.h"

#include <jansson.h>
#include <stdint.h>

/* Where the supervisor is found. A configuration with mistakes does not keep anybody from stopping
 * or looking at what runs: then the socket that it names all the same counts, else the default
 * places. */
struct control_place {
	const char *config_path;
	char *control_path; /* NULL: the default places */
	int64_t grace_ms;
	bool has_mistakes; /* the configuration can't be read */
};
bool control_find(const struct arguments *arguments, struct control_place *place, int *code);
void control_place_finish(struct control_place *place);

/* One request, one reply, which the caller owns. Drops the request. On failure says why on stderr;
 * *code is the exit code. */
bool control_ask(const struct control_place *place, json_t *request, json_t **reply, int *code);

/* A reply {"ok": false, …} as lines on stderr; answers its exit code, 0 for one that is ok. */
int control_judge(const json_t *reply);

#define OWNED_PLACE __attribute__((cleanup(control_place_finish)))
