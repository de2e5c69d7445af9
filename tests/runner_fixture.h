#pragma once
/* A runner with a queue made by hand, and a watch that notes what it is told. */
#include "workers/runner.h"

/* A text that a field of the configuration may point to, for the scope. */
#define WORD(text) ((char[]){ text })
#define TASK       "0190f0aa-0000-7000-8000-000000000001.1"

struct fixture {
	struct config_queue queue;
	struct slot *slot;
	struct runner *runner;
	struct run_result result; /* of the last run */
	struct run_watch watch;
	/* what the watch saw */
	int ticks, spawned;
	double fraction;
	char progress[128];
	int group_at_tick; /* the slot's, at the last tick */
	/* what the watch answers */
	bool is_spawn_refused;
	enum run_order order; /* given from the tick order_from on, or once progress came */
	int order_from;
	bool order_at_progress;
};

/* argv is NULL-terminated and borrowed. */
void fixture_open(struct fixture *fixture, enum queue_protocol protocol, const char *const *argv);
/* Once the queue is as the test wants it; fixture_run does it where it was not done. */
void fixture_start(struct fixture *fixture);
/* Runs one attempt of a task; the result of the run before is dropped. */
void fixture_run(struct fixture *fixture, const char *task_id, uint32_t attempt);
void fixture_run_envelope(
	struct fixture *fixture, const char *task_id, uint32_t attempt, const char *envelope);
void fixture_close(struct fixture *fixture);

/* Asserts status and that the message contains the text. */
void fixture_expect(const struct fixture *fixture, enum run_status status, const char *text);
/* Asserts that the run is done with this JSON text. */
void fixture_expect_done(const struct fixture *fixture, const char *result);

size_t fixture_count_descriptors(void);
/* True once a process is gone or dead; it must be no child of ours that lives on. */
bool fixture_is_gone(pid_t pid);
