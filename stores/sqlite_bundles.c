/*
 * Children that an attempt writes ahead. They lie in the task table from the start, grouped into
 * bundles (one for each queue, priority and delay), each a list of chunks: ranges of numbers. The
 * commit of the parent enters one ready entry for a bundle, whatever its size; leases then move
 * along the chunks. That a child is born follows from its bundle's state.
 */
#include "stores/sqlite_store.h"

#include "base/clock.h"
#include "stores/backend.h"

enum bundle_state { BUNDLE_UNBORN, BUNDLE_BORN, BUNDLE_DROPPED };

static bool next_chunk(struct sqlite_store *store, int64_t bundle, int64_t *next, int64_t *stop)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_FIRST_CHUNK, "i", bundle);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		*next = sqlite_int(row, 0);
		*stop = *next + sqlite_int(row, 1);
	}
	sqlite_done(row);
	if (is_there)
		sqlite_run(store, SQL_DELETE_CHUNK, "ii", bundle, *next);
	return is_there;
}

static void delete_bundle(struct sqlite_store *store, int64_t bundle)
{
	sqlite_run(store, SQL_EMPTY_BUNDLE, "i", bundle);
	sqlite_run(store, SQL_DELETE_BUNDLE, "i", bundle);
}

/* The range [next, stop) that the bundle stands at; false where the bundle is gone. */
static bool read_place(struct sqlite_store *store, int64_t bundle, int64_t *next, int64_t *stop)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_BUNDLE, "i", bundle);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		*next = sqlite_int(row, 3);
		*stop = sqlite_int(row, 4);
	}
	sqlite_done(row);
	return is_there;
}

/* Children that were taken out of turn (cancelled, say) are passed over. */
bool sqlite_take_child(struct sqlite_store *store, struct sqlite_entry *head, int64_t *number)
{
	int64_t bundle = -head->entry, next = 0, stop = 0;
	bool is_taken = false;
	bool is_there = head->tasks > 0 && read_place(store, bundle, &next, &stop);
	while (is_there && !is_taken) {
		if (next == stop && !next_chunk(store, bundle, &next, &stop))
			break;
		*number = next++;
		is_taken = sqlite_read(store, SQL_IS_IN_BUNDLE, 0, "ii", *number, bundle);
	}
	if (!is_taken)
		head->tasks = 0;
	if (head->tasks > 1)
		sqlite_run(store, SQL_MOVE_BUNDLE, "iii", bundle, next, stop);
	else
		delete_bundle(store, bundle);
	return is_taken;
}

/* Where the bundle's entry is; false where it has none any more. */
static bool find_entry(struct sqlite_store *store, int64_t bundle, struct sqlite_entry *entry)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LOAD_BUNDLE, "i", bundle);
	bool is_there = sqlite_row(store, row);
	if (is_there)
		*entry = (struct sqlite_entry){ .queue = sqlite_int(row, 0),
			.rank = sqlite_int(row, 1),
			.due = sqlite_int(row, 2),
			.entry = -bundle };
	sqlite_done(row);
	return is_there;
}

/* The last one to leave a bundle that is put off takes it along: no lease ever comes to it. */
static void leave_delayed(struct sqlite_store *store, const struct sqlite_entry *at)
{
	if (sqlite_run(store, SQL_TAKE_DELAYED, "iii", at->queue, at->due, at->entry) == 0)
		sqlite_run(store, SQL_TAKE_UNSENT, "iiii", at->queue, at->rank, at->due, at->entry);
	else if (sqlite_run(store, SQL_DROP_EMPTY, "iii", at->queue, at->due, at->entry) > 0)
		delete_bundle(store, -at->entry);
}

void sqlite_leave_bundle(struct sqlite_store *store, const struct sqlite_task *task)
{
	struct sqlite_entry at;
	if (find_entry(store, task->bundle, &at) &&
		sqlite_run(store, SQL_TAKE_READY, "iiii", at.queue, at.rank, at.due, at.entry) == 0)
		leave_delayed(store, &at);
	sqlite_run(store, SQL_UNBUNDLE_TASK, "i", task->number);
}

void sqlite_put_off_bundle(struct sqlite_store *store, int64_t bundle)
{
	struct sqlite_entry at;
	if (!find_entry(store, bundle, &at))
		return;
	static const struct {
		enum sqlite_statement put_off, drop;
	} places[] = { { SQL_PUT_OFF_READY, SQL_DROP_READY },
		{ SQL_PUT_OFF_UNSENT, SQL_DROP_UNSENT } };
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (sqlite_run(store, places[i].put_off, "iiiii", at.queue, at.rank, at.due,
			    at.entry, INT(BACKEND_NEVER_MS)) > 0) {
			sqlite_run(
				store, places[i].drop, "iiii", at.queue, at.rank, at.due, at.entry);
			sqlite_run(store, SQL_BEAR_BUNDLE, "ii", bundle, INT(BACKEND_NEVER_MS));
		}
}

struct family {
	int64_t id, tasks;
	struct sqlite_entry entry;
	int64_t delay;
};

static bool next_family(struct sqlite_store *store, int64_t parent, struct family *family)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LIST_BUNDLES, "i", parent);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		*family = (struct family){ .id = sqlite_int(row, 0), .delay = sqlite_int(row, 3) };
		family->entry = (struct sqlite_entry){ .queue = sqlite_int(row, 1),
			.rank = sqlite_int(row, 2),
			.entry = -family->id,
			.tasks = sqlite_int(row, 4),
			.dispatch = 1 };
	}
	sqlite_done(row);
	return is_there;
}

int64_t sqlite_bear_bundles(struct sqlite_store *store, int64_t parent, int64_t now)
{
	int64_t born = 0;
	struct family family;
	while (next_family(store, parent, &family)) {
		family.entry.due = now + family.delay;
		sqlite_run(store, SQL_BEAR_BUNDLE, "ii", family.id, family.entry.due);
		sqlite_place(store, &family.entry, now);
		born += family.entry.tasks;
	}
	return born;
}

void sqlite_drop_bundles(struct sqlite_store *store, int64_t parent)
{
	sqlite_run(store, SQL_DROP_BUNDLES, "i", parent);
}

/* Deletes children of one dropped bundle, at most limit; false where there is no such bundle. */
static bool sweep_one(struct sqlite_store *store, size_t limit, size_t *dropped)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_NEXT_DROPPED, "");
	bool is_there = sqlite_row(store, row);
	int64_t bundle = is_there ? sqlite_int(row, 0) : 0;
	int64_t next = is_there ? sqlite_int(row, 1) : 0;
	int64_t stop = is_there ? sqlite_int(row, 2) : 0;
	sqlite_done(row);
	if (!is_there)
		return false;
	if (next == stop && !next_chunk(store, bundle, &next, &stop)) {
		delete_bundle(store, bundle);
		return true;
	}
	int64_t last = stop - next > (int64_t)limit ? next + (int64_t)limit - 1 : stop - 1;
	sqlite_run(store, SQL_DELETE_BODIES, "ii", next, last);
	sqlite_run(store, SQL_DELETE_TASKS, "ii", next, last);
	sqlite_run(store, SQL_MOVE_BUNDLE, "iii", bundle, last + 1, stop);
	*dropped += (size_t)(last + 1 - next);
	return true;
}

size_t sqlite_sweep_bundles(struct sqlite_store *store, size_t limit)
{
	size_t dropped = 0;
	while (dropped < limit && sweep_one(store, limit - dropped, &dropped))
		;
	return dropped;
}
