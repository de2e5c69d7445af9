/* The JSON of SQS's replies, which may be anything: pure, and fuzzed. See sqs.h. */
#include "brokers/sqs.h"

#include <errno.h>

/* A text of digits, as SQS writes its numbers; otherwise `otherwise`. */
static int64_t read_number(const json_t *object, const char *key, int64_t otherwise)
{
	const char *text = jsontext_member(object, key);
	if (!text || !*text || text[strspn(text, "0123456789")])
		return otherwise;
	errno = 0;
	long long number = strtoll(text, NULL, 10);
	return errno ? otherwise : number;
}

static bool read_message(const json_t *row, bool is_fifo, struct broker_message *out)
{
	const char *id = jsontext_member(row, "MessageId");
	const char *receipt = jsontext_member(row, "ReceiptHandle");
	const json_t *body = json_object_get(row, "Body");
	if (!id || !receipt || !json_is_string(body))
		return false;
	const json_t *attributes = json_object_get(row, "Attributes");
	int64_t deliveries = read_number(attributes, "ApproximateReceiveCount", 0);
	*out = (struct broker_message){
		.id = xstrdup(id),
		.receipt = xstrdup(receipt),
		.body = xstrndup(json_string_value(body), json_string_length(body)),
		.length = json_string_length(body),
		.group = is_fifo ? xstrdup(jsontext_member(attributes, "MessageGroupId")) : NULL,
		.sent_at_ms = read_number(attributes, "SentTimestamp", 0),
		.deliveries = (int)(deliveries > INT32_MAX ? INT32_MAX : deliveries),
	};
	return true;
}

bool sqs_read_messages(
	const json_t *reply, bool is_fifo, struct broker_messages *out, struct error *err)
{
	const json_t *rows = json_object_get(reply, "Messages");
	struct broker_messages messages = { 0 };
	if (rows && !json_is_null(rows) && !json_is_array(rows))
		return error_set(err, ERROR_UNAVAILABLE, "the reply's Messages are no list");
	size_t count = json_array_size(rows);
	messages.rows = xcalloc(count ? count : 1, sizeof *messages.rows);
	for (; messages.count < count; messages.count++) {
		const json_t *row = json_array_get(rows, messages.count);
		if (read_message(row, is_fifo, &messages.rows[messages.count]))
			continue;
		broker_messages_finish(&messages);
		return error_set(err, ERROR_UNAVAILABLE,
			"a message of the reply lacks its id, receipt or body");
	}
	*out = messages;
	return true;
}

bool sqs_read_depth(const json_t *reply, struct broker_depth *out, struct error *err)
{
	const json_t *attributes = json_object_get(reply, "Attributes");
	struct broker_depth depth = {
		.ready = read_number(attributes, "ApproximateNumberOfMessages", -1),
		.in_flight = read_number(attributes, "ApproximateNumberOfMessagesNotVisible", -1),
		.delayed = read_number(attributes, "ApproximateNumberOfMessagesDelayed", -1),
	};
	if (depth.ready < 0 || depth.in_flight < 0 || depth.delayed < 0)
		return error_set(err, ERROR_UNAVAILABLE, "the reply lacks a count");
	*out = depth;
	return true;
}

bool sqs_read_index(const json_t *entry, size_t count, size_t *out)
{
	int64_t index = read_number(entry, "Id", -1);
	if (index < 0 || (uint64_t)index >= count)
		return false;
	*out = (size_t)index;
	return true;
}
