#pragma once
/*
 * Small caches of what does not change while a job runs: its payload and workflow, and the line of
 * ancestors of its tasks. A fan-out of a hundred thousand rows reads each of them once.
 */
#include "stores/store.h"
#include "workflow/workflow.h"

#include <jansson.h>

struct jobs;

struct jobs *jobs_create(void);
void jobs_destroy(struct jobs *jobs);

/* Borrowed, valid until the next call. Of a pushed task all are NULL. */
struct job_view {
	const json_t *payload; /* NULL where the task starts no others: it may be large */
	const struct workflow *workflow;
	const struct workflow_task *facts; /* NULL where the workflow has no such task */
};
/* The job as a task of this name sees it. */
bool jobs_get(struct jobs *jobs, struct store *store, const char *id, const char *name,
	struct job_view *out, struct error *err);
/* Gives back all that is cached. */
void jobs_forget(struct jobs *jobs);
bool jobs_get_workflow(struct jobs *jobs, struct store *store, const char *hash,
	const struct workflow **out, struct error *err);

#define JOBS_TRACE_MAX 32

/* A task that has ended, as its children see it. */
struct line {
	char id[STORE_ID_SIZE];
	char *name;
	char *result; /* JSON text; NULL for null */
	char *wait_gate;
	int64_t wait_scope;
	json_t *trace; /* attempts of its line of ancestors and its own, the last JOBS_TRACE_MAX */
};
/* Where a task stands. */
struct place_in_job {
	const char *job_id, *name, *wait_gate;
	int64_t parent;
};
/* The number of the task whose line is that of this one's ancestors; 0: it has none. */
bool jobs_find_ancestor(struct jobs *jobs, struct store *store, const struct place_in_job *task,
	int64_t *seq, struct error *err);
/* Borrowed, valid until the next call. */
bool jobs_get_line(struct jobs *jobs, struct store *store, const char *job, int64_t seq,
	const struct line **out, struct error *err);

MEMORY_DROP(jobs, struct jobs *, jobs_destroy)
