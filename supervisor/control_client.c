/* The control socket's client side; see control.h. */
#include "supervisor/control.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define REPLY_MAX   (16 * 1024 * 1024)

struct connection {
	int fd;
	char *text; /* what has come and is not taken yet */
	size_t length, room;
};

static void finish_connection(struct connection *connection)
{
	memory_close_fd(&connection->fd);
	free(connection->text);
}

/* True where somebody listens there. False without err's kind where the place is just empty. */
static bool connect_to(const char *path, int *out, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path)
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	OWNED_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		if (errno == EACCES || errno == EPERM || errno == EAGAIN)
			error_set(err, ERROR_UNAVAILABLE, "%.180s: %s", path, strerror(errno));
		return false;
	}
	*out = fd;
	fd = -1;
	return true;
}

static bool find_supervisor(
	const char *config_path, const char *control_path, int *out, struct error *err)
{
	char *paths[3] = { xstrdup(control_path) };
	if (!control_path)
		control_paths(config_path, paths);
	struct error seen = { 0 };
	bool is_found = false;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		is_found = is_found || (paths[i] && connect_to(paths[i], out, &seen));
		free(paths[i]);
	}
	if (is_found)
		return true;
	if (seen.kind != ERROR_NONE)
		return error_set(err, seen.kind, "%s", seen.text);
	return error_set(
		err, ERROR_UNAVAILABLE, "no supervisor is running for %.180s", config_path);
}

/* limit_ms < 0: for ever. */
static bool await(int fd, short events, int64_t limit_ms, struct error *err)
{
	int64_t end_ms = clock_steady_ms() + limit_ms;
	for (;;) {
		int64_t left_ms = limit_ms < 0 ? -1 : end_ms - clock_steady_ms();
		if (limit_ms >= 0 && left_ms < 0)
			left_ms = 0;
		struct pollfd one = { .fd = fd, .events = events };
		int ready = poll(&one, 1, (int)left_ms);
		if (ready > 0)
			return true;
		if (ready == 0)
			return error_set(err, ERROR_UNAVAILABLE,
				"the supervisor does not answer within %lld s",
				(long long)limit_ms / 1000);
		if (errno != EINTR)
			return error_set(err, ERROR_INTERNAL, "poll: %s", strerror(errno));
	}
}

static bool send_request(int fd, const json_t *request, struct error *err)
{
	OWNED(free) char *body = jsontext_print(request);
	OWNED(free) char *line = xprintf("%s\n", body);
	size_t length = strlen(line), sent = 0;
	while (sent < length) {
		if (!await(fd, POLLOUT, PATIENCE_MS, err))
			return false;
		ssize_t wrote = send(fd, line + sent, length - sent, MSG_NOSIGNAL);
		if (wrote < 0 && errno != EAGAIN && errno != EINTR)
			return error_set(err, ERROR_UNAVAILABLE, "the supervisor hung up: %s",
				strerror(errno));
		sent += wrote > 0 ? (size_t)wrote : 0;
	}
	return true;
}

enum received { RECEIVED_LINE, RECEIVED_END, RECEIVED_ERROR };

static enum received receive_more(
	struct connection *connection, int64_t limit_ms, struct error *err)
{
	if (!await(connection->fd, POLLIN, limit_ms, err))
		return RECEIVED_ERROR;
	if (connection->length == connection->room) {
		connection->room = connection->room ? connection->room * 2 : 8192;
		connection->text = xrealloc(connection->text, connection->room);
	}
	ssize_t got = recv(connection->fd, connection->text + connection->length,
		connection->room - connection->length, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return RECEIVED_LINE;
	if (got < 0)
		error_set(err, ERROR_UNAVAILABLE, "the supervisor hung up: %s", strerror(errno));
	if (got <= 0)
		return got == 0 ? RECEIVED_END : RECEIVED_ERROR;
	connection->length += (size_t)got;
	if (connection->length <= REPLY_MAX)
		return RECEIVED_LINE;
	error_set(err, ERROR_INTERNAL, "the supervisor's reply is too long");
	return RECEIVED_ERROR;
}

/* One reply. Owned. */
static enum received receive(
	struct connection *connection, int64_t limit_ms, json_t **out, struct error *err)
{
	const char *end;
	while (!connection->length || !(end = memchr(connection->text, '\n', connection->length))) {
		enum received received = receive_more(connection, limit_ms, err);
		if (received != RECEIVED_LINE)
			return received;
	}
	size_t length = (size_t)(end - connection->text);
	bool is_good = jsontext_parse(connection->text, length, out, err);
	connection->length -= length + 1;
	memmove(connection->text, end + 1, connection->length);
	if (!is_good)
		error_wrap(err, "the supervisor's reply");
	return is_good ? RECEIVED_LINE : RECEIVED_ERROR;
}

bool control_stream(const char *config_path, const char *control_path, const json_t *request,
	bool (*on_reply)(void *context, const json_t *reply), void *context, struct error *err)
{
	struct connection connection = { .fd = -1 };
	bool is_good = find_supervisor(config_path, control_path, &connection.fd, err) &&
		       send_request(connection.fd, request, err);
	bool goes_on = is_good;
	int64_t limit_ms = PATIENCE_MS; /* for the first reply only */
	while (goes_on) {
		OWNED(json) json_t *reply = NULL;
		enum received received = receive(&connection, limit_ms, &reply, err);
		if (received == RECEIVED_END && limit_ms > 0) {
			received = RECEIVED_ERROR;
			error_set(err, ERROR_UNAVAILABLE, "the supervisor hung up");
		}
		is_good = received != RECEIVED_ERROR;
		goes_on = received == RECEIVED_LINE && on_reply(context, reply);
		limit_ms = -1;
	}
	finish_connection(&connection);
	return is_good;
}

static bool keep_reply(void *context, const json_t *reply)
{
	json_t **kept = context;
	*kept = json_deep_copy(reply);
	return false;
}

bool control_call(const char *config_path, const char *control_path, const json_t *request,
	json_t **reply, struct error *err)
{
	return control_stream(config_path, control_path, request, keep_reply, reply, err);
}
