/* What the store answers about gates, jobs, tasks and queues. Nothing here changes a task. */
#include "base/clock.h"
#include "stores/backend.h"
#include "stores/memory_acts.h"
#include "stores/memory_limits.h"
#include "stores/memory_tasks.h"

static struct job *get_job(struct store *store, const char *id, struct error *err)
{
	struct job *job = map_find(&memory_of(store)->jobs, id);
	if (!job)
		error_set(err, ERROR_NOT_FOUND, "no job %s", id);
	return job;
}

static struct task *get_task(struct store *store, const char *id, struct error *err)
{
	struct task *task = memory_find_task(memory_of(store), id);
	if (!task)
		error_set(err, ERROR_NOT_FOUND, "no task %s", id);
	return task;
}

bool memory_get_gate(struct store *store, const char *id, int64_t scope, const char *gate,
	const char *const *names, size_t count, struct gate_view *view, struct error *err)
{
	struct job *job = get_job(store, id, err);
	if (!job)
		return false;
	const struct counter *counter = memory_find_counter(job, scope, gate);
	*view = (struct gate_view){ .pending = counter ? counter->pending : 0,
		.version = counter ? counter->version : 0,
		.tallies = xcalloc(count, sizeof *view->tallies),
		.count = count };
	for (size_t i = 0; i < count; i++) {
		const struct census *census = memory_find_census(job, scope, names[i]);
		if (census)
			view->tallies[i] = census->tally;
	}
	return true;
}

static void count_states(const struct census *census, struct name_count *out)
{
	const struct tally *tally = &census->tally;
	*out = (struct name_count){ .name = xstrdup(census->name),
		.states = { [TASK_WAITING] = census->waiting,
			[TASK_WORKING] = census->working,
			[TASK_COMPLETED] = tally->completed,
			[TASK_FAILED] = tally->failed,
			[TASK_INVALID] = tally->invalid,
			[TASK_SKIPPED] = tally->skipped,
			[TASK_CANCELLED] = tally->cancelled } };
	int64_t queued = tally->born;
	for (int state = 0; state < TASK_STATES; state++)
		queued -= out->states[state];
	out->states[TASK_QUEUED] = queued;
}

static void describe_job(const struct job *job, struct job_record *record)
{
	*record = (struct job_record){ .id = xstrdup(job->id),
		.workflow = xstrdup(job->workflow),
		.workflow_hash = xstrdup(job->workflow_hash),
		.key = xstrdup(job->key),
		.payload = xstrdup(job->payload),
		.reason = xstrdup(job->reason),
		.state = job->state,
		.created_at_ms = job->created_at_ms,
		.finished_at_ms = job->finished_at_ms,
		.names = xcalloc(job->names_count, sizeof *record->names),
		.name_count = job->names_count };
	for (size_t i = 0; i < job->names_count; i++)
		count_states(job->names[i], &record->names[i]);
}

bool memory_get_job(
	struct store *store, const char *id, struct job_record *record, struct error *err)
{
	struct job *job = get_job(store, id, err);
	if (job)
		describe_job(job, record);
	return job != NULL;
}

static bool job_matches(const struct job *job, const struct job_filter *filter)
{
	if (filter->workflow && strcmp(job->workflow, filter->workflow) != 0)
		return false;
	if (filter->state >= 0 && (int)job->state != filter->state)
		return false;
	return (!filter->unfinished || job->finished_at_ms == 0) &&
	       (!filter->ending || job->is_ending);
}

bool memory_list_jobs(struct store *store, const struct job_filter *filter, struct job_list *list,
	struct error *err)
{
	(void)err;
	struct job_list found = { 0 };
	size_t room = 0;
	struct map_entry *at = map_before(&memory_of(store)->jobs, filter->before);
	for (; at && found.count < filter->limit; at = at->before) {
		if (!job_matches(at->value, filter))
			continue;
		found.rows = xgrow(found.rows, found.count, &room, sizeof *found.rows);
		describe_job(at->value, &found.rows[found.count++]);
	}
	*list = found;
	return true;
}

static void describe_task(const struct task *task, bool with_bodies, struct task_record *record)
{
	*record = (struct task_record){ .job_id = task->job ? xstrdup(task->job->id) : NULL,
		.name = xstrdup(task->name),
		.queue = xstrdup(task->queue->name),
		.payload = with_bodies ? xstrdup(task->payload) : NULL,
		.result = with_bodies ? xstrdup(task->result) : NULL,
		.reason = xstrdup(task->reason),
		.scopes = xstrdup(task->scopes),
		.seq = memory_seq(task),
		.parent = task->litter ? task->litter->parent : 0,
		.state = memory_state(task),
		.attempt = task->attempt,
		.failures = task->failures,
		.crashes = task->crashes,
		.losses = task->losses,
		.created_at_ms = task->litter ? task->litter->born_at_ms : task->created_at_ms,
		.due_at_ms = task->bundle ? task->bundle->due_at_ms : task->due_at_ms,
		.finished_at_ms = task->finished_at_ms,
		.wait_gate = xstrdup(task->wait_gate),
		.wait_scope = task->wait_scope };
	memory_task_id(task, record->id);
}

bool memory_get_task(
	struct store *store, const char *id, struct task_record *record, struct error *err)
{
	struct task *task = get_task(store, id, err);
	if (task)
		describe_task(task, true, record);
	return task != NULL;
}

static bool task_matches(const struct task *task, const struct task_filter *filter)
{
	enum task_state state = memory_state(task);
	int64_t parent = task->litter ? task->litter->parent : 0;
	if (filter->queue && strcmp(task->queue->name, filter->queue) != 0)
		return false;
	if (filter->name && strcmp(task->name, filter->name) != 0)
		return false;
	if (filter->parent >= 0 && parent != filter->parent)
		return false;
	if (filter->state >= 0 && (int)state != filter->state)
		return false;
	return !filter->is_dead || memory_is_dead(state);
}

/* A page being filled. */
struct page {
	const struct task_filter *filter;
	struct task_list list;
	size_t room, limit;
};

static void add_match(struct page *page, const struct task *task)
{
	struct task_list *list = &page->list;
	if (!task_matches(task, page->filter))
		return;
	list->rows = xgrow(list->rows, list->count, &page->room, sizeof *list->rows);
	describe_task(task, page->filter->with_bodies, &list->rows[list->count++]);
}

static void list_job(struct page *page, const struct job *job, int64_t after_seq)
{
	for (int64_t seq = after_seq + 1; seq < job->next_seq && page->list.count < page->limit;
		seq++)
		add_match(page, memory_task_at(job, seq));
}

/* Pushed tasks and jobs merged by their ids, which sort by age. */
static void list_all(struct page *page, const struct memory *memory, const char *after)
{
	struct map_entry *pushed = map_after(&memory->pushed, after);
	struct map_entry *job = map_after(&memory->jobs, after);
	while ((pushed || job) && page->list.count < page->limit) {
		if (!job || (pushed && strcmp(pushed->key, job->key) < 0)) {
			add_match(page, &((struct pushed *)pushed->value)->task);
			pushed = pushed->next[0];
		} else {
			list_job(page, job->value, 0);
			job = job->next[0];
		}
	}
}

bool memory_list_tasks(struct store *store, const struct task_filter *filter,
	struct task_list *list, struct error *err)
{
	(void)err;
	const struct memory *memory = memory_of(store);
	struct page page = { .filter = filter, .limit = filter->limit };
	if (page.limit == 0 || page.limit > BACKEND_LIST_MAX)
		page.limit = BACKEND_LIST_MAX;
	char job_id[IDS_UUID_SIZE];
	int64_t seq = 0;
	bool in_job = filter->after && !map_find(&memory->pushed, filter->after) &&
		      store_split_id(filter->after, job_id, &seq);
	const char *first = filter->job ? filter->job : in_job ? job_id : NULL;
	const struct job *job = first ? map_find(&memory->jobs, first) : NULL;
	if (job)
		list_job(&page, job, seq);
	if (!filter->job)
		list_all(&page, memory, in_job ? job_id : filter->after);
	*list = page.list;
	return true;
}

bool memory_list_attempts(
	struct store *store, const char *id, struct attempt_list *list, struct error *err)
{
	struct task *task = get_task(store, id, err);
	if (!task)
		return false;
	*list = (struct attempt_list){ 0 };
	list->rows = xcalloc(task->attempts_count, sizeof *list->rows);
	for (size_t i = 0; i < task->attempts_count; i++) {
		const struct attempt *attempt = &task->attempts[i];
		if (attempt->entry)
			list->rows[list->count++] =
				(struct attempt_record){ .attempt = attempt->token.attempt,
					.entry = xstrdup(attempt->entry),
					.output = xstrdup(attempt->output) };
	}
	return true;
}

/* Tasks that are delayed but due by now: a lease would take them. Below a line that is not due,
 * none is. */
static int64_t count_due(const struct heap *delayed, size_t at, int64_t now)
{
	if (at >= delayed->count || delayed->nodes[at]->rank > now)
		return 0;
	const struct bundle *bundle = delayed->nodes[at]->self;
	return (int64_t)bundle->tasks.count + count_due(delayed, 2 * at + 1, now) +
	       count_due(delayed, 2 * at + 2, now);
}

bool memory_get_queue(
	struct store *store, const char *name, struct queue_stats *stats, struct error *err)
{
	(void)err;
	*stats = (struct queue_stats){ 0 };
	const struct queue *queue = map_find(&memory_of(store)->queues, name);
	if (!queue)
		return true;
	int64_t now = clock_wall_ms();
	int64_t due = count_due(&queue->delayed, 0, now);
	int64_t outbox = queue->unsent_count + queue->sent_count;
	int64_t later = memory_count_later(queue, now);
	*stats = (struct queue_stats){ .depth = queue->ready_count + due + queue->parked_count +
						outbox - later,
		.delayed = queue->delayed_count - due + later,
		.unsent = queue->unsent_count,
		.sent = queue->sent_count,
		.working = (int64_t)queue->leases.count,
		.dead = queue->dead_count,
		.completed = queue->completed,
		.failed = queue->failed,
		.paused_at_ms = queue->paused_at_ms };
	if (queue->rate_ms > 0) {
		stats->rate_ms = queue->rate_ms;
		stats->rate_taken = memory_taken(queue, queue->rate_ms, &stats->rate_next_ms);
	}
	struct heap_node *node = heap_first(due ? &queue->delayed : &queue->ready);
	if (node)
		stats->oldest_ms = now - ((struct bundle *)node->self)->due_at_ms;
	return true;
}
