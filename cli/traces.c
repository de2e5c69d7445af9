/* The trace for people; see traces.h. */
#include "cli/traces.h"

#include "base/jsontext.h"
#include "cli/table.h"
#include "workers/jobs.h"
#include "workers/shapes.h"

#include <stdio.h>

#define TASKS_MAX 50

static const char columns[] = "TASK|>ATTEMPT|STATUS|WORKER|HOST|RECEIVED|>SECONDS|MESSAGE";
static const char *const members[] = { "task", "attempt", "status", "worker", "host", "received_at",
	"seconds", "message" };

static void add_member(struct table *table, const json_t *entry, const char *key)
{
	const json_t *value = json_object_get(entry, key);
	if (json_is_string(value)) {
		OWNED(free) char *cut = table_clean(json_string_value(value), 100);
		table_add(table, cut);
		return;
	}
	OWNED(free) char *text = value && !json_is_null(value) ? jsontext_print(value) : NULL;
	table_add(table, text);
}

static void show_entries(const json_t *entries)
{
	OWNED(table) struct table *table = table_create(columns);
	for (size_t i = 0; i < json_array_size(entries); i++)
		for (size_t j = 0; j < ARRAY_SIZE(members); j++)
			add_member(table, json_array_get(entries, i), members[j]);
	putchar('\n');
	table_print(table, stdout);
}

static void add_attempts(const struct attempt_list *attempts, json_t *out)
{
	for (size_t i = 0; i < attempts->count; i++) {
		OWNED(json) json_t *entry = shapes_value(attempts->rows[i].entry);
		if (json_is_object(entry))
			json_array_append(out, entry);
	}
}

void traces_show_attempts(const struct attempt_list *attempts)
{
	OWNED(json) json_t *entries = json_array();
	add_attempts(attempts, entries);
	show_entries(entries);
}

bool traces_show_line(struct store *store, const struct task_record *task, struct error *err)
{
	OWNED(jobs) struct jobs *jobs = jobs_create();
	const struct place_in_job place = { task->job_id, task->name, task->wait_gate,
		task->parent };
	const struct line *line;
	int64_t seq;
	if (!jobs_find_ancestor(jobs, store, &place, &seq, err))
		return false;
	if (seq == 0)
		return true;
	if (!jobs_get_line(jobs, store, task->job_id, seq, &line, err))
		return false;
	if (json_array_size(line->trace) == 0)
		return true;
	printf("\nbefore it:");
	show_entries(line->trace);
	return true;
}

/* Times of RFC 3339 in UTC sort as texts. One that was never received counts by its end. */
static const char *time_of(const json_t *entry)
{
	const char *received = json_string_value(json_object_get(entry, "received_at"));
	const char *finished = json_string_value(json_object_get(entry, "finished_at"));
	return received ? received : finished ? finished : "";
}

static int compare(const void *left, const void *right)
{
	const json_t *const *one = left, *const *other = right;
	return strcmp(time_of(*one), time_of(*other));
}

/* A new reference. */
static json_t *sort(const json_t *entries)
{
	size_t count = json_array_size(entries);
	OWNED(free) json_t **list = xcalloc(count + 1, sizeof(json_t *));
	json_t *sorted = json_array();
	for (size_t i = 0; i < count; i++)
		list[i] = json_array_get(entries, i);
	qsort(list, count, sizeof *list, compare);
	for (size_t i = 0; i < count; i++)
		json_array_append(sorted, list[i]);
	return sorted;
}

bool traces_show_job(struct store *store, const char *job, struct error *err)
{
	const struct task_filter filter = {
		.job = job, .parent = -1, .state = -1, .limit = TASKS_MAX + 1
	};
	OWNED(json) json_t *entries = json_array();
	struct task_list list;
	bool ok = true;
	if (!store->ops->list_tasks(store, &filter, &list, err))
		return false;
	for (size_t i = 0; ok && i < list.count && i < TASKS_MAX; i++) {
		struct attempt_list attempts = { 0 };
		ok = store->ops->list_attempts(store, list.rows[i].id, &attempts, err);
		if (ok)
			add_attempts(&attempts, entries);
		attempt_list_finish(&attempts);
	}
	OWNED(json) json_t *sorted = sort(entries);
	if (ok && json_array_size(sorted) > 0)
		show_entries(sorted);
	if (ok && list.count > TASKS_MAX)
		printf("… of the first %d tasks; of all: reeve tasks %s --json\n", TASKS_MAX, job);
	task_list_finish(&list);
	return ok;
}
