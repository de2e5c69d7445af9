/*
 * A task as a request to an HTTP server: one at a time over one connection that is kept alive. The
 * library is opened by the first task, so that no other worker has it. libcurl has its loop; what a
 * guard waits for besides (ticks, time-outs, signals) is brought into that. See runner_parts.h.
 */
#include "workers/runner_parts.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/http.h"
#include "base/jsontext.h"

#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS  10000
#define HEADERS_MAX 12
#define TIME_SIZE   32

struct post {
	struct ev_loop *loop;
	struct http *http;
	char *url, *socket, *path; /* socket: NULL where the URL's host is meant */
	bool is_direct;
	int signals; /* a signalfd that is only looked at: signals reach their handlers */
	ev_io signal;
	ev_timer alarm;
};

struct request {
	struct guard guard;
	struct child nobody;
	struct http_call *call; /* NULL: it has ended */
	struct run_result *result;
};

/* Both only end a wait. */
static void on_signal(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)watcher, (void)events;
}

static void on_alarm(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)timer, (void)events;
}

/* No proxy knows the way to our own host. */
static bool is_own_host(const char *host)
{
	static const char *const names[] = { "localhost", "127.", "[::1]" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const size_t length = strlen(names[i]);
		if (strncmp(host, names[i], length) == 0 &&
			(names[i][length - 1] == '.' || strchr(":/?#", host[length])))
			return true;
	}
	return false;
}

/* http://unix:/run/app.sock:/work is the path /work on a socket. */
static void read_url(struct post *post, const char *url)
{
	static const char prefix[] = "http://unix:";
	const char *host = strstr(url, "://") + 3;
	if (strncmp(url, prefix, sizeof prefix - 1) == 0) {
		const char *from = url + sizeof prefix - 1;
		const char *end = strchr(from, ':');
		post->socket = end ? xstrndup(from, (size_t)(end - from)) : xstrdup(from);
		post->path = xstrdup(end && end[1] == '/' ? end + 1 : "/");
		post->url = xprintf("http://localhost%s", post->path);
		return;
	}
	const char *path = host + strcspn(host, "/?#");
	const char *at = memrchr(host, '@', (size_t)(path - host));
	post->is_direct = is_own_host(at ? at + 1 : host);
	post->url = xstrdup(url);
	post->path = xstrndup(*path == '/' ? path : "/", *path == '/' ? strcspn(path, "?#") : 1);
}

static bool open_post(struct runner *runner, struct error *err)
{
	struct post *post = xcalloc(1, sizeof *post);
	sigset_t all;
	sigfillset(&all);
	post->loop = ev_loop_new(EVFLAG_AUTO);
	post->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	read_url(post, runner->queue->post);
	ev_io_init(&post->signal, on_signal, post->signals, EV_READ);
	ev_init(&post->alarm, on_alarm);
	runner->post = post;
	bool is_open = post->loop && post->signals >= 0;
	if (!is_open)
		error_set(err, ERROR_UNAVAILABLE, "no descriptor is left for an HTTP client");
	if (is_open && http_open(post->loop, &post->http, err))
		return true;
	post_close(runner);
	return false;
}

void post_close(struct runner *runner)
{
	struct post *post = runner->post;
	if (!post)
		return;
	http_close(post->http);
	if (post->loop)
		ev_loop_destroy(post->loop);
	memory_close_fd(&post->signals);
	free(post->url);
	free(post->socket);
	free(post->path);
	free(post);
	runner->post = NULL;
}

/* What is true of an error's status is true of it even where its body has no end. */
static void on_reply(void *context, const struct http_reply *reply, const struct error *err)
{
	struct request *request = context;
	const int status = http_get_status(request->call);
	const struct http_reply head = { .status = status, .body = "", .headers = "" };
	request->call = NULL;
	if (reply || (err->kind == ERROR_INVALID && status >= 300)) {
		reply_judge(reply ? reply : &head, clock_wall_ms(), request->result);
		return;
	}
	request->result->status = RUN_BROKEN;
	request->result->message = err->kind == ERROR_INVALID
					   ? xstrdup(err->text)
					   : xprintf("cannot post to %s", err->text);
}

/* A header holds printable ASCII: what an id or a name has besides is written as %0A. Owned. */
static char *print_value(const char *text)
{
	char *out = xmalloc(strlen(text) * 3 + 1);
	char *at = out;
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			at += sprintf(at, "%%%02X", (unsigned char)*text);
		else
			*at++ = *text;
	*at = '\0';
	return out;
}

static void print_time(int64_t wall_ms, char out[TIME_SIZE])
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
}

static const char *find_variable(const struct runner *runner, const char *name)
{
	const size_t length = strlen(name);
	for (char **variable = runner->environment; *variable; variable++)
		if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=')
			return (*variable)[length + 1] ? *variable + length + 1 : NULL;
	return NULL;
}

/* The headers of Elastic Beanstalk's daemon, as far as what they say is known here. */
static void send(
	const struct runner *runner, const struct run_request *task, struct request *request)
{
	const struct post *post = runner->post;
	OWNED(free) char *id = print_value(task->task_id);
	OWNED(free) char *name = print_value(task->name);
	char attempt[16], received[TIME_SIZE], due[TIME_SIZE];
	snprintf(attempt, sizeof attempt, "%u", task->attempt);
	print_time(
		task->attempt > 1 && task->due_at_ms ? task->due_at_ms : clock_wall_ms(), received);
	print_time(task->due_at_ms, due);
	struct http_header headers[HEADERS_MAX] = {
		{ "User-Agent", "aws-sqsd/2.0 (reeve/" REEVE_VERSION ")" },
		{ "Content-Type",
			task->is_text ? "text/plain; charset=utf-8" : "application/json" },
		{ "X-Aws-Sqsd-Msgid", id },
		{ "X-Aws-Sqsd-Queue", task->queue ? task->queue : runner->queue->name },
		{ "X-Aws-Sqsd-First-Received-At", received },
		{ "X-Aws-Sqsd-Receive-Count", attempt }, { "X-Aws-Sqsd-Path", post->path },
		{ "Expect", "" }, /* no round trip before a long body */
	};
	size_t count = 8;
	if (task->traceparent)
		headers[count++] = (struct http_header){ "traceparent", task->traceparent };
	if (strcmp(task->name, runner->queue->name) != 0) {
		headers[count++] = (struct http_header){ "X-Aws-Sqsd-Taskname", name };
		headers[count++] = (struct http_header){ "X-Aws-Sqsd-Scheduled-At", due };
	}
	const struct http_request wanted = {
		.method = "POST",
		.url = post->url,
		.headers = headers,
		.header_count = count,
		.body = task->envelope,
		.length = strlen(task->envelope),
		.connect_timeout_ms = CONNECT_MS,
		.reply_max = JSONTEXT_PAYLOAD_MAX,
		.is_direct = post->is_direct || post->socket,
		.authorities = find_variable(runner, "SSL_CERT_FILE"),
		.unix_socket = post->socket,
	};
	request->call = http_begin(post->http, &wanted, on_reply, request);
}

/* Lets signals that wait reach their handlers; what they bring may be an order. */
static void take_signals(const struct post *post, struct guard *guard)
{
	struct pollfd signals = { .fd = post->signals, .events = POLLIN };
	sigset_t none, all;
	if (poll(&signals, 1, 0) <= 0)
		return;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	guard->alarms[ALARM_TICK] = 0;
}

static void step(struct post *post, struct request *request)
{
	const int64_t left = guard_next_alarm(&request->guard) - clock_steady_ms();
	ev_now_update(post->loop);
	ev_timer_set(&post->alarm, left > 0 ? (double)left / 1000 : 0., 0.);
	ev_timer_start(post->loop, &post->alarm);
	ev_run(post->loop, EVRUN_ONCE);
	ev_timer_stop(post->loop, &post->alarm);
	take_signals(post, &request->guard);
	if (request->call)
		guard_ring(&request->guard);
}

static void abandon(struct request *request)
{
	http_cancel(request->call);
	request->call = NULL;
	verdict_stopped(request->result, &request->guard);
}

static void run(struct runner *runner, const struct run_request *task, struct request *request)
{
	struct post *post = runner->post;
	ev_io_start(post->loop, &post->signal);
	send(runner, task, request);
	fault_step("running");
	guard_set_timeout(&request->guard, task->timeout_ms);
	while (request->call && !request->guard.is_stopping)
		step(post, request);
	if (request->call)
		abandon(request);
	ev_io_stop(post->loop, &post->signal);
}

void post_run(struct runner *runner, const struct run_request *task, const struct run_watch *watch,
	struct run_result *result)
{
	struct request request = { .result = result };
	struct error err = { 0 };
	if (!runner->post && !open_post(runner, &err)) {
		verdict_broken(result, err.text);
		return;
	}
	child_init(&request.nobody);
	guard_init(&request.guard, runner, &request.nobody, watch);
	run(runner, task, &request);
	guard_finish(&request.guard);
	output_finish(&request.nobody.output);
}
