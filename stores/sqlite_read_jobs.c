/* Reading jobs, gates and queues. The cost of each does not depend on how many tasks there are. */
#include "stores/sqlite_store.h"

#include "base/clock.h"

#include <string.h>

static void read_job(sqlite3_stmt *row, struct job_record *record)
{
	*record = (struct job_record){
		.id = sqlite_text(row, 1),
		.workflow = sqlite_text(row, 2),
		.workflow_hash = sqlite_text(row, 3),
		.key = sqlite_text(row, 4),
		.reason = sqlite_text(row, 5),
		.state = (enum job_state)sqlite_int(row, 6),
		.created_at_ms = sqlite_int(row, 7),
		.finished_at_ms = sqlite_int(row, 8),
		.payload = sqlite_text(row, 9),
	};
}

/* What has not ended and does not wait is queued; read_working moves those that are leased. */
static void read_name(sqlite3_stmt *row, struct name_count *name)
{
	*name = (struct name_count){ .name = sqlite_text(row, 0) };
	int64_t *states = name->states;
	states[TASK_WAITING] = sqlite_int(row, 2);
	states[TASK_COMPLETED] = sqlite_int(row, 3);
	states[TASK_FAILED] = sqlite_int(row, 4);
	states[TASK_INVALID] = sqlite_int(row, 5);
	states[TASK_SKIPPED] = sqlite_int(row, 6);
	states[TASK_CANCELLED] = sqlite_int(row, 7);
	states[TASK_QUEUED] = sqlite_int(row, 1);
	for (int i = 0; i < TASK_STATES; i++)
		if (i != TASK_QUEUED)
			states[TASK_QUEUED] -= states[i];
}

static void move_working(struct job_record *record, const char *name)
{
	for (size_t i = 0; i < record->name_count; i++) {
		struct name_count *entry = &record->names[i];
		if (strcmp(entry->name, name) != 0)
			continue;
		entry->states[TASK_QUEUED]--;
		entry->states[TASK_WORKING]++;
	}
}

static void read_names(struct sqlite_store *store, int64_t job, struct job_record *record)
{
	size_t room = 0;
	sqlite3_stmt *row = sqlite_query(store, SQL_LIST_JOB_NAMES, "i", job);
	while (sqlite_row(store, row)) {
		record->names =
			xgrow(record->names, record->name_count, &room, sizeof *record->names);
		read_name(row, &record->names[record->name_count++]);
	}
	sqlite_done(row);
	row = sqlite_query(store, SQL_LIST_JOB_WORKING, "ii", sqlite_number(job, 0),
		sqlite_number(job, SQLITE_SEQ_MAX));
	while (sqlite_row(store, row))
		move_working(record, (const char *)sqlite3_column_text(row, 0));
	sqlite_done(row);
}

bool sqlite_get_job(struct store *base, const char *id, struct job_record *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct job_record record = { 0 };
	if (!sqlite_begin_read(store, err))
		return false;
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_JOB, "t", id);
	int64_t job = 0;
	if (sqlite_row(store, row)) {
		job = sqlite_int(row, 0);
		read_job(row, &record);
	}
	sqlite_done(row);
	if (job)
		read_names(store, job, &record);
	if (!sqlite_end(store, err)) {
		job_record_finish(&record);
		return false;
	}
	if (!job)
		return error_set(err, ERROR_NOT_FOUND, "there is no job %s", id);
	*out = record;
	return true;
}

static bool is_wanted(const struct job_filter *filter, const struct job_record *record)
{
	return (!filter->workflow || strcmp(filter->workflow, record->workflow) == 0) &&
	       (filter->state < 0 || filter->state == (int)record->state);
}

struct job_page {
	struct job_list list;
	size_t room;
	char before[STORE_ID_SIZE];
};

static bool read_page(struct sqlite_store *store, const struct job_filter *filter,
	struct job_page *page, struct error *err)
{
	enum sqlite_statement id = filter->ending       ? SQL_LIST_ENDING_JOBS
				   : filter->unfinished ? SQL_LIST_OPEN_JOBS
							: SQL_LIST_JOBS;
	struct job_list *list = &page->list;
	size_t seen = 0;
	if (!sqlite_begin_read(store, err))
		return false;
	sqlite3_stmt *row = sqlite_query(store, id, "ti", page->before, INT(SQLITE_PAGE));
	size_t first = list->count;
	OWNED(free) int64_t *jobs = xcalloc(SQLITE_PAGE, sizeof *jobs);
	char last[STORE_ID_SIZE] = "";
	while (list->count < filter->limit && sqlite_row(store, row)) {
		struct job_record record;
		seen++;
		read_job(row, &record);
		strncpy(last, record.id, sizeof last - 1);
		if (!is_wanted(filter, &record)) {
			job_record_finish(&record);
			continue;
		}
		jobs[list->count - first] = sqlite_int(row, 0);
		list->rows = xgrow(list->rows, list->count, &page->room, sizeof *list->rows);
		list->rows[list->count++] = record;
	}
	sqlite_done(row);
	for (size_t i = first; i < list->count; i++)
		read_names(store, jobs[i - first], &list->rows[i]);
	memcpy(page->before, last, sizeof last);
	if (seen < SQLITE_PAGE)
		page->before[0] = '\0';
	return sqlite_end(store, err);
}

bool sqlite_list_jobs(struct store *base, const struct job_filter *filter, struct job_list *out,
	struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct job_page page = { 0 };
	/* "g" stands behind every UUID */
	strncpy(page.before, filter->before ? filter->before : "g", sizeof page.before - 1);
	while (page.before[0] && page.list.count < filter->limit)
		if (!read_page(store, filter, &page, err)) {
			job_list_finish(&page.list);
			return false;
		}
	*out = page.list;
	return true;
}

static void read_gate(struct sqlite_store *store, int64_t job, int64_t scope, const char *gate,
	struct gate_view *view)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_COUNTER, "iit", job, scope, gate);
	if (sqlite_row(store, row)) {
		view->pending = sqlite_int(row, 0);
		view->version = (uint64_t)sqlite_int(row, 1);
	}
	sqlite_done(row);
}

static void read_tally(struct sqlite_store *store, int64_t job, int64_t scope, const char *name,
	struct tally *tally)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_TALLY, "iit", job, scope, name);
	if (sqlite_row(store, row))
		*tally = (struct tally){
			.born = sqlite_int(row, 0),
			.completed = sqlite_int(row, 1),
			.failed = sqlite_int(row, 2),
			.invalid = sqlite_int(row, 3),
			.skipped = sqlite_int(row, 4),
			.cancelled = sqlite_int(row, 5),
			.excused = sqlite_int(row, 6),
		};
	sqlite_done(row);
}

bool sqlite_get_gate(struct store *base, const char *id, int64_t scope, const char *gate,
	const char *const *names, size_t count, struct gate_view *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct gate_view view = { .count = count,
		.tallies = xcalloc(count + 1, sizeof *view.tallies) };
	if (!sqlite_begin_read(store, err)) {
		gate_view_finish(&view);
		return false;
	}
	int64_t job = sqlite_find_job(store, id);
	read_gate(store, job, scope, gate, &view);
	for (size_t i = 0; i < count; i++)
		read_tally(store, job, scope, names[i], &view.tallies[i]);
	bool is_read = sqlite_end(store, err);
	if (is_read && job) {
		*out = view;
		return true;
	}
	gate_view_finish(&view);
	return is_read ? error_set(err, ERROR_NOT_FOUND, "there is no job %s", id) : false;
}

#define LOOKS 200 /* entries of an outbox that are counted one by one */

/* The tasks of the first entries that a statement finds; false where there are more entries. */
static bool add_up(struct sqlite_store *store, enum sqlite_statement id, int64_t queue, int64_t now,
	int64_t *tasks)
{
	sqlite3_stmt *row = sqlite_query(store, id, "iii", queue, now, INT(LOOKS + 1));
	bool is_there = sqlite_row(store, row);
	*tasks = is_there ? sqlite_int(row, 0) : 0;
	bool is_all = is_there && sqlite_int(row, 1) <= LOOKS;
	sqlite_done(row);
	return is_all;
}

/* How many of the tasks in a list are due later: they are counted, or the others are, whichever are
 * few. Where there are many of both it is too low. */
static int64_t count_later(struct sqlite_store *store, enum sqlite_statement later,
	enum sqlite_statement due, int64_t total, int64_t queue)
{
	int64_t now = clock_wall_ms(), late, now_due;
	if (total == 0 || add_up(store, later, queue, now, &late))
		return total ? late : 0;
	return add_up(store, due, queue, now, &now_due) ? total - now_due : late;
}

bool sqlite_get_queue_stats(
	struct store *base, const char *name, struct queue_stats *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct queue_stats stats = { 0 };
	int64_t now = clock_wall_ms();
	if (!sqlite_begin_read(store, err))
		return false;
	int64_t queue = sqlite_find_queue(store, name), unclaimed = 0;
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_QUEUE, "ii", queue, now);
	if (sqlite_row(store, row)) {
		/* What is delayed but due by now would be taken by a lease. */
		int64_t due = sqlite_int(row, 8);
		int64_t first = sqlite_int(row, due ? 7 : 6);
		int64_t unsent = sqlite_int(row, 9), sent = sqlite_int(row, 10);
		int64_t parked = sqlite_int(row, 11), later = sqlite_int(row, 13);
		unclaimed = unsent - sqlite_int(row, 12);
		stats = (struct queue_stats){
			.depth = sqlite_int(row, 0) + due + parked + unsent + sent - later,
			.delayed = sqlite_int(row, 1) - due + later,
			.unsent = unsent,
			.sent = sent,
			.dead = sqlite_int(row, 2),
			.completed = sqlite_int(row, 3),
			.failed = sqlite_int(row, 4),
			.working = sqlite_int(row, 5),
			.oldest_ms = first && now > first ? now - first : 0,
			.paused_at_ms = sqlite_int(row, 14),
			.rate_ms = sqlite_int(row, 15),
		};
	}
	sqlite_done(row);
	int64_t later = count_later(store, SQL_UNSENT_LATER, SQL_UNSENT_DUE, unclaimed, queue) +
			count_later(store, SQL_SENT_LATER, SQL_SENT_DUE, stats.sent, queue);
	stats.depth -= later;
	stats.delayed += later;
	if (stats.rate_ms > 0)
		stats.rate_taken = sqlite_taken(store, queue, stats.rate_ms, &stats.rate_next_ms);
	if (!sqlite_end(store, err))
		return false;
	*out = stats;
	return true;
}
