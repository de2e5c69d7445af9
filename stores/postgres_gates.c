/* Gates that wait, for the keeper's recount. */
#include "stores/postgres_store.h"

bool postgres_list_gates(struct store *base, const struct waiting_gate *after, size_t limit,
	struct gate_list *out, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_LIST_GATES, "titi", after ? after->job : NULL,
		after ? after->scope : INT(0), after ? after->gate : NULL, INT(limit));
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		size_t count = (size_t)pq.PQntuples(rows);
		*out = (struct gate_list){ .rows = xcalloc(count + 1, sizeof *out->rows),
			.count = count };
		for (size_t i = 0; i < count; i++)
			out->rows[i] = (struct waiting_gate){ .job = postgres_text(rows, (int)i, 0),
				.scope = postgres_int(rows, (int)i, 1),
				.gate = postgres_text(rows, (int)i, 2),
				.pending = postgres_int(rows, (int)i, 3) };
	}
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_mend_gate(struct store *base, const char *job, int64_t scope, const char *gate,
	int64_t pending, struct error *err)
{
	struct postgres_batch batch = { 0 };
	postgres_call(&batch, POSTGRES_MEND_GATE, "titi", job, scope, gate, pending);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	postgres_batch_finish(&batch);
	return done;
}
