/* Goes through the gates that wait, in pages; see keeper_recount.h. */
#include "workers/keeper_recount.h"

#include <stdio.h>

#define GATES 16  /* looked at by their tallies at a time */
#define ROWS  500 /* read at a time */

static void free_gate(struct waiting_gate *gate)
{
	free(gate->job);
	free(gate->gate);
	*gate = (struct waiting_gate){ 0 };
}

void recount_finish(struct recount *recount)
{
	gate_list_finish(&recount->page);
	free_gate(&recount->mended);
}

static int64_t unfinished(const struct tally *tally)
{
	return tally->born - tally->completed - tally->failed - tally->invalid - tally->skipped -
	       tally->cancelled;
}

/* What one name brings to a gate, by its tally in the scope. Below a task only those of awaited
 * names are kept: others are zero there. */
static bool tally_explains(const struct workflow *workflow, const char *gate, const char *name,
	const struct tally *tally)
{
	bool has_failed = tally->failed + tally->invalid + tally->cancelled > 0;
	return unfinished(tally) > 0 ||
	       (has_failed && workflow_counts(workflow, gate, name, TASK_FAILED));
}

static bool read_tallies(struct store *store, const struct workflow *workflow,
	const struct waiting_gate *gate, bool *is_explained, struct error *err)
{
	size_t all = workflow_task_count(workflow), count = 0;
	OWNED(free) const char **names = xcalloc(all + 1, sizeof *names);
	for (size_t i = 0; i < all; i++) {
		const char *name = workflow_task_at(workflow, i)->name;
		if (workflow_counts(workflow, gate->gate, name, TASK_QUEUED))
			names[count++] = name;
	}
	struct gate_view view;
	if (!store->ops->get_gate(
		    store, gate->job, gate->scope, gate->gate, names, count, &view, err))
		return false;
	/* A gate that this workflow does not know is none of our business. */
	*is_explained = count == 0 || view.pending != gate->pending;
	for (size_t i = 0; i < count; i++)
		*is_explained |= tally_explains(workflow, gate->gate, names[i], &view.tallies[i]);
	gate_view_finish(&view);
	return true;
}

static bool find_workflow(struct store *store, struct jobs *jobs, const char *id,
	const struct workflow **out, struct error *err)
{
	struct job_record job;
	if (!store->ops->get_job(store, id, &job, err))
		return false;
	bool ok = jobs_get_workflow(jobs, store, job.workflow_hash, out, err);
	job_record_finish(&job);
	return ok;
}

/* A gate or job that has gone or changed meanwhile needs nothing. */
static bool is_gone(const struct error *err)
{
	return err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT;
}

static bool look_at_gates(
	struct recount *recount, struct store *store, struct jobs *jobs, struct error *err)
{
	while (recount->at < recount->page.count && !recount->is_reading) {
		const struct waiting_gate *gate = &recount->page.rows[recount->at];
		const struct workflow *workflow;
		bool is_explained = true;
		bool ok = find_workflow(store, jobs, gate->job, &workflow, err) &&
			  read_tallies(store, workflow, gate, &is_explained, err);
		if (!ok && !is_gone(err))
			return false;
		recount->is_reading = ok && !is_explained;
		recount->after[0] = '\0';
		recount->at += !recount->is_reading;
	}
	return true;
}

static bool turn_page(struct recount *recount, struct store *store, struct error *err)
{
	struct gate_list *page = &recount->page, next;
	const struct waiting_gate *last = page->count ? &page->rows[page->count - 1] : NULL;
	if (!store->ops->list_gates(store, last, GATES, &next, err))
		return false;
	gate_list_finish(page);
	*page = next;
	recount->at = 0;
	recount->is_in_cycle = page->count > 0;
	return true;
}

static bool mend(struct recount *recount, struct store *store, struct waiting_gate *gate,
	const struct waiting_gate **mended, struct error *err)
{
	if (!store->ops->mend_gate(store, gate->job, gate->scope, gate->gate, gate->pending, err))
		return is_gone(err);
	free_gate(&recount->mended);
	recount->mended = (struct waiting_gate){ .job = xstrdup(gate->job),
		.scope = gate->scope,
		.gate = xstrdup(gate->gate),
		.pending = gate->pending };
	*mended = &recount->mended;
	return true;
}

/*
 * Rows in the order of their birth: a task that was read as ended has borne its children, and they
 * stand behind it. So where the end is reached and nothing was found there is nothing; what is
 * revived meanwhile has changed the counter, and mend_gate refuses.
 */
static bool read_rows(struct recount *recount, struct store *store, struct jobs *jobs,
	const struct waiting_gate **mended, struct error *err)
{
	struct waiting_gate *gate = &recount->page.rows[recount->at];
	const struct task_filter filter = { .job = gate->job,
		.parent = -1,
		.state = -1,
		.after = *recount->after ? recount->after : NULL,
		.limit = ROWS };
	const struct workflow *workflow;
	struct task_list list;
	if (!find_workflow(store, jobs, gate->job, &workflow, err) ||
		!store->ops->list_tasks(store, &filter, &list, err)) {
		recount->is_reading = !is_gone(err);
		recount->at += !recount->is_reading;
		return !recount->is_reading;
	}
	bool is_found = false, is_last = list.count < ROWS;
	for (size_t i = 0; i < list.count && !is_found; i++)
		is_found = workflow_is_in_scope(list.rows[i].scopes, gate->scope) &&
			   workflow_counts(
				   workflow, gate->gate, list.rows[i].name, list.rows[i].state);
	if (list.count > 0)
		snprintf(recount->after, sizeof recount->after, "%s", list.rows[list.count - 1].id);
	task_list_finish(&list);
	recount->is_reading = !is_found && !is_last;
	recount->at += !recount->is_reading;
	return is_found || !is_last || mend(recount, store, gate, mended, err);
}

bool recount_look(struct recount *recount, struct store *store, struct jobs *jobs, int64_t now_ms,
	const struct waiting_gate **mended, struct error *err)
{
	*mended = NULL;
	if (!recount->is_in_cycle && now_ms >= recount->cycle_at_ms) {
		gate_list_finish(&recount->page);
		recount->at = 0;
		recount->is_in_cycle = true;
		recount->cycle_at_ms = now_ms + RECOUNT_MS;
	}
	if (!recount->is_in_cycle)
		return true;
	if (recount->is_reading)
		return read_rows(recount, store, jobs, mended, err);
	if (recount->at == recount->page.count && !turn_page(recount, store, err))
		return false;
	return look_at_gates(recount, store, jobs, err);
}
