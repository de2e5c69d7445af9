#pragma once
/*
 * Acts of people on jobs and tasks, shared by the command line and the web API: start, push,
 * cancel, retry, purge. Each is made of the store's atomic acts, so that one that was cut short can
 * simply be repeated. None needs a supervisor.
 */
#include "base/error.h"
#include "config/config.h"
#include "stores/store.h"
#include "workflow/workflow.h"

#include <jansson.h>

/* A new job. payload: an object. key: NULL, or the running job that has it is answered instead.
 * config: for the queues' priorities; may be NULL. */
struct acts_start {
	const char *id;    /* NULL: a new one */
	const char *place; /* the task in whose place it runs, or NULL; see store.h */
	const struct workflow *workflow;
	const json_t *payload;
	const char *key;
	const struct config *config;
};
bool acts_start(struct store *store, const struct acts_start *start, char id_out[STORE_ID_SIZE],
	struct error *err);

/* What acts_start submits, for acts that submit it together with something else. The workflow is
 * put into the store; finish it in any case. */
struct acts_begun {
	struct submission submission;
	struct advance advance;
	char *payload;
	char id[IDS_UUID_SIZE];
};
bool acts_begin(struct store *store, const struct acts_start *start, struct acts_begun *out,
	struct error *err);
void acts_begun_finish(struct acts_begun *begun);

/* One task without a workflow; payload: any value. name NULL: the queue's name. */
struct acts_push {
	const char *queue, *name, *key;
	const json_t *payload;
	int priority;
	int64_t delay_ms;
};
bool acts_push(struct store *store, const struct acts_push *push, char id_out[STORE_ID_SIZE],
	struct error *err);

enum acts_kind { ACTS_JOB, ACTS_TASK };
/* What an id names; NOT_FOUND "no job or task ID". */
bool acts_find(struct store *store, const char *id, enum acts_kind *kind, struct error *err);

/* Ends a job's queued and waiting tasks; working ones are told. CONFLICT where
 * the job has completed or failed; a repeat is success. */
bool acts_cancel_job(struct store *store, const char *id, struct error *err);
/* The same for the job in the place of a task; true too where none has begun, or it has ended. */
bool acts_cancel_below(struct store *store, const char *task_id, struct error *err);
/* What is left of the cancel of a job that is flagged; begins with all 0 but the job. */
struct acts_cancel {
	char job[STORE_ID_SIZE];
	char after[STORE_ID_SIZE]; /* of its tasks: jobs in the places up to this one are flagged */
	bool is_told;              /* all of them are */
	bool is_done;              /* its queued and waiting tasks have ended too */
};
/* One page of it; repeat it until is_done. */
bool acts_cancel_step(
	struct store *store, struct acts_cancel *cancel, size_t limit, struct error *err);
/* Ends a queued or waiting task; *is_ended is false where it is working and stops at its next
 * renewal. CONFLICT where it has ended. */
bool acts_cancel_task(struct store *store, const char *id, bool *is_ended, struct error *err);

/* Queues a failed, invalid or cancelled task again with fresh budgets; CONFLICT for another. */
bool acts_retry_task(struct store *store, const char *id, struct error *err);
/* After the end of a job in the place of a task: where that has failed with it, and the job has
 * since been retried and completed, the task runs again. */
bool acts_follow_up(struct store *store, const struct job_record *job, struct error *err);
/* The same for all failed and invalid tasks of a job, or of a queue. CONFLICT where the job is
 * cancelled, or where none could be queued: its key is taken again. */
bool acts_retry_job(struct store *store, const char *id, size_t *retried, struct error *err);
bool acts_retry_dead(struct store *store, const char *queue, size_t *retried, struct error *err);

struct acts_purged {
	size_t deleted;   /* pushed tasks, gone with all that was known of them */
	size_t cancelled; /* tasks of jobs */
};
/* Empties a queue of its queued tasks; or, is_dead, deletes its dead pushed tasks (those of jobs
 * stay with their job). INVALID for that of tasks with jobs in their places. */
bool acts_purge(struct store *store, const char *queue, bool is_dead, struct acts_purged *purged,
	struct error *err);

/* The descriptor that a job was started with, from the store. */
bool acts_open_workflow(
	struct store *store, const char *hash, struct workflow **out, struct error *err);
