#pragma once
/* The file of env_file: NAME=VALUE lines as systemd's EnvironmentFile= and docker's --env-file take
 * them. */
#include "config/faults.h"

/* Puts the rows of the file in front of env, without those that env has itself. A mistake names the
 * line of the file, never its text. */
bool environment_add_file(struct faults *faults, const struct where *at, const char *path,
	struct config_environment *env);
