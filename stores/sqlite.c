/* Opens and closes the embedded store; see sqlite.h, and docs/stores.md for how it works. */
#include "stores/sqlite.h"

#include "stores/sqlite_files.h"
#include "stores/sqlite_store.h"

#include <malloc.h>

#define CACHE_KIB      "64"
#define LOOKASIDE_SIZE 256
#define LOOKASIDE_MANY 128

static struct sqlite_queue *find_heard(struct sqlite_store *store, const char *queue)
{
	for (size_t i = 0; i < store->heard_count; i++)
		if (strcmp(store->heard[i].name, queue) == 0)
			return &store->heard[i];
	return NULL;
}

static int64_t look_up(struct sqlite_store *store, const char *queue)
{
	if (!sqlite_begin_read(store, NULL))
		return 0;
	int64_t id = sqlite_find_queue(store, queue);
	return sqlite_end(store, NULL) ? id : 0;
}

static uint32_t word_of(const struct sqlite_queue *heard)
{
	return heard && heard->id ? bell_index(heard->id) : BELLS_NURSERY;
}

/*
 * A queue that nobody has used yet has no word: its sleepers share the nursery's, which is rung
 * when a queue is made. wait keeps to the word that the ticket came from, even where the queue has
 * got its own since.
 */
static uint32_t hear(struct store *base, const char *queue)
{
	struct sqlite_store *store = sqlite_of(base);
	if (!queue)
		return bells_ticket(&store->outbox, BELLS_OUTBOX);
	struct sqlite_queue *heard = find_heard(store, queue);
	if (!heard) {
		store->heard =
			xgrow(store->heard, store->heard_count, &store->heard_room, sizeof *heard);
		heard = &store->heard[store->heard_count++];
		*heard = (struct sqlite_queue){ .name = xstrdup(queue) };
	}
	if (heard->id == 0)
		heard->id = look_up(store, queue);
	return bells_ticket(&store->bell.bells, word_of(heard));
}

static void wait_for_ring(
	struct store *base, const char *queue, uint32_t ticket, int64_t timeout_ms)
{
	struct sqlite_store *store = sqlite_of(base);
	if (queue)
		bells_wait(
			&store->bell.bells, word_of(find_heard(store, queue)), ticket, timeout_ms);
	else
		bells_wait(&store->outbox, BELLS_OUTBOX, ticket, timeout_ms);
}

static void wait_for_any(struct store *base, const char *const *queues, const uint32_t *tickets,
	size_t count, int64_t timeout_ms)
{
	struct sqlite_store *store = sqlite_of(base);
	uint32_t words[BELLS_WAIT_MAX];
	for (size_t i = 0; i < count; i++)
		words[i] = word_of(find_heard(store, queues[i]));
	bells_wait_any(&store->bell.bells, words, tickets, count, timeout_ms);
}

static uint32_t cancel_bell(struct store *base)
{
	return bells_ticket(&sqlite_of(base)->bell.bells, BELLS_CANCELLED);
}

static void interrupt(struct store *base)
{
	bells_interrupt(&sqlite_of(base)->bell.bells);
	bells_interrupt(&sqlite_of(base)->outbox);
}

static void finalize(struct sqlite_store *store)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
}

static void relax(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);
	finalize(store);
	sqlite3_db_release_memory(store->db);
	malloc_trim(0);
}

static void free_queues(struct sqlite_queue *queues, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(queues[i].name);
	free(queues);
}

static void destroy(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);
	finalize(store);
	sqlite3_close(store->db);
	bell_close(&store->bell);
	free_queues(store->queues, store->queue_count);
	free_queues(store->heard, store->heard_count);
	free(store->rings);
	free(store->doors);
	free(store->path);
	free(store);
}

static const struct store_ops ops = {
	.put_workflow = sqlite_put_workflow,
	.get_workflow = sqlite_get_workflow,
	.submit = sqlite_submit,
	.push = sqlite_push,
	.lease = sqlite_lease,
	.lease_task = sqlite_lease_task,
	.renew = sqlite_renew,
	.spawn = sqlite_spawn,
	.commit = sqlite_commit,
	.release_owner = sqlite_release_owner,
	.held = sqlite_list_held,
	.sweep = sqlite_sweep,
	.set_door = sqlite_set_door,
	.claim_unsent = sqlite_claim_unsent,
	.mark_sent = sqlite_mark_sent,
	.resend = sqlite_resend,
	.adopt = sqlite_adopt,
	.list_gates = sqlite_list_gates,
	.mend_gate = sqlite_mend_gate,
	.fire = sqlite_fire,
	.get_schedules = sqlite_get_schedules,
	.beat = sqlite_beat,
	.set_pause = sqlite_set_pause,
	.get_gate = sqlite_get_gate,
	.get_job = sqlite_get_job,
	.list_jobs = sqlite_list_jobs,
	.get_task = sqlite_get_task,
	.list_tasks = sqlite_list_tasks,
	.list_attempts = sqlite_list_attempts,
	.get_queue = sqlite_get_queue_stats,
	.cancel_job = sqlite_cancel_job,
	.end_cancelled = sqlite_end_cancelled,
	.cancel_task = sqlite_cancel_task,
	.revive = sqlite_revive,
	.purge = sqlite_purge,
	.gc = sqlite_gc,
	.bell = hear,
	.wait = wait_for_ring,
	.wait_any = wait_for_any,
	.cancel_bell = cancel_bell,
	.interrupt = interrupt,
	.relax = relax,
	.close = destroy,
};

static bool configure(struct sqlite_store *store, struct error *err)
{
	static const char settings[] = "PRAGMA synchronous = NORMAL;"
				       "PRAGMA cache_size = -" CACHE_KIB ";"
				       "PRAGMA mmap_size = 0;"
				       "PRAGMA journal_size_limit = 16777216;"
				       "PRAGMA temp_store = MEMORY;"
				       "PRAGMA foreign_keys = OFF;";
	int code = sqlite_use_wal(store);
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->db, settings, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return true;
	sqlite_fail(store, code);
	return sqlite_report(store, err);
}

static bool connect(struct sqlite_store *store, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(store->path, &store->db, flags, NULL);
	if (code != SQLITE_OK) {
		sqlite_fail(store, code);
		return sqlite_report(store, err);
	}
	sqlite3_db_config(
		store->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE, LOOKASIDE_MANY);
	sqlite_set_busy(store);
	return true;
}

bool sqlite_store_check(const char *path, struct error *err)
{
	if (!*path)
		return error_set(err, ERROR_INVALID, "store sqlite: expected sqlite:PATH");
	size_t length = strlen(path);
	if (path[length - 1] == '/')
		return error_set(err, ERROR_INVALID,
			"store sqlite:%s: expected a file's path, got a folder's", path);
	return true;
}

bool sqlite_store_preflight(
	const char *path, size_t connections, struct store_warnings *out, struct error *err)
{
	(void)connections;
	if (sqlite_check_place(path, err))
		return true;
	if (err->kind != ERROR_UNAVAILABLE)
		return false;
	store_warnings_add(out, xprintf("%s: run waits until it is there", err->text));
	return true;
}

bool sqlite_store_open(const char *path, struct bells *bells, struct store **out, struct error *err)
{
	(void)bells;
	struct sqlite_store *store = xcalloc(1, sizeof *store);
	store->base.ops = &ops;
	store->sync = SYNC_NORMAL;
	store->bell.fd = -1;
	bool is_open = sqlite_store_check(path, err) && sqlite_find_file(path, &store->path, err) &&
		       bell_open(&store->bell, store->path, err) && connect(store, err) &&
		       sqlite_check_file(store, err) && configure(store, err) &&
		       sqlite_prepare_schema(store, err);
	if (!is_open) {
		destroy(&store->base);
		return false;
	}
	store->outbox.page = store->bell.bells.page;
	*out = &store->base;
	return true;
}
