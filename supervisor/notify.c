/*
 * The notification protocol of systemd, as sd_notify(3) documents it: one datagram per turn. Not
 * libsystemd's sd_notify, which waits for as long as the other side does not read: we may not.
 */
#include "supervisor/notify.h"

#include "base/log.h"
#include "base/memory.h"
#include "supervisor/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 200 /* for what must arrive; the rest is dropped where nobody reads */

/* A name that begins with @ is in the abstract namespace: a NUL in its place. */
static bool find_address(struct sockaddr_un *out, socklen_t *size)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t length = name ? strlen(name) : 0;
	if (length < 2 || length >= sizeof out->sun_path || (name[0] != '/' && name[0] != '@'))
		return false;
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, name, length);
	if (name[0] == '@')
		out->sun_path[0] = '\0';
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return true;
}

static void tell(const char *text, int flags)
{
	struct sockaddr_un address;
	socklen_t size;
	if (!find_address(&address, &size))
		return;
	OWNED_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = { .tv_usec = PATIENCE_MS * 1000 };
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
		sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags, (struct sockaddr *)&address,
			size) < 0)
		log_line(LOG_DEBUG, "NOTIFY_SOCKET: %s", strerror(errno));
}

/* "3 workers on 2 queues", and what the log has lost. Owned. */
static char *describe(const struct supervisor *supervisor)
{
	size_t workers = 0, queues = 0;
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		workers += pool_alive(supervisor->pools[i]);
		queues += !supervisor->pools[i]->is_removed;
	}
	if (supervisor->stage != STAGE_SERVING)
		return xprintf("stopping, %zu workers have not ended", workers);
	if (log_dropped() > 0)
		return xprintf("%zu workers on %zu queues, %" PRIu64 " lines of the log dropped",
			workers, queues, log_dropped());
	return xprintf("%zu workers on %zu queues", workers, queues);
}

void notify_ready(const struct supervisor *supervisor)
{
	OWNED(free) char *status = describe(supervisor);
	OWNED(free) char *text = xprintf("READY=1\nSTATUS=%s", status);
	tell(text, 0);
}

void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	OWNED(free)
	char *text = xprintf("RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(text, 0);
}

void notify_stopping(void)
{
	tell("STOPPING=1\nSTATUS=stopping", 0);
}

void notify_alive(const struct supervisor *supervisor)
{
	OWNED(free) char *status = describe(supervisor);
	OWNED(free) char *text = xprintf("WATCHDOG=1\nSTATUS=%s", status);
	tell(text, MSG_DONTWAIT);
}

int64_t notify_interval_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoll(usec, NULL, 10) / 2000;
}
