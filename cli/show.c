/* Jobs and tasks on stdout; see show.h. */
#include "cli/show.h"

#include "base/clock.h"
#include "cli/traces.h"
#include "workers/nested.h"
#include "workers/pages.h"
#include "workers/shapes.h"

#define ROWS_AT_ONCE 500

static void show_field(const char *name, const char *text)
{
	OWNED(free) char *clean = table_clean(text && *text ? text : "-", 0);
	printf("%-9s %s\n", name, clean);
}

static void show_time(const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE] = "";
	if (wall_ms)
		clock_format(wall_ms, text);
	show_field(name, text);
}

/* Only the states that some task is in get a column. */
static void show_counts(const struct job_record *job)
{
	bool is_used[TASK_STATES] = { false };
	for (size_t i = 0; i < job->name_count; i++)
		for (int state = 0; state < TASK_STATES; state++)
			is_used[state] = is_used[state] || job->names[i].states[state] > 0;
	char columns[200] = "TASK";
	for (int state = 0; state < TASK_STATES; state++)
		if (is_used[state]) {
			strcat(columns, "|>");
			strcat(columns, task_state_names[state]);
		}
	OWNED(table) struct table *table = table_create(columns);
	for (size_t i = 0; i < job->name_count; i++) {
		table_add(table, job->names[i].name);
		for (int state = 0; state < TASK_STATES; state++)
			if (is_used[state])
				table_add_number(table, job->names[i].states[state]);
	}
	putchar('\n');
	table_print(table, stdout);
}

void show_job(const struct job_record *job, bool is_json)
{
	if (is_json) {
		print_json(shapes_job(job));
		return;
	}
	show_field("job", job->id);
	show_field("workflow", job->workflow);
	show_field("status", job_state_names[job->state]);
	if (job->reason)
		show_field("reason", job->reason);
	if (job->key)
		show_field(nested_is(job->id) ? "parent" : "key", job->key);
	show_time("created", job->created_at_ms);
	show_time("finished", job->finished_at_ms);
	show_field("payload", job->payload);
	if (job->name_count)
		show_counts(job);
}

static void show_output(const char *output)
{
	puts("\noutput of the last attempt:");
	while (*output) {
		size_t length = strcspn(output, "\n");
		OWNED(free) char *line = xstrndup(output, length);
		OWNED(free) char *clean = table_clean(line, 0);
		printf("  %s\n", clean);
		output += length + (output[length] == '\n');
	}
}

static void show_task_fields(const struct task_record *task)
{
	show_field("task", task->id);
	show_field("job", task->job_id);
	show_field("name", task->name);
	char nested[IDS_UUID_SIZE];
	nested_id(task->id, nested);
	if (nested_is_queue(task->queue))
		show_field("nested", nested);
	else
		show_field("queue", task->queue);
	show_field("status", task_state_names[task->state]);
	if (task->reason)
		show_field("reason", task->reason);
	if (task->state == TASK_WAITING && task->wait_gate)
		show_field("gate", task->wait_gate);
	if (shapes_due_ms(task))
		show_time("due", shapes_due_ms(task));
	show_time("finished", task->finished_at_ms);
	show_field("payload", task->payload);
	show_field("result", task->result);
}

bool show_task(struct store *store, const struct task_record *task, bool is_json, struct error *err)
{
	struct attempt_list attempts = { 0 };
	if (!store->ops->list_attempts(store, task->id, &attempts, err))
		return false;
	if (is_json) {
		print_json(shapes_task(task, &attempts));
	} else {
		show_task_fields(task);
		if (!traces_show_line(store, task, err)) {
			attempt_list_finish(&attempts);
			return false;
		}
		if (attempts.count)
			traces_show_attempts(&attempts);
		const char *output =
			attempts.count ? attempts.rows[attempts.count - 1].output : NULL;
		if (output && *output)
			show_output(output);
	}
	attempt_list_finish(&attempts);
	return true;
}

static bool add_task_json(struct store *store, const struct task_record *task,
	struct print_list *out, struct error *err)
{
	struct attempt_list attempts = { 0 };
	if (!store->ops->list_attempts(store, task->id, &attempts, err))
		return false;
	print_list_add(out, shapes_task(task, &attempts));
	attempt_list_finish(&attempts);
	return true;
}

static void add_task_row(struct table *table, const struct task_record *task)
{
	OWNED(free) char *reason = table_clean(task->reason ? task->reason : "", 80);
	table_add(table, task->id);
	table_add(table, task->name);
	table_add(table, task->queue);
	table_add(table, task_state_names[task->state]);
	table_add_number(table, task->attempt);
	table_add_time(table, shapes_due_ms(task));
	table_add_time(table, task->finished_at_ms);
	table_add(table, reason);
}

struct listing {
	struct store *store;
	bool is_json;
	struct print_list json;
	struct table *table;
	size_t rows;
	int wanted; /* the state as it is shown; −1: any */
};

static bool list_task(void *context, const struct task_record *task, struct error *err)
{
	struct listing *listing = context;
	struct task_record shown = *task;
	nested_show_task(&shown);
	if (listing->wanted >= 0 && shown.state != (enum task_state)listing->wanted)
		return true;
	if (listing->is_json)
		return add_task_json(listing->store, &shown, &listing->json, err);
	add_task_row(listing->table, &shown);
	if (++listing->rows % ROWS_AT_ONCE == 0)
		table_print(listing->table, stdout);
	return true;
}

/* Tasks with a job in their place are queued in the store, and shown as waiting. */
static bool list_places(struct listing *listing, struct task_filter filter, struct error *err)
{
	static const enum task_state states[] = { TASK_QUEUED, TASK_WORKING };
	bool ok = true;
	if (filter.state != TASK_WAITING || filter.queue)
		return true;
	filter.queue = WORKFLOW_NESTED_QUEUE;
	for (size_t i = 0; ok && i < ARRAY_SIZE(states); i++) {
		filter.state = states[i];
		ok = pages_of_tasks(listing->store, filter, list_task, listing, err);
	}
	return ok;
}

bool show_tasks(
	struct store *store, const struct task_filter *filter, bool is_json, struct error *err)
{
	OWNED(table)
	struct table *table = table_create("TASK|NAME|QUEUE|STATUS|>ATTEMPT|DUE|FINISHED|REASON");
	struct listing listing = {
		.store = store, .is_json = is_json, .table = table, .wanted = filter->state
	};
	struct task_filter wanted = *filter;
	wanted.with_bodies = is_json;
	if (!pages_of_tasks(store, wanted, list_task, &listing, err) ||
		!list_places(&listing, wanted, err))
		return false;
	if (is_json)
		print_list_end(&listing.json);
	else
		table_print(table, stdout);
	return true;
}
