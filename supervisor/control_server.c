/* The control socket's server; see control_server.h. */
#include "supervisor/control_server.h"

#include "base/jsontext.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct control_client {
	struct control_server *server;
	struct control_client *next, **place; /* intrusive list */
	int fd;
	ev_io readable, writable;
	ev_timer patience; /* runs while a reply waits to be taken */
	char *request;     /* the line so far */
	size_t request_length, request_room;
	char *reply; /* what is not sent yet */
	size_t reply_length, reply_room;
	bool ends;             /* after the reply */
	bool is_held, is_dead; /* held: in use up the stack, so it is freed there */
};

struct control_server {
	struct ev_loop *loop;
	struct control_port port;
	char *path;
	int fd, spare_fd;
	ev_io acceptable;
	struct control_client *clients;
	size_t client_count;
};

static void free_client(struct control_client *client)
{
	free(client->request);
	free(client->reply);
	free(client);
}

static void drop(struct control_client *client)
{
	struct control_server *server = client->server;
	if (client->is_dead)
		return;
	client->is_dead = true;
	ev_io_stop(server->loop, &client->readable);
	ev_io_stop(server->loop, &client->writable);
	ev_timer_stop(server->loop, &client->patience);
	close(client->fd);
	*client->place = client->next;
	if (client->next)
		client->next->place = client->place;
	server->client_count--;
	server->port.on_gone(server->port.context, client);
	if (!client->is_held)
		free_client(client);
}

static void send_some(struct control_client *client)
{
	struct ev_loop *loop = client->server->loop;
	size_t sent = 0;
	while (sent < client->reply_length) {
		ssize_t wrote = send(client->fd, client->reply + sent, client->reply_length - sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno != EAGAIN) {
			drop(client);
			return;
		}
		if (wrote < 0)
			break;
		sent += (size_t)wrote;
		ev_timer_again(loop, &client->patience);
	}
	client->reply_length -= sent;
	memmove(client->reply, client->reply + sent, client->reply_length);
	if (client->reply_length > 0) {
		ev_io_start(loop, &client->writable);
		if (!ev_is_active(&client->patience))
			ev_timer_again(loop, &client->patience);
		return;
	}
	ev_io_stop(loop, &client->writable);
	ev_timer_stop(loop, &client->patience);
	if (client->ends)
		drop(client);
}

void control_reply(struct control_client *client, json_t *reply)
{
	OWNED(json) json_t *owned = reply;
	if (client->is_dead)
		return;
	OWNED(free) char *text = jsontext_print(owned);
	size_t length = strlen(text);
	if (client->reply_length + length + 1 > CONTROL_BEHIND_MAX) {
		drop(client);
		return;
	}
	while (client->reply_length + length + 1 > client->reply_room) {
		client->reply_room = client->reply_room ? client->reply_room * 2 : 1024;
		client->reply = xrealloc(client->reply, client->reply_room);
	}
	memcpy(client->reply + client->reply_length, text, length);
	client->reply[client->reply_length + length] = '\n';
	client->reply_length += length + 1;
	send_some(client);
}

void control_refuse(struct control_client *client, const struct error *err)
{
	control_reply(client, json_pack("{s:b, s:s, s:i}", "ok", 0, "error", err->text, "exit",
				      error_exit_code(err)));
}

static void refuse_and_end(struct control_client *client, const char *why)
{
	struct error err;
	error_set(&err, ERROR_INVALID, "%s", why);
	client->ends = true;
	ev_io_stop(client->server->loop, &client->readable);
	control_refuse(client, &err);
}

static void take_line(struct control_client *client, const char *line, size_t length)
{
	struct error err;
	OWNED(json) json_t *request = NULL;
	if (!jsontext_parse(line, length, &request, &err)) {
		control_refuse(client, &err);
		return;
	}
	if (!jsontext_member(request, "command")) {
		error_set(&err, ERROR_INVALID,
			"a request is an object with a \"command\", which is a text");
		control_refuse(client, &err);
		return;
	}
	client->server->port.on_request(client->server->port.context, client, request);
}

/* Every whole line that has come; the rest waits for its end. */
static void take_lines(struct control_client *client)
{
	size_t start = 0;
	const char *end;
	while (!client->is_dead && !client->ends &&
		(end = memchr(client->request + start, '\n', client->request_length - start))) {
		size_t length = (size_t)(end - client->request) - start;
		take_line(client, client->request + start, length);
		start += length + 1;
	}
	client->request_length -= start;
	memmove(client->request, client->request + start, client->request_length);
	if (!client->is_dead && !client->ends && client->request_length >= CONTROL_REQUEST_MAX)
		refuse_and_end(client, "the request is longer than 64 KiB");
}

static void read_some(struct control_client *client)
{
	if (!client->request) {
		client->request_room = 4096;
		client->request = xmalloc(client->request_room);
	} else if (client->request_length == client->request_room) {
		client->request_room *= 2;
		client->request = xrealloc(client->request, client->request_room);
	}
	ssize_t got = recv(client->fd, client->request + client->request_length,
		client->request_room - client->request_length, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 0 && client->reply_length > 0) {
		/* It has nothing more to ask, but may still read. */
		client->ends = true;
		ev_io_stop(client->server->loop, &client->readable);
		return;
	}
	if (got <= 0) {
		drop(client);
		return;
	}
	client->request_length += (size_t)got;
	take_lines(client);
}

/* What happens in here may drop the client; it is freed when nobody up the stack needs it. */
static void hold(struct control_client *client, void (*act)(struct control_client *client))
{
	client->is_held = true;
	act(client);
	client->is_held = false;
	if (client->is_dead)
		free_client(client);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	hold(watcher->data, read_some);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	hold(watcher->data, send_some);
}

static void on_impatient(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	drop(timer->data);
}

static struct control_client *add_client(struct control_server *server, int fd)
{
	struct control_client *client = xcalloc(1, sizeof *client);
	client->server = server;
	client->fd = fd;
	client->next = server->clients;
	client->place = &server->clients;
	if (client->next)
		client->next->place = &client->next;
	server->clients = client;
	server->client_count++;
	ev_io_init(&client->readable, on_readable, fd, EV_READ);
	ev_io_init(&client->writable, on_writable, fd, EV_WRITE);
	ev_init(&client->patience, on_impatient);
	client->patience.repeat = CONTROL_PATIENCE_S;
	client->readable.data = client->writable.data = client->patience.data = client;
	ev_io_start(server->loop, &client->readable);
	return client;
}

/* Out of descriptors: the spare one takes the caller in and sends him off, else the loop would
 * spin on a socket that stays readable. */
static void turn_away(struct control_server *server)
{
	close(server->spare_fd);
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	struct control_server *server = watcher->data;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(server);
		return;
	}
	struct control_client *client = add_client(server, fd);
	if (server->client_count > CONTROL_CLIENTS_MAX)
		refuse_and_end(client, "too many clients at once");
}

static bool give_to_group(const char *path, const char *group, struct error *err)
{
	if (!group)
		return true;
	errno = 0;
	const struct group *found = getgrnam(group);
	if (!found)
		return error_set(err, ERROR_INVALID, "control: no group \"%s\"", group);
	if (chown(path, (uid_t)-1, found->gr_gid) != 0 || chmod(path, 0660) != 0)
		return error_set(err, ERROR_UNAVAILABLE, "control: group %s for %s: %s", group,
			path, strerror(errno));
	return true;
}

static bool bind_socket(int fd, const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path)
		return error_set(err, ERROR_INVALID,
			"the control socket's path is longer than %zu bytes: %s",
			sizeof address.sun_path - 1, path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	mode_t before = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(before);
	if (bound != 0 || listen(fd, 64) != 0)
		return error_set(
			err, ERROR_UNAVAILABLE, "control socket %s: %s", path, strerror(errno));
	return true;
}

struct control_server *control_server_adopt(
	struct ev_loop *loop, const char *path, int fd, const struct control_port *port)
{
	struct control_server *server = xcalloc(1, sizeof *server);
	server->loop = loop;
	server->port = *port;
	server->path = xstrdup(path);
	server->fd = fd;
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ev_io_init(&server->acceptable, on_acceptable, server->fd, EV_READ);
	server->acceptable.data = server;
	ev_io_start(loop, &server->acceptable);
	return server;
}

bool control_server_open(struct ev_loop *loop, const char *path, const char *group,
	const struct control_port *port, struct control_server **out, struct error *err)
{
	OWNED_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "control socket: %s", strerror(errno));
	if (!bind_socket(fd, path, err) || !give_to_group(path, group, err))
		return false;
	*out = control_server_adopt(loop, path, fd, port);
	fd = -1;
	return true;
}

int control_server_descriptor(const struct control_server *server)
{
	return server->fd;
}

void control_server_set_accepting(struct control_server *server, bool is_accepting)
{
	if (is_accepting)
		ev_io_start(server->loop, &server->acceptable);
	else
		ev_io_stop(server->loop, &server->acceptable);
}

bool control_server_is_quiet(const struct control_server *server)
{
	return server->client_count == 0;
}

void control_server_close(struct control_server *server)
{
	if (!server)
		return;
	while (server->clients)
		drop(server->clients);
	ev_io_stop(server->loop, &server->acceptable);
	unlink(server->path);
	close(server->fd);
	close(server->spare_fd);
	free(server->path);
	free(server);
}

void control_server_forget(struct control_server *server)
{
	if (!server)
		return;
	for (struct control_client *client = server->clients; client; client = client->next)
		close(client->fd);
	close(server->fd);
	close(server->spare_fd);
}
