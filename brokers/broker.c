/* Brokers by URL scheme, and what callers drop; see broker.h. */
#include "brokers/broker.h"

#include "brokers/backend.h"

/* A scheme without open is known, but nothing of this build can serve it. */
struct scheme {
	const char *name;
	bool (*open)(const char *url, const char *owner, struct ev_loop *loop, struct broker **out,
		struct error *err);
	bool (*check)(const char *url, struct error *err);
};
static const struct scheme schemes[] = {
	{ "sqs", sqs_broker_open, sqs_broker_check },
	{ "redis", redis_broker_open, redis_broker_check },
	{ "rediss", redis_broker_open, redis_broker_check },
};

static const struct scheme *find_scheme(const char *url, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strlen(schemes[i].name) == length && strncmp(schemes[i].name, url, length) == 0)
			return &schemes[i];
	return NULL;
}

/* Answers the row of the URL's scheme; NULL with an error. */
static const struct scheme *choose(const char *url, struct error *err)
{
	const char *end = strstr(url, "://");
	size_t length = end ? (size_t)(end - url) : 0;
	const struct scheme *scheme = find_scheme(url, length);
	if (!scheme) {
		/* The whole URL may hold a password: only its scheme is shown. */
		error_set(err, ERROR_INVALID,
			"broker: expected sqs://REGION/PREFIX or redis://…, got scheme \"%.*s\"",
			(int)(length > 40 ? 40 : length), url);
	} else if (!scheme->open) {
		error_set(err, ERROR_INVALID, "broker %s: is not supported yet", scheme->name);
	} else if (scheme->check(url, err)) {
		return scheme;
	}
	return NULL;
}

bool broker_check_url(const char *url, struct error *err)
{
	return choose(url, err) != NULL;
}

bool broker_open(const char *url, const char *owner, struct ev_loop *loop, struct broker **out,
	struct error *err)
{
	const struct scheme *scheme = choose(url, err);
	return scheme && scheme->open(url, owner, loop, out, err);
}

void broker_close(struct broker *broker)
{
	if (broker)
		broker->ops->close(broker);
}

void broker_messages_finish(struct broker_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++) {
		struct broker_message *message = &messages->rows[i];
		free(message->id);
		free(message->receipt);
		free(message->body);
		free(message->group);
	}
	free(messages->rows);
	*messages = (struct broker_messages){ 0 };
}
