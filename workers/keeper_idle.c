/* --until-idle: whether any unfinished job can still lead to the queues that are watched. */
#include "workers/keeper.h"

#include "base/clock.h"
#include "workers/notices.h"

#include <stdio.h>

#define CHECK_MS 1000
#define PAGE     64

static bool is_meant(const struct worker_setup *setup, const struct config_queue *pool)
{
	for (size_t i = 0; i < setup->idle_queue_count; i++)
		if (strcmp(setup->idle_queues[i], pool->name) == 0)
			return true;
	return setup->idle_queue_count == 0;
}

void keeper_open_watch(struct keeper *keeper)
{
	const struct worker_setup *setup = keeper->self.setup;
	const struct config *config = setup->config;
	size_t count = 2; /* ours, below */
	for (size_t i = 0; i < config->queue_count; i++)
		count += config_pull_count(&config->queues[i]);
	keeper->watched = xcalloc(count, sizeof *keeper->watched);
	for (size_t i = 0; i < config->queue_count; i++) {
		const struct config_queue *pool = &config->queues[i];
		for (size_t j = 0; is_meant(setup, pool) && j < config_pull_count(pool); j++)
			keeper->watched[keeper->watched_count++] = config_pull_name(pool, j);
	}
	/* The keeper's own: a task with a job in its place may lead anywhere. */
	keeper->watched[keeper->watched_count++] = WORKFLOW_NESTED_QUEUE;
	if (config->broker_url)
		keeper->watched[keeper->watched_count++] = NOTICES_QUEUE;
}

static bool queues_are_empty(struct keeper *keeper, bool *out, struct error *err)
{
	struct store *store = keeper->self.store;
	*out = true;
	for (size_t i = 0; i < keeper->watched_count && *out; i++) {
		struct queue_stats stats;
		if (!store->ops->get_queue(store, keeper->watched[i], &stats, err))
			return false;
		*out = stats.depth + stats.delayed + stats.working == 0;
	}
	return true;
}

static bool has_unfinished(const struct name_count *name)
{
	return name->states[TASK_WAITING] + name->states[TASK_QUEUED] + name->states[TASK_WORKING] >
	       0;
}

static bool job_leads_here(struct keeper *keeper, const char *id, bool *out, struct error *err)
{
	struct store *store = keeper->self.store;
	const struct workflow *workflow;
	struct job_record job;
	if (!store->ops->get_job(store, id, &job, err))
		return false;
	bool ok = jobs_get_workflow(keeper->jobs, store, job.workflow_hash, &workflow, err);
	*out = false;
	for (size_t i = 0; ok && !*out && i < job.name_count; i++)
		*out = job.finished_at_ms == 0 && has_unfinished(&job.names[i]) &&
		       workflow_leads_to_queue(
			       workflow, job.names[i].name, keeper->watched, keeper->watched_count);
	job_record_finish(&job);
	return ok;
}

static bool jobs_lead_here(struct keeper *keeper, bool *out, struct error *err)
{
	struct store *store = keeper->self.store;
	char last[STORE_ID_SIZE] = "";
	size_t got = PAGE;
	bool ok = true;
	*out = false;
	while (ok && !*out && got == PAGE) {
		const struct job_filter filter = { .state = -1,
			.unfinished = true,
			.before = *last ? last : NULL,
			.limit = PAGE };
		struct job_list page;
		if (!store->ops->list_jobs(store, &filter, &page, err))
			return false;
		got = page.count;
		for (size_t i = 0; ok && !*out && i < got; i++)
			ok = job_leads_here(keeper, page.rows[i].id, out, err);
		if (got > 0)
			snprintf(last, sizeof last, "%s", page.rows[got - 1].id);
		job_list_finish(&page);
	}
	return ok;
}

void keeper_judge_idle(struct keeper *keeper)
{
	struct scoreboard *board = keeper->self.setup->board;
	bool is_empty, is_led_to = false;
	struct error err = { 0 };
	keeper->idle_at_ms = clock_steady_ms() + CHECK_MS;
	bool ok = queues_are_empty(keeper, &is_empty, &err) &&
		  (!is_empty || jobs_lead_here(keeper, &is_led_to, &err));
	/* A job that is gone meanwhile (NOT_FOUND) is looked at no more. */
	if (!ok && err.kind == ERROR_NOT_FOUND)
		return;
	if (!keeper_note(keeper, ok, "idle", &err))
		return;
	atomic_store(&board->is_idle, is_empty && !is_led_to);
	atomic_store(&board->idle_checked_at_ms, clock_steady_ms());
}
