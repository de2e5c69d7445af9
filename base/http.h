#pragma once
/*
 * HTTP requests on a libev loop, by libcurl, which is opened by the first client that is made
 * (base/library.h). Made after fork, one per process. The process must ignore SIGPIPE. Proxies are
 * those of the environment as curl(1) reads them; certificates are always checked.
 */
#include "base/error.h"
#include "base/memory.h"

#include <ev.h>
#include <stdint.h>

#define HTTP_REPLY_MAX   (16 * 1024 * 1024)
#define HTTP_HEADERS_MAX (64 * 1024)

struct http_header {
	const char *name, *value;
};
struct http_request {
	const char *method;
	const char *url; /* http:// or https:// */
	const struct http_header *headers;
	size_t header_count;
	const char *body; /* copied; NULL: none */
	size_t length;
	int64_t connect_timeout_ms, timeout_ms; /* the whole */
	size_t reply_max;                       /* 0: HTTP_REPLY_MAX */
	bool is_direct;                         /* past any proxy */
	const char *authorities;                /* a file of certificates; NULL: the system's */
	const char *unix_socket;                /* instead of the URL's host; NULL: none */
};
/* Borrowed for the length of the callback. Redirects are not followed: they are replies. */
struct http_reply {
	int status;
	const char *body; /* NUL-terminated */
	size_t length;
	const char *headers; /* the last header block, lines end in \r\n */
};

/* err is NULL where a whole reply came, whatever its status. UNAVAILABLE: none came; INVALID: it is
 * longer than it may be. Texts name the host and never hold what was sent. May begin, cancel and
 * close. */
typedef void http_on_reply(void *context, const struct http_reply *reply, const struct error *err);

struct http;
struct http_call;

/* INVALID: the library is not there. */
bool http_open(struct ev_loop *loop, struct http **out, struct error *err);
/* Ends all calls without their callbacks. */
void http_close(struct http *http);

/* Never calls back from within. */
struct http_call *http_begin(
	struct http *http, const struct http_request *request, http_on_reply *, void *context);
/* Ends a call whose callback has not come; none will come. */
void http_cancel(struct http_call *call);
/* Whether something of the reply has come. */
bool http_has_begun(const struct http_call *call);
/* The status that has come, also of a reply that was not whole; 0: none. */
int http_get_status(const struct http_call *call);

/* A header's value, or NULL; names are compared without case. Owned. */
char *http_find_header(const struct http_reply *reply, const char *name);
/* The server's clock (Date), wall milliseconds; 0: none. */
int64_t http_date_ms(const struct http_reply *reply);

MEMORY_DROP(http, struct http *, http_close)
