#pragma once
/*
 * A pool: the workers of one queue (or a built-in process), wanted against actual. Idle workers go
 * first where there are too many; a busy one ends after its task, never sooner.
 */
#include "config/config.h"
#include "supervisor/child.h"
#include "supervisor/processes.h"
#include "supervisor/scaler.h"

#define POOL_MAX 10000

struct supervisor;

struct pool_sample {
	int64_t at_ms; /* steady */
	uint64_t ended;
};

struct pool {
	struct supervisor *supervisor;
	char *name;
	/* NULL: a built-in process, or of a queue that the configuration no longer has. */
	const struct config_queue *queue;
	struct config_restart restart; /* copies: the last children outlive their queue */
	int64_t kill_after_ms;
	int max_unavailable, max_unavailable_percent; /* one of them is 0 */
	int desired;
	const struct process_row *process; /* NULL: workers of a queue */
	bool is_paused, is_removed;
	int64_t closed_until_s;  /* its hours; 0: they are open */
	struct child **children; /* by number */
	size_t count, room;
	uint64_t completed, failed, retried; /* of workers that have ended */
	uint64_t restarts, deaths;
	uint64_t recycled; /* by workers that have ended, and those workers themselves */
	struct pool_sample base, latest; /* for the rate */
	struct queue_board *board;       /* its row; NULL: a process, or the table is full */
	struct fleet_row *fleet;         /* the same */
	ev_timer fatal;                  /* runs while all its workers are in slow probe */
	struct pool_scaling scaling;
};

struct pool *pool_create(struct supervisor *supervisor, const struct config_queue *queue);
struct pool *pool_create_process(struct supervisor *supervisor, const struct process_row *process);
/* Of a queue that the configuration no longer has: wants no worker. */
struct pool *pool_create_removed(struct supervisor *supervisor, const char *name);
/* A place that is free, after all others: `number` is greater than theirs. */
struct child *pool_append_child(struct pool *pool, int number);
/* Forgets its children, whether they have ended or not. */
void pool_destroy(struct pool *pool);

/* Takes what the supervisor itself reads of a queue: counts, back-off, kill_after. A count that was
 * set by hand ends; one that follows the load stays where it is, within the bounds. */
void pool_configure(struct pool *pool, const struct config_queue *queue);

/* What its queues let in by the configuration: workers read it with each lease. True where it is
 * not as before. */
bool pool_tell_limits(struct pool *pool, const struct config *config);
/* Idle workers look for work again. */
void pool_wake(struct pool *pool);

/* Starts or retires workers until as many are wanted as desired. */
void pool_settle(struct pool *pool);
/* The new number, kept within 0 … POOL_MAX. */
void pool_scale(struct pool *pool, int desired);
/* The same by hand: holds until the next reload. */
void pool_override(struct pool *pool, int desired);
void pool_pause(struct pool *pool, bool is_paused);
/* Raises one event on every child. */
void pool_raise(struct pool *pool, enum child_event event);
/* Gives up the free places. */
void pool_prune(struct pool *pool);

size_t pool_alive(const struct pool *pool);
size_t pool_busy(const struct pool *pool);
/* completed + failed + retried of all its workers since the start. */
uint64_t pool_ended(const struct pool *pool);

struct pool *pool_find(const struct supervisor *supervisor, const char *name);
