/* The lines that handlers send; see messages.h. */
#include "workers/messages.h"

#include "base/jsontext.h"
#include "config/config.h"

#include <ctype.h>

#define SHOWN_BYTES 80 /* of a line that is not understood */

typedef bool read_verb(const json_t *value, struct message *message, struct error *err);

static bool read_spawn(const json_t *value, struct message *message, struct error *err);
static bool read_progress(const json_t *value, struct message *message, struct error *err);
static bool read_done(const json_t *value, struct message *message, struct error *err);
static bool read_fail(const json_t *value, struct message *message, struct error *err);
static bool read_flag(const json_t *value, struct message *message, struct error *err);

/* The verbs, and the keys that may stand beside them; "id" may always. */
static const struct verb {
	const char *name;
	read_verb *read;
	const char *keys[4];
} verbs[] = {
	[MESSAGE_SPAWN] = { "spawn", read_spawn, { NULL } },
	[MESSAGE_PROGRESS] = { "progress", read_progress, { "message", NULL } },
	[MESSAGE_BEAT] = { "beat", read_flag, { NULL } },
	[MESSAGE_DONE] = { "done", read_done, { NULL } },
	[MESSAGE_FAIL] = { "fail", read_fail, { "retry_in", "permanent", "backtrace", NULL } },
	[MESSAGE_READY] = { "ready", read_flag, { NULL } },
};

static bool refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_INVALID, "%s", why);
}

static bool is_child(const json_t *child)
{
	if (!json_is_string(json_object_get(child, "task")))
		return false;
	return json_object_size(child) == (json_object_get(child, "payload") ? 2u : 1u);
}

static bool read_spawn(const json_t *value, struct message *message, struct error *err)
{
	OWNED(json) json_t *children = NULL;
	if (json_is_array(value))
		children = json_incref((json_t *)value);
	else {
		children = json_array();
		json_array_append(children, (json_t *)value);
	}
	for (size_t i = 0; i < json_array_size(children); i++)
		if (!is_child(json_array_get(children, i)))
			return error_set(err, ERROR_INVALID,
				"spawn takes {\"task\", \"payload\"} or an array of them (at %zu)",
				i);
	message->children = GIVE(children);
	return true;
}

static bool read_progress(const json_t *value, struct message *message, struct error *err)
{
	const json_t *text = json_object_get(message->object, "message");
	if (!json_is_number(value) || (text && !json_is_string(text)))
		return refuse(err, "progress takes a number and a message of text");
	const double fraction = json_number_value(value);
	message->fraction = fraction > 1 ? 1 : fraction > 0 ? fraction : 0;
	message->text = json_string_value(text);
	return true;
}

static bool read_done(const json_t *value, struct message *message, struct error *err)
{
	(void)err;
	message->result = value;
	return true;
}

static bool read_retry_in(const json_t *value, struct message *message, struct error *err)
{
	message->is_retry = value != NULL;
	if (!value || json_is_true(value))
		return true;
	const char *text = json_string_value(value);
	if (!text || !config_parse_duration(text, &message->retry_in_ms) ||
		message->retry_in_ms < 0)
		return refuse(err, "retry_in takes a duration like \"30s\", or true");
	return true;
}

static bool read_fail(const json_t *value, struct message *message, struct error *err)
{
	const json_t *permanent = json_object_get(message->object, "permanent");
	const json_t *backtrace = json_object_get(message->object, "backtrace");
	if (!json_is_string(value))
		return refuse(err, "fail takes the reason as text");
	if (permanent && !json_is_boolean(permanent))
		return refuse(err, "permanent takes true or false");
	if (backtrace && !json_is_string(backtrace) && !json_is_null(backtrace))
		return refuse(err, "backtrace takes text");
	message->text = json_string_value(value);
	message->is_permanent = json_is_true(permanent);
	message->backtrace = json_string_value(backtrace);
	return read_retry_in(json_object_get(message->object, "retry_in"), message, err);
}

static bool read_flag(const json_t *value, struct message *message, struct error *err)
{
	return json_is_true(value) ||
	       error_set(err, ERROR_INVALID, "%s takes true", verbs[message->kind].name);
}

static const struct verb *find_verb(const json_t *object)
{
	const struct verb *found = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (json_object_get(object, verbs[i].name)) {
			if (found)
				return NULL;
			found = &verbs[i];
		}
	return found;
}

static bool is_key_of(const struct verb *verb, const char *key)
{
	if (strcmp(key, "id") == 0 || strcmp(key, verb->name) == 0)
		return true;
	for (const char *const *known = verb->keys; *known; known++)
		if (strcmp(key, *known) == 0)
			return true;
	return false;
}

static bool check_keys(const struct verb *verb, const json_t *object, struct error *err)
{
	void *at = json_object_iter((json_t *)object);
	for (; at; at = json_object_iter_next((json_t *)object, at))
		if (!is_key_of(verb, json_object_iter_key(at)))
			return error_set(err, ERROR_INVALID, "%s has no key \"%.40s\"", verb->name,
				json_object_iter_key(at));
	return true;
}

static bool read_message(struct message *message, struct error *err)
{
	const json_t *id = json_object_get(message->object, "id");
	const struct verb *verb = find_verb(message->object);
	if (!json_is_object(message->object))
		return refuse(err, "it is not an object");
	if (!verb)
		return refuse(err, "it needs one of spawn, progress, beat, done, fail, ready");
	if (id && !json_is_string(id))
		return refuse(err, "id takes the task's id as text");
	message->kind = (enum message_kind)(verb - verbs);
	message->id = json_string_value(id);
	return check_keys(verb, message->object, err) &&
	       verb->read(json_object_get(message->object, verb->name), message, err);
}

/* The line's beginning in printable ASCII, so that it fits into an error. */
static const char *show(const char *line, size_t length, char out[SHOWN_BYTES + 4])
{
	const size_t shown = length < SHOWN_BYTES ? length : SHOWN_BYTES;
	for (size_t i = 0; i < shown; i++)
		out[i] = (char)(line[i] >= ' ' && line[i] <= '~' ? line[i] : '?');
	strcpy(out + shown, shown < length ? "..." : "");
	return out;
}

bool message_parse(const char *line, size_t length, struct message *out, struct error *err)
{
	struct message message = { .retry_in_ms = -1 };
	struct error why = { 0 };
	char shown[SHOWN_BYTES + 4];
	if (jsontext_parse(line, length, &message.object, &why) && read_message(&message, &why)) {
		*out = message;
		return true;
	}
	message_finish(&message);
	return error_set(err, ERROR_INVALID, "message is not understood: %s: %.120s",
		show(line, length, shown), why.text);
}

void message_finish(struct message *message)
{
	json_decref(message->children);
	json_decref(message->object);
	*message = (struct message){ 0 };
}

bool message_is_blank(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isspace((unsigned char)line[i]))
			return false;
	return true;
}

char *message_copy_text(const char *text)
{
	if (!text)
		return NULL;
	size_t length = strlen(text);
	if (length > MESSAGES_TEXT_MAX) {
		length = MESSAGES_TEXT_MAX;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	return xstrndup(text, length);
}
