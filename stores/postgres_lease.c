/* Leases, and what comes back uncommitted. */
#include "stores/postgres_store.h"

#include <stdio.h>
#include <string.h>

bool postgres_lease(struct store *base, const struct lease_request *request,
	struct lease_batch *out, struct error *err)
{
	struct postgres_store *store = postgres_of(base);
	struct postgres_batch batch = { 0 };
	OWNED(free) char *queues = postgres_array(request->queues, request->queue_count);
	OWNED(free) char *nonces = postgres_nonces(request->max);
	OWNED(free) char *limits = postgres_limits(request);
	if (postgres_has_doubts(store, request->owner)) {
		struct lease_batch found;
		if (!postgres_settle_doubts(store, &found, err))
			return false;
		if (found.count > 0) {
			*out = found;
			return true;
		}
	}
	postgres_call(&batch, POSTGRES_LEASE, "ttitt", queues, request->owner, request->lease_ms,
		nonces, limits);
	bool done = postgres_act(store, &batch, out, err);
	if (!done)
		postgres_doubt(store, request->owner, request->lease_ms, nonces);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_lease_task(struct store *base, const char *id, const char *owner, int64_t lease_ms,
	struct lease_batch *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(
		&batch, POSTGRES_LEASE_TASK, "ttii", id, owner, lease_ms, INT(ids_random64()));
	bool done = postgres_act(postgres_of(base), &batch, out, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_renew(struct store *base, const char *id, const struct token *token, int64_t lease_ms,
	enum renewal *out, struct error *err)
{
	static const enum renewal renewals[] = { RENEWED, RENEW_STALE, RENEW_CANCELLED };
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_RENEW, "ttiii", id, token->owner, INT(token->attempt),
		INT(token->nonce), lease_ms);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done)
		*out = renewals[postgres_int(batch.calls[0]->result, 0, 0)];
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_release_owner(struct store *base, const char *owner, const char *running,
	const char *entry, size_t *released, struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *clean = postgres_clean(entry);
	postgres_call(&batch, POSTGRES_RELEASE, "ttt", owner, running, clean);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	if (done && released) {
		const PGresult *rows = batch.calls[0]->result;
		*released = (size_t)postgres_int(rows, postgres_find_line(rows, "count"), REPLY_N);
	}
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_held(
	struct store *base, const char *owner, struct lease_batch *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_HELD, "t", owner);
	bool done = postgres_act(postgres_of(base), &batch, out, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_sweep(struct store *base, size_t limit, struct sweep_report *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_SWEEP, "i", INT(limit));
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		int row = postgres_find_line(rows, "swept");
		*out = (struct sweep_report){
			.released = (size_t)postgres_int(rows, row, REPLY_FAILURES),
			.due = (size_t)postgres_int(rows, row, REPLY_CRASHES),
			.dropped = (size_t)postgres_int(rows, row, REPLY_LOSSES),
			.next_ms = postgres_int(rows, row, REPLY_N),
		};
	}
	postgres_batch_finish(&batch);
	return done;
}
