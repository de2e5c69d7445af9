/* What people do to jobs and tasks, and what retention deletes. */
#include "stores/postgres_store.h"

#include "stores/backend.h"

/* An act with an id and nothing else to tell. */
static bool act_on(
	struct store *base, enum postgres_statement statement, const char *id, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, statement, "t", id);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_cancel_job(struct store *base, const char *id, struct error *err)
{
	return act_on(base, POSTGRES_CANCEL_JOB, id, err);
}

static bool end_page(
	struct store *base, const char *job, size_t limit, bool *left, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_END_CANCELLED, "ti", job, INT(limit));
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		*left = postgres_int(rows, postgres_find_line(rows, "count"), REPLY_N) != 0;
	}
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_end_cancelled(
	struct store *base, const char *job, size_t limit, bool *left, struct error *err)
{
	*left = true;
	while (*left && limit > 0) {
		size_t page = limit < BACKEND_ENDING_PAGE ? limit : BACKEND_ENDING_PAGE;
		if (!end_page(base, job, page, left, err))
			return false;
		limit -= page;
	}
	return true;
}

bool postgres_cancel_task(struct store *base, const char *id, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_CANCEL_TASK, "t", id);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_purge(struct store *base, const char *queue, bool dead, size_t limit, size_t *deleted,
	struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_PURGE, "tbi", queue, dead, INT(limit));
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done)
		*deleted = (size_t)postgres_int(batch.calls[0]->result, 0, 0);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_gc(struct store *base, int64_t completed_before_ms, int64_t failed_before_ms,
	int64_t results_before_ms, size_t limit, size_t *deleted, bool *left, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_GC, "iiii", completed_before_ms, failed_before_ms,
		results_before_ms, INT(limit));
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done) {
		*deleted = (size_t)postgres_int(batch.calls[0]->result, 0, 0);
		*left = postgres_bool(batch.calls[0]->result, 0, 1);
	}
	postgres_batch_finish(&batch);
	return done;
}
