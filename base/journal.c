/* The journal's native protocol; see journal.h. */
#include "base/journal.h"

#include "base/memory.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_BUFFER_BYTES (8 * 1024 * 1024) /* what libsystemd asks for too */

static bool connect_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(address.sun_path, path);
	return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

bool journal_open(const char *path, int *out, struct error *err)
{
	const int room = SEND_BUFFER_BYTES;
	OWNED_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !connect_to(fd, path))
		return error_set(
			err, ERROR_UNAVAILABLE, "log journald: %s: %s", path, strerror(errno));
	/* As much as the system's limit lets us have. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	*out = fd;
	fd = -1;
	return true;
}

static char *append(char *at, const void *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

/* NAME=value and a newline; a value with a newline in it has its length in front instead. */
static char *append_field(char *at, const struct journal_field *field)
{
	const size_t length = strlen(field->value);
	const uint64_t encoded = htole64(length);
	at = append(at, field->name, strlen(field->name));
	if (memchr(field->value, '\n', length)) {
		*at++ = '\n';
		at = append(at, &encoded, sizeof encoded);
	} else {
		*at++ = '=';
	}
	at = append(at, field->value, length);
	*at++ = '\n';
	return at;
}

char *journal_compose(const struct journal_field *fields, size_t count, size_t *length)
{
	size_t room = 1;
	for (size_t i = 0; i < count; i++)
		if (fields[i].value)
			room += strlen(fields[i].name) + strlen(fields[i].value) +
				sizeof(uint64_t) + 2;
	char *datagram = xmalloc(room), *at = datagram;
	for (size_t i = 0; i < count; i++)
		if (fields[i].value)
			at = append_field(at, &fields[i]);
	*length = (size_t)(at - datagram);
	return datagram;
}

/* journald wants a memfd that nobody can change any more. */
static bool send_sealed(int fd, const char *datagram, size_t length)
{
	OWNED_FD int memory = memfd_create("reeve-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0 || write(memory, datagram, length) != (ssize_t)length ||
		fcntl(memory, F_ADD_SEALS,
			F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		return false;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_control = &control, .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &memory, sizeof memory);
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool is_lost(int reason)
{
	return reason == ECONNREFUSED || reason == ECONNRESET || reason == ENOTCONN ||
	       reason == EPIPE;
}

static bool send_once(int fd, const char *datagram, size_t length)
{
	if (send(fd, datagram, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	return (errno == EMSGSIZE || errno == ENOBUFS) && send_sealed(fd, datagram, length);
}

bool journal_send(int fd, const char *path, const char *datagram, size_t length)
{
	if (send_once(fd, datagram, length))
		return true;
	return is_lost(errno) && connect_to(fd, path) && send_once(fd, datagram, length);
}
