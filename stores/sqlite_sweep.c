/* Housekeeping for all queues. Everything here is also done, later, by others: it is for
 * promptness. */
#include "stores/sqlite_store.h"

#include "base/clock.h"

static int64_t next_queue(struct sqlite_store *store, int64_t after)
{
	return sqlite_read(store, SQL_LIST_QUEUES, 0, "i", after);
}

static void find_sooner(int64_t *next, int64_t other)
{
	if (other >= 0 && (*next < 0 || other < *next))
		*next = other;
}

static int64_t next_of_all(struct sqlite_store *store)
{
	int64_t next = -1;
	for (int64_t queue = next_queue(store, 0); queue; queue = next_queue(store, queue))
		find_sooner(&next, sqlite_next_ms(store, &queue, 1));
	return sqlite_read(store, SQL_NEXT_CLOSED, 0, "i", INT(0)) ? 0 : next;
}

static int64_t forgotten_before(void)
{
	return clock_wall_ms() - STORE_KNOWN_MS;
}

static bool has_remains(struct sqlite_store *store)
{
	static const enum sqlite_statement kinds[] = { SQL_NEXT_DROPPED, SQL_NEXT_DOOMED,
		SQL_NEXT_WAKING };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (sqlite_read(store, kinds[i], 0, ""))
			return true;
	return sqlite_read(store, SQL_NEXT_CLOSED, 0, "i", INT(0)) ||
	       sqlite_read(store, SQL_NEXT_ADOPTED, INT64_MAX, "") < forgotten_before();
}

static void sweep_queues(struct sqlite_store *store, size_t limit, struct sweep_report *report)
{
	int64_t now = clock_wall_ms();
	for (int64_t queue = next_queue(store, 0); queue; queue = next_queue(store, queue)) {
		report->released += sqlite_put_back_expired(store, queue, limit - report->released);
		report->due += sqlite_make_due(store, queue, now, limit - report->due);
	}
	report->due += sqlite_empty_outboxes(store, limit - report->due);
}

static void sweep_remains(struct sqlite_store *store, size_t limit, struct sweep_report *report)
{
	report->dropped = sqlite_sweep_bundles(store, limit);
	if (report->dropped < limit)
		report->dropped += sqlite_sweep_doomed(store, limit - report->dropped);
	if (report->dropped < limit)
		report->dropped += (size_t)sqlite_run(store, SQL_FORGET_ADOPTED, "ii",
			forgotten_before(), INT(limit - report->dropped));
}

/* A process that died between its commit and its ring left sleepers beside ready tasks. */
static void ring_ready(struct sqlite_store *store)
{
	for (int64_t queue = next_queue(store, 0); queue; queue = next_queue(store, queue)) {
		if (sqlite_read(store, SQL_IS_READY, 0, "i", queue))
			sqlite_note_ready(store, queue, 1);
		if (sqlite_read(store, SQL_FIRST_UNSENT_DUE, -1, "i", queue) >= 0)
			store->has_new_unsent = true;
	}
}

bool sqlite_sweep(struct store *base, size_t limit, struct sweep_report *out, struct error *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct sweep_report report = { .next_ms = -1 };
	if (!sqlite_begin_read(store, err))
		return false;
	ring_ready(store);
	report.next_ms = next_of_all(store);
	bool has_work = report.next_ms == 0 || has_remains(store);
	bool is_waking = sqlite_read(store, SQL_NEXT_WAKING, 0, "");
	if (!sqlite_end(store, err))
		return false;
	if (is_waking && !sqlite_wake_rest(store, err))
		return false;
	if (has_work) {
		if (!sqlite_begin(store, SYNC_NORMAL, err))
			return false;
		sweep_queues(store, limit, &report);
		sweep_remains(store, limit, &report);
		report.next_ms = next_of_all(store);
		if (!sqlite_end(store, err))
			return false;
	}
	*out = report;
	return true;
}
