#pragma once
/* How tasks move between the tables: found, born, made ready, held, ended. The acts of the port are
 * made of these. None of them checks a token. */
#include "stores/memory_tables.h"

struct queue *memory_queue(struct memory *memory, const char *name);
/* NULL where there is none, or where it is not born. */
struct task *memory_find_task(struct memory *memory, const char *id);
struct task *memory_task_at(const struct job *job, int64_t seq);
/* Makes the row where it is missing; find answers NULL. */
struct counter *memory_counter(struct job *job, int64_t scope, const char *gate);
struct counter *memory_find_counter(const struct job *job, int64_t scope, const char *gate);
struct census *memory_census(struct job *job, int64_t scope, const char *name);
struct census *memory_find_census(const struct job *job, int64_t scope, const char *name);

enum task_state memory_state(const struct task *task);
int64_t memory_seq(const struct task *task); /* 0: a pushed task */
char *memory_task_id(const struct task *task, char out[STORE_ID_SIZE]);
bool memory_is_cancelled(const struct task *task); /* its job is */
static inline bool memory_is_dead(enum task_state state)
{
	return state == TASK_FAILED || state == TASK_INVALID;
}

/* Queues a task that stands nowhere: behind the others of its priority once due_at_ms has come, or
 * in front of them. Where its queue has a door make_ready puts it into the outbox; keep and
 * make_first never do. */
void memory_make_ready(struct memory *memory, struct task *task, int64_t due_at_ms);
void memory_keep(struct memory *memory, struct task *task, int64_t due_at_ms);
void memory_make_first(struct memory *memory, struct task *task);
/* The same for a whole bundle, wherever it stands. */
void memory_place_bundle(struct memory *memory, struct bundle *bundle, int64_t due_at_ms);
void memory_keep_bundle(struct memory *memory, struct bundle *bundle, int64_t due_at_ms);
/* Lets a task that stands nowhere wait for its gate's counter. */
void memory_wait_for(struct memory *memory, struct task *task, struct counter *counter);
/* Takes a queued or waiting task out of where it stands. */
void memory_leave(struct memory *memory, struct task *task);

/* memory_outbox.c: places of the outbox. `unplace` is for all places but waiting. */
void memory_set_unsent(struct memory *memory, struct bundle *bundle, bool is_fresh);
void memory_unplace(struct memory *memory, struct bundle *bundle);
/* Moves the bundle to a place, and in the counts; it stands in no heap or map of it yet. */
void memory_set_place(struct bundle *bundle, enum place place);
/* Stands in a place of its own, unborn yet. */
struct bundle *memory_bundle_alone(struct task *task);
/* Gives a claim back. */
void memory_lapse(struct memory *memory, struct bundle *bundle);
/* Makes up to limit rows of the outbox ready, where the queue has no door any more. */
size_t memory_empty_outbox(struct memory *memory, struct queue *queue, size_t limit);

/* memory_lines.c */
void memory_join_line(struct memory *memory, struct task *task);
/* Its end, or it waits for its gate again: the next one's turn comes. Nothing where it is in none.
 */
void memory_leave_line(struct memory *memory, struct task *task);
static inline bool memory_is_first(const struct task *task)
{
	return !task->fifo || task->fifo->tasks.first == &task->turn;
}

void memory_hold(struct memory *memory, struct task *task, const char *owner, int64_t lease_ms);
struct holder *memory_get_holder(struct memory *memory, const char *owner);
void memory_drop_holder(struct memory *memory, struct holder *holder); /* where it is empty */
/* Takes a working task from its owner; it then stands nowhere. Children written ahead are dropped.
 */
void memory_take_back(struct memory *memory, struct task *task);
/* Where a task goes that was held and not committed: back to where it was, or to its end where its
 * job is cancelled. */
void memory_put_back(struct memory *memory, struct task *task, bool first);
/* Ends a task that stands nowhere. */
void memory_end(struct memory *memory, struct task *task, enum task_state state);
/* Ends a queued, waiting or given-back task of a cancelled job. */
void memory_end_cancelled(struct memory *memory, struct task *task);
/* Finishes the job where nothing of it can run any more. */
bool memory_settle_job(struct memory *memory, struct job *job);
/* A job that has ended runs again; it stays failed while a task that failed it is failed. */
void memory_resume_job(struct memory *memory, struct job *job);
/* Undoes what the end of a job or a pushed task has set up. */
void memory_unend(struct remains *remains);

/* Joins the trace of the task; texts are copied. */
void memory_record(struct task *task, const struct token *token, bool has_committed,
	const char *entry, const char *output);

/* Who holds the key in its workflow or queue; NULL for nobody, and for no key. */
void *memory_find_key(const struct map *keys, const char *place, const char *key);
/* Nothing where there is no key, or it is held already. */
void memory_take_key(struct map *keys, const char *place, const char *key, void *self);
void memory_drop_key(struct map *keys, const char *place, const char *key);
