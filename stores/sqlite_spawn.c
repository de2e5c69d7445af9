/* Children written ahead, in chunks, checked against the token of the attempt that spawns them. */
#include "stores/sqlite_store.h"

#include <string.h>

static int64_t get_bundle(
	struct sqlite_store *store, int64_t parent, const struct new_task *child, int64_t queue)
{
	int64_t rank = -child->priority;
	int64_t id = sqlite_read(
		store, SQL_FIND_BUNDLE, 0, "iiii", parent, queue, rank, child->delay_ms);
	if (id || store->failure)
		return id;
	/* Never one that was used before: children name their bundle long after it is gone. */
	id = sqlite_new_numbers(store, 1);
	sqlite_run(store, SQL_ADD_BUNDLE, "iiiii", id, parent, queue, rank, child->delay_ms);
	return store->failure ? 0 : id;
}

static void add_chunk(struct sqlite_store *store, int64_t bundle, int64_t first, int64_t count)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_LAST_CHUNK, "i", bundle);
	bool is_there = sqlite_row(store, row);
	int64_t last = is_there ? sqlite_int(row, 0) : 0;
	bool is_next = is_there && last + sqlite_int(row, 1) == first;
	sqlite_done(row);
	if (is_next)
		sqlite_run(store, SQL_GROW_CHUNK, "iii", bundle, last, count);
	else
		sqlite_run(store, SQL_ADD_CHUNK, "iii", bundle, first, count);
	sqlite_run(store, SQL_GROW_BUNDLE, "ii", bundle, count);
}

static bool is_same_bundle(const struct new_task *one, const struct new_task *other)
{
	return one->priority == other->priority && one->delay_ms == other->delay_ms &&
	       strcmp(one->queue, other->queue) == 0;
}

static void write_child(struct sqlite_store *store, int64_t number, int64_t parent, int64_t queue,
	int64_t bundle, const struct new_task *child)
{
	struct sqlite_task task = {
		.number = number,
		.parent = parent,
		.queue = queue,
		.rank = -child->priority,
		.state = TASK_QUEUED,
		.bundle = bundle,
	};
	sqlite_write_task(store, &task, child);
}

/* Writes the first children that go into one bundle; answers how many. */
static size_t write_run(struct sqlite_store *store, const struct sqlite_job *job, int64_t parent,
	const struct new_task *children, size_t count)
{
	int64_t first = sqlite_number(job->id, job->next_seq);
	int64_t queue = sqlite_get_queue(store, children->queue);
	int64_t bundle = get_bundle(store, parent, children, queue);
	size_t run = 0;
	for (; run < count && is_same_bundle(&children[run], children); run++)
		write_child(store, first + (int64_t)run, parent, queue, bundle, &children[run]);
	add_chunk(store, bundle, first, (int64_t)run);
	return run;
}

static void write_children(
	struct sqlite_store *store, int64_t parent, const struct new_task *children, size_t count)
{
	struct sqlite_job job;
	if (!sqlite_load_job(store, sqlite_job_of(parent), &job))
		return;
	if (job.next_seq + (int64_t)count > SQLITE_SEQ_MAX) {
		sqlite_fail(store, SQLITE_TOOBIG);
		return;
	}
	for (size_t written = 0; written < count;) {
		size_t run = write_run(store, &job, parent, children + written, count - written);
		written += run;
		job.next_seq += (int64_t)run;
	}
	sqlite_store_job(store, &job);
}

bool sqlite_spawn(struct store *base, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct sqlite_held held;
	if (count > STORE_SPAWN_MAX)
		return error_set(
			err, ERROR_INVALID, "more than %d children in one chunk", STORE_SPAWN_MAX);
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	int64_t number = sqlite_find_task(store, id);
	if (!number || !sqlite_load_held(store, number, &held) ||
		!sqlite_token_is(token, &held.token)) {
		if (!store->failure)
			error_set(err, ERROR_CONFLICT, "the lease of task %s is gone", id);
		return store->failure ? sqlite_end(store, err) : sqlite_cancel(store);
	}
	if (sqlite_is_pushed(number)) {
		error_set(err, ERROR_INVALID, "task %s has no job; it may not spawn", id);
		return sqlite_cancel(store);
	}
	/* A repeat of a chunk that is there already changes nothing. */
	if (first_index >= held.spawned) {
		write_children(store, number, children, count);
		sqlite_run(store, SQL_SPAWN_LEASE, "ii", number,
			(int64_t)first_index + (int64_t)count);
	}
	return sqlite_end(store, err);
}
