/*
 * Lines of groups. A task joins at the end and keeps its place until it ends; of those behind the
 * first, each is parked, or held by somebody who took it by name.
 */
#include "stores/sqlite_store.h"

#include "base/clock.h"

struct turn {
	int64_t place, task;
	bool is_parked;
};

static bool read_first(
	struct sqlite_store *store, int64_t queue, const char *line, struct turn *first)
{
	sqlite3_stmt *row = sqlite_query(store, SQL_FIRST_TURN, "it", queue, line);
	bool is_there = sqlite_row(store, row);
	if (is_there)
		*first =
			(struct turn){ sqlite_int(row, 0), sqlite_int(row, 1), sqlite_int(row, 2) };
	sqlite_done(row);
	return is_there;
}

void sqlite_join_line(struct sqlite_store *store, struct sqlite_task *task, const char *line)
{
	if (line) {
		free(task->line);
		task->line = xstrdup(line);
	}
	task->turn = sqlite_read(store, SQL_LAST_TURN, 0, "it", task->queue, task->line) + 1;
	sqlite_run(store, SQL_ADD_TURN, "itii", task->queue, task->line, task->turn, task->number);
	sqlite_run(store, SQL_SET_TURN, "iti", task->number, task->line, task->turn);
}

void sqlite_take_turn(struct sqlite_store *store, const struct sqlite_task *task)
{
	struct turn first;
	if (!read_first(store, task->queue, task->line, &first))
		return;
	struct sqlite_entry entry = sqlite_entry_of(task);
	if (first.task == task->number)
		sqlite_keep(store, &entry, clock_wall_ms());
	else
		sqlite_run(store, SQL_PARK, "itii", task->queue, task->line, task->turn, INT(1));
}

void sqlite_leave_line(struct sqlite_store *store, struct sqlite_task *task, bool forgets)
{
	struct turn first;
	struct sqlite_task next;
	if (!task->turn)
		return;
	sqlite_run(store, SQL_DROP_TURN, "iti", task->queue, task->line, task->turn);
	sqlite_run(store, SQL_SET_TURN, "itz", task->number, forgets ? NULL : task->line, INT(0));
	task->turn = 0;
	if (!read_first(store, task->queue, task->line, &first) || !first.is_parked)
		return;
	sqlite_run(store, SQL_PARK, "itii", task->queue, task->line, first.place, INT(0));
	if (!sqlite_load_task(store, first.task, &next)) {
		sqlite_fail(store, SQLITE_INTERNAL); /* a turn without a task */
		return;
	}
	sqlite_take_turn(store, &next);
	sqlite_task_finish(&next);
}
