/* See python_server.h. */
#include "tests/python_server.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(const char *script, const char *const *arguments, const int in[2], const int out[2])
{
	const char *argv[16] = { "python3", script };
	for (int i = 0; i < 12 && arguments[i]; i++)
		argv[i + 2] = arguments[i];
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	execv("/usr/bin/python3", (char *const *)(uintptr_t)argv);
	_exit(127);
}

void python_server_start(struct python_server *server, const char *scheme, const char *host,
	const char *script, const char *const *arguments)
{
	int in[2], out[2];
	OWNED(free) char *path = xprintf("%s/%s", TESTS_FOLDER, script);
	assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	server->pid = fork();
	if (server->pid == 0)
		run(path, arguments, in, out);
	close(in[0]);
	close(out[1]);
	server->input = in[1];
	FILE *text = fdopen(out[0], "r");
	assert(fscanf(text, "%d", &server->port) == 1);
	fclose(text);
	snprintf(server->url, sizeof server->url, "%s://%s:%d", scheme, host, server->port);
}

void python_server_stop(struct python_server *server)
{
	close(server->input);
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}

static void on_reply(void *context, const struct http_reply *reply, const struct error *err)
{
	struct error fault;
	assert(!err && reply->status == 200);
	assert(jsontext_parse(reply->body, reply->length, context, &fault));
}

json_t *python_server_post(struct ev_loop *loop, const struct python_server *server,
	const char *path, const char *body)
{
	struct http *http;
	struct error err;
	json_t *out = NULL;
	assert(http_open(loop, &http, &err));
	OWNED(free) char *url = xprintf("%s%s", server->url, path);
	struct http_request request = { .method = "POST",
		.url = url,
		.body = body,
		.length = strlen(body),
		.connect_timeout_ms = 10000,
		.timeout_ms = 10000,
		.is_direct = true };
	http_begin(http, &request, on_reply, &out);
	while (!out)
		ev_run(loop, EVRUN_ONCE);
	http_close(http);
	return out;
}
