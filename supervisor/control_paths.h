#pragma once
/* Where the control socket may lie; see docs/control.md. */
#include "base/error.h"

/*
 * Supervisor: the first of the places that can be written, made where it is missing; control_path
 * (or NULL) goes before them. Owned.
 */
bool control_choose_path(
	const char *config_path, const char *control_path, char **out, struct error *err);
/* The lock's path beside it: ".lock" instead of ".sock". Owned. */
char *control_lock_path(const char *socket_path);
