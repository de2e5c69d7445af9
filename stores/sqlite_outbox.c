/*
 * The outbox of a queue with a door: entries that are unsent, in the order of leases; tasks that a
 * courier has claimed; and those that were sent and whose message has not come back.
 */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

bool sqlite_has_door(struct sqlite_store *store, int64_t queue)
{
	for (size_t i = 0; i < store->door_count; i++)
		if (store->doors[i].queue == queue)
			return store->doors[i].is_there;
	bool is_there = sqlite_read(store, SQL_HAS_DOOR, 0, "i", queue);
	store->doors =
		xgrow(store->doors, store->door_count, &store->door_room, sizeof *store->doors);
	store->doors[store->door_count++] = (struct sqlite_door){ queue, is_there };
	return is_there;
}

void sqlite_add_unsent(struct sqlite_store *store, const struct sqlite_entry *entry)
{
	sqlite_run(store, SQL_ADD_UNSENT, "iiiiii", entry->queue, entry->rank, entry->due,
		entry->entry, entry->tasks, entry->dispatch);
	store->has_new_unsent = true;
}

static bool has_doors(
	struct sqlite_store *store, const char *const *queues, size_t count, bool has_door)
{
	for (size_t i = 0; i < count; i++)
		if (sqlite_read(store, SQL_HAS_DOOR, 0, "i", sqlite_find_queue(store, queues[i])) !=
			has_door)
			return false;
	return true;
}

bool sqlite_set_door(struct store *base, const char *const *queues, size_t count, bool has_door,
	struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	if (!sqlite_begin_read(store, err))
		return false;
	bool is_set = has_doors(store, queues, count, has_door);
	if (!sqlite_end(store, err))
		return false;
	if (is_set)
		return true;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	for (size_t i = 0; i < count; i++)
		sqlite_run(store, SQL_SET_DOOR, "ii", sqlite_get_queue(store, queues[i]),
			INT(has_door));
	return sqlite_end(store, err);
}

/* The first entry that is due by then: of each priority the soonest is looked at. */
static bool next_unsent(struct sqlite_store *store, int64_t latest, struct sqlite_entry *entry)
{
	int64_t rank = INT64_MIN;
	bool is_there = false;
	while (!is_there) {
		rank = sqlite_read(
			store, SQL_NEXT_UNSENT_RANK, INT64_MAX, "ii", entry->queue, rank);
		if (rank == INT64_MAX)
			return false;
		sqlite3_stmt *row =
			sqlite_query(store, SQL_HEAD_UNSENT, "iii", entry->queue, rank, latest);
		is_there = sqlite_row(store, row);
		if (is_there) {
			entry->rank = sqlite_int(row, 0);
			entry->due = sqlite_int(row, 1);
			entry->entry = sqlite_int(row, 2);
			entry->tasks = sqlite_int(row, 3);
			entry->dispatch = sqlite_int(row, 4);
		}
		sqlite_done(row);
	}
	return true;
}

/* Takes the next task out of what is unsent; a bundle is unfolded one by one. */
static bool take_unsent(struct sqlite_store *store, int64_t latest, struct sqlite_entry *head,
	struct sqlite_task *task)
{
	while (next_unsent(store, latest, head)) {
		int64_t number = head->entry;
		bool is_taken = head->entry > 0 || sqlite_take_child(store, head, &number);
		sqlite_run(store, head->tasks > 1 ? SQL_TAKE_UNSENT : SQL_DROP_UNSENT, "iiii",
			head->queue, head->rank, head->due, head->entry);
		if (!is_taken)
			continue;
		if (sqlite_load_task(store, number, task))
			return true;
		sqlite_fail(store, SQLITE_INTERNAL); /* an entry without a task */
	}
	return false;
}

static void lapse(struct sqlite_store *store, int64_t number)
{
	struct sqlite_task task;
	sqlite_run(store, SQL_DROP_CLAIM, "i", number);
	if (!sqlite_load_task(store, number, &task)) {
		sqlite_fail(store, SQLITE_INTERNAL); /* a claim without a task */
		return;
	}
	/* It stands before those that were behind it, which may be due at the same time. */
	task.due--;
	sqlite_run(store, SQL_DISPATCH_TASK, "iii", number, task.due, task.dispatch);
	struct sqlite_entry entry = sqlite_entry_of(&task);
	entry.dispatch = task.dispatch; /* its message, which may have been sent, is the same */
	sqlite_add_unsent(store, &entry);
	sqlite_task_finish(&task);
}

void sqlite_lapse_of(struct sqlite_store *store, const char *owner)
{
	int64_t number;
	while ((number = sqlite_read(store, SQL_NEXT_CLAIM_OF_OWNER, 0, "t", owner)) != 0)
		lapse(store, number);
}

static bool first_claim(struct sqlite_store *store, int64_t queue, int64_t *until, int64_t *number)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_FIRST_CLAIM, "i", queue);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		*until = sqlite_int(row, 0);
		*number = sqlite_int(row, 1);
	}
	sqlite_done(row);
	return is_there;
}

static void put_back_lapsed(struct sqlite_store *store, int64_t queue, size_t limit)
{
	int64_t until, number;
	while (limit-- > 0 && first_claim(store, queue, &until, &number) &&
		until <= clock_steady_ms())
		lapse(store, number);
}

static void append(struct sqlite_store *store, const struct sqlite_task *task, bool with_payload,
	struct outgoing_list *list)
{
	int64_t left = task->due - clock_wall_ms();
	struct outgoing *row = &list->rows[list->count++];
	*row = (struct outgoing){ .dispatch = (uint32_t)task->dispatch,
		.delay_ms = left > 0 ? left : 0 };
	sqlite3_stmt *names = sqlite_query(store, SQL_NAME_TASK, "i", task->number);
	if (sqlite_row(store, names)) {
		sqlite_write_id((const char *)sqlite3_column_text(names, 0), task->number, row->id);
		row->job_id = sqlite_text(names, 1);
	}
	sqlite_done(names);
	if (!with_payload)
		return;
	sqlite3_stmt *body = sqlite_query(store, SQL_GET_BODY, "i", task->number);
	if (sqlite_row(store, body))
		row->payload = sqlite_text(body, 0);
	sqlite_done(body);
}

static void claim_page(struct sqlite_store *store, int64_t queue,
	const struct claim_request *request, struct outgoing_list *list)
{
	struct sqlite_entry head = { .queue = queue };
	struct sqlite_task task;
	int64_t latest = clock_wall_ms() + request->horizon_ms;
	size_t ended = 0;
	while (list->count < request->max && ended < BACKEND_PUT_BACK_MAX &&
		take_unsent(store, latest, &head, &task)) {
		bool has_ended = sqlite_end_if_cancelled(store, &task);
		ended += has_ended;
		if (!has_ended) {
			task.due = head.due;
			task.dispatch = head.dispatch;
			sqlite_run(store, SQL_DISPATCH_TASK, "iii", task.number, task.due,
				task.dispatch);
			sqlite_run(store, SQL_ADD_CLAIM, "iitii", task.number, queue,
				request->owner, clock_steady_ms() + request->claim_ms, task.due);
			append(store, &task, request->with_payloads, list);
		}
		sqlite_task_finish(&task);
	}
}

/* Whether the queue's messages keep an order and some are under way. */
static bool is_held(struct sqlite_store *store, int64_t queue, const char *name)
{
	int64_t until, number;
	return backend_has_order(name) && first_claim(store, queue, &until, &number);
}

/* Until an entry comes within the horizon or a claim lapses; −1: there is none, or no door. */
static int64_t next_ms(
	struct sqlite_store *store, int64_t queue, const char *name, int64_t horizon_ms)
{
	int64_t until, number;
	if (queue == 0 || !sqlite_has_door(store, queue))
		return -1;
	if (backend_has_order(name) && first_claim(store, queue, &until, &number)) {
		int64_t left = until - clock_steady_ms();
		return left > 0 ? left : 0;
	}
	int64_t next = sqlite_read(store, SQL_FIRST_UNSENT_DUE, -1, "i", queue);
	if (next >= 0) {
		next -= clock_wall_ms() + horizon_ms;
		next = next > 0 ? next : 0;
	}
	if (first_claim(store, queue, &until, &number)) {
		int64_t left = until - clock_steady_ms();
		left = left > 0 ? left : 0;
		next = next < 0 || left < next ? left : next;
	}
	return next;
}

/* Synced: what is claimed is sent, and a message must not tell of a task that a power cut undoes.
 */
bool sqlite_claim_unsent(struct store *base, const struct claim_request *request,
	struct outgoing_list *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct outgoing_list list = { .next_ms = -1 };
	if (!sqlite_begin_read(store, err))
		return false;
	int64_t queue = sqlite_find_queue(store, request->queue);
	list.next_ms = next_ms(store, queue, request->queue, request->horizon_ms);
	if (!sqlite_end(store, err))
		return false;
	if (list.next_ms == 0) {
		if (!sqlite_begin(store, SYNC_FULL, err))
			return false;
		list.rows = xcalloc(request->max + 1, sizeof *list.rows);
		if (sqlite_has_door(store, queue)) {
			put_back_lapsed(store, queue, request->max);
			if (!is_held(store, queue, request->queue))
				claim_page(store, queue, request, &list);
		}
		list.next_ms = next_ms(store, queue, request->queue, request->horizon_ms);
		if (!sqlite_end(store, err)) {
			outgoing_list_finish(&list);
			return false;
		}
	}
	*out = list;
	return true;
}

/* A claim that has lapsed was sent all the same; its row has the same number still. */
static bool end_claim(struct sqlite_store *store, const struct sqlite_task *task)
{
	if (sqlite_run(store, SQL_DROP_CLAIM, "i", task->number) > 0)
		return true;
	int64_t dispatch = sqlite_read(
		store, SQL_GET_UNSENT, 0, "iiii", task->queue, task->rank, task->due, task->number);
	return dispatch == task->dispatch && sqlite_run(store, SQL_DROP_UNSENT, "iiii", task->queue,
						     task->rank, task->due, task->number) > 0;
}

static void mark(struct sqlite_store *store, const struct sent *sent)
{
	struct sqlite_task task;
	int64_t number = sqlite_find_task(store, sent->id);
	if (!number || !sqlite_load_task(store, number, &task))
		return;
	int64_t now = clock_wall_ms();
	if (task.dispatch == sent->dispatch && task.dispatch > 0 && end_claim(store, &task))
		sqlite_run(store, SQL_ADD_SENT, "iiiii", number, task.queue,
			INT(backend_sent_level(sent->dispatch)), now > task.due ? now : task.due,
			task.due);
	sqlite_task_finish(&task);
}

bool sqlite_mark_sent(struct store *base, const struct sent *sent, size_t count, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	for (size_t i = 0; i < count; i++)
		mark(store, &sent[i]);
	return sqlite_end(store, err);
}

/* The one that was sent first, of those that have been out for long enough; 0: there is none. */
static int64_t next_overdue(struct sqlite_store *store, int64_t queue, int64_t after_ms)
{
	int64_t found = 0, first = INT64_MAX, now = clock_wall_ms();
	for (int level = 0; level < BACKEND_SENT_LEVELS; level++) {
		sqlite3_stmt *row = sqlite_query(store, SQL_HEAD_SENT, "ii", queue, INT(level));
		if (sqlite_row(store, row) && sqlite_int(row, 0) < first &&
			now - sqlite_int(row, 0) >= backend_resend_ms(after_ms, level)) {
			first = sqlite_int(row, 0);
			found = sqlite_int(row, 1);
		}
		sqlite_done(row);
	}
	return found;
}

static void send_again(struct sqlite_store *store, int64_t number)
{
	struct sqlite_task task;
	sqlite_run(store, SQL_DROP_SENT, "i", number);
	if (!sqlite_load_task(store, number, &task)) {
		sqlite_fail(store, SQLITE_INTERNAL); /* a sent row without a task */
		return;
	}
	struct sqlite_entry entry = sqlite_entry_of(&task);
	sqlite_add_unsent(store, &entry);
	sqlite_task_finish(&task);
}

bool sqlite_resend(struct store *base, const char *name, int64_t after_ms, size_t max,
	size_t *count, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	size_t done = 0;
	if (!sqlite_begin_read(store, err))
		return false;
	int64_t queue = sqlite_find_queue(store, name);
	bool has_any =
		queue && sqlite_has_door(store, queue) && next_overdue(store, queue, after_ms) != 0;
	if (!sqlite_end(store, err))
		return false;
	if (has_any) {
		int64_t number = 0;
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		while (done < max && (number = next_overdue(store, queue, after_ms)) != 0) {
			send_again(store, number);
			done++;
		}
		if (!sqlite_end(store, err))
			return false;
	}
	*count = done;
	return true;
}

/* One row of the queue's outbox becomes ready, or delayed; false where that was all. */
static bool empty_one(struct sqlite_store *store, int64_t queue)
{
	struct sqlite_entry entry = { .queue = queue };
	int64_t now = clock_wall_ms(), until, number = 0;
	if (next_unsent(store, INT64_MAX, &entry)) {
		sqlite_run(
			store, SQL_DROP_UNSENT, "iiii", queue, entry.rank, entry.due, entry.entry);
		sqlite_keep(store, &entry, now);
		return true;
	}
	if (first_claim(store, queue, &until, &number))
		sqlite_run(store, SQL_DROP_CLAIM, "i", number);
	else if ((number = sqlite_read(store, SQL_FIRST_SENT, 0, "i", queue)) != 0)
		sqlite_run(store, SQL_DROP_SENT, "i", number);
	struct sqlite_task task;
	if (number == 0 || !sqlite_load_task(store, number, &task))
		return false;
	entry = sqlite_entry_of(&task);
	sqlite_keep(store, &entry, now);
	sqlite_task_finish(&task);
	return true;
}

size_t sqlite_empty_outboxes(struct sqlite_store *store, size_t limit)
{
	size_t count = 0;
	int64_t queue = 0;
	while ((queue = sqlite_read(store, SQL_NEXT_CLOSED, 0, "i", queue)) != 0)
		while (count < limit && empty_one(store, queue))
			count++;
	return count;
}
