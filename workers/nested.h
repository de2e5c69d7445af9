#pragma once
/*
 * Tasks with `workflow:`: a job of another workflow runs in their place. Such a task stands in the
 * queue WORKFLOW_NESTED_QUEUE, which keepers serve. It is leased, its job is submitted under an id
 * that follows from the task's, and the task is put back, not due for a while: nobody holds it, its
 * job goes on running, and for people it is `waiting`. When the nested job ends whoever ended it
 * makes the task due now; should that one die first, the task looks up by itself. The next lease
 * finds how the job has ended, and ends the task so.
 */
#include "workers/attempt.h"

/* The id of the job that runs in the task's place: always the same for a task. */
void nested_id(const char *task_id, char out[IDS_UUID_SIZE]);
/* Whether a job runs in the place of a task; its key is then that task's id. */
bool nested_is(const char *job_id);
/* Whether a task of this queue has a job in its place. */
bool nested_is_queue(const char *queue);

/* The queue as its workers see it; its `validate` is the caller's. */
struct config_queue nested_queue(void);
/* Runs such a task: starts its job, or reads how that has ended. */
void nested_run(struct attempt *attempt);
/* Before a commit that ends such a task as cancelled: the job in its place is. */
bool nested_cancel(struct attempt *attempt, struct error *err);
/* After its commit: an end of its job meanwhile is not missed. */
void nested_look_again(struct attempt *attempt);
/* What the reason of a task begins with that has failed with its job. Owned. */
char *nested_failure(const char *job_id);

/* Makes the task due whose place a job took, if that job has ended; else nothing. A task that has
 * failed with the job runs again where the job has completed since. A repeat is harmless. Any job's
 * id may be given. owner: whose leases are released at the caller's death; NULL: nobody's. */
bool nested_told(struct store *store, const char *owner, const char *job_id, struct error *err);

/* How such a task is shown: `waiting` from its birth to its end. */
void nested_show_task(struct task_record *task);
bool nested_show_job(struct store *store, struct job_record *job, struct error *err);
