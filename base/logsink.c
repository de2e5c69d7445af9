/*
 * The places of the log; see logsink.h. stderr belongs to whoever started us, so its O_NONBLOCK is
 * not ours to set: a pipe or a terminal is opened anew through /proc, which gives a description of
 * our own of the same pipe.
 */
#include "base/logsink.h"

#include "base/journal.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A reader that takes nothing for this long is stuck: it is not waited for until it reads again. */
#define STUCK_MS 500
/* For one that is slow a process waits half of its time at most, saved up to two seconds. */
#define PATIENCE_MAX_US INT64_C(2000000)
#define PATIENCE_SHARE  2

struct counters {
	_Atomic uint64_t dropped, untold;
	/* The last line in the stream has no end yet: who writes next ends it first. */
	_Atomic bool is_torn;
};
static struct counters own_counters, *counters = &own_counters;

static struct {
	int64_t saved_us, since_us;
	bool is_stuck;
} patience = { .saved_us = PATIENCE_MAX_US };

static void share_counters(void)
{
	if (counters != &own_counters)
		return;
	void *memory = mmap(
		NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED)
		counters = memory;
}

/* systemd names the journal's stream by device and inode, see systemd.exec(5). */
static bool is_stream_of_journal(int fd)
{
	const char *named = getenv("JOURNAL_STREAM");
	struct stat at;
	unsigned long long device, inode;
	return named && sscanf(named, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &at) == 0 &&
	       at.st_dev == device && at.st_ino == inode;
}

static struct logsink open_stderr(void)
{
	struct logsink sink = { .fd = STDERR_FILENO };
	struct stat at;
	char place[32];
	if (is_stream_of_journal(STDERR_FILENO))
		sink.kind = LOGSINK_STREAM_OF_JOURNAL;
	if (fstat(STDERR_FILENO, &at) != 0 || S_ISREG(at.st_mode))
		return sink;
	sink.is_socket = S_ISSOCK(at.st_mode);
	if (sink.is_socket)
		return sink;
	snprintf(place, sizeof place, "/proc/self/fd/%d", STDERR_FILENO);
	int fd = open(place, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	sink.may_block = fd < 0;
	if (fd >= 0) {
		sink.fd = fd;
		sink.is_owned = true;
	}
	return sink;
}

/* A FIFO that nobody reads yet can only be opened for reading too. */
static bool open_path(const char *path, struct logsink *out, struct error *err)
{
	const int flags = O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, O_WRONLY | flags, 0640);
	if (fd < 0 && errno == ENXIO)
		fd = open(path, O_RDWR | flags, 0640);
	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "log %s: %s", path, strerror(errno));
	*out = (struct logsink){ .fd = fd, .is_owned = true };
	return true;
}

static bool open_journal(struct logsink *out, struct error *err)
{
	int fd;
	if (!journal_open(JOURNAL_PATH, &fd, err))
		return false;
	*out = (struct logsink){ .kind = LOGSINK_JOURNAL, .fd = fd, .is_owned = true };
	return true;
}

bool logsink_open(const char *to, struct logsink *out, struct error *err)
{
	share_counters();
	if (to && strcmp(to, LOG_TO_JOURNAL) == 0)
		return open_journal(out, err);
	if (to && strcmp(to, LOG_TO_STDERR) != 0)
		return open_path(to, out, err);
	if (to || !is_stream_of_journal(STDERR_FILENO) || !open_journal(out, NULL))
		*out = open_stderr();
	return true;
}

void logsink_close(struct logsink *sink)
{
	if (sink->is_owned)
		close(sink->fd);
	*sink = (struct logsink){ .fd = STDERR_FILENO, .may_block = true };
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void earn_patience(int64_t now)
{
	int64_t earned = (now - patience.since_us) / PATIENCE_SHARE;
	patience.since_us = now;
	patience.saved_us += earned;
	if (patience.saved_us > PATIENCE_MAX_US)
		patience.saved_us = PATIENCE_MAX_US;
}

/* False: it has not read in time. */
static bool await_reader(int fd)
{
	struct pollfd reader = { .fd = fd, .events = POLLOUT };
	int64_t from = now_us(), end = from + STUCK_MS * 1000;
	earn_patience(from);
	if (patience.is_stuck || patience.saved_us <= 0)
		return false;
	int ready;
	do
		ready = poll(&reader, 1, (int)((end - from) / 1000));
	while (ready < 0 && errno == EINTR && (from = now_us()) < end);
	patience.saved_us -= now_us() - patience.since_us;
	patience.since_us = now_us();
	patience.is_stuck = ready <= 0;
	return ready > 0;
}

static ssize_t write_some(const struct logsink *sink, const char *bytes, size_t length)
{
	struct pollfd reader = { .fd = sink->fd, .events = POLLOUT };
	if (sink->is_socket)
		return send(sink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!sink->may_block)
		return write(sink->fd, bytes, length);
	/* A pipe that polls as writable has room for this much. */
	if (poll(&reader, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(sink->fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
}

/* How much was written: all, or what fitted before the reader stopped. */
static size_t write_stream(const struct logsink *sink, const char *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t wrote = write_some(sink, bytes + done, length - done);
		if (wrote > 0) {
			done += (size_t)wrote;
			patience.is_stuck = false;
		}
		if (wrote > 0 || (wrote < 0 && errno == EINTR))
			continue;
		if (wrote == 0 || errno != EAGAIN)
			break;
		if (done > 0)
			atomic_store(&counters->is_torn, true);
		if (!await_reader(sink->fd))
			break;
		/* Whoever wrote meanwhile has ended our line: its rest would be a line by itself.
		 */
		if (done > 0 && !atomic_exchange(&counters->is_torn, false))
			break;
	}
	return done;
}

static bool write_line(const struct logsink *sink, const char *line, size_t length)
{
	if (atomic_exchange(&counters->is_torn, false) && write_stream(sink, "\n", 1) != 1) {
		atomic_store(&counters->is_torn, true);
		return false;
	}
	size_t done = write_stream(sink, line, length);
	if (done > 0 && done < length)
		atomic_store(&counters->is_torn, true);
	return done == length;
}

static bool send_datagram(const struct logsink *sink, const char *bytes, size_t length)
{
	while (!journal_send(sink->fd, JOURNAL_PATH, bytes, length))
		if (errno != EINTR && (errno != EAGAIN || !await_reader(sink->fd)))
			return false;
	patience.is_stuck = false;
	return true;
}

bool logsink_write(const struct logsink *sink, const char *bytes, size_t length)
{
	return sink->kind == LOGSINK_JOURNAL ? send_datagram(sink, bytes, length)
					     : write_line(sink, bytes, length);
}

void logsink_count_drop(void)
{
	atomic_fetch_add(&counters->dropped, 1);
	atomic_fetch_add(&counters->untold, 1);
}

uint64_t logsink_dropped(void)
{
	return atomic_load(&counters->dropped);
}

uint64_t logsink_take_untold(void)
{
	return atomic_load(&counters->untold) ? atomic_exchange(&counters->untold, 0) : 0;
}

void logsink_give_untold(uint64_t count)
{
	atomic_fetch_add(&counters->untold, count);
}
