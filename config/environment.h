#pragma once
/* The file of env_file: NAME=VALUE lines as systemd's EnvironmentFile= and docker's --env-file take
 * them. */
#include "config/keys.h"

#define ENVIRONMENT_COUNT_MAX 1000 /* variables of env, and of env_file */

/* Puts the rows of the file in front of env, without those that env has itself. A mistake says
 * `shown` for the path and names the line of the file, never its text. */
bool environment_add_file(struct loading *loading, const struct where *at, const char *shown,
	struct config_queue *queue);
