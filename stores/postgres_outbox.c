/* Doors, outboxes and what couriers bring; see stores/postgres/doors.sql. */
#include "stores/postgres_store.h"

#include "stores/backend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool postgres_set_door(struct store *base, const char *const *queues, size_t count, bool has_door,
	struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *list = postgres_array(queues, count);
	postgres_call(&batch, POSTGRES_SET_DOOR, "tb", list, has_door);
	bool done = postgres_run(postgres_of(base), &batch, err);
	postgres_batch_finish(&batch);
	return done;
}

/* The lines 'out' come first. */
static void read_outgoing(const PGresult *rows, struct outgoing_list *list)
{
	int count = pq.PQntuples(rows);
	list->rows = xcalloc((size_t)count + 1, sizeof *list->rows);
	for (int row = 0; row < count; row++) {
		if (strcmp(pq.PQgetvalue(rows, row, REPLY_KIND), "out") != 0)
			break;
		struct outgoing *outgoing = &list->rows[list->count++];
		*outgoing = (struct outgoing){ .job_id = postgres_text(rows, row, REPLY_JOB),
			.payload = postgres_text(rows, row, REPLY_PAYLOAD),
			.dispatch = (uint32_t)postgres_int(rows, row, REPLY_ATTEMPT),
			.delay_ms = postgres_int(rows, row, REPLY_DUE) };
		snprintf(outgoing->id, sizeof outgoing->id, "%s",
			pq.PQgetvalue(rows, row, REPLY_ID));
	}
	list->next_ms = postgres_int(rows, postgres_find_line(rows, "count"), REPLY_N);
}

bool postgres_claim_unsent(struct store *base, const struct claim_request *request,
	struct outgoing_list *out, struct error *err)
{
	struct postgres_store *store = postgres_of(base);
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_CLAIM, "ttiiibt", request->queue, request->owner,
		request->claim_ms, request->horizon_ms, INT(request->max), request->with_payloads,
		store->durability);
	bool done = postgres_act(store, &batch, NULL, err);
	*out = (struct outgoing_list){ .next_ms = -1 };
	if (done)
		read_outgoing(batch.calls[0]->result, out);
	postgres_batch_finish(&batch);
	return done;
}

/* The dispatches as PostgreSQL writes an array. Owned. */
static char *dispatches(const struct sent *sent, size_t count)
{
	char *text = xmalloc(count * sizeof "4294967295," + 3), *at = text;
	*at++ = '{';
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s%" PRIu32, i > 0 ? "," : "", sent[i].dispatch);
	*at++ = '}';
	*at = '\0';
	return text;
}

bool postgres_mark_sent(
	struct store *base, const struct sent *sent, size_t count, struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) const char **ids = xcalloc(count + 1, sizeof *ids);
	for (size_t i = 0; i < count; i++)
		ids[i] = sent[i].id;
	OWNED(free) char *list = postgres_array(ids, count);
	OWNED(free) char *numbers = dispatches(sent, count);
	postgres_call(&batch, POSTGRES_MARK_SENT, "tt", list, numbers);
	bool done = postgres_run(postgres_of(base), &batch, err);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_resend(struct store *base, const char *queue, int64_t after_ms, size_t max,
	size_t *count, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_RESEND, "tii", queue, after_ms, INT(max));
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		*count = (size_t)postgres_int(rows, postgres_find_line(rows, "count"), REPLY_N);
	}
	postgres_batch_finish(&batch);
	return done;
}

static void add_arrival(
	struct postgres_batch *batch, const struct arrival *arrival, const char *made, char *reason)
{
	postgres_call(batch, POSTGRES_ADOPT, "tttttttti", arrival->queue, arrival->message_id,
		arrival->task_id, arrival->id ? arrival->id : made, arrival->name, arrival->payload,
		reason, arrival->group, INT(arrival->priority));
	postgres_end(batch);
}

static void read_adoptions(struct postgres_store *store, const struct postgres_batch *batch,
	size_t count, enum adoption *answers)
{
	static const enum adoption adoptions[] = { ADOPT_DONE, ADOPT_KNOWN, ADOPT_UNKNOWN };
	for (size_t i = 0; i < count; i++) {
		const PGresult *rows = batch->calls[i]->result;
		answers[i] =
			adoptions[postgres_int(rows, postgres_find_line(rows, "count"), REPLY_N)];
		postgres_read_reply(store, rows, NULL);
	}
	postgres_follow(store);
}

/* Each arrival is a transaction of its own, and the last one of the round trip waits for the disk.
 * What was done before a failure is known when the act is repeated. */
bool postgres_adopt(struct store *base, const struct arrival *arrivals, size_t count,
	enum adoption *answers, struct error *err)
{
	struct postgres_store *store = postgres_of(base);
	struct postgres_batch batch = { 0 };
	for (size_t i = 0; i < count; i++)
		if (!backend_check_arrival(&arrivals[i], err))
			return false;
	if (count == 0)
		return true;
	char(*made)[IDS_UUID_SIZE] = xcalloc(count, sizeof *made);
	char **reasons = xcalloc(count, sizeof *reasons);
	for (size_t i = 0; i < count; i++) {
		store_new_id(base, made[i]);
		reasons[i] = postgres_clean(arrivals[i].reason);
		add_arrival(&batch, &arrivals[i], made[i], reasons[i]);
	}
	postgres_flush(store, &batch);
	bool done = postgres_run(store, &batch, err);
	if (done)
		read_adoptions(store, &batch, count, answers);
	postgres_batch_finish(&batch);
	for (size_t i = 0; i < count; i++)
		free(reasons[i]);
	free(reasons);
	free(made);
	return done;
}
