#pragma once
/*
 * The stream protocol for the examples' handlers in C: JSON lines over the socket that REEVE_FD
 * names. A handler is one function from envelope to result.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Answers the task's result (a new reference), or NULL with the reason in failure. */
typedef json_t *(*stream_handler)(const json_t *envelope, const char **failure);

static void stream_answer(FILE *out, const json_t *id, const char *verb, json_t *value)
{
	json_t *message = json_pack("{s:O, s:o}", "id", id, verb, value);
	json_dumpf(message, out, JSON_COMPACT);
	fputc('\n', out);
	fflush(out);
	json_decref(message);
}

static int stream_serve(stream_handler handle)
{
	struct stat at;
	const char *number = getenv("REEVE_FD");
	int fd = number ? atoi(number) : -1;
	if (fd < 0 || fstat(fd, &at) != 0 || !S_ISSOCK(at.st_mode)) {
		fputs("REEVE_FD names no socket: this program is started by reeve\n", stderr);
		return 125;
	}
	FILE *in = fdopen(fd, "r");
	FILE *out = fdopen(dup(fd), "w");
	fputs("{\"ready\":true}\n", out);
	fflush(out);
	char *line = NULL;
	size_t room = 0;
	while (getline(&line, &room, in) > 0) {
		json_t *message = json_loads(line, 0, NULL);
		if (json_object_get(message, "stop"))
			break;
		const json_t *envelope = json_object_get(message, "task");
		if (envelope) {
			const char *failure = NULL;
			json_t *result = handle(envelope, &failure);
			const json_t *id = json_object_get(envelope, "id");
			if (result)
				stream_answer(out, id, "done", result);
			else
				stream_answer(out, id, "fail", json_string(failure));
		}
		json_decref(message);
	}
	free(line);
	return 0;
}
