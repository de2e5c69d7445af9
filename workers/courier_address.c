/*
 * The message group and the deduplication id of a reference on a FIFO queue of SQS: 1 to 128 of its
 * letters, digits and punctuation.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
#include "workers/courier.h"

#include "base/jsontext.h"

#include <inttypes.h>
#include <stdio.h>

#define LENGTH_MAX 128

/* Other text gets a name of its hash: two groups may become one, which costs speed and no order. */
char *courier_fit_address(const char *text)
{
	size_t length = 0;
	while (text[length] > ' ' && text[length] <= '~')
		length++;
	if (length > 0 && length <= LENGTH_MAX && !text[length])
		return xstrdup(text);
	return xprintf("hash-%08" PRIx32, ids_fnv1a(text));
}

/* The payload's key as text; NULL where it has none. Owned. */
static char *find_key(const char *payload, const char *key)
{
	OWNED(json) json_t *value = NULL;
	struct error err;
	if (!payload || !jsontext_parse(payload, strlen(payload), &value, &err))
		return NULL;
	const json_t *member = json_object_get(value, key);
	if (!member || json_is_null(member))
		return NULL;
	return json_is_string(member) ? xstrdup(json_string_value(member)) : jsontext_print(member);
}

char *courier_name_group(const struct courier_queue *queue, const struct outgoing *row)
{
	OWNED(free) char *found = NULL;
	if (strcmp(queue->config->group, "job") != 0)
		found = find_key(row->payload, queue->config->group);
	if (!found)
		found = xstrdup(row->job_id ? row->job_id : row->id);
	return courier_fit_address(found);
}

/* One that is dropped as a double by mistake is sent again later, under another dispatch. */
char *courier_name_dedup(const struct outgoing *row)
{
	OWNED(free) char *text = xprintf("%s-%" PRIu32, row->id, row->dispatch);
	return courier_fit_address(text);
}
