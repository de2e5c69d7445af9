/* Parameters that are lists: arrays as PostgreSQL writes them, and JSON for what has members. */
#include "stores/postgres_store.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NONCE_SIZE 22

char *postgres_array(const char *const *items, size_t count)
{
	size_t size = 3;
	for (size_t i = 0; i < count; i++)
		size += 2 * strlen(items[i]) + 3;
	char *text = xmalloc(size), *at = text;
	*at++ = '{';
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ',';
		*at++ = '"';
		for (const char *c = items[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				*at++ = '\\';
			*at++ = *c;
		}
		*at++ = '"';
	}
	*at++ = '}';
	*at = '\0';
	return text;
}

char *postgres_nonces(size_t count)
{
	char *text = xmalloc(count * NONCE_SIZE + 3);
	size_t length = 0;
	text[length++] = '{';
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, NONCE_SIZE + 1, "%s%" PRId64,
			i > 0 ? "," : "", (int64_t)ids_random64());
	text[length++] = '}';
	text[length] = '\0';
	return text;
}

char *postgres_limits(const struct lease_request *request)
{
	if (!request->limits)
		return NULL;
	char *text = xmalloc(request->queue_count * 3 * NONCE_SIZE + 3);
	size_t length = 0;
	for (size_t i = 0; i < request->queue_count; i++) {
		const struct lease_limit *limit = &request->limits[i];
		length += (size_t)snprintf(text + length, 3 * NONCE_SIZE + 1,
			"%c%" PRId64 ",%" PRId64 ",%" PRId64, i > 0 ? ',' : '{', limit->rate,
			limit->rate_ms, limit->max_working);
	}
	text[length++] = '}';
	text[length] = '\0';
	return text;
}

char *postgres_clean(const char *text)
{
	if (!text)
		return NULL;
	size_t left = strlen(text);
	char *clean = xmalloc(3 * left + 1), *at = clean;
	while (left > 0) {
		size_t length = utf8_length(text, left);
		memcpy(at, length > 0 ? text : "\xef\xbf\xbd", length > 0 ? length : 3);
		at += length > 0 ? length : 3;
		text += length > 0 ? length : 1;
		left -= length > 0 ? length : 1;
	}
	*at = '\0';
	return clean;
}

static bool print(json_t *value, char **out, struct error *err)
{
	if (!value)
		return error_set(err, ERROR_INVALID, "store postgres: a text is not UTF-8");
	*out = jsontext_print(value);
	json_decref(value);
	return true;
}

static bool append(json_t *list, json_t *item)
{
	if (item && json_array_append_new(list, item) == 0)
		return true;
	json_decref(list);
	return false;
}

static json_t *pack_child(const struct new_task *child)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:I, s:s?}", "name", child->name, "queue",
		child->queue, "payload", child->payload, "rank", -child->priority, "delay",
		(json_int_t)child->delay_ms, "scopes", child->scopes);
	if (object && child->waits)
		json_object_update_new(
			object, json_pack("{s:s, s:I, s:I}", "gate", child->wait_gate, "scope",
					(json_int_t)child->wait_scope, "timeout",
					(json_int_t)child->wait_timeout_ms));
	return object;
}

static json_t *pack_children(const struct new_task *children, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (!append(list, pack_child(&children[i])))
			return NULL;
	return list;
}

bool postgres_children(const struct new_task *children, size_t count, char **out, struct error *err)
{
	return print(pack_children(children, count), out, err);
}

/* One row for each counter; changes that sum up to nothing are left out. */
static json_t *pack_counters(const struct effects *effects)
{
	json_t *list = json_array();
	for (size_t i = 0; i < effects->counters_count; i++) {
		const struct counter_change *one = &effects->counters[i];
		int64_t sum = 0;
		bool is_first = true;
		for (size_t j = 0; j < effects->counters_count; j++) {
			const struct counter_change *other = &effects->counters[j];
			if (one->scope != other->scope || strcmp(one->gate, other->gate) != 0)
				continue;
			sum += other->pending;
			is_first &= j >= i;
		}
		if (is_first && sum != 0 &&
			!append(list, json_pack("[I, s, I]", (json_int_t)one->scope, one->gate,
					      (json_int_t)sum)))
			return NULL;
	}
	return list;
}

static json_t *pack_tallies(const struct effects *effects)
{
	json_t *list = json_array();
	for (size_t i = 0; i < effects->tallies_count; i++) {
		const struct tally_change *change = &effects->tallies[i];
		const struct tally *add = &change->add;
		if (!append(list,
			    json_pack("[I, s, I, I, I, I, I, I, I]", (json_int_t)change->scope,
				    change->name, (json_int_t)add->born, (json_int_t)add->completed,
				    (json_int_t)add->failed, (json_int_t)add->invalid,
				    (json_int_t)add->skipped, (json_int_t)add->cancelled,
				    (json_int_t)add->excused)))
			return NULL;
	}
	return list;
}

/* A list that is there and not empty joins; false where it could not be made. */
static bool join(json_t *object, const char *key, json_t *list)
{
	if (!list)
		return false;
	if (json_array_size(list) > 0)
		json_object_set(object, key, list);
	json_decref(list);
	return true;
}

bool postgres_effects(const struct effects *effects, char **out, struct error *err)
{
	static const struct effects none;
	json_t *object = json_object();
	effects = effects ? effects : &none;
	bool is_good = join(object, "children",
			       pack_children(effects->children, effects->children_count)) &&
		       join(object, "counters", pack_counters(effects)) &&
		       join(object, "tallies", pack_tallies(effects));
	if (is_good && effects->job_failure) {
		OWNED(free) char *reason = postgres_clean(effects->job_failure);
		json_object_set_new(object, "failure", json_string(reason));
	}
	if (!is_good) {
		json_decref(object);
		object = NULL;
	}
	return print(object, out, err);
}

bool postgres_pushes(const struct push *pushes, size_t count, char **out, struct error *err)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++) {
		const struct push *push = &pushes[i];
		json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:i, s:I}", "id", push->id,
			"name", push->name, "queue", push->queue, "payload", push->payload, "key",
			push->key, "rank", -push->priority, "delay", (json_int_t)push->delay_ms);
		if (!append(list, item))
			list = NULL;
	}
	return print(list, out, err);
}
