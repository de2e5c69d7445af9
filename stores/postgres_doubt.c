/*
 * Leases whose answer was lost: they may have been done, or be done still. The owner's next
 * lease first ends the session that was asked, so that nothing more can come of it, and then gets
 * what it holds under the nonces of that request. By their own time such leases would end too,
 * but only then.
 */
#include "stores/postgres_store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRIES    50
#define PAUSE_MS 20

static void forget(struct postgres_doubts *doubts)
{
	free(doubts->nonces);
	*doubts = (struct postgres_doubts){ 0 };
}

void postgres_doubts_finish(struct postgres_store *store)
{
	forget(&store->doubts);
}

bool postgres_has_doubts(const struct postgres_store *store, const char *owner)
{
	return store->doubts.nonces && strcmp(store->doubts.owner, owner) == 0;
}

/* nonces are arrays as PostgreSQL reads them: "{1,2}". */
void postgres_doubt(
	struct postgres_store *store, const char *owner, int64_t lease_ms, const char *nonces)
{
	struct postgres_doubts *doubts = &store->doubts;
	if (!store->has_sent)
		return;
	char *all = postgres_has_doubts(store, owner)
			    ? xprintf("%.*s,%s", (int)strlen(doubts->nonces) - 1, doubts->nonces,
				      nonces + 1)
			    : xstrdup(nonces);
	forget(doubts);
	*doubts = (struct postgres_doubts){
		.nonces = all, .session = store->session, .until_ms = postgres_now_ms() + lease_ms
	};
	snprintf(doubts->owner, sizeof doubts->owner, "%s", owner);
}

/* How many sessions are still there; −1: no answer. A session that a pooler has given to others
 * is left to them. */
static int64_t end_session(struct postgres_store *store, struct error *err)
{
	const struct postgres_doubts *doubts = &store->doubts;
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_END_SESSION, "itb", doubts->session.pid,
		doubts->session.since, !store->is_pooled);
	int64_t left =
		postgres_run(store, &batch, err) ? postgres_int(batch.calls[0]->result, 0, 0) : -1;
	postgres_batch_finish(&batch);
	return left;
}

static bool find(struct postgres_store *store, struct lease_batch *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_HELD_UNDER, "tt", store->doubts.owner, store->doubts.nonces);
	bool done = postgres_act(store, &batch, out, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_settle_doubts(
	struct postgres_store *store, struct lease_batch *out, struct error *err)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	int64_t left;
	for (int i = 0; (left = end_session(store, err)) > 0 && i < TRIES; i++)
		nanosleep(&pause, NULL);
	if (left < 0 || !find(store, out, err))
		return false;
	/* One that does not end is asked for again with the next lease. */
	if (left == 0 || postgres_now_ms() > store->doubts.until_ms)
		forget(&store->doubts);
	return true;
}
