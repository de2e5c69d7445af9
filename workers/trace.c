/* Trace entries; see trace.h. */
#include "workers/trace.h"

#include "base/jsontext.h"
#include "base/utf8.h"
#include "workers/shapes.h"

#include <unistd.h>

#define HOST_SIZE 65

char *trace_clean_bytes(const char *text, size_t length)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	const size_t width = sizeof replacement - 1;
	char *clean = xmalloc(length * width + 1);
	size_t at = 0;
	for (const char *end = text + length; text < end;) {
		size_t bytes = utf8_length(text, (size_t)(end - text));
		memcpy(clean + at, bytes ? text : replacement, bytes ? bytes : width);
		at += bytes ? bytes : width;
		text += bytes ? bytes : 1;
	}
	clean[at] = '\0';
	return clean;
}

char *trace_clean(const char *text)
{
	return text ? trace_clean_bytes(text, strlen(text)) : NULL;
}

json_t *trace_text(const char *text)
{
	OWNED(free) char *clean = trace_clean(text);
	return clean ? json_string(clean) : json_null();
}

json_t *trace_host(void)
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
	json_object_set_new(object, "host", trace_host());
	json_object_set_new(object, "message", trace_text(entry->message));
	json_object_set_new(object, "backtrace", trace_text(entry->backtrace));
	json_object_set_new(object, "queue", trace_text(entry->queue));
	json_object_set_new(object, "message_id", trace_text(entry->message_id));
	return jsontext_print(object);
}
