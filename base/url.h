#pragma once
/*
 * URLs of stores and brokers:
 * SCHEME://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…][/PATH][?KEY=VALUE&…] (RFC 3986, with
 * PostgreSQL's and Sentinel's list of hosts). Percent escapes are decoded.
 */
#include "base/error.h"
#include "base/memory.h"

#define URL_HOSTS_MAX      16
#define URL_PARAMETERS_MAX 32

struct url_host {
	char *name; /* without the brackets of an IPv6 address; "" where none is given */
	int port;   /* 0: none given */
};
struct url_parameter {
	char *key, *value;
};
struct url {
	char *scheme;
	char *user, *password; /* NULL: none */
	struct url_host hosts[URL_HOSTS_MAX];
	size_t host_count;
	char *path; /* with its slash; "" where there is none */
	struct url_parameter parameters[URL_PARAMETERS_MAX];
	size_t parameter_count;
};

/* INVALID, and the error never holds any text of the URL but its scheme: it may hold a password. */
bool url_parse(const char *text, struct url *out, struct error *err);
void url_finish(struct url *url);
/* A parameter's value, or NULL. */
const char *url_find(const struct url *url, const char *key);
/* The URL without password and parameters' values, for log lines: "redis://user@host:6379/0". */
char *url_show(const char *text);
