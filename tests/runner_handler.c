/*
 * A handler with every bad habit, for the tests of the runner: `runner_handler MODE`. In the modes
 * of exec the first attempt misbehaves and any later one answers {"done":"well"}; in those of
 * stream the tasks whose id begins with "bad" are misbehaved at.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEBIBYTE (1024 * 1024)

static int channel;

static void write_whole(int fd, const char *bytes, size_t count)
{
	while (count > 0) {
		const ssize_t wrote = write(fd, bytes, count);
		if (wrote < 0)
			_exit(1);
		bytes += wrote;
		count -= (size_t)wrote;
	}
}

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	char line[8192];
	va_list args;
	va_start(args, format);
	const int length = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	write_whole(channel, line, (size_t)length);
}

static _Noreturn void sleep_for_ever(void)
{
	for (;;)
		pause();
}

/* A line that does not end within `mebibytes`. */
static void write_long_line(int fd, int mebibytes)
{
	char *part = malloc(MEBIBYTE);
	memset(part, 'x', MEBIBYTE);
	for (int i = 0; i < mebibytes; i++)
		write_whole(fd, part, MEBIBYTE);
	free(part);
}

/* A process in a session of its own whose parent is gone; it holds every descriptor of ours. */
static pid_t leave_a_daemon(void)
{
	int told[2];
	pid_t daemon = 0;
	if (pipe(told) < 0)
		_exit(1);
	const pid_t between = fork();
	if (between == 0) {
		setsid();
		daemon = fork();
		if (daemon == 0) {
			signal(SIGTERM, SIG_IGN);
			sleep_for_ever();
		}
		write_whole(told[1], (const char *)&daemon, sizeof daemon);
		_exit(0);
	}
	if (read(told[0], &daemon, sizeof daemon) != (ssize_t)sizeof daemon)
		_exit(1);
	waitpid(between, NULL, 0);
	close(told[0]);
	close(told[1]);
	return daemon;
}

static int exec_garbage(void)
{
	say("this is no message\n");
	return 0;
}

static int exec_long_line(void)
{
	write_long_line(channel, 1024);
	return 0;
}

static int exec_long_output(void)
{
	write_long_line(STDOUT_FILENO, 64);
	say("\n{\"done\":1}\n");
	return 0;
}

static int exec_half_line(void)
{
	say("{\"done\":{\"rows\":");
	return 0;
}

static int exec_two_answers(void)
{
	say("{\"done\":1}\n{\"done\":2}\n");
	return 0;
}

static int exec_other_id(void)
{
	say("{\"done\":1,\"id\":\"somebody-else\"}\n");
	return 0;
}

static int exec_deaf_to_term(void)
{
	signal(SIGTERM, SIG_IGN);
	say("{\"beat\":true}\n");
	sleep_for_ever();
}

static int exec_hang(void)
{
	sleep_for_ever();
}

static int exec_closes_all_and_hangs(void)
{
	close(0), close(1), close(2), close(channel);
	sleep_for_ever();
}

static int exec_crash(void)
{
	fprintf(stderr, "about to crash\n");
	say("{\"fail\":\"never mind\"}\n");
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return 0;
}

static int exec_daemon(void)
{
	say("{\"done\":%d}\n", (int)leave_a_daemon());
	return 0;
}

/* Lists its descriptors, the directory's own aside. */
static int exec_descriptors(void)
{
	DIR *own = opendir("/proc/self/fd");
	const struct dirent *entry;
	say("{\"done\":[");
	const char *comma = "";
	while (own && (entry = readdir(own)))
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != dirfd(own)) {
			say("%s%s", comma, entry->d_name);
			comma = ",";
		}
	say("]}\n");
	return 0;
}

/* proc(5): SigBlk and SigIgn; sessions and groups; what else is set before exec. */
static int exec_setup(void)
{
	char line[256], blocked[64] = "", ignored[64] = "", cwd[4096] = "";
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof line, status)) {
		sscanf(line, "SigBlk: %63s", blocked);
		sscanf(line, "SigIgn: %63s", ignored);
	}
	const mode_t mask = umask(0);
	say("{\"done\":{\"blocked\":\"%s\",\"ignored\":\"%s\",\"leads\":%s,\"umask\":%d,"
	    "\"nice\":%d,\"cwd\":\"%s\"}}\n",
		blocked, ignored, getpgrp() == getpid() ? "true" : "false", (int)mask,
		getpriority(PRIO_PROCESS, 0), getcwd(cwd, sizeof cwd));
	return 0;
}

/* Prints much before it reads its input, then tells how much that was. */
static int exec_count_input(void)
{
	size_t count = 0;
	char part[65536];
	ssize_t got;
	write_long_line(STDOUT_FILENO, 1);
	while ((got = read(0, part, sizeof part)) > 0)
		count += (size_t)got;
	say("{\"done\":%zu}\n", count);
	return 0;
}

static int exec_pid_then_hang(void)
{
	say("{\"progress\":0.5,\"message\":\"%d\"}\n", (int)getpid());
	sleep_for_ever();
}

/* The streaming half: reads lines, answers each. */

static FILE *incoming;
static char *line;
static size_t line_room;

/* The next line's kind: 't' task, 'c' cancel, 's' stop, 0 end; *id is borrowed from the line. */
static char next_order(char **id)
{
	if (getline(&line, &line_room, incoming) <= 0)
		return 0;
	char *at = strstr(line, line[2] == 'c' ? "\"cancel\":\"" : "\"id\":\"");
	*id = at ? strchr(at, ':') + 2 : NULL;
	if (*id)
		*strchr(*id, '"') = '\0';
	return line[2];
}

static bool is_bad(const char *id)
{
	return strncmp(id, "bad", 3) == 0;
}

static void answer_well(const char *id)
{
	say("{\"id\":\"%s\",\"done\":%d}\n", id, (int)getpid());
}

static void stream_echo(char *id)
{
	(void)id;
}

static void stream_garbage(char *id)
{
	(void)id;
	say("this is no message\n");
}

static void stream_long_line(char *id)
{
	(void)id;
	write_long_line(channel, 1024);
}

static void stream_half_line(char *id)
{
	say("{\"id\":\"%s\",\"done\":", id);
	exit(0);
}

static void stream_other_id(char *id)
{
	(void)id;
	say("{\"id\":\"somebody-else\",\"done\":1}\n");
}

static void stream_no_id(char *id)
{
	(void)id;
	say("{\"done\":1}\n");
}

static void stream_exit(char *id)
{
	(void)id;
	fprintf(stderr, "no more of this\n");
	exit(3);
}

static void stream_crash(char *id)
{
	(void)id;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void stream_silent(char *id)
{
	(void)id;
	sleep_for_ever();
}

static void stream_deaf_to_term(char *id)
{
	(void)id;
	signal(SIGTERM, SIG_IGN);
	sleep_for_ever();
}

static void stream_beats(char *id)
{
	for (int i = 0; i < 30; i++) {
		usleep(20000);
		say("{\"id\":\"%s\",\"beat\":true}\n", id);
	}
	answer_well(id);
}

static void stream_two_answers(char *id)
{
	answer_well(id);
	answer_well(id);
}

static void stream_closes_socket(char *id)
{
	(void)id;
	shutdown(channel, SHUT_RDWR);
	close(channel);
	fclose(incoming);
	sleep_for_ever();
}

/* Answers for the task before once it has read the next one. */
static void stream_late_answer(char *id)
{
	char *kept = strdup(id);
	answer_well(kept);
	if (next_order(&id) == 't')
		answer_well(kept);
	sleep_for_ever();
}

/* A beat for the task before is no harm. */
static void stream_late_beat(char *id)
{
	char *kept = strdup(id);
	answer_well(kept);
	if (next_order(&id) == 't') {
		say("{\"id\":\"%s\",\"beat\":true}\n", kept);
		answer_well(id);
	}
	free(kept);
}

/* Answers, and is gone a little later without having read what came. */
static void stream_leaves(char *id)
{
	answer_well(id);
	usleep(100000);
	exit(0);
}

static void stream_leaves_at_once(char *id)
{
	answer_well(id);
	exit(0);
}

static void stream_waits_for_cancel(char *id)
{
	char *kept = strdup(id);
	say("{\"id\":\"%s\",\"progress\":0.1}\n", kept);
	if (next_order(&id) == 'c' && strcmp(id, kept) == 0)
		say("{\"id\":\"%s\",\"fail\":\"as you wish\"}\n", kept);
	free(kept);
}

static void stream_done_at_cancel(char *id)
{
	char *kept = strdup(id);
	say("{\"id\":\"%s\",\"progress\":0.1}\n", kept);
	if (next_order(&id) == 'c')
		answer_well(kept);
	free(kept);
}

static void stream_prints_late(char *id)
{
	answer_well(id);
	printf("said between the tasks\n");
	fflush(stdout);
}

static void stream_daemon(char *id)
{
	say("{\"id\":\"%s\",\"done\":%d}\n", id, (int)leave_a_daemon());
}

static int serve(void (*misbehave)(char *id), bool answers)
{
	char *id;
	char order;
	incoming = fdopen(dup(channel), "r");
	say("{\"ready\":true}\n");
	while ((order = next_order(&id)) == 't')
		if (is_bad(id))
			misbehave(id);
		else if (answers)
			answer_well(id);
	if (order == 's' && getenv("STOPPED_FILE"))
		close(open(getenv("STOPPED_FILE"), O_CREAT | O_WRONLY, 0600));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} modes[] = {
	{ "garbage", exec_garbage },
	{ "long-line", exec_long_line },
	{ "long-output", exec_long_output },
	{ "half-line", exec_half_line },
	{ "two-answers", exec_two_answers },
	{ "other-id", exec_other_id },
	{ "deaf-to-term", exec_deaf_to_term },
	{ "hang", exec_hang },
	{ "closes-all", exec_closes_all_and_hangs },
	{ "crash", exec_crash },
	{ "daemon", exec_daemon },
	{ "descriptors", exec_descriptors },
	{ "setup", exec_setup },
	{ "count-input", exec_count_input },
	{ "pid", exec_pid_then_hang },
};

static const struct {
	const char *name;
	void (*misbehave)(char *id);
} stream_modes[] = {
	{ "stream-echo", stream_echo },
	{ "stream-garbage", stream_garbage },
	{ "stream-long-line", stream_long_line },
	{ "stream-half-line", stream_half_line },
	{ "stream-other-id", stream_other_id },
	{ "stream-no-id", stream_no_id },
	{ "stream-exit", stream_exit },
	{ "stream-crash", stream_crash },
	{ "stream-silent", stream_silent },
	{ "stream-deaf-to-term", stream_deaf_to_term },
	{ "stream-beats", stream_beats },
	{ "stream-two-answers", stream_two_answers },
	{ "stream-closes-socket", stream_closes_socket },
	{ "stream-late-answer", stream_late_answer },
	{ "stream-late-beat", stream_late_beat },
	{ "stream-leaves", stream_leaves },
	{ "stream-leaves-at-once", stream_leaves_at_once },
	{ "stream-waits-for-cancel", stream_waits_for_cancel },
	{ "stream-done-at-cancel", stream_done_at_cancel },
	{ "stream-prints-late", stream_prints_late },
	{ "stream-daemon", stream_daemon },
};

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	const char *attempt = getenv("REEVE_ATTEMPT");
	channel = atoi(getenv("REEVE_FD") ? getenv("REEVE_FD") : "1");
	if (attempt && strcmp(attempt, "1") != 0) {
		say("{\"done\":\"well\"}\n");
		return 0;
	}
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(mode, modes[i].name) == 0)
			return modes[i].run();
	for (size_t i = 0; i < sizeof stream_modes / sizeof stream_modes[0]; i++)
		if (strcmp(mode, stream_modes[i].name) == 0)
			return serve(stream_modes[i].misbehave, true);
	fprintf(stderr, "runner_handler: no mode %s\n", mode);
	return 99;
}
