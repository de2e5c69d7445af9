#pragma once
/*
 * The socket's server side: JSON lines in, JSON lines out, never blocking the loop. Knows no
 * commands. A client may be slow, silent, cut off or hostile; the supervisor goes on.
 */
#include "base/error.h"

#include <ev.h>
#include <jansson.h>

struct control_server;
struct control_client;

#define CONTROL_REQUEST_MAX (64 * 1024)
#define CONTROL_BEHIND_MAX  (8 * 1024 * 1024)
#define CONTROL_CLIENTS_MAX 200
#define CONTROL_PATIENCE_S  30.0

struct control_port {
	void *context;
	/* A request, which is an object with a text `command`. Borrowed. The answer comes now or
	 * later through control_reply; the client lives until on_gone. */
	void (*on_request)(void *context, struct control_client *client, const json_t *request);
	/* The client is no more; nothing may be sent to it. */
	void (*on_gone)(void *context, struct control_client *client);
};

/* Replaces a stale socket: the caller holds the instance lock. group NULL: mode 0600. */
bool control_server_open(struct ev_loop *loop, const char *path, const char *group,
	const struct control_port *port, struct control_server **out, struct error *err);
/* The same on a socket that another program has bound at that path. */
struct control_server *control_server_adopt(
	struct ev_loop *loop, const char *path, int fd, const struct control_port *port);
int control_server_descriptor(const struct control_server *server);
/* Callers wait in the socket's queue meanwhile. */
void control_server_set_accepting(struct control_server *server, bool is_accepting);
/* True where no client is there: none waits for a reply. */
bool control_server_is_quiet(const struct control_server *server);
/* Sends what it still can without waiting, closes all clients, removes the socket. */
void control_server_close(struct control_server *server);
/* In a child after fork: closes the descriptors, touches nothing else. NULL is allowed. */
void control_server_forget(struct control_server *server);

/* Sends one reply line. Takes the reply over. */
void control_reply(struct control_client *client, json_t *reply);
/* {"ok":false,"error":…,"exit":…} */
void control_refuse(struct control_client *client, const struct error *err);
