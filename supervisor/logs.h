#pragma once
/* The `logs` command: recent lines, and those to come, to clients of the control socket. */
#include "supervisor/control_server.h"

struct supervisor;

void logs_init(struct supervisor *supervisor);
void logs_finish(struct supervisor *supervisor);
void logs_serve(
	struct supervisor *supervisor, struct control_client *client, const json_t *request);
void logs_forget_client(struct supervisor *supervisor, const struct control_client *client);
