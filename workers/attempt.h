#pragma once
/*
 * One leased task, from its lease to its commit: settle what needs no run (settle.c), run it
 * (work.c), judge the end (decision.c), commit and tell (conclude.c).
 */
#include "workers/self.h"
#include "workers/jobs.h"
#include "workers/runner.h"
#include "workers/sources.h"
#include "workers/spawner.h"
#include "workers/decision.h"

/* What was leased and is not yet begun. */
struct hand {
	struct lease_batch batch;
	size_t next;
};

struct worker {
	struct self self;
	const struct config_queue *queue;
	struct slot *slot;
	struct runner *runner;
	struct jobs *jobs;
	struct hand hand;
	struct sources sources;
	int64_t average_ms;  /* of the time that a task takes; moving; −1: not known */
	bool has_given_back; /* a task was halted in the middle */
	uint32_t
		cancel_ticket; /* of the store's cancel_bell, before the last lease was asked for */
};

struct attempt {
	struct worker *worker;
	const struct leased *task;
	struct job_view job; /* empty for a pushed task */
	const struct workflow_task *facts;
	struct budget budget;
	struct error load_error; /* of job or payload; kind NONE */
	json_t *payload;
	json_t *envelope; /* NULL where neither handler nor hook needs it */
	struct spawner spawner;
	enum run_order order;   /* what a tick has found: an end of it, once seen, stays */
	int64_t renewed_at_ms;  /* steady */
	uint32_t cancel_ticket; /* of the store's cancel_bell, before the last renewal */
	int64_t received_at_ms; /* wall */
	struct run_watch watch;
	struct run_result run;
	struct decision decision;
	enum outcome recorded;   /* the decision, or what `if_failed` makes of it */
	bool is_settled;         /* the decision is known without a run */
	bool is_committed;       /* nothing is held any more */
	bool is_incomplete;      /* children could not be written: may not end as done */
	bool ran_before;         /* so that the after hook is due */
	bool bears_nested;       /* the keeper has something to do */
	struct lease_batch next; /* leased by the commit */
};

/* Leases the first tasks into an empty hand; an empty batch is success. */
bool worker_lease(struct worker *worker, struct error *err);
/* Does the next task in hand. Its commit fills an empty hand again. */
void worker_do_next(struct worker *worker);
/* Puts back what was leased ahead; counts against nothing. */
void worker_give_back(struct worker *worker);
/* True where new tasks may be taken. */
bool worker_takes_more(struct worker *worker);
/* What a commit may lease in the same act; false where nothing is wanted. */
bool worker_wants(struct worker *worker, struct lease_request *request);

/* Renews where it is time, looks at the command. */
enum run_order attempt_tick(struct attempt *attempt);

/* Fills the decision where it is known without a run. */
void attempt_settle(struct attempt *attempt);
/* before hook and handler, or what the queue's type does instead; fills run. */
void attempt_work(struct attempt *attempt);
void attempt_run_after(struct attempt *attempt);
/* Commits, leases the next task in the same act, tells log, scoreboard and hooks. */
void attempt_conclude(struct attempt *attempt);

/* The subject of log lines. */
struct log_subject attempt_subject(const struct attempt *attempt);
/* INVALID where it is too long. */
bool attempt_envelope(struct attempt *attempt, json_t **out, struct error *err);
/* {"name": [result, …]} of the awaited tasks and of the parent. */
bool attempt_inputs(struct attempt *attempt, json_t **out, struct error *err);
/* The results of an ended job: {NAME: [result, …]} of the tasks that start no others and that none
 * waits for, as in `inputs`. */
bool attempt_results(struct attempt *attempt, const char *job, const struct workflow *workflow,
	json_t **out, struct error *err);
/* Spawns the slices of a split task; fills run. */
void attempt_split(struct attempt *attempt);
/* Runs a hook on the envelope and, unless it comes before the run, the outcome. */
bool attempt_hook(struct attempt *attempt, const struct config_argv *argv, bool has_outcome,
	struct error *err);
/* Ends the attempt by a store's error on the way: halted, lost, or failed for good. */
void attempt_fail(struct attempt *attempt, const struct error *err);
