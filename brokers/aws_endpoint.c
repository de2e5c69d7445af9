/*
 * Endpoints: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html and
 * https://docs.aws.amazon.com/general/latest/gr/sqs-service.html. See the header.
 */
#include "brokers/aws_endpoint.h"

#include "base/url.h"

#include <ctype.h>
#include <stdio.h>

/* Domains of the partitions, as the SDKs list them; the last row takes what is left. */
static const struct partition {
	const char *regions, *suffix;
} partitions[] = {
	{ "cn-", "amazonaws.com.cn" },
	{ "us-iso-", "c2s.ic.gov" },
	{ "us-isob-", "sc2s.sgov.gov" },
	{ "eu-isoe-", "cloud.adc-e.uk" },
	{ "us-isof-", "csp.hci.ic.gov" },
	{ "eusc-", "amazonaws.eu" },
	{ "", "amazonaws.com" },
};

static const char *suffix_of(const char *region)
{
	const struct partition *row = partitions;
	while (strncmp(region, row->regions, strlen(row->regions)) != 0)
		row++;
	return row->suffix;
}

static bool is_made_of(const char *text, const char *more)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(more, *text))
			return false;
	return true;
}

/* Segments that servers and libcurl would take out of a path, but a signature would not. */
static bool has_strange_segments(const char *path)
{
	while (*path == '/') {
		size_t length = strcspn(++path, "/");
		bool is_dots = (length == 1 && path[0] == '.') ||
			       (length == 2 && path[0] == '.' && path[1] == '.');
		if (is_dots || (length == 0 && *path == '/'))
			return true;
		path += length;
	}
	return false;
}

static bool is_good(const struct url *url)
{
	bool is_http = strcmp(url->scheme, "https") == 0 || strcmp(url->scheme, "http") == 0;
	return is_http && !url->user && url->host_count == 1 && url->hosts[0].name[0] &&
	       url->parameter_count == 0 && is_made_of(url->hosts[0].name, ".-_:") &&
	       is_made_of(url->path, "/._~-") && !has_strange_segments(url->path);
}

static struct aws_endpoint endpoint_of(const struct url *url)
{
	const char *name = url->hosts[0].name;
	bool is_v6 = strchr(name, ':') != NULL;
	int own_port = strcmp(url->scheme, "https") == 0 ? 443 : 80;
	char port[16] = "";
	if (url->hosts[0].port && url->hosts[0].port != own_port)
		snprintf(port, sizeof port, ":%d", url->hosts[0].port);
	struct aws_endpoint endpoint = {
		.host = xprintf("%s%s%s%s", is_v6 ? "[" : "", name, is_v6 ? "]" : "", port),
		.path = xstrdup(url->path[0] ? url->path : "/"),
	};
	endpoint.url = xprintf("%s://%s%s", url->scheme, endpoint.host, endpoint.path);
	return endpoint;
}

bool aws_endpoint_read(const char *text, struct aws_endpoint *out, struct error *err)
{
	struct url url;
	bool is_whole = url_parse(text, &url, NULL);
	bool is_endpoint = is_whole && is_good(&url);
	if (is_endpoint)
		*out = endpoint_of(&url);
	if (is_whole)
		url_finish(&url);
	return is_endpoint ||
	       error_set(err, ERROR_INVALID, "endpoint: expected http[s]://HOST[:PORT][/PATH]");
}

static const char *find_given(const char *service)
{
	const char *ignore = getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	if (ignore && strcmp(ignore, "true") == 0)
		return NULL;
	OWNED(free) char *variable = xprintf("AWS_ENDPOINT_URL_%s", service);
	for (char *at = variable; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	const char *own = getenv(variable), *all = getenv("AWS_ENDPOINT_URL");
	return own && *own ? own : all && *all ? all : NULL;
}

bool aws_endpoint_find(
	const char *service, const char *region, struct aws_endpoint *out, struct error *err)
{
	const char *given = find_given(service);
	OWNED(free)
	char *text = given ? xstrdup(given)
			   : xprintf("https://%s.%s.%s/", service, region, suffix_of(region));
	return aws_endpoint_read(text, out, err);
}

void aws_endpoint_finish(struct aws_endpoint *endpoint)
{
	free(endpoint->url);
	free(endpoint->host);
	free(endpoint->path);
	*endpoint = (struct aws_endpoint){ 0 };
}
