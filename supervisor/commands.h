#pragma once
/* What the control socket's commands do; the table is in commands.c and docs/control.md. */
#include "supervisor/control_server.h"

/* context: the supervisor. */
void commands_on_request(void *context, struct control_client *client, const json_t *request);
void commands_on_gone(void *context, struct control_client *client);
