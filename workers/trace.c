/* Trace entries; see trace.h. */
#include "workers/trace.h"

#include "base/jsontext.h"
#include "workers/shapes.h"

#include <unistd.h>

#define HOST_SIZE 65

/* Length of the well-formed UTF-8 sequence at text (RFC 3629); 0 where it is none. */
static size_t sequence_length(const unsigned char *text)
{
	static const struct {
		unsigned char first_from, first_to, second_from, second_to;
		size_t length;
	} forms[] = {
		{ 0x01, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (text[0] < forms[i].first_from || text[0] > forms[i].first_to)
			continue;
		if (forms[i].length == 1)
			return 1;
		if (text[1] < forms[i].second_from || text[1] > forms[i].second_to)
			return 0;
		for (size_t at = 2; at < forms[i].length; at++)
			if ((text[at] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

char *trace_clean(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	const size_t width = sizeof replacement - 1;
	if (!text)
		return NULL;
	char *clean = xmalloc(strlen(text) * width + 1);
	size_t at = 0;
	while (*text) {
		size_t length = sequence_length((const unsigned char *)text);
		memcpy(clean + at, length ? text : replacement, length ? length : width);
		at += length ? length : width;
		text += length ? length : 1;
	}
	clean[at] = '\0';
	return clean;
}

json_t *trace_text(const char *text)
{
	OWNED(free) char *clean = trace_clean(text);
	return clean ? json_string(clean) : json_null();
}

static json_t *host_name(void)
{
	char host[HOST_SIZE];
	if (gethostname(host, sizeof host) < 0)
		return json_null();
	host[sizeof host - 1] = '\0';
	return trace_text(host);
}

char *trace_print(const struct trace_entry *entry)
{
	OWNED(json) json_t *object = json_object();
	json_object_set_new(object, "worker", trace_text(entry->worker));
	json_object_set_new(object, "task", trace_text(entry->task));
	json_object_set_new(object, "attempt", json_integer(entry->attempt));
	json_object_set_new(object, "received_at", shapes_time(entry->received_at_ms));
	json_object_set_new(object, "finished_at", shapes_time(entry->finished_at_ms));
	json_object_set_new(object, "seconds",
		entry->spent_ms < 0 ? json_null() : json_real((double)entry->spent_ms / 1000));
	json_object_set_new(object, "status", json_string(entry->status));
	json_object_set_new(object, "host", host_name());
	json_object_set_new(object, "message", trace_text(entry->message));
	json_object_set_new(object, "backtrace", trace_text(entry->backtrace));
	json_object_set_new(object, "queue", trace_text(entry->queue));
	json_object_set_new(object, "message_id", trace_text(entry->message_id));
	return jsontext_print(object);
}
