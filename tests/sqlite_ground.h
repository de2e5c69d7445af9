#pragma once
/* Common ground of the SQLite store's tests: a folder, its store, and processes that share it. */
#include "stores/store.h"
#include "tests/suite.h"

#include <sys/types.h>

/* A new folder; its store.db is made by the first ground_open. */
void ground_begin(void);
void ground_end(void);
/* "/tmp/…/NAME"; overwritten by the next call but one. */
const char *ground_path(const char *name);
/* Opens the folder's store, or dies with what it said. */
struct store *ground_open(void);

/* Runs `body` in a child, which exits with what it answers. No store may be open here: SQLite's
 * connections must not cross fork. */
pid_t ground_fork(int (*body)(void *context), void *context);
/* Waits for the child's exit code; 128 + signal where it was killed. */
int ground_wait(pid_t child);

/* Dies with the error where an act failed. */
void ground_check(bool done, const struct error *err);
void ground_push(struct store *store, const char *queue, const char *id);
/* One task of the queue, or count 0. */
struct lease_batch ground_lease(struct store *store, const char *queue, const char *owner);
struct commit_result ground_commit(
	struct store *store, const struct leased *task, enum outcome outcome);
struct queue_stats ground_queue(struct store *store, const char *queue);
enum task_state ground_state(struct store *store, const char *id);
