/*
 * Retention: what ended long ago is deleted, in pages. A job goes at once (its row is gone, so
 * nothing of it can be found); its tasks follow while it stands in the table of the doomed.
 */
#include "stores/sqlite_store.h"

/* An ended job may have waiting tasks with time-outs, a cancelled one queued ones. */
static void leave_queue(struct sqlite_store *store, int64_t number)
{
	struct sqlite_task task;
	if (!sqlite_load_task(store, number, &task))
		return;
	if (task.state <= TASK_QUEUED)
		sqlite_detach(store, &task);
	sqlite_leave_line(store, &task, false);
	sqlite_task_finish(&task);
}

/* Deletes up to limit tasks of a doomed job with what hangs on them; answers how many. */
static size_t delete_tasks(struct sqlite_store *store, int64_t job, size_t limit)
{
	int64_t first = sqlite_number(job, 0), end = sqlite_number(job, SQLITE_SEQ_MAX);
	int64_t last = first;
	size_t count = 0;
	for (; count < limit; count++) {
		int64_t next = sqlite_read(store, SQL_LIST_JOB_TASKS, 0, "iii", last, end, INT(1));
		if (next == 0)
			break;
		leave_queue(store, next);
		last = next;
	}
	sqlite_run(store, SQL_DELETE_BODIES, "ii", first, last);
	sqlite_run(store, SQL_DELETE_ATTEMPTS, "ii", first, last);
	sqlite_run(store, SQL_DELETE_TASKS, "ii", first, last);
	return count;
}

static void delete_bundles(struct sqlite_store *store, int64_t job)
{
	int64_t first = sqlite_number(job, 0), end = sqlite_number(job, SQLITE_SEQ_MAX);
	sqlite_run(store, SQL_DELETE_CHUNKS, "ii", first, end);
	sqlite_run(store, SQL_DELETE_BUNDLES, "ii", first, end);
}

/* Deletes up to limit rows of a doomed job; true where that was all. */
static bool delete_rest(struct sqlite_store *store, int64_t job, size_t *limit)
{
	static const enum sqlite_statement rests[] = { SQL_DELETE_WAITERS, SQL_DELETE_COUNTERS,
		SQL_DELETE_TALLIES };
	*limit -= delete_tasks(store, job, *limit);
	for (size_t i = 0; i < ARRAY_SIZE(rests) && *limit > 0; i++)
		*limit -= (size_t)sqlite_run(store, rests[i], "ii", job, INT(*limit));
	if (*limit == 0)
		return false;
	delete_bundles(store, job);
	sqlite_run(store, SQL_DROP_DOOMED, "i", job);
	return true;
}

size_t sqlite_sweep_doomed(struct sqlite_store *store, size_t limit)
{
	size_t left = limit;
	int64_t job;
	while (left > 0 && (job = sqlite_read(store, SQL_NEXT_DOOMED, 0, "")) != 0)
		if (!delete_rest(store, job, &left))
			break;
	return limit - left;
}

static void doom(struct sqlite_store *store, int64_t job)
{
	sqlite_run(store, SQL_ADD_DOOMED, "i", job);
	sqlite_run(store, SQL_DELETE_JOB, "i", job);
}

/* What ended in one state: jobs and pushed tasks have their own numbers for the same ends. */
struct kind {
	enum sqlite_statement next;
	int64_t state;
	bool is_good; /* under the retention of what completed */
	void (*drop)(struct sqlite_store *store, int64_t number);
};
static const struct kind kinds[] = {
	{ SQL_NEXT_ENDED_JOB, JOB_COMPLETED, true, doom },
	{ SQL_NEXT_ENDED_JOB, JOB_FAILED, false, doom },
	{ SQL_NEXT_ENDED_JOB, JOB_CANCELLED, false, doom },
	{ SQL_NEXT_ENDED_PUSHED, TASK_COMPLETED, true, sqlite_delete_pushed },
	{ SQL_NEXT_ENDED_PUSHED, TASK_SKIPPED, true, sqlite_delete_pushed },
	{ SQL_NEXT_ENDED_PUSHED, TASK_FAILED, false, sqlite_delete_pushed },
	{ SQL_NEXT_ENDED_PUSHED, TASK_INVALID, false, sqlite_delete_pushed },
	{ SQL_NEXT_ENDED_PUSHED, TASK_CANCELLED, false, sqlite_delete_pushed },
};

struct limits {
	int64_t completed_ms, failed_ms, results_ms;
	size_t left;
};

static int64_t next_ended(
	struct sqlite_store *store, const struct kind *kind, const struct limits *limits)
{
	int64_t before = kind->is_good ? limits->completed_ms : limits->failed_ms;
	return before < 0 ? 0 : sqlite_read(store, kind->next, 0, "ii", kind->state, before);
}

static size_t delete_ended(struct sqlite_store *store, struct limits *limits)
{
	size_t deleted = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t number;
		while (limits->left > 0 && (number = next_ended(store, &kinds[i], limits)) != 0) {
			kinds[i].drop(store, number);
			deleted++;
			limits->left--;
		}
	}
	return deleted;
}

/* Drops up to limit results of the job that ended first; answers how many rows it looked at. */
static size_t clear_job(struct sqlite_store *store, int64_t job, int64_t swept, size_t limit)
{
	int64_t last = sqlite_number(job, swept);
	size_t seen = 0;
	sqlite3_stmt *row = sqlite_query(store, SQL_LIST_JOB_TASKS, "iii", last,
		sqlite_number(job, SQLITE_SEQ_MAX), INT(limit));
	for (; sqlite_row(store, row); seen++)
		last = sqlite_int(row, 0);
	sqlite_done(row);
	sqlite_run(store, SQL_CLEAR_RESULTS, "ii", sqlite_number(job, swept), last);
	bool is_all = seen < limit;
	sqlite_run(store, SQL_CLEARED_RESULTS, "iii", job, is_all ? INT(0) : sqlite_seq_of(last),
		INT(!is_all));
	return seen;
}

static bool clear_next_job(struct sqlite_store *store, struct limits *limits)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_NEXT_OLD_RESULTS, "i", limits->results_ms);
	bool is_there = sqlite_row(store, row);
	int64_t job = is_there ? sqlite_int(row, 0) : 0;
	int64_t swept = is_there ? sqlite_int(row, 1) : 0;
	sqlite_done(row);
	if (is_there) {
		size_t seen = clear_job(store, job, swept, limits->left);
		limits->left -= seen ? seen : 1;
	}
	return is_there;
}

static bool clear_next_pushed(struct sqlite_store *store, struct limits *limits)
{
	int64_t number = sqlite_read(store, SQL_NEXT_OLD_PUSHED, 0, "i", limits->results_ms);
	if (number == 0)
		return false;
	sqlite_run(store, SQL_CLEAR_RESULTS, "ii", number, number);
	sqlite_run(store, SQL_CLEARED_PUSHED, "i", number);
	limits->left--;
	return true;
}

static bool is_left(struct sqlite_store *store, const struct limits *limits)
{
	if (sqlite_read(store, SQL_NEXT_DOOMED, 0, ""))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (next_ended(store, &kinds[i], limits))
			return true;
	return limits->results_ms >= 0 &&
	       (sqlite_read(store, SQL_NEXT_OLD_RESULTS, 0, "i", limits->results_ms) ||
		       sqlite_read(store, SQL_NEXT_OLD_PUSHED, 0, "i", limits->results_ms));
}

bool sqlite_gc(struct store *base, int64_t completed_before_ms, int64_t failed_before_ms,
	int64_t results_before_ms, size_t limit, size_t *deleted, bool *left, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct limits limits = { completed_before_ms, failed_before_ms, results_before_ms, limit };
	if (!sqlite_begin_read(store, err))
		return false;
	bool has_any = is_left(store, &limits);
	if (!sqlite_end(store, err))
		return false;
	size_t count = 0;
	if (has_any) {
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		limits.left -= sqlite_sweep_doomed(store, limits.left);
		count = delete_ended(store, &limits);
		while (results_before_ms >= 0 && limits.left > 0 && clear_next_job(store, &limits))
			;
		while (results_before_ms >= 0 && limits.left > 0 &&
			clear_next_pushed(store, &limits))
			;
		has_any = is_left(store, &limits);
		if (!sqlite_end(store, err))
			return false;
	}
	*deleted = count;
	*left = has_any;
	return true;
}
