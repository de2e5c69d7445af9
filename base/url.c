/* URLs of stores and brokers; see the header. */
#include "base/url.h"

#include <ctype.h>
#include <stdio.h>

static int hex_value(char digit)
{
	return isdigit((unsigned char)digit) ? digit - '0'
					     : tolower((unsigned char)digit) - 'a' + 10;
}

/* Decodes percent escapes in [from, end); NULL where one is broken or hides a NUL. */
static char *decode(const char *from, const char *end)
{
	char *out = xmalloc((size_t)(end - from) + 1);
	size_t length = 0;
	for (const char *at = from; at < end; at++) {
		if (*at != '%') {
			out[length++] = *at;
			continue;
		}
		bool is_whole = end - at > 2 && isxdigit((unsigned char)at[1]) &&
				isxdigit((unsigned char)at[2]);
		int value = is_whole ? hex_value(at[1]) * 16 + hex_value(at[2]) : 0;
		if (value == 0) {
			free(out);
			return NULL;
		}
		out[length++] = (char)value;
		at += 2;
	}
	out[length] = '\0';
	return out;
}

static bool parse_port(const char *from, const char *end, int *out)
{
	int port = 0;
	if (from == end || end - from > 5)
		return false;
	for (; from < end; from++) {
		if (!isdigit((unsigned char)*from))
			return false;
		port = port * 10 + (*from - '0');
	}
	*out = port;
	return port > 0 && port <= 65535;
}

static bool parse_host(const char *from, const char *end, struct url_host *out)
{
	bool is_bracketed = from < end && *from == '[';
	const char *stop = is_bracketed ? memchr(from, ']', (size_t)(end - from))
					: memchr(from, ':', (size_t)(end - from));
	if (is_bracketed && !stop)
		return false;
	const char *name_end = stop ? stop : end;
	const char *rest = name_end + (is_bracketed ? 1 : 0);
	if (rest < end && (*rest != ':' || !parse_port(rest + 1, end, &out->port)))
		return false;
	out->name = decode(from + (is_bracketed ? 1 : 0), name_end);
	return out->name != NULL;
}

static bool parse_hosts(const char *from, const char *end, struct url *out)
{
	while (true) {
		const char *comma = memchr(from, ',', (size_t)(end - from));
		const char *stop = comma ? comma : end;
		if (out->host_count == URL_HOSTS_MAX)
			return false;
		if (!parse_host(from, stop, &out->hosts[out->host_count++]))
			return false;
		if (!comma)
			return true;
		from = comma + 1;
	}
}

static bool parse_user(const char *from, const char *end, struct url *out)
{
	const char *colon = memchr(from, ':', (size_t)(end - from));
	out->user = decode(from, colon ? colon : end);
	if (colon)
		out->password = decode(colon + 1, end);
	return out->user && (!colon || out->password);
}

/* The last @ ends the user: passwords are often pasted with one in them. */
static const char *find_user_end(const char *from, const char *end)
{
	while (end > from)
		if (*--end == '@')
			return end;
	return NULL;
}

static bool parse_authority(const char *from, const char *end, struct url *out)
{
	const char *at = find_user_end(from, end);
	return (!at || parse_user(from, at, out)) && parse_hosts(at ? at + 1 : from, end, out);
}

static bool parse_parameters(const char *from, struct url *out)
{
	while (*from) {
		const char *end = from + strcspn(from, "&");
		const char *equals = memchr(from, '=', (size_t)(end - from));
		if (out->parameter_count == URL_PARAMETERS_MAX)
			return false;
		struct url_parameter *parameter = &out->parameters[out->parameter_count++];
		parameter->key = decode(from, equals ? equals : end);
		parameter->value = equals ? decode(equals + 1, end) : xstrdup("");
		if (!parameter->key || !parameter->value)
			return false;
		from = *end ? end + 1 : end;
	}
	return true;
}

static bool parse(const char *rest, struct url *out)
{
	const char *authority_end = rest + strcspn(rest, "/?");
	const char *path_end = authority_end + strcspn(authority_end, "?");
	out->path = decode(authority_end, path_end);
	return out->path && parse_authority(rest, authority_end, out) &&
	       (!*path_end || parse_parameters(path_end + 1, out));
}

bool url_parse(const char *text, struct url *out, struct error *err)
{
	const char *colon = strstr(text, "://");
	if (!colon || colon == text)
		return error_set(err, ERROR_INVALID, "expected SCHEME://…");
	struct url url = { .scheme = xstrndup(text, (size_t)(colon - text)) };
	if (!parse(colon + 3, &url)) {
		error_set(err, ERROR_INVALID,
			"%s: expected %s://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?KEY=VALUE]; other "
			"characters in names and passwords as %%XX",
			url.scheme, url.scheme);
		url_finish(&url);
		return false;
	}
	*out = url;
	return true;
}

void url_finish(struct url *url)
{
	for (size_t i = 0; i < url->host_count; i++)
		free(url->hosts[i].name);
	for (size_t i = 0; i < url->parameter_count; i++) {
		free(url->parameters[i].key);
		free(url->parameters[i].value);
	}
	free(url->scheme);
	free(url->user);
	free(url->password);
	free(url->path);
	*url = (struct url){ 0 };
}

const char *url_find(const struct url *url, const char *key)
{
	for (size_t i = 0; i < url->parameter_count; i++)
		if (strcmp(url->parameters[i].key, key) == 0)
			return url->parameters[i].value;
	return NULL;
}

char *url_show(const char *text)
{
	struct url url;
	struct error err;
	if (!url_parse(text, &url, &err))
		return xstrdup("(a broken URL)");
	char *shown =
		xprintf("%s://%s%s", url.scheme, url.user ? url.user : "", url.user ? "@" : "");
	for (size_t i = 0; i < url.host_count; i++) {
		const struct url_host *host = &url.hosts[i];
		bool is_v6 = strchr(host->name, ':') != NULL;
		char *longer = xprintf("%s%s%s%s%s", shown, i ? "," : "", is_v6 ? "[" : "",
			host->name, is_v6 ? "]" : "");
		free(shown);
		shown = host->port ? xprintf("%s:%d", longer, host->port) : xstrdup(longer);
		free(longer);
	}
	char *whole = xprintf("%s%s", shown, url.path);
	free(shown);
	url_finish(&url);
	return whole;
}
