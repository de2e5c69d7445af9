#pragma once
/* A Python server of tests/ beside the test: it prints its port, and ends when we do. */
#include "base/http.h"
#include "base/jsontext.h"

#include <sys/types.h>

struct python_server {
	pid_t pid;
	int input; /* its standard input: closed, it ends */
	int port;
	char url[64]; /* without a slash at the end */
};

/* argv after the script's name; NULL ends it. */
void python_server_start(struct python_server *server, const char *scheme, const char *host,
	const char *script, const char *const *arguments);
void python_server_stop(struct python_server *server);
/* Posts to it and answers the JSON of its reply; plain http alone. Owned. */
json_t *python_server_post(struct ev_loop *loop, const struct python_server *server,
	const char *path, const char *body);
