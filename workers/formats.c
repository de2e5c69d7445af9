/* Messages of queues; see formats.h. */
#include "workers/formats.h"

#include "base/jsontext.h"
#include "base/utf8.h"
#include "stores/store.h"

#include <assert.h>
#include <stdio.h>

#define BODY_MAX   (2 * JSONTEXT_PAYLOAD_MAX) /* base64 of a payload with its frame */
#define SHOWN_MAX  4096                       /* bytes of a strange message that are kept */
#define NAME_BYTES 200                        /* bytes of a task's name */

void format_message_finish(struct format_message *message)
{
	free(message->task_id);
	free(message->id);
	free(message->name);
	free(message->payload);
	free(message->reason);
	*message = (struct format_message){ 0 };
}

/* The begin of any bytes as JSON text; what is no UTF-8 shows as U+FFFD. */
static char *show_body(const char *body, size_t length)
{
	char text[3 * SHOWN_MAX];
	size_t at = 0, written = 0;
	while (at < length && at < SHOWN_MAX) {
		size_t size = body[at] ? utf8_length(body + at, length - at) : 0;
		memcpy(text + written, size ? body + at : "\xef\xbf\xbd", size ? size : 3);
		written += size ? size : 3;
		at += size ? size : 1;
	}
	OWNED(json) json_t *shown = json_stringn(text, written);
	return jsontext_print(shown);
}

void format_reject(
	struct format_message *message, const char *body, size_t length, const char *reason)
{
	format_message_finish(message);
	message->payload = show_body(body, length);
	message->reason = xstrdup(reason);
}

/* False, and why, where the value is no id. */
static bool read_id(const json_t *value, const char *key, char **out, struct error *err)
{
	const char *text = json_string_value(value);
	if (json_is_integer(value)) {
		*out = xprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return true;
	}
	if (!text)
		return error_set(err, ERROR_INVALID, "%s is neither a text nor a number", key);
	size_t length = json_string_length(value);
	if (length == 0 || length >= STORE_ID_SIZE || strlen(text) != length)
		return error_set(err, ERROR_INVALID,
			"%s must have 1 to %d bytes and no NUL, this one has %zu", key,
			STORE_ID_SIZE - 1, length);
	*out = xstrdup(text);
	return true;
}

static bool set_payload(struct format_message *out, const json_t *value, struct error *err)
{
	OWNED(free) char *text = jsontext_print(value);
	if (strlen(text) > JSONTEXT_PAYLOAD_MAX)
		return error_set(err, ERROR_INVALID, "the payload is larger than 1 MiB");
	out->payload = GIVE(text);
	return true;
}

static bool read_task(
	const char *body, size_t length, struct format_message *out, struct error *err)
{
	OWNED(json) json_t *value = NULL;
	if (!jsontext_parse(body, length, &value, err))
		return false;
	const json_t *task_id = json_object_get(value, "task_id");
	if (task_id && json_object_size(value) == 1)
		return read_id(task_id, "task_id", &out->task_id, err);
	return set_payload(out, value, err);
}

static bool read_raw(const char *body, size_t length, struct format_message *out, struct error *err)
{
	OWNED(json) json_t *value = NULL;
	struct error not_json;
	if (!jsontext_parse(body, length, &value, &not_json))
		value = json_stringn(body, length);
	if (!value)
		return error_set(err, ERROR_INVALID, "the body is not UTF-8");
	return set_payload(out, value, err);
}

static int digit_of(char letter)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = letter ? strchr(digits, letter) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* RFC 4648, standard alphabet. Line ends and missing padding are forgiven. */
static bool decode(const char *text, size_t length, char **out, size_t *out_length)
{
	OWNED(free) char *bytes = xmalloc(length / 4 * 3 + 4);
	size_t written = 0, digits = 0;
	uint32_t bits = 0;
	size_t at = 0;
	for (; at < length && text[at] != '='; at++) {
		int digit = digit_of(text[at]);
		if (digit < 0 && (text[at] == '\n' || text[at] == '\r'))
			continue;
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (++digits % 4 != 1)
			bytes[written++] = (char)(bits >> (4 - digits % 4) * 2 % 8);
	}
	for (; at < length; at++)
		if (!strchr("=\r\n", text[at]))
			return false;
	if (digits % 4 == 1)
		return false;
	bytes[written] = '\0';
	*out_length = written;
	*out = GIVE(bytes);
	return true;
}

/* `id` since 0.6, `job_id` before; PHP's producers have neither. */
static bool read_sqjobs_id(const json_t *value, struct format_message *out, struct error *err)
{
	static const char *const keys[] = { "id", "job_id" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const json_t *id = json_object_get(value, keys[i]);
		if (id && !json_is_null(id))
			return read_id(id, keys[i], &out->id, err);
	}
	return true;
}

/* PHP writes an empty list for an empty map. */
static bool is_missing(const json_t *value)
{
	return !value || json_is_null(value) || (json_is_array(value) && !json_array_size(value));
}

static bool read_sqjobs_value(const json_t *value, struct format_message *out, struct error *err)
{
	const json_t *name = json_object_get(value, "name");
	json_t *args = json_object_get(value, "args");
	json_t *kwargs = json_object_get(value, "kwargs");
	size_t length = json_string_length(name);
	if (!json_is_object(value))
		return error_set(err, ERROR_INVALID, "sqjobs: not a JSON object");
	if (length == 0 || length > NAME_BYTES || strlen(json_string_value(name)) != length)
		return error_set(err, ERROR_INVALID,
			"sqjobs: \"name\" must be a text of 1 to %d bytes", NAME_BYTES);
	if (!is_missing(args) && !json_is_array(args))
		return error_set(err, ERROR_INVALID, "sqjobs: \"args\" is not a list");
	if (!is_missing(kwargs) && !json_is_object(kwargs))
		return error_set(err, ERROR_INVALID, "sqjobs: \"kwargs\" is not a map");
	OWNED(json)
	json_t *payload =
		json_pack("{s:o, s:o}", "args", is_missing(args) ? json_array() : json_incref(args),
			"kwargs", is_missing(kwargs) ? json_object() : json_incref(kwargs));
	out->name = xstrdup(json_string_value(name));
	return read_sqjobs_id(value, out, err) && set_payload(out, payload, err);
}

static bool read_sqjobs(
	const char *body, size_t length, struct format_message *out, struct error *err)
{
	OWNED(free) char *text = NULL;
	OWNED(json) json_t *value = NULL;
	size_t text_length;
	if (!decode(body, length, &text, &text_length))
		return error_set(err, ERROR_INVALID, "sqjobs: not base64");
	if (!jsontext_parse(text, text_length, &value, err))
		return error_wrap(err, "sqjobs");
	return read_sqjobs_value(value, out, err);
}

static bool (*const readers[])(
	const char *body, size_t length, struct format_message *out, struct error *err) = {
	[FORMAT_TASK] = read_task,
	[FORMAT_RAW] = read_raw,
	[FORMAT_SQJOBS] = read_sqjobs,
};

static bool is_within_limits(const char *body, size_t length, struct error *err)
{
	if (length > BODY_MAX)
		return error_set(err, ERROR_INVALID, "the body is larger than 2 MiB");
	if (memchr(body, '\0', length))
		return error_set(err, ERROR_INVALID, "the body holds a NUL");
	return true;
}

void format_read(
	enum queue_format format, const char *body, size_t length, struct format_message *out)
{
	struct error err = { 0 };
	*out = (struct format_message){ 0 };
	if (!is_within_limits(body, length, &err) || !readers[format](body, length, out, &err))
		format_reject(out, body, length, err.text);
}

char *format_print_reference(const char *task_id)
{
	OWNED(json) json_t *value = json_pack("{s:s}", "task_id", task_id);
	assert(value);
	return jsontext_print(value);
}
