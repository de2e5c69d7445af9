/*
 * Whose line a task goes on: that of the task that started it. An `after` task that nobody started
 * goes on the line of the one that ended last of those it has waited for.
 */
#include "workers/jobs.h"

#define LOOKED_AT 32 /* tasks of each awaited name: what is shown is bounded, so is the search */

static bool is_later(const struct task_record *row, const struct task_record *than)
{
	return row->finished_at_ms > than->finished_at_ms ||
	       (row->finished_at_ms == than->finished_at_ms && row->seq > than->seq);
}

static bool find_last(struct store *store, const char *job, const char *name,
	struct task_record *last, struct error *err)
{
	const struct task_filter filter = {
		.job = job, .name = name, .parent = -1, .state = -1, .limit = LOOKED_AT
	};
	struct task_list page;
	if (!store->ops->list_tasks(store, &filter, &page, err))
		return false;
	for (size_t i = 0; i < page.count; i++)
		if (is_later(&page.rows[i], last))
			*last = (struct task_record){ .seq = page.rows[i].seq,
				.finished_at_ms = page.rows[i].finished_at_ms };
	task_list_finish(&page);
	return true;
}

bool jobs_find_ancestor(struct jobs *jobs, struct store *store, const struct place_in_job *task,
	int64_t *seq, struct error *err)
{
	struct job_view job;
	const char *const *names = NULL;
	struct task_record last = { 0 };
	*seq = task->parent > 0 ? task->parent : 0;
	if (*seq > 0 || !task->job_id || !task->wait_gate)
		return true;
	if (!jobs_get(jobs, store, task->job_id, task->name, &job, err))
		return false;
	if (!job.facts || job.facts->is_gate)
		return true;
	size_t count = workflow_awaited(job.workflow, task->name, &names);
	for (size_t i = 0; i < count; i++)
		if (!find_last(store, task->job_id, names[i], &last, err))
			return false;
	*seq = last.seq;
	return true;
}
