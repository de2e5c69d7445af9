/* Gates that wait, for the keeper's recount, and the mending of a counter that is wrong. */
#include "stores/sqlite_store.h"

struct place {
	int64_t job, scope;
	char *gate; /* owned */
};

/* Moves on to the next counter that tasks wait for. */
static bool find_next(struct sqlite_store *store, struct place *place)
{
	sqlite3_stmt *row =
		sqlite_query(store, SQL_NEXT_GATE, "iit", place->job, place->scope, place->gate);
	bool is_there = sqlite_row(store, row);
	if (is_there) {
		char *gate = sqlite_text(row, 2);
		free(place->gate);
		*place = (struct place){ sqlite_int(row, 0), sqlite_int(row, 1), gate };
	}
	sqlite_done(row);
	return is_there;
}

/* Nothing waits any more where it was cancelled. A job that found no task to run although some
 * waited has failed; it runs again when that was a mistake. */
static bool is_listed(enum job_state state, bool is_finished, int64_t failing)
{
	return state != JOB_CANCELLED && (!is_finished || failing == 0);
}

static bool read_gate(
	struct sqlite_store *store, const struct place *place, struct waiting_gate *gate)
{
	sqlite3_stmt *row =
		sqlite_query(store, SQL_GET_GATE, "iit", place->job, place->scope, place->gate);
	bool is_wanted = sqlite_row(store, row) && sqlite_int(row, 1) > 0 &&
			 is_listed((enum job_state)sqlite_int(row, 2), sqlite_int(row, 3),
				 sqlite_int(row, 4));
	if (is_wanted)
		*gate = (struct waiting_gate){ .job = sqlite_text(row, 0),
			.scope = place->scope,
			.gate = xstrdup(place->gate),
			.pending = sqlite_int(row, 1) };
	sqlite_done(row);
	return is_wanted;
}

/* One read transaction's worth; false where that was the last. */
static bool read_page(struct sqlite_store *store, struct place *place, size_t limit, size_t *room,
	struct gate_list *list)
{
	for (size_t seen = 0; seen < SQLITE_PAGE && list->count < limit; seen++) {
		struct waiting_gate gate;
		if (!find_next(store, place))
			return false;
		if (!read_gate(store, place, &gate))
			continue;
		list->rows = xgrow(list->rows, list->count, room, sizeof *list->rows);
		list->rows[list->count++] = gate;
	}
	return list->count < limit;
}

/* Jobs are listed by their numbers; of one that was deleted since, the next one's is the place. */
static int64_t find_place(struct sqlite_store *store, const char *uuid)
{
	int64_t job = sqlite_find_job(store, uuid);
	return job ? job : sqlite_read(store, SQL_FIND_JOB_AFTER, INT64_MAX, "t", uuid) - 1;
}

bool sqlite_list_gates(struct store *base, const struct waiting_gate *after, size_t limit,
	struct gate_list *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct gate_list list = { 0 };
	struct place place = { .gate = xstrdup(after ? after->gate : "") };
	size_t room = 0;
	bool is_read = true;
	for (bool is_first = true, goes_on = true; is_read && goes_on; is_first = false) {
		is_read = sqlite_begin_read(store, err);
		if (is_read && is_first && after) {
			place.job = find_place(store, after->job);
			place.scope = after->scope;
		}
		goes_on = is_read && read_page(store, &place, limit, &room, &list);
		is_read = is_read && sqlite_end(store, err);
	}
	free(place.gate);
	if (!is_read) {
		gate_list_finish(&list);
		return false;
	}
	*out = list;
	return true;
}

static bool refuse(
	struct sqlite_store *store, const struct waiting_gate *gate, int64_t job, struct error *err)
{
	if (store->failure)
		return sqlite_end(store, err);
	if (job)
		error_set(err, ERROR_CONFLICT, "gate %s of job %s has changed", gate->gate,
			gate->job);
	else
		error_set(err, ERROR_NOT_FOUND, "there is no job %s", gate->job);
	return sqlite_cancel(store);
}

/* Another job that has taken its key keeps one that has ended from running again. */
static bool may_mend(
	struct sqlite_store *store, const struct sqlite_job *job, const struct waiting_gate *gate)
{
	return is_listed(job->status, job->is_finished, job->failing) && gate->pending > 0 &&
	       sqlite_read(store, SQL_GET_COUNTER, 0, "iit", job->id, gate->scope, gate->gate) ==
		       gate->pending &&
	       !(job->is_finished && sqlite_read(store, SQL_RIVAL_OF_JOB, 0, "i", job->id));
}

bool sqlite_mend_gate(struct store *base, const char *id, int64_t scope, const char *gate,
	int64_t pending, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	const struct waiting_gate wanted = { (char *)id, scope, (char *)gate, pending };
	struct sqlite_job job;
	if (!sqlite_begin(store, SYNC_NORMAL, err))
		return false;
	int64_t number = sqlite_find_job(store, id);
	if (!number || !sqlite_load_job(store, number, &job) || !may_mend(store, &job, &wanted))
		return refuse(store, &wanted, number, err);
	if (job.is_finished && sqlite_read(store, SQL_NEXT_WAITER, 0, "iit", number, scope, gate))
		sqlite_resume_job(store, &job);
	sqlite_mend(store, &job, scope, gate, pending);
	sqlite_store_job(store, &job);
	bool has_rest = store->has_rest;
	if (!sqlite_end(store, err))
		return false;
	if (has_rest)
		sqlite_wake_rest(store, NULL);
	return true;
}
