#pragma once
/*
 * Workflow descriptors and the pure rules of a job: what starts, what waits, when a gate opens.
 * Nothing here touches a store or a clock: advance takes a descriptor, a job and an ended task, and
 * answers what changes. Qyu's descriptors are accepted as they are (github.com/QyuTeam/qyu).
 */
#include "base/error.h"
#include "base/memory.h"
#include "stores/store.h"

#include <jansson.h>

#define WORKFLOW_HASH_SIZE 65
/* Where tasks with `workflow:` stand: no name that a configuration could have. */
#define WORKFLOW_NESTED_QUEUE "@nested"
#define WORKFLOW_NESTED_MAX   16 /* levels of workflows below one another */

struct workflow; /* immutable */

/* Messages, one sentence each, in the order of the checks. */
struct workflow_faults {
	char **lines;
	size_t count;
};
void workflow_faults_finish(struct workflow_faults *faults);
/* Qyu's one line for all of them: "invalid workflow descriptor: …, …". Owned by the caller. */
char *workflow_faults_text(const struct workflow_faults *faults);

/*
 * Validates a descriptor (jansson value of any type). name is used where the descriptor has no
 * `name:`. On mistakes answers false, kind INVALID, err "invalid workflow descriptor: A, B, …"
 * (cut), all of them in faults (may be NULL).
 */
bool workflow_create(const char *name, const json_t *descriptor, struct workflow **out,
	struct workflow_faults *faults, struct error *err);
/* From the store's text, made by workflow_text. */
bool workflow_create_from_text(const char *text, struct workflow **out, struct error *err);
void workflow_destroy(struct workflow *workflow);

const char *workflow_name(const struct workflow *workflow);
/* The whole descriptor with its name, as canonical JSON text, and its SHA-256 in hex. Borrowed. */
const char *workflow_text(const struct workflow *workflow);
const char *workflow_hash(const struct workflow *workflow);

/* One workflow of a file or folder (JSON or YAML), with where it stands. */
struct workflow_source {
	char *name, *path;
	json_t *descriptor;
};
struct workflow_list {
	struct workflow_source *sources;
	size_t count;
};
/*
 * Reads descriptors from files and folders (NULL-terminated list): *.json, *.yaml, *.yml; a file is
 * one descriptor, or `workflows: {NAME: …}`. Unreadable, half-written or duplicate ones are lines
 * in faults (added to it); the others are still listed.
 */
void workflow_list_load(
	char *const *paths, struct workflow_list *list, struct workflow_faults *faults);
void workflow_list_finish(struct workflow_list *list);

/*
 * The workflow of this name with all that its tasks name in `workflow:`, each resolved to its hash,
 * so that a job keeps the versions that it started with. NOT_FOUND where the list has none of this
 * name; INVALID, with lines in faults (may be NULL), for its own mistakes, for a nested one that is
 * not there or has mistakes, for a cycle, and for more than WORKFLOW_NESTED_MAX levels.
 */
bool workflow_open(const struct workflow_list *list, const char *name, struct workflow **out,
	struct workflow_faults *faults, struct error *err);
/* What is nested in a workflow that workflow_open made, at any depth: each before those that name
 * it. Borrowed. */
size_t workflow_nested(const struct workflow *workflow, struct workflow *const **nested);
/* A nested workflow that is not resolved, or NULL: then a job can be started. */
const char *workflow_unresolved(const struct workflow *workflow);

struct config;
/* Adds lines: a gate on a configured queue that is not of type sync is a mistake; a queue that is
 * not configured is a warning (it may live on another host), a mistake where strict. Both start
 * zeroed or as a call before left them. */
void workflow_check_queues(const struct workflow *workflow, const struct config *config,
	bool strict, struct workflow_faults *mistakes, struct workflow_faults *warnings);

/* Adds a line for each key of payloads that a task is meant to read (by its `when`, or its queue's
 * `split` or `validate`), or that the workflow's own payload has, and that is the name of a task:
 * then it is that task's section. */
void workflow_check_sections(const struct workflow *workflow, const struct config *config,
	struct workflow_faults *found);
/* The same for a payload that jobs of the workflow are started with; place: what it is. */
void workflow_check_payload(const struct workflow *workflow, const char *place,
	const json_t *payload, struct workflow_faults *found);

/* Adds a line for each thing in the descriptor that is taken, as in Qyu, and not looked at. */
void workflow_check_ignored(const struct workflow *workflow, struct workflow_faults *found);

/* Facts about one task name of a workflow; valid as long as the workflow. */
struct workflow_task {
	const char *name, *queue;
	int priority;
	bool has_priority, waits, has_timeout, has_retries;
	int64_t delay_ms, timeout_ms; /* of a run; CONFIG_NO_LIMIT: none */
	const json_t *retries;        /* its `retries` section as in a queue; or NULL */
	bool may_spawn;               /* has starts_manually or starts_parallel */
	bool starts_others;      /* has children of any kind: its end needs the job's payload */
	bool is_last;            /* starts no other, and none waits for it */
	bool is_gate;            /* has waits_for */
	bool wakes_nested;       /* an `after` task with `workflow` waits for it */
	const char *nested;      /* `workflow`: a job of that one runs in its place; NULL: none */
	const char *nested_hash; /* NULL where it is not resolved */
	const json_t *when;      /* NULL: it always runs */
	bool when_reads_results;
};
/* NULL where the workflow has no such task. */
const struct workflow_task *workflow_find_task(const struct workflow *workflow, const char *name);
size_t workflow_task_count(const struct workflow *workflow);
const struct workflow_task *workflow_task_at(const struct workflow *workflow, size_t index);
/* True where `name` may spawn `child` (starts_manually, starts_parallel). */
bool workflow_may_spawn(const struct workflow *workflow, const char *name, const char *child);
/* What a split task starts per slice: the names of starts_parallel, else of starts_manually, in
 * order. Both may be spawned by a handler. */
size_t workflow_spawns(
	const struct workflow *workflow, const char *name, const char *const **names);
/* True where an unfinished `name` is, or can lead to, a task of one of the queues: by starting it,
 * spawning it, or being waited for by it. */
bool workflow_leads_to_queue(
	const struct workflow *workflow, const char *name, const char *const *queues, size_t count);

/* Owns all that the struct effects within points to. Begin, advance and revive write it whole. */
struct advance {
	struct effects effects;
	struct advance_arena *arena;
};
void advance_finish(struct advance *advance);

/* The entry tasks and `after:` tasks of a new job. payload: the job's, any JSON object. */
void workflow_begin(
	const struct workflow *workflow, const json_t *payload, struct advance *advance);

/* How many children of each name an attempt has spawned: those written ahead, and those that wait,
 * which the caller adds to effects.children. */
struct spawned {
	const char *name;
	int64_t count;
};

/* A task of a job that ends, or is revived. */
struct ended {
	const char *name;
	int64_t seq;
	const char *scopes;
	const json_t *job_payload, *payload; /* of the job; of the task */
	enum outcome outcome;                /* one that ends the task */
	const char *reason;
	const struct spawned *spawned;
	size_t spawned_count;
};
/*
 * What the end of a task changes: its children by starts, starts_with_params, starts_on_failure,
 * the counters of every gate that awaits it or what it leads to, the tallies, the job's failure.
 * *recorded is the state that the task gets: OUTCOME_COMPLETED for a failure under `if_failed:
 * ignore`.
 */
void workflow_advance(const struct workflow *workflow, const struct ended *ended,
	enum outcome *recorded, struct advance *advance);
/* The reverse for a failed, invalid or cancelled task that is queued again; was: its state. */
void workflow_revive(const struct workflow *workflow, const struct ended *ended,
	enum task_state was, struct advance *advance);

/* A child that an attempt spawns: its name, payload (as given plus the child's section of the job's
 * payload) and scopes, owned by the arena (zeroed before its first child); INVALID where the parent
 * may not start that name. Children that wait (gates) are told by child->waits and go into
 * effects.children, not into store_spawn. */
bool workflow_spawn(const struct workflow *workflow, const struct ended *parent,
	const char *child_name, const json_t *payload, struct advance *arena,
	struct new_task *child, struct error *err);

enum when_answer { WHEN_TRUE, WHEN_FALSE, WHEN_UNKNOWN /* too many results to look at */ };
/* Whether a task runs by its `when`; inputs ({NAME: [result, …]}, as handlers get them) may be NULL
 * where it reads no results. *reason, owned, says what keeps it from running; untouched where it
 * does. */
enum when_answer workflow_when(
	const json_t *when, const json_t *payload, const json_t *inputs, char **reason);

enum verdict { VERDICT_OPEN, VERDICT_WAITING, VERDICT_UNSATISFIABLE };
struct judgement {
	enum verdict verdict;
	char reason[256]; /* "needs 5 completed row, has 4 of 5 (1 failed)" */
};
/* Whether a task of this name in this state counts in the `pending` of a gate or `after:` task: it
 * is or can lead to what that awaits and has not ended, or its failure withholds it. */
bool workflow_counts(
	const struct workflow *workflow, const char *gate, const char *name, enum task_state state);
/* True where a task's line of scopes names the scope (a task's seq, or 0 for the job). */
bool workflow_is_in_scope(const char *scopes, int64_t scope);
/* The names that a gate or `after:` task awaits, in order; what store_get_gate is asked for. */
size_t workflow_awaited(
	const struct workflow *workflow, const char *name, const char *const **names);
/* Judges by contract: only a sealed set (pending 0) opens or is unsatisfiable. payload: the task's.
 */
void workflow_judge(const struct workflow *workflow, const char *name, const json_t *payload,
	const struct gate_view *view, struct judgement *judgement);

enum graph_format { GRAPH_TEXT, GRAPH_DOT, GRAPH_MERMAID };
/* The graph as text, with states of a job where `job` is given (else NULL). Owned. */
char *workflow_draw(
	const struct workflow *workflow, enum graph_format format, const struct job_record *job);

MEMORY_DROP(workflow, struct workflow *, workflow_destroy)
