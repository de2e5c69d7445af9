#pragma once
/* What concerns every host that shares the store: from the store alone, no supervisor is asked. */
#include "cli/arguments.h"

#include <jansson.h>

struct store;

/* The supervisors' own words, an array; each with its id and how long ago it spoke. */
bool fleet_read_hosts(struct store *store, json_t **out, struct error *err);
/* status --all, once. Answers the exit code. */
int fleet_show(const struct arguments *arguments);
/* pause --all, resume --all of the queue that is the first word. */
int fleet_set_pause(const struct arguments *arguments, bool is_paused);
