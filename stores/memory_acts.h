#pragma once
/* The acts of the port, as they stand in the table of memory.c; store.h says what each promises. */
#include "stores/memory_tables.h"

static inline struct memory *memory_of(struct store *store)
{
	return (struct memory *)store;
}

/* memory_jobs.c */
bool memory_submit(struct store *store, const struct submission *submission,
	char id_out[STORE_ID_SIZE], struct error *err);
bool memory_push(struct store *store, const struct push *pushes, size_t count,
	char (*ids_out)[STORE_ID_SIZE], struct error *err);
bool memory_cancel_job(struct store *store, const char *id, struct error *err);
bool memory_end_cancelled_page(
	struct store *store, const char *job, size_t limit, bool *left, struct error *err);
bool memory_cancel_task(struct store *store, const char *id, struct error *err);
bool memory_revive(
	struct store *store, const char *id, const struct effects *effects, struct error *err);

/* memory_leases.c */
bool memory_lease(struct store *store, const struct lease_request *request,
	struct lease_batch *batch, struct error *err);
void memory_lease_queues(
	struct memory *memory, const struct lease_request *request, struct lease_batch *batch);
/* A lease of the queue has ended: who waits for that is woken, unless the batch took its place. */
void memory_ring_freed(struct memory *memory, const char *queue, const struct lease_batch *batch);
bool memory_lease_task(struct store *store, const char *id, const char *owner, int64_t lease_ms,
	struct lease_batch *batch, struct error *err);
bool memory_renew(struct store *store, const char *id, const struct token *token, int64_t lease_ms,
	enum renewal *renewal, struct error *err);
bool memory_release_owner(struct store *store, const char *owner, const char *running,
	const char *entry, size_t *released, struct error *err);
bool memory_held(
	struct store *store, const char *owner, struct lease_batch *batch, struct error *err);
bool memory_sweep(
	struct store *store, size_t limit, struct sweep_report *report, struct error *err);
/* True where the token, as a whole, holds the task. */
bool memory_holds(const struct task *task, const struct token *token);

/* memory_commit.c */
bool memory_spawn(struct store *store, const char *id, const struct token *token,
	uint32_t first_index, const struct new_task *children, size_t count, struct error *err);
bool memory_commit(struct store *store, const struct commit *commits, size_t count,
	struct commit_result *results, const struct lease_request *next, struct lease_batch *batch,
	struct error *err);

/* memory_effects.c */
/* Opens the way for all who waited: whole lines, however long. True where there was anybody. */
bool memory_wake(struct memory *memory, struct counter *counter);
/*
 * Changes counters and tallies, brings the children of effects and then `ahead` (given; may be
 * NULL) to life, and wakes who waited for counters that fell to 0. True where tasks became ready.
 */
bool memory_apply(struct memory *memory, struct job *job, int64_t parent,
	const struct effects *effects, struct litter *ahead);

/* memory_outbox.c */
bool memory_set_door(struct store *store, const char *const *queues, size_t count, bool has_door,
	struct error *err);
bool memory_claim_unsent(struct store *store, const struct claim_request *request,
	struct outgoing_list *list, struct error *err);
bool memory_mark_sent(
	struct store *store, const struct sent *sent, size_t count, struct error *err);
bool memory_resend(struct store *store, const char *queue, int64_t after_ms, size_t max,
	size_t *count, struct error *err);
/* How many rows of the outbox are due later. */
int64_t memory_count_later(const struct queue *queue, int64_t now);

/* memory_adopt.c */
bool memory_adopt(struct store *store, const struct arrival *arrivals, size_t count,
	enum adoption *answers, struct error *err);
/* Forgets up to limit messages that were adopted before this wall time; answers how many. */
size_t memory_forget_messages(struct memory *memory, int64_t before_ms, size_t limit);

/* memory_fleet.c */
bool memory_beat(struct store *store, const struct heartbeat *own, struct beat_list *list,
	struct error *err);
bool memory_set_pause(struct store *store, const char *queue, bool is_paused, struct error *err);
/* Forgets all heartbeats. */
void memory_free_beats(struct memory *memory);

/* memory_schedules.c */
bool memory_fire(
	struct store *store, const struct firing *firing, bool *is_done, struct error *err);
bool memory_get_schedules(struct store *store, const char *const *names, size_t count,
	struct schedule_list *list, struct error *err);
/* Forgets all schedules. */
void memory_free_schedules(struct memory *memory);

/* memory_gates.c */
bool memory_list_gates(struct store *store, const struct waiting_gate *after, size_t limit,
	struct gate_list *list, struct error *err);
bool memory_mend_gate(struct store *store, const char *job, int64_t scope, const char *gate,
	int64_t pending, struct error *err);

/* memory_queries.c */
bool memory_get_gate(struct store *store, const char *job, int64_t scope, const char *gate,
	const char *const *names, size_t count, struct gate_view *view, struct error *err);
bool memory_get_job(
	struct store *store, const char *id, struct job_record *record, struct error *err);
bool memory_list_jobs(struct store *store, const struct job_filter *filter, struct job_list *list,
	struct error *err);
bool memory_get_task(
	struct store *store, const char *id, struct task_record *record, struct error *err);
bool memory_list_tasks(struct store *store, const struct task_filter *filter,
	struct task_list *list, struct error *err);
bool memory_list_attempts(
	struct store *store, const char *id, struct attempt_list *list, struct error *err);
bool memory_get_queue(
	struct store *store, const char *queue, struct queue_stats *stats, struct error *err);

/* memory_gc.c */
bool memory_purge(struct store *store, const char *queue, bool dead, size_t limit, size_t *deleted,
	struct error *err);
bool memory_gc(struct store *store, int64_t completed_before_ms, int64_t failed_before_ms,
	int64_t results_before_ms, size_t limit, size_t *deleted, bool *left, struct error *err);
