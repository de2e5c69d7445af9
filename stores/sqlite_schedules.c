/* What keepers remember of schedules. */
#include "stores/backend.h"
#include "stores/sqlite_store.h"

bool sqlite_fire(struct store *base, const struct firing *firing, bool *is_done, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	char id[STORE_ID_SIZE];
	if (!backend_check_firing(firing, err) || !sqlite_begin(store, SYNC_FULL, err))
		return false;
	bool is_ours =
		firing->version == 0
			? sqlite_run(store, SQL_ADD_SCHEDULE, "tt", firing->name, firing->text) > 0
			: sqlite_run(store, SQL_SET_SCHEDULE, "tit", firing->name,
				  INT(firing->version), firing->text) > 0;
	if (is_ours && firing->job)
		sqlite_submit_one(store, firing->job, id);
	if (is_ours && firing->task)
		sqlite_push_one(store, firing->task, id);
	if (!sqlite_end(store, err))
		return false;
	*is_done = is_ours;
	return true;
}

bool sqlite_get_schedules(struct store *base, const char *const *names, size_t count,
	struct schedule_list *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct schedule_list list = { xcalloc(count + 1, sizeof *list.rows), count };
	bool ok = true;
	for (size_t from = 0; ok && from < count; from += SQLITE_PAGE) {
		ok = sqlite_begin_read(store, err);
		for (size_t i = from; ok && i < count && i < from + SQLITE_PAGE; i++) {
			sqlite3_stmt *row = sqlite_query(store, SQL_GET_SCHEDULE, "t", names[i]);
			if (sqlite_row(store, row))
				list.rows[i] =
					(struct schedule_record){ (uint64_t)sqlite_int(row, 0),
						sqlite_text(row, 1) };
			sqlite_done(row);
		}
		ok = ok && sqlite_end(store, err);
	}
	if (ok)
		*out = list;
	else
		schedule_list_finish(&list);
	return ok;
}
