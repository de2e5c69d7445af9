/* What keepers remember of schedules. */
#include "stores/backend.h"
#include "stores/postgres_store.h"

static bool is_fired(const PGresult *rows)
{
	return pq.PQntuples(rows) > 0 && strcmp(pq.PQgetvalue(rows, 0, REPLY_KIND), "fired") == 0;
}

bool postgres_fire(
	struct store *base, const struct firing *firing, bool *is_done, struct error *err)
{
	static const struct submission none;
	const struct submission *job = firing->job ? firing->job : &none;
	struct postgres_batch batch = { 0 };
	OWNED(free) char *effects = NULL, *pushes = NULL;
	if (!backend_check_firing(firing, err) ||
		(firing->job && !postgres_effects(&job->effects, &effects, err)) ||
		(firing->task && !postgres_pushes(firing->task, 1, &pushes, err)))
		return false;
	postgres_call(&batch, POSTGRES_FIRE, "titttttttt", firing->name, (int64_t)firing->version,
		firing->text, job->id, job->workflow, job->workflow_hash, job->payload, job->key,
		effects, pushes);
	postgres_flush(postgres_of(base), &batch);
	bool done = postgres_act(postgres_of(base), &batch, NULL, err);
	if (done)
		*is_done = is_fired(batch.calls[0]->result);
	postgres_batch_finish(&batch);
	return done;
}

bool postgres_get_schedules(struct store *base, const char *const *names, size_t count,
	struct schedule_list *list, struct error *err)
{
	struct postgres_batch batch = { 0 };
	OWNED(free) char *array = postgres_array(names, count);
	postgres_call(&batch, POSTGRES_GET_SCHEDULES, "t", array);
	bool done = postgres_run(postgres_of(base), &batch, err);
	if (done) {
		const PGresult *rows = batch.calls[0]->result;
		*list = (struct schedule_list){ xcalloc(count + 1, sizeof *list->rows), count };
		for (size_t i = 0; i < count; i++)
			list->rows[i] =
				(struct schedule_record){ (uint64_t)postgres_int(rows, (int)i, 0),
					postgres_text(rows, (int)i, 1) };
	}
	postgres_batch_finish(&batch);
	return done;
}
