#pragma once
/*
 * A worker in the test's own process, over the memory store: tests start jobs, let the queues work
 * until nothing is ready, and look at what the store then has.
 */
#include "base/jsontext.h"
#include "base/memory.h"
#include "tests/suite.h"
#include "workers/acts.h"
#include "workers/attempt.h"

extern struct store *store;
extern struct scoreboard *board;
extern char folder[64]; /* of the test, where handlers start */

/* Opens a store and a scoreboard; the queues come after. */
void fixture_open(void);
/* The same over a file that other processes can open too. */
void fixture_open_file(void);
void fixture_close(void);

/* A queue with the defaults of a configuration, no delay between tries. script: for /bin/sh, or
 * NULL. Valid until fixture_close. */
struct config_queue *fixture_queue(const char *name, enum queue_type type, const char *script);
void fixture_set_hook(struct config_argv *hook, const char *script);
/* The worker of a queue; made at its first use, so the queue may not change after. */
struct worker *fixture_worker(const char *queue);

/* What a child of this queue would be given; NULL: the keeper. */
const struct worker_setup *fixture_setup(const char *queue);
struct config *fixture_config(void);

/* Starts a job; the texts are JSON. Answers its id (kept). */
const char *fixture_start(const char *descriptor, const char *payload);
const char *fixture_push(const char *queue, const char *payload);
/* Leases and does one task of the queue; false where none is ready. */
bool fixture_do(const char *queue);
/* Until no queue has anything ready. */
void fixture_drain(void);

enum job_state fixture_job_state(const char *job);
/* Tasks of a name in a state. */
int64_t fixture_count(const char *job, const char *name, enum task_state state);
/* The nth task (from 0) of a name, as `reeve task --json` shows it; NULL where it is not there.
 * Owned. */
json_t *fixture_task(const char *job, const char *name, size_t nth);
json_t *fixture_task_by_id(const char *id);
/* A file of the folder, "" where it is missing. Owned. */
char *fixture_read(const char *name);
void fixture_write(const char *name, const char *text);

/* Compares a value with JSON text. */
#define ASSERT_JSON(value, wanted)                                            \
	do {                                                                  \
		OWNED(free) char *got_ = fixture_print(value);                \
		CU_ASSERT_STRING_EQUAL(got_, wanted);                         \
		if (strcmp(got_, wanted) != 0)                                \
			fprintf(stderr, "got %s, wanted %s\n", got_, wanted); \
	} while (0)
char *fixture_print(const json_t *value);
