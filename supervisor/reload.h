#pragma once
/* Reading the configuration anew. A bad file changes nothing; a good one changes only the queues
 * that it changes. */
#include "config/config.h"
#include "supervisor/control_server.h"

struct supervisor;

void reload_init(struct supervisor *supervisor);
/* SIGHUP: reloads now, or soon where one was done just now. */
void reload_request(struct supervisor *supervisor);
/* The same; the client gets the changes. */
void reload_request_for(struct supervisor *supervisor, struct control_client *client);
void reload_forget_client(struct supervisor *supervisor, const struct control_client *client);
/* Opens the log as the configuration says. */
void reload_apply_log(const struct config *config);
void reload_finish(struct supervisor *supervisor);
/* What a reload would do, as the reply. Owned. */
json_t *reload_preview(struct supervisor *supervisor);
