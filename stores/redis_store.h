#pragma once
/*
 * Inside the Redis store. Each act is one script (stores/redis/act_*.lua, which hold all the logic)
 * called in one round trip; the C side packs arguments, reads answers, and cuts long acts into
 * pages. It keeps nothing about tasks.
 */
#include "stores/redis_wire.h"
#include "stores/redis_scripts.h"
#include "stores/redis_pack.h"
#include "stores/preflight.h"
#include "stores/store.h"

#define REDIS_PREFIX "{reeve}:"

struct redis_store {
	struct store store; /* first */
	struct redis_address address;
	const char *prefix;
	struct redis_wire wire;
	bool has_version, is_old; /* Redis 6: scripts without a first line of flags */

	struct bells bells, own_bells; /* own: where no process carries rings to us */
	struct bells outbox;           /* the same page, for the thread that waits for outboxes */
	/* The nonces of a lease whose answer was lost: what it leased is found by them. */
	char doubt_owner[IDS_OWNER_SIZE];
	uint64_t *doubts;
	size_t doubt_count;
	char sweep_cursor[24]; /* where the next sweep begins; "": at the beginning */
	/* The last row of the page listed last, which may be deleted before the next. */
	char listed_id[STORE_ID_SIZE], listed_ref[32];
};

static inline struct redis_store *redis_of(struct store *store)
{
	return (struct redis_store *)store;
}

/* redis_call.c: calls the act; refusals become errors of their kind. reply is freed by the caller.
 */
bool redis_act(struct redis_store *store, enum redis_script script, const struct redis_pack *args,
	redisReply **reply, struct error *err);
/* Finds or makes the store; learns its tag. */
bool redis_greet(struct redis_store *store, struct error *err);

/* Values of answers: nil is NULL and 0. */
char *redis_text(const redisReply *reply); /* owned */
int64_t redis_number(const redisReply *reply);

/* redis_jobs.c */
void redis_pack_child(struct redis_pack *args, const struct new_task *child);
void redis_pack_effects(struct redis_pack *args, const struct effects *effects);
bool redis_put_workflow(struct store *store, const char *hash, const char *name, const char *text,
	struct error *err);
bool redis_get_workflow(struct store *store, const char *hash, char **text, struct error *err);
bool redis_submit(struct store *store, const struct submission *submission,
	char id_out[STORE_ID_SIZE], struct error *err);
bool redis_push(struct store *store, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err);

void redis_pack_submission(struct redis_pack *args, const struct submission *submission);
void redis_pack_push(struct redis_pack *args, const struct push *push);

/* redis_schedules.c */
bool redis_fire(struct store *store, const struct firing *firing, bool *is_done, struct error *err);
bool redis_get_schedules(struct store *store, const char *const *names, size_t count,
	struct schedule_list *list, struct error *err);

/* redis_lease.c */
#define REDIS_LEASE_PAGE 32 /* tasks that one script leases */
/* What of the request one script does. */
struct lease_request redis_first_page(const struct lease_request *request);
void redis_pack_request(
	struct redis_store *store, struct redis_pack *args, const struct lease_request *request);
void redis_settle_request(
	struct redis_store *store, const struct lease_request *request, bool is_answered);
void redis_read_batch(
	const redisReply *rows, int64_t next_ms, bool is_limited, struct lease_batch *batch);
bool redis_lease(struct store *store, const struct lease_request *request,
	struct lease_batch *batch, struct error *err);
/* After a script that leased a full page: leases more, up to what was asked. */
void redis_fill_batch(
	struct redis_store *store, const struct lease_request *request, struct lease_batch *batch);
bool redis_lease_task(struct store *store, const char *id, const char *owner, int64_t lease_ms,
	struct lease_batch *batch, struct error *err);
bool redis_renew(struct store *store, const char *id, const struct token *token, int64_t lease_ms,
	enum renewal *renewal, struct error *err);
bool redis_release_owner(struct store *store, const char *owner, const char *running,
	const char *entry, size_t *released, struct error *err);
bool redis_held(
	struct store *store, const char *owner, struct lease_batch *batch, struct error *err);

/* redis_commit.c */
bool redis_spawn(struct store *store, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err);
bool redis_commit(struct store *store, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err);

/* redis_sweep.c */
bool redis_sweep(struct store *store, size_t limit, struct sweep_report *report, struct error *err);
bool redis_purge(struct store *store, const char *queue, bool dead, size_t limit, size_t *deleted,
	struct error *err);
bool redis_gc(struct store *store, int64_t completed_before_ms, int64_t failed_before_ms,
	int64_t results_before_ms, size_t limit, size_t *deleted, bool *left, struct error *err);

/* redis_control.c */
bool redis_cancel_job(struct store *store, const char *id, struct error *err);
bool redis_end_cancelled(
	struct store *store, const char *job, size_t limit, bool *left, struct error *err);
bool redis_cancel_task(struct store *store, const char *id, struct error *err);
bool redis_revive(
	struct store *store, const char *id, const struct effects *effects, struct error *err);

/* redis_read.c */
bool redis_get_gate(struct store *store, const char *job, int64_t scope, const char *gate,
	const char *const *names, size_t count, struct gate_view *view, struct error *err);
bool redis_get_job(
	struct store *store, const char *id, struct job_record *record, struct error *err);
bool redis_list_jobs(struct store *store, const struct job_filter *filter, struct job_list *list,
	struct error *err);
bool redis_get_task(
	struct store *store, const char *id, struct task_record *record, struct error *err);
bool redis_list_tasks(struct store *store, const struct task_filter *filter, struct task_list *list,
	struct error *err);
bool redis_list_attempts(
	struct store *store, const char *id, struct attempt_list *list, struct error *err);
bool redis_get_queue(
	struct store *store, const char *queue, struct queue_stats *stats, struct error *err);

/* redis_outbox.c */
bool redis_set_door(struct store *store, const char *const *queues, size_t count, bool has_door,
	struct error *err);
bool redis_claim_unsent(struct store *store, const struct claim_request *request,
	struct outgoing_list *list, struct error *err);
bool redis_mark_sent(struct store *store, const struct sent *sent, size_t count, struct error *err);
bool redis_resend(struct store *store, const char *queue, int64_t after_ms, size_t max,
	size_t *count, struct error *err);
bool redis_adopt(struct store *store, const struct arrival *arrivals, size_t count,
	enum adoption *answers, struct error *err);

/* redis_fleet.c */
bool redis_beat(struct store *store, const struct heartbeat *own, struct beat_list *list,
	struct error *err);
bool redis_set_pause(struct store *store, const char *queue, bool is_paused, struct error *err);

/* redis_gates.c */
bool redis_list_gates(struct store *store, const struct waiting_gate *after, size_t limit,
	struct gate_list *list, struct error *err);
bool redis_mend_gate(struct store *store, const char *job, int64_t scope, const char *gate,
	int64_t pending, struct error *err);

/* redis_preflight.c */
int redis_version_of(const char *info); /* major × 100 + minor; 0: not told */
/* INVALID where the server is too old. */
bool redis_version_check(const char *shown, int version, struct error *err);
/* Whether its scripts have flags; a version that is not told counts as a new one. */
bool redis_version_has_flags(int version);
bool redis_preflight(const char *url, struct store_warnings *out, struct error *err);

/* redis_bell.c */
void redis_ring(struct bells *bells, const char *queue, int64_t count); /* "": the outbox */
uint32_t redis_bell(struct store *store, const char *queue);
void redis_wait(struct store *store, const char *queue, uint32_t ticket, int64_t timeout_ms);
uint32_t redis_cancel_bell(struct store *store);
void redis_wait_any(struct store *store, const char *const *queues, const uint32_t *tickets,
	size_t count, int64_t timeout_ms);
void redis_interrupt(struct store *store);
void redis_listen(struct store *store, bool (*goes_on)(void *context), void *context);
