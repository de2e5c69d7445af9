/* What sqs:// URLs say, and the names that SQS gives to queues; see sqs.h. */
#include "base/url.h"
#include "brokers/sqs.h"

#include <ctype.h>
#include <stdio.h>

static bool is_made_of(const char *text, const char *more)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(more, *text))
			return false;
	return true;
}

static bool read_switch(const char *text, bool otherwise, bool *out)
{
	*out = otherwise;
	if (!text)
		return true;
	*out = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "on") == 0;
	return *out || strcmp(text, "false") == 0 || strcmp(text, "no") == 0 ||
	       strcmp(text, "off") == 0;
}

static bool check_parameters(const struct url *url, struct error *err)
{
	/* resend is the courier's. */
	static const char *const known[] = { "endpoint", "create", "resend" };
	for (size_t i = 0; i < url->parameter_count; i++) {
		bool is_known = false;
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			is_known = is_known || strcmp(url->parameters[i].key, known[k]) == 0;
		if (!is_known)
			return error_set(err, ERROR_INVALID,
				"sqs: unknown parameter \"%.40s\"; there are endpoint, create, "
				"resend",
				url->parameters[i].key);
	}
	return true;
}

static bool read_place(const struct url *url, struct sqs_place *place, struct error *err)
{
	if (url->user || url->host_count != 1 || url->hosts[0].port)
		return error_set(err, ERROR_INVALID,
			"sqs: expected sqs://REGION/PREFIX; credentials are those of the AWS tools "
			"(environment, profile, role), never in the URL");
	place->region = xstrdup(url->hosts[0].name);
	place->prefix = xstrdup(url->path[0] ? url->path + 1 : "");
	if (!is_made_of(place->region, "-"))
		return error_set(
			err, ERROR_INVALID, "sqs: \"%.40s\" is not a region", place->region);
	if (!is_made_of(place->prefix, "-_") || strlen(place->prefix) >= SQS_NAME_MAX)
		return error_set(err, ERROR_INVALID,
			"sqs: the prefix may have letters, digits, - and _, fewer than %d",
			SQS_NAME_MAX);
	if (!read_switch(url_find(url, "create"), true, &place->may_create))
		return error_set(err, ERROR_INVALID, "sqs: create: expected true or false");
	const char *endpoint = url_find(url, "endpoint");
	return check_parameters(url, err) &&
	       (!endpoint || aws_endpoint_read(endpoint, &place->endpoint, err) ||
		       error_wrap(err, "sqs"));
}

bool sqs_place_read(const char *text, struct sqs_place *out, struct error *err)
{
	struct url url;
	struct sqs_place place = { 0 };
	if (!url_parse(text, &url, err))
		return false;
	bool is_good = read_place(&url, &place, err);
	url_finish(&url);
	if (is_good)
		*out = place;
	else
		sqs_place_finish(&place);
	return is_good;
}

bool sqs_place_complete(struct sqs_place *place, struct error *err)
{
	if (!place->region[0]) {
		free(place->region);
		place->region = aws_find_region();
	}
	if (!place->region || !place->region[0] || !is_made_of(place->region, "-"))
		return error_set(err, ERROR_INVALID,
			"sqs: no region: neither in the URL (sqs://REGION/PREFIX) nor in "
			"AWS_REGION "
			"nor in the profile");
	return place->endpoint.url ||
	       aws_endpoint_find("sqs", place->region, &place->endpoint, err) ||
	       error_wrap(err, "sqs");
}

void sqs_place_finish(struct sqs_place *place)
{
	free(place->region);
	free(place->prefix);
	aws_endpoint_finish(&place->endpoint);
	*place = (struct sqs_place){ 0 };
}

bool sqs_place_name(const struct sqs_place *place, const char *queue, char out[SQS_NAME_MAX + 1],
	struct error *err)
{
	size_t length = strlen(queue);
	bool is_fifo = length > 5 && strcmp(queue + length - 5, ".fifo") == 0;
	OWNED(free) char *stem = xstrndup(queue, is_fifo ? length - 5 : length);
	if (!is_made_of(stem, "-_") || !*stem)
		return error_set(err, ERROR_INVALID,
			"sqs: queue \"%.80s\": SQS allows letters, digits, - and _, and .fifo at "
			"the end",
			queue);
	if (strlen(place->prefix) + length > SQS_NAME_MAX)
		return error_set(err, ERROR_INVALID,
			"sqs: queue \"%.80s\": with the prefix it has %zu characters, SQS allows "
			"%d",
			queue, strlen(place->prefix) + length, SQS_NAME_MAX);
	snprintf(out, SQS_NAME_MAX + 1, "%s%s", place->prefix, queue);
	return true;
}
