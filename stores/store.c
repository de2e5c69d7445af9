/* Stores by URL scheme, names of states, and what callers drop; see store.h. */
#include "stores/store.h"

#include "stores/memory.h"
#include "stores/postgres.h"
#include "stores/preflight.h"
#include "stores/redis.h"
#include "stores/sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

const char *const task_state_names[TASK_STATES] = {
	[TASK_WAITING] = "waiting",
	[TASK_QUEUED] = "queued",
	[TASK_WORKING] = "working",
	[TASK_COMPLETED] = "completed",
	[TASK_FAILED] = "failed",
	[TASK_INVALID] = "invalid_payload",
	[TASK_SKIPPED] = "skipped",
	[TASK_CANCELLED] = "cancelled",
};
const char *const job_state_names[JOB_STATES] = {
	[JOB_RUNNING] = "running",
	[JOB_COMPLETED] = "completed",
	[JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
};

struct scheme {
	const char *name;
	bool (*open)(const char *path, struct bells *bells, struct store **out, struct error *err);
	bool (*check)(const char *path, struct error *err);
	/* See preflight.h; NULL: there is nothing to look at. */
	bool (*preflight)(const char *path, size_t connections, struct store_warnings *out,
		struct error *err);
};
static const struct scheme schemes[] = {
	{ "memory", memory_store_open, memory_store_check, NULL },
	{ "sqlite", sqlite_store_open, sqlite_store_check, sqlite_store_preflight },
	{ "redis", redis_store_open, redis_store_check, redis_store_preflight },
	{ "rediss", rediss_store_open, rediss_store_check, rediss_store_preflight },
	{ "redis+sentinel", redis_sentinel_store_open, redis_sentinel_store_check,
		redis_sentinel_store_preflight },
	{ "postgres", postgres_store_open, postgres_store_check, postgres_store_preflight },
	{ "postgresql", postgres_store_open, postgres_store_check, postgres_store_preflight },
};

static const struct scheme *find_scheme(const char *url, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strlen(schemes[i].name) == length && strncmp(schemes[i].name, url, length) == 0)
			return &schemes[i];
	return NULL;
}

/* Answers the row of the URL's scheme, and what follows the colon; NULL with an error. */
static const struct scheme *choose(const char *url, const char **path, struct error *err)
{
	size_t length = strcspn(url, ":");
	const struct scheme *scheme = url[length] ? find_scheme(url, length) : NULL;
	*path = url + length + 1;
	if (!scheme) {
		/* The whole URL may hold a password: only its scheme is shown. */
		int shown = url[length] ? (int)(length > 40 ? 40 : length) : 0;
		error_set(err, ERROR_INVALID,
			"store: expected sqlite:PATH, redis://…, postgres://… or memory:, got "
			"scheme \"%.*s\"",
			shown, url);
	} else if (scheme->check(*path, err)) {
		return scheme;
	}
	return NULL;
}

bool store_check_url(const char *url, struct error *err)
{
	const char *path;
	return choose(url, &path, err) != NULL;
}

bool store_open(const char *url, struct bells *bells, struct store **out, struct error *err)
{
	const char *path;
	const struct scheme *scheme = choose(url, &path, err);
	return scheme && scheme->open(path, bells, out, err);
}

bool store_preflight(
	const char *url, size_t connections, struct store_warnings *out, struct error *err)
{
	const char *path;
	const struct scheme *scheme = choose(url, &path, err);
	return scheme && (!scheme->preflight || scheme->preflight(path, connections, out, err));
}

void store_warnings_add(struct store_warnings *warnings, char *line)
{
	warnings->lines =
		xrealloc(warnings->lines, (warnings->count + 1) * sizeof *warnings->lines);
	warnings->lines[warnings->count++] = line;
}

void store_warnings_finish(struct store_warnings *warnings)
{
	for (size_t i = 0; i < warnings->count; i++)
		free(warnings->lines[i]);
	free(warnings->lines);
	*warnings = (struct store_warnings){ 0 };
}

void store_close(struct store *store)
{
	if (store)
		store->ops->close(store);
}

static bool is_uuid(const char *text)
{
	for (int i = 0; i < IDS_UUID_SIZE - 1; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i]) || !text[i])
			return false;
	}
	return true;
}

#define TAG_DIGITS 8

void store_new_id(const struct store *store, char out[IDS_UUID_SIZE])
{
	ids_uuid7(out);
	snprintf(out + IDS_UUID_SIZE - 1 - TAG_DIGITS, TAG_DIGITS + 1, "%08" PRIx32, store->tag);
}

bool store_has_tag(const struct store *store, const char *id)
{
	char tag[TAG_DIGITS + 1];
	snprintf(tag, sizeof tag, "%08" PRIx32, store->tag);
	return is_uuid(id) && memcmp(id + IDS_UUID_SIZE - 1 - TAG_DIGITS, tag, TAG_DIGITS) == 0 &&
	       (id[IDS_UUID_SIZE - 1] == '\0' || id[IDS_UUID_SIZE - 1] == '.');
}

bool store_split_id(const char *id, char job[IDS_UUID_SIZE], int64_t *seq)
{
	if (!is_uuid(id) || id[IDS_UUID_SIZE - 1] != '.')
		return false;
	const char *digits = id + IDS_UUID_SIZE;
	if (digits[0] < '1' || digits[0] > '9' || digits[strspn(digits, "0123456789")])
		return false;
	errno = 0;
	long long number = strtoll(digits, NULL, 10);
	if (errno)
		return false;
	memcpy(job, id, IDS_UUID_SIZE - 1);
	job[IDS_UUID_SIZE - 1] = '\0';
	*seq = number;
	return true;
}

void lease_batch_finish(struct lease_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct leased *task = &batch->tasks[i];
		free(task->job_id);
		free(task->name);
		free(task->queue);
		free(task->payload);
		free(task->scopes);
		free(task->wait_gate);
	}
	free(batch->tasks);
	*batch = (struct lease_batch){ .next_ms = -1 };
}

void outgoing_list_finish(struct outgoing_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].job_id);
		free(list->rows[i].payload);
	}
	free(list->rows);
	*list = (struct outgoing_list){ .next_ms = -1 };
}

void gate_list_finish(struct gate_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].job);
		free(list->rows[i].gate);
	}
	free(list->rows);
	*list = (struct gate_list){ 0 };
}

void beat_list_finish(struct beat_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].text);
	free(list->rows);
	*list = (struct beat_list){ 0 };
}

void start_list_finish(struct start_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].id);
		free(list->rows[i].workflow);
		free(list->rows[i].payload);
		free(list->rows[i].key);
		free(list->rows[i].hash);
	}
	free(list->rows);
	*list = (struct start_list){ 0 };
}

void gate_view_finish(struct gate_view *view)
{
	free(view->tallies);
	*view = (struct gate_view){ 0 };
}

void job_record_finish(struct job_record *record)
{
	for (size_t i = 0; i < record->name_count; i++)
		free(record->names[i].name);
	free(record->names);
	free(record->id);
	free(record->workflow);
	free(record->workflow_hash);
	free(record->key);
	free(record->payload);
	free(record->reason);
	*record = (struct job_record){ 0 };
}

void task_record_finish(struct task_record *record)
{
	free(record->job_id);
	free(record->name);
	free(record->queue);
	free(record->payload);
	free(record->result);
	free(record->reason);
	free(record->scopes);
	free(record->wait_gate);
	*record = (struct task_record){ 0 };
}

void job_list_finish(struct job_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		job_record_finish(&list->rows[i]);
	free(list->rows);
	*list = (struct job_list){ 0 };
}

void task_list_finish(struct task_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		task_record_finish(&list->rows[i]);
	free(list->rows);
	*list = (struct task_list){ 0 };
}

void schedule_list_finish(struct schedule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].text);
	free(list->rows);
	*list = (struct schedule_list){ 0 };
}

void attempt_list_finish(struct attempt_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].entry);
		free(list->rows[i].output);
	}
	free(list->rows);
	*list = (struct attempt_list){ 0 };
}
