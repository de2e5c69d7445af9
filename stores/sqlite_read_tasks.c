/* Reading tasks, in pages: never more than SQLITE_PAGE rows in one read transaction. */
#include "stores/sqlite_store.h"

#include "stores/backend.h"

#include <string.h>

static enum task_state state_of(sqlite3_stmt *row)
{
	bool is_held = sqlite3_column_type(row, 18) != SQLITE_NULL;
	enum task_state state = (enum task_state)sqlite_int(row, 8);
	return state == TASK_QUEUED && is_held ? TASK_WORKING : state;
}

static int64_t due_of(sqlite3_stmt *row, enum task_state state)
{
	int64_t due = sqlite_int(row, 14);
	if (due == 0)
		due = sqlite_int(row, 19); /* its bundle's */
	return state == TASK_WAITING ? 0 : due;
}

static void read_record(sqlite3_stmt *row, struct task_record *record)
{
	int64_t number = sqlite_int(row, 0);
	enum task_state state = state_of(row);
	bool is_held = state == TASK_WORKING;
	*record = (struct task_record){
		.job_id = sqlite_text(row, 2),
		.name = sqlite_text(row, 3),
		.queue = sqlite_text(row, 4),
		.reason = sqlite_text(row, 5),
		.scopes = sqlite_text(row, 6),
		.seq = sqlite_seq_of(number),
		.parent = sqlite_int(row, 7),
		.state = state,
		.attempt = (uint32_t)sqlite_int(row, is_held ? 18 : 9),
		.failures = (int)sqlite_int(row, 10),
		.crashes = (int)sqlite_int(row, 11),
		.losses = (int)sqlite_int(row, 12),
		.created_at_ms = sqlite_int(row, 13),
		.due_at_ms = due_of(row, state),
		.finished_at_ms = sqlite_int(row, 15),
		.wait_gate = sqlite_text(row, 16),
		.wait_scope = sqlite_int(row, 17),
	};
	sqlite_write_id((const char *)sqlite3_column_text(row, 1), number, record->id);
}

static char *read_text(struct sqlite_store *store, enum sqlite_statement id, int64_t number)
{
	sqlite3_stmt *row = sqlite_query(store, id, "i", number);
	char *text = sqlite_row(store, row) ? sqlite_text(row, 0) : NULL;
	sqlite_done(row);
	return text;
}

static void read_bodies(struct sqlite_store *store, int64_t number, struct task_record *record)
{
	record->payload = read_text(store, SQL_GET_BODY, number);
	record->result = read_text(store, SQL_GET_RESULT, number);
}

/* A child that is not born, or a row of a job that is being deleted. */
static bool is_hidden(sqlite3_stmt *row)
{
	return sqlite_int(row, 20) != 1 || sqlite3_column_type(row, 1) == SQLITE_NULL;
}

bool sqlite_get_task(struct store *base, const char *id, struct task_record *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct task_record record = { 0 };
	if (!sqlite_begin_read(store, err))
		return false;
	int64_t number = sqlite_find_task(store, id);
	sqlite3_stmt *row = sqlite_query(store, SQL_GET_TASK, "i", number);
	bool is_there = sqlite_row(store, row) && !is_hidden(row);
	if (is_there)
		read_record(row, &record);
	sqlite_done(row);
	if (is_there)
		read_bodies(store, number, &record);
	if (!sqlite_end(store, err)) {
		task_record_finish(&record);
		return false;
	}
	if (!is_there)
		return error_set(err, ERROR_NOT_FOUND, "there is no task %s", id);
	*out = record;
	return true;
}

/* A page being filled: rows with numbers over `after`, up to `last`. */
struct page {
	const struct task_filter *filter;
	enum sqlite_statement statement;
	int64_t after, last, parent, queue;
	struct task_list list;
	size_t room, limit;
	bool is_done;
};

static bool is_wanted(const struct task_filter *filter, sqlite3_stmt *row)
{
	enum task_state state = state_of(row);
	if (is_hidden(row))
		return false;
	if (filter->queue && strcmp(filter->queue, (const char *)sqlite3_column_text(row, 4)) != 0)
		return false;
	if (filter->name && strcmp(filter->name, (const char *)sqlite3_column_text(row, 3)) != 0)
		return false;
	if (filter->parent >= 0 && filter->parent != sqlite_int(row, 7))
		return false;
	if (filter->state >= 0 && filter->state != (int)state)
		return false;
	return !filter->is_dead || state == TASK_FAILED || state == TASK_INVALID;
}

/* The index that has the fewest rows to look at. */
static void choose_statement(struct sqlite_store *store, struct page *page, int64_t job)
{
	const struct task_filter *filter = page->filter;
	if (filter->queue)
		page->queue = sqlite_find_queue(store, filter->queue);
	page->statement = SQL_LIST_TASKS;
	if (filter->state == TASK_WORKING)
		page->statement = SQL_LIST_WORKING;
	else if (job && filter->parent >= 0)
		page->statement = SQL_LIST_CHILDREN;
	else if (!job && filter->is_dead)
		page->statement = filter->queue ? SQL_LIST_QUEUE_DEAD : SQL_LIST_DEAD;
	page->parent = sqlite_number(job, filter->parent > 0 ? filter->parent : 0);
}

/* A task that has been deleted since still has a place in the order. */
static int64_t find_place(struct sqlite_store *store, const char *after)
{
	char uuid[IDS_UUID_SIZE];
	int64_t seq, number = sqlite_find_task(store, after);
	if (number)
		return number;
	if (store_split_id(after, uuid, &seq))
		return sqlite_number(sqlite_read(store, SQL_FIND_JOB_AFTER,
					     INT64_MAX >> SQLITE_SEQ_BITS, "t", uuid),
			       0) -
		       1;
	return sqlite_read(store, SQL_FIND_PUSHED_AFTER, INT64_MAX, "t", after) - 1;
}

static void begin_page(struct sqlite_store *store, struct page *page)
{
	const struct task_filter *filter = page->filter;
	int64_t job = filter->job ? sqlite_find_job(store, filter->job) : 0;
	page->is_done = filter->job && !job;
	page->after = job ? sqlite_number(job, 0) : 0;
	page->last = job ? sqlite_number(job, SQLITE_SEQ_MAX) : INT64_MAX;
	int64_t place = filter->after ? find_place(store, filter->after) : 0;
	if (place > page->after)
		page->after = place;
	page->limit = filter->limit && filter->limit < BACKEND_LIST_MAX ? filter->limit
									: BACKEND_LIST_MAX;
	choose_statement(store, page, job);
}

static sqlite3_stmt *query_page(struct sqlite_store *store, const struct page *page)
{
	if (page->statement == SQL_LIST_CHILDREN || page->statement == SQL_LIST_QUEUE_DEAD)
		return sqlite_query(store, page->statement, "iiii", page->after, page->last,
			INT(SQLITE_PAGE),
			page->statement == SQL_LIST_CHILDREN ? page->parent : page->queue);
	return sqlite_query(
		store, page->statement, "iii", page->after, page->last, INT(SQLITE_PAGE));
}

static void read_slice(struct sqlite_store *store, struct page *page)
{
	struct task_list *list = &page->list;
	sqlite3_stmt *row = query_page(store, page);
	size_t seen = 0;
	for (; list->count < page->limit && sqlite_row(store, row); seen++) {
		page->after = sqlite_int(row, 0);
		if (!is_wanted(page->filter, row))
			continue;
		list->rows = xgrow(list->rows, list->count, &page->room, sizeof *list->rows);
		struct task_record *record = &list->rows[list->count++];
		read_record(row, record);
		if (page->filter->with_bodies)
			read_bodies(store, page->after, record);
	}
	sqlite_done(row);
	page->is_done = list->count == page->limit || seen < SQLITE_PAGE;
}

bool sqlite_list_tasks(struct store *base, const struct task_filter *filter, struct task_list *out,
	struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct page page = { .filter = filter };
	for (bool is_first = true; !page.is_done; is_first = false) {
		bool is_read = sqlite_begin_read(store, err);
		if (is_read && is_first)
			begin_page(store, &page);
		if (is_read && !page.is_done)
			read_slice(store, &page);
		if (!is_read || !sqlite_end(store, err)) {
			task_list_finish(&page.list);
			return false;
		}
	}
	*out = page.list;
	return true;
}

bool sqlite_list_attempts(
	struct store *base, const char *id, struct attempt_list *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct attempt_list list = { 0 };
	struct sqlite_task task;
	size_t room = 0;
	if (!sqlite_begin_read(store, err))
		return false;
	int64_t number = sqlite_find_task(store, id);
	bool is_there = number && sqlite_load_task(store, number, &task);
	if (is_there)
		sqlite_task_finish(&task);
	sqlite3_stmt *row = sqlite_query(store, SQL_LIST_ATTEMPTS, "i", is_there ? number : INT(0));
	while (sqlite_row(store, row)) {
		list.rows = xgrow(list.rows, list.count, &room, sizeof *list.rows);
		list.rows[list.count++] =
			(struct attempt_record){ .attempt = (uint32_t)sqlite_int(row, 0),
				.entry = sqlite_text(row, 1),
				.output = sqlite_text(row, 2) };
	}
	sqlite_done(row);
	if (!sqlite_end(store, err)) {
		attempt_list_finish(&list);
		return false;
	}
	if (!is_there)
		return error_set(err, ERROR_NOT_FOUND, "there is no task %s", id);
	*out = list;
	return true;
}
