/* Common ground of the Redis store's tests; see the header. */
#include "tests/redis_ground.h"

#include "base/ids.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000 /* for a server to answer; then the test fails */
#define TICK_MS     20

static char prefix[64];

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	if (!value) {
		fprintf(stderr, "run it through tests/with_redis.sh\n");
		exit(1);
	}
	return value;
}

int ground_port(void)
{
	return atoi(strrchr(variable("REEVE_TEST_REDIS"), ':') + 1);
}

const char *ground_prefix(void)
{
	return prefix;
}

const char *ground_url(int port)
{
	static char url[160];
	snprintf(url, sizeof url, "redis://127.0.0.1:%d?prefix=%s", port, prefix);
	return url;
}

const char *ground_begin(void)
{
	char owner[IDS_OWNER_SIZE];
	ids_owner(owner);
	snprintf(prefix, sizeof prefix, "{%s}:", owner);
	return ground_url(ground_port());
}

void ground_check(bool done, const struct error *err)
{
	if (done)
		return;
	fprintf(stderr, "%s\n", err->text);
	abort();
}

struct store *ground_open_at(const char *url)
{
	struct store *store;
	struct error err;
	ground_check(store_open(url, NULL, &store, &err), &err);
	return store;
}

struct store *ground_open(void)
{
	return ground_open_at(ground_url(ground_port()));
}

bool ground_try_push(struct store *store, const char *queue, const char *id, struct error *err)
{
	struct push push = { .id = id, .name = queue, .queue = queue, .payload = "{}" };
	return store->ops->push(store, &push, 1, NULL, err);
}

void ground_push(struct store *store, const char *queue, const char *id)
{
	struct error err;
	ground_check(ground_try_push(store, queue, id, &err), &err);
}

struct lease_batch ground_lease(struct store *store, const char *queue, const char *owner)
{
	struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = owner, .lease_ms = 30000, .max = 1
	};
	struct lease_batch batch;
	struct error err;
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	return batch;
}

struct commit ground_commit_of(const struct leased *task)
{
	return (struct commit){ .id = task->id, .token = task->token };
}

enum commit_answer ground_complete(struct store *store, const struct leased *task)
{
	struct commit commit = ground_commit_of(task);
	struct commit_result result;
	struct error err;
	ground_check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	return result.answer;
}

struct queue_stats ground_queue(struct store *store, const char *queue)
{
	struct queue_stats stats;
	struct error err;
	ground_check(store->ops->get_queue(store, queue, &stats, &err), &err);
	return stats;
}

const char *ground_ask(int port, const char *format, ...)
{
	static char text[65536];
	va_list list;
	redisContext *context = redisConnect("127.0.0.1", port);
	text[0] = '\0';
	va_start(list, format);
	redisReply *reply = context && !context->err ? redisvCommand(context, format, list) : NULL;
	va_end(list);
	if (reply && reply->str)
		snprintf(text, sizeof text, "%s", reply->str);
	else if (reply && reply->type == REDIS_REPLY_INTEGER)
		snprintf(text, sizeof text, "%lld", reply->integer);
	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
	return text;
}

long ground_info(const char *section, const char *key)
{
	const char *at = strstr(ground_ask(ground_port(), "INFO %s", section), key);
	return at ? strtol(at + strlen(key), NULL, 10) : 0;
}

static pid_t server_pid(void)
{
	char path[256];
	int pid = 0;
	snprintf(path, sizeof path, "%s/pid", variable("REEVE_TEST_REDIS_DIR"));
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1)
		abort();
	fclose(file);
	return pid;
}

void ground_signal(int signal)
{
	pid_t pid = server_pid();
	kill(pid, signal);
	while (signal == SIGKILL && kill(pid, 0) == 0)
		poll(NULL, 0, TICK_MS);
}

void ground_start(void)
{
	char command[256];
	snprintf(command, sizeof command, "%s/start", variable("REEVE_TEST_REDIS_DIR"));
	if (system(command) != 0)
		abort();
}

static bool is_free(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	OWNED_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

/* See free_port.sh. */
int ground_free_port(void)
{
	int port;
	do
		port = 15000 + (int)(ids_random64() % 17000);
	while (!is_free(port));
	return port;
}

pid_t ground_serve(int port, const char *extra)
{
	char command[1024];
	snprintf(command, sizeof command,
		"exec redis-server %s --port %d --bind 127.0.0.1 --dbfilename %d.rdb --dir %s "
		">>%s/others 2>&1",
		extra, port, port, variable("REEVE_TEST_REDIS_DIR"),
		variable("REEVE_TEST_REDIS_DIR"));
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (int waited = 0; strcmp(ground_ask(port, "PING"), "PONG") != 0; waited += TICK_MS) {
		if (waited > PATIENCE_MS)
			abort();
		poll(NULL, 0, TICK_MS);
	}
	return pid;
}

void ground_stop(pid_t server)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static volatile sig_atomic_t is_cut;

static void on_cut(int signal)
{
	(void)signal;
	is_cut = 1;
}

static int connect_to_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)ground_port());
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		_exit(1);
	return fd;
}

/* False where the bytes end here. */
static bool pass(int from, int to, bool is_answer)
{
	char bytes[65536];
	ssize_t got = read(from, bytes, sizeof bytes);
	if (got <= 0)
		return false;
	if (is_answer && is_cut) {
		is_cut = 0;
		return false;
	}
	return write(to, bytes, (size_t)got) == got;
}

static void pass_all(int client)
{
	int server = connect_to_server();
	struct pollfd ends[] = { { .fd = client, .events = POLLIN },
		{ .fd = server, .events = POLLIN } };
	for (bool goes_on = true; goes_on;) {
		if (poll(ends, 2, -1) < 0)
			continue;
		if (ends[0].revents)
			goes_on = pass(client, server, false);
		if (goes_on && ends[1].revents)
			goes_on = pass(server, client, true);
	}
	close(server);
	close(client);
}

pid_t ground_proxy(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof address;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 8) != 0)
		abort();
	getsockname(fd, (struct sockaddr *)&address, &length);
	*port = ntohs(address.sin_port);
	struct sigaction action = { .sa_handler = on_cut }, before;
	sigaction(SIGUSR1, &action, &before); /* inherited: no cut can come too early */
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int client = accept(fd, NULL, NULL);
			if (client >= 0)
				pass_all(client);
		}
	}
	sigaction(SIGUSR1, &before, NULL);
	close(fd);
	return pid;
}

void ground_cut(pid_t proxy)
{
	kill(proxy, SIGUSR1);
}
