/* The job's hot row: how much of it is under way, what failed, and when it ends. */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

bool sqlite_load_job(struct sqlite_store *store, int64_t id, struct sqlite_job *job)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_JOB, "i", id);
	bool is_there = sqlite_row(store, row);
	if (is_there)
		*job = (struct sqlite_job){
			.id = id,
			.status = (enum job_state)sqlite_int(row, 0),
			.active = sqlite_int(row, 1),
			.waiting = sqlite_int(row, 2),
			.failing = sqlite_int(row, 3),
			.next_seq = sqlite_int(row, 4),
			.swept = sqlite_int(row, 5),
			.is_finished = sqlite_int(row, 6),
			.is_ending = sqlite_int(row, 7),
		};
	sqlite_done(row);
	return is_there;
}

static bool is_held(struct sqlite_store *store, const struct sqlite_job *job)
{
	return sqlite_read(store, SQL_IS_HELD_JOB, 0, "ii", sqlite_number(job->id, 0),
		sqlite_number(job->id, SQLITE_SEQ_MAX));
}

/* Nothing is queued or working any more, nor about to be woken; of a cancelled one nothing works,
 * and end_cancelled has come to its end. */
static bool is_over(struct sqlite_store *store, const struct sqlite_job *job)
{
	if (job->status == JOB_CANCELLED)
		return !job->is_ending && !is_held(store, job);
	if (job->active > 0)
		return false;
	return job->waiting <= 0 || !sqlite_read(store, SQL_IS_WAKING_JOB, 0, "i", job->id);
}

static void finish(struct sqlite_store *store, struct sqlite_job *job)
{
	if (job->status == JOB_RUNNING && job->waiting > 0) {
		OWNED(free) char *reason = backend_stuck_reason(job->waiting);
		job->status = JOB_FAILED;
		sqlite_run(store, SQL_STORE_JOB_REASON, "it", job->id, reason);
	} else if (job->status == JOB_RUNNING) {
		job->status = JOB_COMPLETED;
	}
	sqlite_run(store, SQL_FINISH_JOB, "ii", job->id, clock_wall_ms());
	job->is_finished = true;
}

bool sqlite_store_job(struct sqlite_store *store, struct sqlite_job *job)
{
	bool ends = !job->is_finished && is_over(store, job);
	if (ends)
		finish(store, job);
	sqlite_run(store, SQL_STORE_JOB, "iiiiiii", job->id, INT(job->status), job->active,
		job->waiting, job->failing, job->next_seq, job->swept);
	if (job->reason)
		sqlite_run(store, SQL_STORE_JOB_REASON, "it", job->id, job->reason);
	return ends;
}

/* A name's place in the job's list is that of its first birth. */
void sqlite_add_tally(struct sqlite_store *store, const struct sqlite_job *job,
	const struct tally_change *change, size_t order)
{
	const struct tally *add = &change->add;
	int64_t place = job->next_seq << 16 | (int64_t)(order & 0xffff);
	sqlite_run(store, SQL_ADD_TALLY, "iitiiiiiiiii", job->id, change->scope, change->name,
		place, add->born, add->completed, add->failed, add->invalid, add->skipped,
		add->cancelled, add->excused, INT(0));
}

void sqlite_add_waiting(
	struct sqlite_store *store, const struct sqlite_job *job, const char *name, int64_t add)
{
	sqlite_run(store, SQL_ADD_TALLY, "iitiiiiiiiii", job->id, INT(0), name, job->next_seq << 16,
		INT(0), INT(0), INT(0), INT(0), INT(0), INT(0), INT(0), add);
}

void sqlite_end_cancelled_task(
	struct sqlite_store *store, struct sqlite_job *job, struct sqlite_task *task)
{
	struct tally_change change = { .name = task->name, .add.cancelled = 1 };
	sqlite_run(store, SQL_CANCEL_QUEUED, "ii", task->number, clock_wall_ms());
	sqlite_leave_line(store, task, false);
	sqlite_add_tally(store, job, &change, 0);
	if (task->state == TASK_WAITING)
		sqlite_stop_waiting(store, job, task);
	else
		job->active--;
}

void sqlite_resume_job(struct sqlite_store *store, struct sqlite_job *job)
{
	sqlite_run(store, SQL_RESUME_JOB, "i", job->id);
	job->is_finished = false;
	job->swept = 0;
	if (job->failing > 0)
		return;
	job->status = JOB_RUNNING;
	sqlite_run(store, SQL_STORE_JOB_REASON, "it", job->id, (const char *)NULL);
}

void sqlite_stop_waiting(
	struct sqlite_store *store, struct sqlite_job *job, const struct sqlite_task *task)
{
	sqlite_add_waiting(store, job, task->name, -1);
	job->waiting--;
}
