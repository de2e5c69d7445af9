/*
 * libcurl's multi interface driven by libev (curl_multi_socket_action(3)): curl says which
 * descriptors and which one timer it wants to hear of. See http.h.
 */
#include "base/http.h"

#include "base/http_library.h"

#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define IDLE_CONNECTIONS_MAX 64L

struct http_socket {
	struct ev_io io;
	struct http *http;
};

struct http {
	struct http_library curl;
	CURLM *multi;
	struct ev_loop *loop;
	struct ev_timer timer;
	struct http_call *calls;
	bool *is_gone; /* set while callbacks run: the client may be closed by one */
};

struct http_call {
	struct http *http;
	struct http_call *next, **place; /* of http->calls */
	CURL *easy;
	struct curl_slist *headers;
	char *host, *request_body;
	char *body, *reply_headers;
	size_t length, room, length_max, headers_length;
	bool is_too_long;
	http_on_reply *on_reply;
	void *context;
};

static void unlink_call(struct http_call *call)
{
	*call->place = call->next;
	if (call->next)
		call->next->place = call->place;
}

static void free_call(struct http_call *call)
{
	const struct http_library *curl = &call->http->curl;
	curl->multi_remove_handle(call->http->multi, call->easy);
	curl->easy_cleanup(call->easy);
	curl->slist_free_all(call->headers);
	unlink_call(call);
	if (call->request_body)
		explicit_bzero(call->request_body, strlen(call->request_body));
	if (call->body)
		explicit_bzero(call->body, call->length);
	free(call->request_body);
	free(call->host);
	free(call->body);
	free(call->reply_headers);
	free(call);
}

void http_cancel(struct http_call *call)
{
	free_call(call);
}

bool http_has_begun(const struct http_call *call)
{
	return call->headers_length > 0;
}

int http_get_status(const struct http_call *call)
{
	long status = 0;
	call->http->curl.easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* Answers whether a whole reply came, else why not. */
static bool judge(const struct http_call *call, CURLcode code, struct error *err)
{
	if (call->is_too_long)
		return error_set(err, ERROR_INVALID, "%s: the reply is longer than %zu MiB",
			call->host, call->length_max >> 20);
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
		return error_set(
			err, ERROR_UNAVAILABLE, "%s: what answers speaks no HTTP", call->host);
	if (code != CURLE_OK)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", call->host,
			call->http->curl.easy_strerror(code));
	return true;
}

static void conclude(struct http_call *call, CURLcode code)
{
	struct error err;
	struct http_reply reply = {
		.status = http_get_status(call),
		.body = call->body ? call->body : "",
		.length = call->length,
		.headers = call->reply_headers ? call->reply_headers : "",
	};
	bool is_whole = judge(call, code, &err);
	/* The callback may close the client, and this call with it: it is taken out first. */
	call->http->curl.multi_remove_handle(call->http->multi, call->easy);
	bool is_gone = false;
	bool *outer = call->http->is_gone;
	call->http->is_gone = &is_gone;
	http_on_reply *on_reply = call->on_reply;
	call->on_reply = NULL;
	on_reply(call->context, is_whole ? &reply : NULL, is_whole ? NULL : &err);
	if (is_gone) {
		if (outer)
			*outer = true;
		return;
	}
	call->http->is_gone = outer;
	free_call(call);
}

static void hand_out(struct http *http)
{
	bool is_gone = false;
	http->is_gone = &is_gone;
	CURLMsg *message;
	int left;
	while (!is_gone && (message = http->curl.multi_info_read(http->multi, &left))) {
		char *call = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		http->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		conclude((struct http_call *)(void *)call, code);
	}
	if (!is_gone)
		http->is_gone = NULL;
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int events)
{
	(void)loop;
	struct http *http = ((struct http_socket *)io)->http;
	int running;
	int mask = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		   (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
	http->curl.multi_socket_action(http->multi, io->fd, mask, &running);
	hand_out(http);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct http *http = timer->data;
	int running;
	http->curl.multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	hand_out(http);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
	(void)multi;
	struct http *http = context;
	ev_timer_stop(http->loop, &http->timer);
	if (timeout_ms < 0)
		return 0;
	ev_now_update(http->loop);
	ev_timer_set(&http->timer, (double)timeout_ms / 1000.0, 0.);
	ev_timer_start(http->loop, &http->timer);
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
	(void)easy;
	struct http *http = context;
	struct http_socket *socket = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			ev_io_stop(http->loop, &socket->io);
		free(socket);
		http->curl.multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (!socket) {
		socket = xcalloc(1, sizeof *socket);
		socket->http = http;
		http->curl.multi_assign(http->multi, fd, socket);
	} else {
		ev_io_stop(http->loop, &socket->io);
	}
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	ev_io_init(&socket->io, on_io, fd, events);
	ev_io_start(http->loop, &socket->io);
	return 0;
}

/* Handlers of this process's children must not inherit a connection. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)context;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http_call *call = context;
	size_t added = size * count;
	if (added > call->length_max - call->length) {
		call->is_too_long = true;
		return 0;
	}
	if (call->length + added + 1 > call->room) {
		call->room = (call->length + added + 1) * 2;
		call->body = xrealloc(call->body, call->room);
	}
	memcpy(call->body + call->length, bytes, added);
	call->length += added;
	call->body[call->length] = '\0';
	return added;
}

/* Keeps the last block: a proxy's own, or "100 Continue", comes first. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct http_call *call = context;
	size_t added = size * count;
	if (added > 5 && strncasecmp(bytes, "HTTP/", 5) == 0)
		call->headers_length = 0;
	if (added > HTTP_HEADERS_MAX - call->headers_length) {
		call->is_too_long = true;
		return 0;
	}
	call->reply_headers = xrealloc(call->reply_headers, call->headers_length + added + 1);
	memcpy(call->reply_headers + call->headers_length, bytes, added);
	call->headers_length += added;
	call->reply_headers[call->headers_length] = '\0';
	return added;
}

bool http_open(struct ev_loop *loop, struct http **out, struct error *err)
{
	struct http_library curl;
	if (!http_library_load(&curl, err))
		return false;
	if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERROR_INTERNAL, "libcurl can't be initialised");
	struct http *http = xcalloc(1, sizeof *http);
	http->curl = curl;
	http->loop = loop;
	ev_timer_init(&http->timer, on_timer, 0., 0.);
	http->timer.data = http;
	http->multi = curl.multi_init();
	if (!http->multi)
		abort();
	curl.multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl.multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl.multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl.multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl.multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
	*out = http;
	return true;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	if (http->is_gone)
		*http->is_gone = true;
	while (http->calls)
		free_call(http->calls);
	http->curl.multi_cleanup(http->multi);
	ev_timer_stop(http->loop, &http->timer);
	http->curl.global_cleanup();
	free(http);
}

/* What error texts show: the host, without user, path or parameters. */
static char *host_of(const char *url)
{
	const char *from = strstr(url, "://");
	from = from ? from + 3 : url;
	size_t length = strcspn(from, "/?");
	const char *at = memrchr(from, '@', length);
	return at ? xstrndup(at + 1, (size_t)(from + length - at - 1)) : xstrndup(from, length);
}

static void add_headers(struct http_call *call, const struct http_request *request)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];
		OWNED(free) char *line = xprintf("%s: %s", header->name, header->value);
		struct curl_slist *longer = call->http->curl.slist_append(call->headers, line);
		if (!longer)
			abort();
		call->headers = longer;
		explicit_bzero(line, strlen(line));
	}
}

static void set_transfer(const struct http_call *call, const struct http_request *request)
{
	__typeof__(curl_easy_setopt) *set = call->http->curl.easy_setopt;
	set(call->easy, CURLOPT_URL, request->url);
	set(call->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	set(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set(call->easy, CURLOPT_HTTPHEADER, call->headers);
	set(call->easy, CURLOPT_USERAGENT, "reeve/" REEVE_VERSION);
	set(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	set(call->easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	set(call->easy, CURLOPT_NOSIGNAL, 1L);
	set(call->easy, CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for a name's lookup */
	set(call->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	if (request->authorities)
		set(call->easy, CURLOPT_CAINFO, request->authorities);
	if (request->unix_socket)
		set(call->easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	if (request->is_direct)
		set(call->easy, CURLOPT_PROXY, "");
	if (call->request_body) {
		set(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
		set(call->easy, CURLOPT_POSTFIELDS, call->request_body);
	}
	if (!call->request_body || strcmp(request->method, "POST") != 0)
		set(call->easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_callbacks(struct http_call *call)
{
	__typeof__(curl_easy_setopt) *set = call->http->curl.easy_setopt;
	set(call->easy, CURLOPT_PRIVATE, call);
	set(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	set(call->easy, CURLOPT_WRITEDATA, call);
	set(call->easy, CURLOPT_HEADERFUNCTION, on_header);
	set(call->easy, CURLOPT_HEADERDATA, call);
	set(call->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
}

struct http_call *http_begin(struct http *http, const struct http_request *request,
	http_on_reply *on_reply, void *context)
{
	struct http_call *call = xcalloc(1, sizeof *call);
	*call = (struct http_call){
		.http = http,
		.next = http->calls,
		.place = &http->calls,
		.easy = http->curl.easy_init(),
		.host = request->unix_socket ? xstrdup(request->unix_socket)
					     : host_of(request->url),
		.length_max = request->reply_max ? request->reply_max : HTTP_REPLY_MAX,
		.request_body = request->body ? xstrndup(request->body, request->length) : NULL,
		.on_reply = on_reply,
		.context = context,
	};
	if (!call->easy)
		abort();
	if (http->calls)
		http->calls->place = &call->next;
	http->calls = call;
	add_headers(call, request);
	set_transfer(call, request);
	set_callbacks(call);
	if (http->curl.multi_add_handle(http->multi, call->easy) != CURLM_OK)
		abort();
	return call;
}

char *http_find_header(const struct http_reply *reply, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = reply->headers; *line;) {
		const char *end = line + strcspn(line, "\r\n");
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			const char *value = line + length + 1;
			value += strspn(value, " \t");
			return xstrndup(value, value < end ? (size_t)(end - value) : 0);
		}
		line = end + strspn(end, "\r\n");
	}
	return NULL;
}

int64_t http_date_ms(const struct http_reply *reply)
{
	OWNED(free) char *text = http_find_header(reply, "Date");
	struct tm parts = { 0 };
	if (!text || !strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &parts))
		return 0;
	return (int64_t)timegm(&parts) * 1000;
}
