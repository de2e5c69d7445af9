/* base/log: where lines go, and what happens when nobody reads them. */
#include "base/clock.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/memory.h"
#include "tests/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 3000

static char folder[] = "/tmp/reeve-log.XXXXXX";
static char *path;

static void make_place(const char *name)
{
	if (!path && !mkdtemp(folder))
		abort();
	free(path);
	path = xprintf("%s/%s", folder, name);
	unlink(path);
}

static void open_log(const char *to, enum log_format format)
{
	struct error err = { 0 };
	const struct log_settings settings = { .level = LOG_INFO, .format = format, .to = to };
	CU_ASSERT_TRUE_FATAL(log_open(&settings, &err));
}

static void close_log(void)
{
	open_log(LOG_TO_STDERR, LOG_TEXT);
}

static int open_fifo(void)
{
	make_place("fifo");
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	open_log(path, LOG_TEXT);
	int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(reader >= 0);
	return reader;
}

/* All that can be read now. Owned. */
static char *drain(int reader)
{
	size_t used = 0, room = 1 << 20;
	char *text = xmalloc(room + 1);
	for (ssize_t got; (got = read(reader, text + used, room - used)) > 0;)
		used += (size_t)got;
	text[used] = '\0';
	return text;
}

static size_t count_lines(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, part)); at++)
		count++;
	return count;
}

static bool starts_each_line_well(const char *text)
{
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, "20", 2) != 0 || !strchr(line, '\n'))
			return false;
	return true;
}

static void lines_that_nobody_reads_are_dropped_and_their_number_is_told(void)
{
	int reader = open_fifo();
	uint64_t before = log_dropped();
	for (int i = 0; i < MANY; i++)
		log_line(LOG_INFO, "line %d of those that are counted", i);
	uint64_t dropped = log_dropped() - before;
	CU_ASSERT_TRUE(dropped > 0 && dropped < MANY);
	OWNED(free) char *first = drain(reader);
	CU_ASSERT_EQUAL(count_lines(first, "of those that are counted\n"), MANY - dropped);
	log_line(LOG_INFO, "read again");
	OWNED(free) char *second = drain(reader);
	OWNED(free)
	char *told = xprintf("warn  : %" PRIu64 " lines of the log were dropped", dropped);
	CU_ASSERT_PTR_NOT_NULL(strstr(second, told));
	CU_ASSERT_PTR_NOT_NULL(strstr(second, "read again\n"));
	log_line(LOG_INFO, "once more");
	OWNED(free) char *third = drain(reader);
	CU_ASSERT_EQUAL(count_lines(third, "\n"), 1);
	close(reader);
	close_log();
}

static void a_line_that_was_cut_by_a_full_pipe_never_spoils_the_next_one(void)
{
	int reader = open_fifo();
	OWNED(free) char *wide = xmalloc(12001);
	memset(wide, 'x', 12000);
	wide[12000] = '\0';
	for (int i = 0; i < 20; i++)
		log_line(LOG_INFO, "%s", wide);
	OWNED(free) char *first = drain(reader);
	CU_ASSERT_NOT_EQUAL(first[strlen(first) - 1], '\n');
	log_line(LOG_INFO, "whole again");
	OWNED(free) char *second = drain(reader);
	CU_ASSERT_EQUAL(second[0], '\n');
	CU_ASSERT_TRUE(starts_each_line_well(second + 1));
	CU_ASSERT_PTR_NOT_NULL(strstr(second, "whole again\n"));
	close(reader);
	close_log();
}

static void drops_of_children_are_counted_by_their_parent(void)
{
	int reader = open_fifo();
	uint64_t before = log_dropped();
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < MANY; i++)
			log_line(LOG_INFO, "line %d of a child that nobody hears", i);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	CU_ASSERT_TRUE(log_dropped() > before);
	free(drain(reader));
	log_line(LOG_INFO, "the parent");
	OWNED(free) char *second = drain(reader);
	CU_ASSERT_PTR_NOT_NULL(strstr(second, "lines of the log were dropped"));
	close(reader);
	close_log();
}

/* stderr becomes a pipe that nobody reads; answers what was dropped. */
static uint64_t fill_stderr(bool opens_log, bool *is_blocking)
{
	int ends[2], saved = dup(STDERR_FILENO);
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	if (opens_log)
		close_log();
	uint64_t before = log_dropped();
	for (int i = 0; i < MANY; i++)
		log_line(LOG_INFO, "line %d for a stderr that is stuck", i);
	uint64_t dropped = log_dropped() - before;
	*is_blocking = !(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	return dropped;
}

/* Must be the first test: nothing has called log_open. */
static void a_full_stderr_that_is_not_opened_anew_holds_nobody(void)
{
	bool is_blocking;
	CU_ASSERT_TRUE(fill_stderr(false, &is_blocking) > 0);
	CU_ASSERT_TRUE(is_blocking);
}

/* stderr is the pipe of another program: its flags stay as they are. */
static void a_full_stderr_holds_nobody_and_keeps_its_flags(void)
{
	bool is_blocking;
	CU_ASSERT_TRUE(fill_stderr(true, &is_blocking) > 0);
	CU_ASSERT_TRUE(is_blocking);
	close_log();
}

static void a_reader_that_went_away_ends_nobody(void)
{
	signal(SIGPIPE, SIG_IGN);
	int reader = open_fifo();
	close(reader);
	for (int i = 0; i < 10; i++)
		log_line(LOG_INFO, "said to nobody");
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	log_line(LOG_INFO, "said to the next reader");
	OWNED(free) char *text = drain(reader);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "said to the next reader\n"));
	close(reader);
	close_log();
}

static void a_file_that_was_moved_is_made_again_by_reopen(void)
{
	make_place("file");
	OWNED(free) char *old = xprintf("%s.1", path);
	open_log(path, LOG_TEXT);
	log_line(LOG_INFO, "before");
	CU_ASSERT_EQUAL(rename(path, old), 0);
	CU_ASSERT_TRUE(log_reopen(NULL));
	log_line(LOG_INFO, "after");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	OWNED(free) char *text = drain(fd);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "after\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "before"));
	close(fd);
	close_log();
	unlink(old);
}

static int listen_as_journald(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	make_place("journal");
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* One entry, as journald reads it: a datagram, or an empty one with a sealed memfd. Owned. */
static char *receive(int fd, size_t *length, bool *is_memory)
{
	char *bytes = xmalloc(1 << 20);
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec place = { .iov_base = bytes, .iov_len = 1 << 20 };
	struct msghdr message = { .msg_iov = &place,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(got >= 0);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*is_memory = header != NULL;
	if (header) {
		int memory;
		memcpy(&memory, CMSG_DATA(header), sizeof memory);
		const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
		CU_ASSERT_EQUAL(fcntl(memory, F_GET_SEALS) & sealed, sealed);
		got = pread(memory, bytes, 1 << 20, 0);
		close(memory);
	}
	*length = (size_t)got;
	return bytes;
}

static void a_journal_entry_is_one_datagram_of_its_fields(void)
{
	static const char wanted[] = "MESSAGE=hello\nREEVE_QUEUE=mail\nTWO\n\3\0\0\0\0\0\0\0a\nb\n";
	const struct journal_field fields[] = { { "MESSAGE", "hello" }, { "REEVE_JOB", NULL },
		{ "REEVE_QUEUE", "mail" }, { "TWO", "a\nb" } };
	int journald = listen_as_journald(), fd;
	CU_ASSERT_TRUE_FATAL(journal_open(path, &fd, NULL));
	size_t length, got;
	bool is_memory;
	OWNED(free) char *datagram = journal_compose(fields, ARRAY_SIZE(fields), &length);
	CU_ASSERT_TRUE(journal_send(fd, path, datagram, length));
	OWNED(free) char *bytes = receive(journald, &got, &is_memory);
	CU_ASSERT_FALSE(is_memory);
	CU_ASSERT_EQUAL_FATAL(got, sizeof wanted - 1);
	CU_ASSERT_EQUAL(memcmp(bytes, wanted, got), 0);
	close(fd);
	close(journald);
}

static void a_journal_entry_that_no_datagram_holds_goes_as_a_sealed_memfd(void)
{
	const size_t size = 900 * 1000;
	OWNED(free) char *wide = xmalloc(size);
	memset(wide, 'x', size);
	int journald = listen_as_journald(), fd, room = 4096;
	CU_ASSERT_TRUE_FATAL(journal_open(path, &fd, NULL));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	CU_ASSERT_TRUE(journal_send(fd, path, wide, size));
	size_t got;
	bool is_memory;
	OWNED(free) char *bytes = receive(journald, &got, &is_memory);
	CU_ASSERT_TRUE(is_memory);
	CU_ASSERT_EQUAL_FATAL(got, size);
	CU_ASSERT_EQUAL(memcmp(bytes, wide, size), 0);
	close(fd);
	close(journald);
}

static void a_journal_that_is_behind_is_not_waited_for(void)
{
	int journald = listen_as_journald(), fd;
	CU_ASSERT_TRUE_FATAL(journal_open(path, &fd, NULL));
	int sent = 0;
	while (sent < 100000 && journal_send(fd, path, "MESSAGE=x\n", 10))
		sent++;
	CU_ASSERT_EQUAL(errno, EAGAIN);
	CU_ASSERT_TRUE(sent > 0 && sent < 100000);
	close(fd);
	close(journald);
}

static void a_journal_that_was_started_again_is_found(void)
{
	int journald = listen_as_journald(), fd;
	CU_ASSERT_TRUE_FATAL(journal_open(path, &fd, NULL));
	close(journald);
	CU_ASSERT_FALSE(journal_send(fd, path, "MESSAGE=x\n", 10));
	journald = listen_as_journald();
	CU_ASSERT_TRUE(journal_send(fd, path, "MESSAGE=x\n", 10));
	size_t got;
	bool is_memory;
	free(receive(journald, &got, &is_memory));
	CU_ASSERT_EQUAL(got, 10);
	close(fd);
	close(journald);
}

static void a_journal_that_is_not_there_is_an_error_that_names_it(void)
{
	struct error err = { 0 };
	int fd;
	make_place("nothing");
	CU_ASSERT_FALSE(journal_open(path, &fd, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_full_stderr_that_is_not_opened_anew_holds_nobody),
	SUITE_TEST(lines_that_nobody_reads_are_dropped_and_their_number_is_told),
	SUITE_TEST(a_line_that_was_cut_by_a_full_pipe_never_spoils_the_next_one),
	SUITE_TEST(drops_of_children_are_counted_by_their_parent),
	SUITE_TEST(a_full_stderr_holds_nobody_and_keeps_its_flags),
	SUITE_TEST(a_reader_that_went_away_ends_nobody),
	SUITE_TEST(a_file_that_was_moved_is_made_again_by_reopen),
	SUITE_TEST(a_journal_entry_is_one_datagram_of_its_fields),
	SUITE_TEST(a_journal_entry_that_no_datagram_holds_goes_as_a_sealed_memfd),
	SUITE_TEST(a_journal_that_is_behind_is_not_waited_for),
	SUITE_TEST(a_journal_that_was_started_again_is_found),
	SUITE_TEST(a_journal_that_is_not_there_is_an_error_that_names_it),
};

int main(void)
{
	int failed = suite_run("log", tests, ARRAY_SIZE(tests));
	unlink(path);
	rmdir(folder);
	free(path);
	return failed;
}
