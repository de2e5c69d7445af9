/* What people do to jobs and tasks: cancel, revive, purge. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

bool sqlite_cancel_job(struct store *base, const char *id, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct sqlite_job job;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	int64_t number = sqlite_find_job(store, id);
	bool is_there = number && sqlite_load_job(store, number, &job);
	if (store->failure)
		return sqlite_end(store, err);
	if (!is_there) {
		error_set(err, ERROR_NOT_FOUND, "there is no job %s", id);
		return sqlite_cancel(store);
	}
	if (job.status == JOB_CANCELLED)
		return sqlite_end(store, err);
	if (job.is_finished) {
		error_set(err, ERROR_CONFLICT, "job %s has %s", id, job_state_names[job.status]);
		return sqlite_cancel(store);
	}
	job.status = JOB_CANCELLED;
	job.is_ending = true;
	store->has_cancelled = true;
	sqlite_run(store, SQL_SET_ENDING, "ii", number, INT(1));
	sqlite_store_job(store, &job);
	return sqlite_end(store, err);
}

static void end_one(struct sqlite_store *store, struct sqlite_job *job, int64_t number)
{
	struct sqlite_task task;
	struct sqlite_held held;
	if (!sqlite_load_task(store, number, &task))
		return;
	if (task.state <= TASK_QUEUED && !sqlite_load_held(store, number, &held)) {
		sqlite_detach(store, &task);
		sqlite_end_cancelled_task(store, job, &task);
	}
	sqlite_task_finish(&task);
}

/* Tasks behind `swept` have ended or are held; a held one ends when its lease does. */
static bool end_page(struct sqlite_store *store, int64_t id, size_t limit)
{
	struct sqlite_job job;
	if (!sqlite_load_job(store, id, &job))
		return false;
	bool is_left = true;
	for (size_t seen = 0; is_left && seen < limit; seen++) {
		int64_t number = sqlite_read(store, SQL_LIST_JOB_TASKS, 0, "iii",
			sqlite_number(id, job.swept), sqlite_number(id, SQLITE_SEQ_MAX), INT(1));
		is_left = number != 0;
		if (is_left) {
			end_one(store, &job, number);
			job.swept = sqlite_seq_of(number);
		}
	}
	job.is_ending = is_left;
	sqlite_run(store, SQL_SET_ENDING, "ii", id, INT(is_left));
	sqlite_store_job(store, &job);
	return is_left;
}

static bool find_cancelled(
	struct sqlite_store *store, const char *id, int64_t *number, struct error *err)
{
	struct sqlite_job job;
	if (!sqlite_begin_read(store, err))
		return false;
	*number = sqlite_find_job(store, id);
	bool is_there = *number && sqlite_load_job(store, *number, &job);
	if (!sqlite_end(store, err))
		return false;
	if (!is_there)
		return error_set(err, ERROR_NOT_FOUND, "there is no job %s", id);
	return job.status == JOB_CANCELLED ||
	       error_set(err, ERROR_CONFLICT, "job %s is not cancelled", id);
}

/* Each page is a transaction of its own. */
bool sqlite_end_cancelled(
	struct store *base, const char *id, size_t limit, bool *left, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	int64_t number;
	if (!find_cancelled(store, id, &number, err))
		return false;
	bool is_left = true;
	while (is_left && limit > 0) {
		size_t page = limit < BACKEND_ENDING_PAGE ? limit : BACKEND_ENDING_PAGE;
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		is_left = end_page(store, number, page);
		if (!sqlite_end(store, err))
			return false;
		limit -= page;
	}
	*left = is_left;
	return true;
}

bool sqlite_cancel_task(struct store *base, const char *id, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct sqlite_task task;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	int64_t number = sqlite_find_task(store, id);
	bool is_there = number && sqlite_load_task(store, number, &task);
	if (is_there)
		sqlite_task_finish(&task);
	bool is_held = is_there && sqlite_run(store, SQL_CANCEL_LEASE, "i", number) > 0;
	store->has_cancelled = is_held;
	if (store->failure || is_held)
		return sqlite_end(store, err);
	if (is_there)
		error_set(err, ERROR_CONFLICT, "task %s is %s", id, task_state_names[task.state]);
	else
		error_set(err, ERROR_NOT_FOUND, "there is no task %s", id);
	return sqlite_cancel(store);
}

static bool has_rival(struct sqlite_store *store, int64_t number)
{
	if (sqlite_is_pushed(number))
		return sqlite_read(store, SQL_RIVAL_OF_PUSHED, 0, "i", number);
	return sqlite_read(store, SQL_RIVAL_OF_JOB, 0, "i", sqlite_job_of(number));
}

static bool may_revive(struct sqlite_store *store, const struct sqlite_task *task, const char *id,
	struct error *err)
{
	struct sqlite_job job;
	enum task_state state = task->state;
	if (state != TASK_FAILED && state != TASK_INVALID && state != TASK_CANCELLED)
		return error_set(err, ERROR_CONFLICT, "task %s is %s", id, task_state_names[state]);
	if (sqlite_load_job(store, sqlite_job_of(task->number), &job) &&
		job.status == JOB_CANCELLED)
		return error_set(err, ERROR_CONFLICT, "the job of task %s is cancelled", id);
	if (has_rival(store, task->number))
		return error_set(err, ERROR_CONFLICT, "the key of task %s is taken again", id);
	return true;
}

/* The job runs again; it stays failed while another task that failed it has not been revived. */
static void resume_job(
	struct sqlite_store *store, const struct sqlite_task *task, const struct effects *effects)
{
	struct sqlite_job job;
	if (!sqlite_load_job(store, sqlite_job_of(task->number), &job))
		return;
	job.active++;
	job.failing -= task->fails_job;
	sqlite_resume_job(store, &job);
	if (effects)
		sqlite_apply(store, &job, effects, task->number);
	sqlite_store_job(store, &job);
}

static void revive(
	struct sqlite_store *store, struct sqlite_task *task, const struct effects *effects)
{
	int64_t now = clock_wall_ms();
	sqlite_run(store, SQL_REVIVE_TASK, "iz", task->number,
		task->wait_timeout ? now + task->wait_timeout : INT(0));
	if (sqlite_is_pushed(task->number))
		sqlite_run(store, SQL_RESUME_PUSHED, "i", task->number);
	else
		resume_job(store, task, effects);
	task->failures = task->crashes = task->losses = 0;
	task->is_cancelled = false;
	task->due = now;
	if (task->line)
		sqlite_join_line(store, task, NULL);
	sqlite_queue_task(store, task, SQLITE_BY_DOOR);
}

bool sqlite_revive(
	struct store *base, const char *id, const struct effects *effects, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct sqlite_task task;
	if (!sqlite_begin(store, SYNC_FULL, err))
		return false;
	int64_t number = sqlite_find_task(store, id);
	bool is_there = number && sqlite_load_task(store, number, &task);
	if (store->failure)
		return sqlite_end(store, err);
	if (!is_there) {
		error_set(err, ERROR_NOT_FOUND, "there is no task %s", id);
		return sqlite_cancel(store);
	}
	bool may = may_revive(store, &task, id, err);
	if (may)
		revive(store, &task, effects);
	sqlite_task_finish(&task);
	return may ? sqlite_end(store, err) : sqlite_cancel(store);
}

void sqlite_delete_pushed(struct sqlite_store *store, int64_t number)
{
	sqlite_run(store, SQL_DROP_PUSHED, "i", number);
	sqlite_run(store, SQL_DELETE_BODIES, "ii", number, number);
	sqlite_run(store, SQL_DELETE_ATTEMPTS, "ii", number, number);
	sqlite_run(store, SQL_DELETE_TASKS, "ii", number, number);
}

/* A task that is being worked on stays. */
static bool purge_one(struct sqlite_store *store, int64_t number)
{
	struct sqlite_task task;
	struct sqlite_held held;
	if (sqlite_load_held(store, number, &held) || !sqlite_load_task(store, number, &task))
		return false;
	if (task.state == TASK_QUEUED)
		sqlite_detach(store, &task);
	sqlite_leave_line(store, &task, false);
	sqlite_task_finish(&task);
	sqlite_delete_pushed(store, number);
	return true;
}

bool sqlite_purge(struct store *base, const char *name, bool dead, size_t limit, size_t *deleted,
	struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	enum sqlite_statement list = dead ? SQL_NEXT_DEAD_PUSHED : SQL_NEXT_OPEN_PUSHED;
	size_t count = 0;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	int64_t queue = sqlite_find_queue(store, name);
	int64_t number = 0;
	while (count < limit && (number = sqlite_read(store, list, 0, "ii", queue, number)) != 0)
		count += purge_one(store, number);
	if (!sqlite_end(store, err))
		return false;
	*deleted = count;
	return true;
}
