/*
 * `inputs`: the results of the tasks that a task waited for, itself or through the gate that
 * started it, and of the task that started it where neither is a gate. Read in pages; more than a
 * mebibyte becomes counts.
 */
#include "workers/attempt.h"

#include "base/jsontext.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE       64
#define INPUTS_MAX (1024 * 1024)

struct collection {
	struct attempt *attempt;
	const char *job;
	json_t *inputs;
	const char *name; /* being collected */
	json_t *results;
	size_t bytes;
	int64_t scope; /* only rows in it; 0: all */
	int64_t born;  /* so many rows there are; -1: not known */
};

static bool list(struct collection *into, const struct task_filter *filter, struct task_list *page,
	struct error *err)
{
	struct self *self = &into->attempt->worker->self;
	bool ok;
	do
		ok = self->store->ops->list_tasks(self->store, filter, page, err);
	while (self_tries_again(self, ok, err));
	return ok;
}

static bool is_full(const struct collection *into)
{
	return into->bytes > INPUTS_MAX;
}

static void add_result(struct collection *into, const char *text)
{
	json_t *value;
	if (!text || !jsontext_parse(text, strlen(text), &value, NULL))
		value = json_null();
	into->bytes += text ? strlen(text) + 1 : 5;
	json_array_append_new(into->results, value);
}

/* Only a completed task has a result to give: the others count as null. */
static const char *result_of(const struct task_record *row)
{
	return row->state == TASK_COMPLETED ? row->result : NULL;
}

static bool has_all(const struct collection *into)
{
	return into->born >= 0 && json_array_size(into->results) >= (size_t)into->born;
}

/* A page that asks for more than there is looks at the whole rest of the job. */
static size_t page_size(const struct collection *into)
{
	if (into->born < 0 || into->scope > 0)
		return PAGE;
	size_t left = (size_t)into->born - json_array_size(into->results);
	return left < PAGE ? left : PAGE;
}

static bool is_wanted(const struct collection *into, const struct task_record *row)
{
	return into->scope == 0 || workflow_is_in_scope(row->scopes, into->scope);
}

static bool take_rows(struct collection *into, int64_t parent, struct error *err)
{
	int64_t above = parent > 0 ? parent : into->scope; /* what is below it is younger */
	char last[STORE_ID_SIZE] = "";
	struct task_list page;
	size_t limit = PAGE, got = PAGE;
	if (above > 0)
		snprintf(last, sizeof last, "%s.%" PRId64, into->job, above);
	while (got == limit && !is_full(into) && !has_all(into)) {
		limit = page_size(into);
		const struct task_filter filter = { .job = into->job,
			.name = into->name,
			.parent = parent,
			.state = -1,
			.with_bodies = true,
			.after = *last ? last : NULL,
			.limit = limit };
		if (!list(into, &filter, &page, err))
			return false;
		got = page.count;
		for (size_t i = 0; i < got; i++)
			if (is_wanted(into, &page.rows[i]))
				add_result(into, result_of(&page.rows[i]));
		if (got > 0)
			memcpy(last, page.rows[got - 1].id, sizeof last);
		task_list_finish(&page);
		attempt_tick(into->attempt);
	}
	return true;
}

/* Children of the scope's own task are found by it. What is deeper is found in one pass of the job,
 * from that task on: to go down from child to child would ask the store for each of them. */
static bool take_scope(struct collection *into, int64_t scope, struct error *err)
{
	size_t bytes = into->bytes;
	if (!take_rows(into, scope, err))
		return false;
	if (is_full(into) || has_all(into))
		return true;
	json_array_clear(into->results);
	into->bytes = bytes;
	into->scope = scope;
	bool ok = take_rows(into, -1, err);
	into->scope = 0;
	return ok;
}

/* How many of each name were born in the gate's scope, from its own counts. */
static bool read_tallies(struct collection *into, const char *gate, int64_t scope,
	const char *const *names, size_t count, struct gate_view *view, struct error *err)
{
	struct self *self = &into->attempt->worker->self;
	bool ok;
	do
		ok = self->store->ops->get_gate(self->store, into->attempt->task->job_id, scope,
			gate, names, count, view, err);
	while (self_tries_again(self, ok, err));
	return ok;
}

/* Too much to hand over: how many there are. */
static void count_instead(struct collection *into, const char *const *names, size_t count,
	const struct gate_view *view)
{
	for (size_t i = 0; i < count; i++)
		json_object_set_new(into->inputs, names[i],
			json_pack("{s:I}", "count", (json_int_t)view->tallies[i].born));
}

static bool collect_name(
	struct collection *into, const char *name, int64_t scope, int64_t born, struct error *err)
{
	into->name = name;
	into->results = json_array();
	into->born = born;
	json_object_set_new(into->inputs, name, into->results);
	bool ok = scope == 0 ? take_rows(into, -1, err) : take_scope(into, scope, err);
	into->born = -1;
	return ok;
}

static bool collect_awaited(struct collection *into, const char *waiting, const char *gate,
	int64_t scope, struct error *err)
{
	const char *const *names = NULL;
	struct gate_view view = { 0 };
	size_t count = workflow_awaited(into->attempt->job.workflow, waiting, &names);
	bool ok = read_tallies(into, gate, scope, names, count, &view, err);
	for (size_t i = 0; ok && i < count && !is_full(into); i++)
		ok = collect_name(into, names[i], scope, view.tallies[i].born, err);
	if (ok && is_full(into))
		count_instead(into, names, count, &view);
	gate_view_finish(&view);
	return ok;
}

static bool get_parent(struct attempt *attempt, const struct line **out, struct error *err)
{
	const struct leased *task = attempt->task;
	struct self *self = &attempt->worker->self;
	bool ok;
	do
		ok = jobs_get_line(
			attempt->worker->jobs, self->store, task->job_id, task->parent, out, err);
	while (self_tries_again(self, ok, err));
	return ok;
}

/* A gate hands on what it waited for, any other task its own result. */
static bool collect_from_parent(struct collection *into, struct error *err)
{
	const struct line *parent;
	if (!get_parent(into->attempt, &parent, err))
		return false;
	const struct workflow_task *facts =
		workflow_find_task(into->attempt->job.workflow, parent->name);
	if (parent->wait_gate && facts && facts->is_gate) {
		OWNED(free) char *gate = xstrdup(parent->wait_gate);
		return collect_awaited(into, parent->name, gate, parent->wait_scope, err);
	}
	into->results = json_array();
	json_object_set_new(into->inputs, parent->name, into->results);
	add_result(into, parent->result);
	if (is_full(into))
		json_object_set_new(into->inputs, parent->name, json_pack("{s:i}", "count", 1));
	return true;
}

bool attempt_inputs(struct attempt *attempt, json_t **out, struct error *err)
{
	const struct leased *task = attempt->task;
	OWNED(json) json_t *inputs = json_object();
	struct collection into = {
		.attempt = attempt, .job = task->job_id, .inputs = inputs, .born = -1
	};
	bool is_gate = attempt->facts && attempt->facts->is_gate;
	if (attempt->job.workflow && task->parent > 0 && !is_gate &&
		!collect_from_parent(&into, err))
		return false;
	if (attempt->job.workflow && task->wait_gate &&
		!collect_awaited(&into, task->name, task->wait_gate, task->wait_scope, err))
		return false;
	*out = GIVE(inputs);
	return true;
}

/* Results of over a mebibyte are how many there are, by the job's own counts. */
static bool collect_ended(
	struct collection *into, const struct workflow *workflow, struct error *err)
{
	for (size_t i = 0; i < workflow_task_count(workflow); i++) {
		const struct workflow_task *task = workflow_task_at(workflow, i);
		if (!task->is_last)
			continue;
		into->name = task->name;
		into->results = json_array();
		json_object_set_new(into->inputs, task->name, into->results);
		if (!is_full(into) && !take_rows(into, -1, err))
			return false;
	}
	return true;
}

static bool count_ended(struct collection *into, struct error *err)
{
	struct self *self = &into->attempt->worker->self;
	struct job_record job;
	bool ok;
	do
		ok = self->store->ops->get_job(self->store, into->job, &job, err);
	while (self_tries_again(self, ok, err));
	if (!ok)
		return false;
	for (size_t i = 0; i < job.name_count; i++) {
		json_int_t count = 0;
		for (int state = 0; state < TASK_STATES; state++)
			count += job.names[i].states[state];
		if (json_object_get(into->inputs, job.names[i].name))
			json_object_set_new(into->inputs, job.names[i].name,
				json_pack("{s:I}", "count", count));
	}
	job_record_finish(&job);
	return true;
}

bool attempt_results(struct attempt *attempt, const char *job, const struct workflow *workflow,
	json_t **out, struct error *err)
{
	OWNED(json) json_t *results = json_object();
	struct collection into = { .attempt = attempt, .job = job, .inputs = results, .born = -1 };
	if (!collect_ended(&into, workflow, err) || (is_full(&into) && !count_ended(&into, err)))
		return false;
	*out = GIVE(results);
	return true;
}
