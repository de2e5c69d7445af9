#pragma once
/*
 * Common ground of the contract that every store must keep: a fresh store for each test, and short
 * words for the acts, which fail the test where the act fails.
 */
#include "stores/store.h"
#include "tests/suite.h"

extern struct store *store; /* empty at the beginning of each test */

/* One file's tests. */
struct contract_part {
	const char *name;
	const struct suite_test *tests;
	size_t count;
};
extern const struct contract_part contract_leases, contract_returns, contract_commits,
	contract_births, contract_gates, contract_jobs, contract_cancel, contract_lists,
	contract_cleanup, contract_bell, contract_outbox, contract_dispatch, contract_adopt,
	contract_lines, contract_limits, contract_many, contract_mend, contract_fleet,
	contract_schedules, contract_places, contract_work, contract_random;

/* Before and after each test. The URL is "memory:", "sqlite:", which gets a file of its
 * own, "redis:", which gets a prefix, or "postgres:", which gets a schema of its own. */
void contract_set_url(const char *url);
const char *contract_scheme(void); /* "sqlite:" */
bool contract_is_in_memory(void);
/* False where rings go by way of a server, which one process of a host listens to. */
bool contract_rings_here(void);
void contract_begin(void);
void contract_end(void);

/* Stops the test, and shows the error, where an act failed that must not. */
void check(bool done, const struct error *err);

/* Moves both clocks on; the test's end puts them back. */
void pass_ms(int64_t ms);

/* A job's step being put together; begins with an empty one. */
struct step {
	struct effects effects;
	struct new_task children[16];
	struct counter_change counters[16];
	struct tally_change tallies[32];
};
void step_begin(struct step *step);
/* A child of this name in the queue of this name. Answers it, to be changed. */
struct new_task *step_child(struct step *step, const char *name);
/* A child that waits for the counter (scope, gate), where gate is its name too. */
struct new_task *step_gate(struct step *step, int64_t scope, const char *gate);
void step_counter(struct step *step, int64_t scope, const char *gate, int64_t pending);
void step_tally(struct step *step, int64_t scope, const char *name, struct tally add);
/* The task's own end in the counts of the job. */
void step_ended(struct step *step, const char *name, enum outcome outcome);

struct id {
	char text[STORE_ID_SIZE];
};
struct id new_id(void);
struct id submit(const struct step *step);
struct id submit_key(const struct step *step, const char *key);
struct id submit_one(const char *name); /* a job of one task */
struct id push(const char *queue);
struct id push_as(struct push push); /* id, name and payload are filled in where missing */

/* NULL where there is none. Valid until the test ends, like what the others answer. */
const struct leased *lease(const char *queue);
const struct leased *lease_as(const char *owner, const char *queue, int64_t lease_ms);
struct lease_batch lease_many(const char *queue, size_t max);
struct lease_batch lease_by(const struct lease_request *request);
#define OWNER    "0123456789abcdef0123456789abcdef"
#define OTHER    "fedcba9876543210fedcba9876543210"
#define LEASE_MS 30000

/* A commit of what is held, to be changed. */
struct commit commit_of(const struct leased *task, enum outcome outcome);
struct commit_result commit(const struct commit *commit);
/* Commits with the counts of its end and nothing else. */
struct commit_result end(const struct leased *task, enum outcome outcome);
struct commit_result complete(const struct leased *task);
struct commit_result commit_step(
	const struct leased *task, enum outcome outcome, struct step *step);
enum renewal renew(const struct leased *task);
size_t release(const char *owner, const char *running, const char *entry);
struct lease_batch held_by(const char *owner);
struct sweep_report sweep(size_t limit);
/* For OTHER; answers the kind of the error, or ERROR_NONE. */
enum error_kind lease_task_as(const char *id, const struct leased **out);

/* Writes count children of the name ahead, alike to the byte. */
void spawn(const struct leased *task, uint32_t first_index, const char *name, size_t count);
bool spawn_as(const struct leased *task, uint32_t first_index, const struct new_task *child,
	size_t count, struct error *err);
/* Completes, with the births of what was written ahead in the counts. */
struct commit_result complete_spawning(const struct leased *task, const char *name, int64_t count);

const struct task_record *task(const char *id);
const struct job_record *job(const char *id);
int64_t count_of(const char *job_id, const char *name, enum task_state state);
struct queue_stats queue(const char *name);
const struct attempt_list *attempts(const char *id);
const struct task_list *list_tasks(struct task_filter filter);
struct task_filter of_job(const char *job_id); /* all of its tasks */
bool exists(const char *id);
bool job_exists(const char *id);
const struct gate_view *gate(const char *job_id, int64_t scope, const char *name);
struct id child_id(const char *job_id, int64_t seq);

/* Doors, contract_door.c. */
void set_door(const char *queue, bool has_door);
/* Claims for OWNER, for LEASE_MS, what is due now, with payloads. */
struct outgoing_list claim(const char *queue, size_t max);
struct outgoing_list claim_as(const struct claim_request *request);
void mark(const char *id, uint32_t dispatch);
/* Claims and marks all that is due. */
size_t send_all(const char *queue);
size_t resend(const char *queue, int64_t after_ms, size_t max);
enum adoption adopt(const struct arrival *arrival);
/* A message that names the task; each has an id of its own. */
enum adoption adopt_task(const char *queue, const char *task_id, const char *group);
/* Another's message: message is its id, id the task's (may be NULL). */
enum adoption adopt_foreign(
	const char *queue, const char *message, const char *id, const char *group);
const struct gate_list *list_gates(const struct waiting_gate *after, size_t limit);
/* Answers the kind of the error, or ERROR_NONE. */
enum error_kind mend(const char *job_id, int64_t scope, const char *gate, int64_t pending);
size_t purge(const char *queue, bool dead, size_t limit);

/* Waits for a ring since the ticket; false where none came within 20 s. */
bool rings_through(const char *queue, uint32_t ticket);

/* Kept until the test ends. */
void *contract_keep(const void *value, size_t size, void (*finish)(void *block));

#define ASSERT_STATE(id, expected) CU_ASSERT_EQUAL(task(id)->state, expected)
#define ASSERT_JOB(id, expected)   CU_ASSERT_EQUAL(job(id)->state, expected)
