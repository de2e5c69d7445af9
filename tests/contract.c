/* Common ground of the stores' contract; see contract.h. */
#include "tests/contract.h"

#include "base/clock.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct store *store;
static const char *url;
static char folder[64];
static int64_t passed_ms;

/* What the words answer is kept until the test ends. */
struct keepsake {
	void *block;
	void (*finish)(void *block);
};
static struct keepsake *kept;
static size_t kept_count, kept_room;

void *contract_keep(const void *value, size_t size, void (*finish)(void *block))
{
	void *block = xmalloc(size);
	memcpy(block, value, size);
	kept = xgrow(kept, kept_count, &kept_room, sizeof *kept);
	kept[kept_count++] = (struct keepsake){ block, finish };
	return block;
}

static void drop_kept(void)
{
	for (size_t i = 0; i < kept_count; i++) {
		kept[i].finish(kept[i].block);
		free(kept[i].block);
	}
	free(GIVE(kept));
	kept_count = kept_room = 0;
}

static void finish_batch(void *block)
{
	lease_batch_finish(block);
}

static void finish_task(void *block)
{
	task_record_finish(block);
}

static void finish_job(void *block)
{
	job_record_finish(block);
}

static void finish_gate(void *block)
{
	gate_view_finish(block);
}

static void finish_tasks(void *block)
{
	task_list_finish(block);
}

static void finish_attempts(void *block)
{
	attempt_list_finish(block);
}

void contract_set_url(const char *wanted)
{
	url = wanted;
}

bool contract_rings_here(void)
{
	return strncmp(url, "redis:", 6) != 0;
}

const char *contract_scheme(void)
{
	return url;
}

bool contract_is_in_memory(void)
{
	return strcmp(url, "memory:") == 0;
}

static int delete_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

/* A prefix never used before, on the server of tests/with_redis.sh. */
static void choose_prefix(char *whole, size_t size)
{
	char owner[IDS_OWNER_SIZE];
	const char *server = getenv("REEVE_TEST_REDIS");
	if (!server) {
		fprintf(stderr, "run it through tests/with_redis.sh\n");
		abort();
	}
	ids_owner(owner);
	snprintf(whole, size, "%s?prefix={%s}:", server, owner);
}

/* On the server of tests/with_postgres.sh: one schema and one session, emptied for each test, since
 * new ones cost more than most tests. */
static void ask_postgres(const char *sql, char **answer)
{
	static PGconn *connection;
	const char *server = getenv("REEVE_TEST_POSTGRES");
	if (!server) {
		fprintf(stderr, "run it through tests/with_postgres.sh\n");
		abort();
	}
	connection = connection ? connection : PQconnectdb(server);
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		fprintf(stderr, "%s\n", PQerrorMessage(connection));
		abort();
	}
	if (answer)
		*answer = xstrdup(PQgetvalue(result, 0, 0));
	PQclear(result);
}

static struct store *postgres;

static bool open_postgres(struct error *err)
{
	static const char deletes[] =
		"SELECT string_agg('DELETE FROM contract.' || quote_ident(tablename), '; ') ||"
		" '; UPDATE contract.alive SET at = extract(epoch FROM clock_timestamp()) * 1000,"
		" since = 0' FROM pg_tables"
		" WHERE schemaname = 'contract' AND tablename NOT IN ('meta', 'alive')";
	static char *empty;
	char whole[128];
	snprintf(whole, sizeof whole, "%s?schema=contract", getenv("REEVE_TEST_POSTGRES"));
	if (empty)
		ask_postgres(empty, NULL);
	if (!postgres && !store_open(whole, NULL, &postgres, err))
		return false;
	if (!empty)
		ask_postgres(deletes, &empty);
	store = postgres;
	return true;
}

static bool open_fresh(struct error *err)
{
	char whole[128];
	snprintf(whole, sizeof whole, "%s", url);
	if (strcmp(url, "postgres:") == 0)
		return open_postgres(err);
	if (strcmp(url, "sqlite:") == 0) {
		snprintf(folder, sizeof folder, "%s/reeve-contract-XXXXXX",
			getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		if (!mkdtemp(folder))
			abort();
		snprintf(whole, sizeof whole, "sqlite:%s/store.db", folder);
	}
	if (strcmp(url, "redis:") == 0)
		choose_prefix(whole, sizeof whole);
	return store_open(whole, NULL, &store, err);
}

void contract_begin(void)
{
	struct error err;
	if (!open_fresh(&err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

void contract_end(void)
{
	drop_kept();
	if (store != postgres)
		store_close(store);
	store = NULL;
	pass_ms(-passed_ms);
	if (folder[0])
		nftw(folder, delete_entry, 8, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

void pass_ms(int64_t ms)
{
	passed_ms += ms;
	clock_set_offset_ms(passed_ms);
}

void check(bool done, const struct error *err)
{
	if (!done)
		fprintf(stderr, "\n    %s\n", err->text);
	CU_ASSERT_TRUE_FATAL(done);
}

void step_begin(struct step *step)
{
	*step = (struct step){ 0 };
	step->effects.children = step->children;
	step->effects.counters = step->counters;
	step->effects.tallies = step->tallies;
}

struct new_task *step_child(struct step *step, const char *name)
{
	struct new_task *child = &step->children[step->effects.children_count++];
	*child = (struct new_task){ .name = name, .queue = name, .payload = "{}", .scopes = "0" };
	step_tally(step, 0, name, (struct tally){ .born = 1 });
	return child;
}

struct new_task *step_gate(struct step *step, int64_t scope, const char *gate)
{
	struct new_task *child = step_child(step, gate);
	child->waits = true;
	child->wait_scope = scope;
	child->wait_gate = gate;
	return child;
}

void step_counter(struct step *step, int64_t scope, const char *gate, int64_t pending)
{
	step->counters[step->effects.counters_count++] =
		(struct counter_change){ .scope = scope, .gate = gate, .pending = pending };
}

void step_tally(struct step *step, int64_t scope, const char *name, struct tally add)
{
	step->tallies[step->effects.tallies_count++] =
		(struct tally_change){ .scope = scope, .name = name, .add = add };
}

void step_ended(struct step *step, const char *name, enum outcome outcome)
{
	static const struct tally ends[] = {
		[OUTCOME_COMPLETED] = { .completed = 1 },
		[OUTCOME_FAILED] = { .failed = 1 },
		[OUTCOME_INVALID] = { .invalid = 1 },
		[OUTCOME_SKIPPED] = { .skipped = 1 },
		[OUTCOME_CANCELLED] = { .cancelled = 1 },
	};
	if (outcome < ARRAY_SIZE(ends))
		step_tally(step, 0, name, ends[outcome]);
}

struct id new_id(void)
{
	struct id id;
	char uuid[IDS_UUID_SIZE];
	ids_uuid7(uuid);
	snprintf(id.text, sizeof id.text, "%s", uuid);
	return id;
}

struct id submit_key(const struct step *step, const char *key)
{
	struct id id = new_id(), answered;
	struct submission submission = { .id = id.text,
		.workflow = "flow",
		.workflow_hash = "hash",
		.payload = "{\"a\":1}",
		.key = key,
		.effects = step->effects };
	struct error err;
	check(store->ops->put_workflow(store, "hash", "flow", "{}", &err), &err);
	check(store->ops->submit(store, &submission, answered.text, &err), &err);
	return answered;
}

struct id submit(const struct step *step)
{
	return submit_key(step, NULL);
}

struct id submit_one(const char *name)
{
	struct step step;
	step_begin(&step);
	step_child(&step, name);
	return submit(&step);
}

struct id push_as(struct push push)
{
	struct id id = new_id(), answered;
	push.id = push.id ? push.id : id.text;
	push.name = push.name ? push.name : push.queue;
	push.payload = push.payload ? push.payload : "{}";
	struct error err;
	check(store->ops->push(store, &push, 1, &answered.text, &err), &err);
	return answered;
}

struct id push(const char *queue)
{
	return push_as((struct push){ .queue = queue });
}

struct lease_batch lease_by(const struct lease_request *request)
{
	struct lease_batch batch;
	struct error err;
	check(store->ops->lease(store, request, &batch, &err), &err);
	return *(struct lease_batch *)contract_keep(&batch, sizeof batch, finish_batch);
}

static struct lease_batch lease_batch_of(
	const char *owner, const char *queue, int64_t lease_ms, size_t max)
{
	const struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = owner, .lease_ms = lease_ms, .max = max
	};
	return lease_by(&request);
}

struct lease_batch lease_many(const char *queue, size_t max)
{
	return lease_batch_of(OWNER, queue, LEASE_MS, max);
}

const struct leased *lease_as(const char *owner, const char *queue, int64_t lease_ms)
{
	struct lease_batch batch = lease_batch_of(owner, queue, lease_ms, 1);
	return batch.count > 0 ? batch.tasks : NULL;
}

const struct leased *lease(const char *queue)
{
	return lease_as(OWNER, queue, LEASE_MS);
}

struct commit commit_of(const struct leased *task, enum outcome outcome)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	return (struct commit){ .id = task->id,
		.token = task->token,
		.outcome = outcome,
		.failures = task->failures,
		.crashes = task->crashes };
}

struct commit_result commit(const struct commit *commit)
{
	struct commit_result result;
	struct error err;
	check(store->ops->commit(store, commit, 1, &result, NULL, NULL, &err), &err);
	return result;
}

struct commit_result commit_step(const struct leased *task, enum outcome outcome, struct step *step)
{
	struct commit made = commit_of(task, outcome);
	if (task->job_id)
		step_ended(step, task->name, outcome);
	made.effects = step->effects;
	return commit(&made);
}

struct commit_result end(const struct leased *task, enum outcome outcome)
{
	struct step step;
	step_begin(&step);
	return commit_step(task, outcome, &step);
}

struct commit_result complete(const struct leased *task)
{
	return end(task, OUTCOME_COMPLETED);
}

size_t release(const char *owner, const char *running, const char *entry)
{
	size_t released;
	struct error err;
	check(store->ops->release_owner(store, owner, running, entry, &released, &err), &err);
	return released;
}

struct lease_batch held_by(const char *owner)
{
	struct lease_batch batch;
	struct error err;
	check(store->ops->held(store, owner, &batch, &err), &err);
	return *(struct lease_batch *)contract_keep(&batch, sizeof batch, finish_batch);
}

struct sweep_report sweep(size_t limit)
{
	struct sweep_report report;
	struct error err;
	check(store->ops->sweep(store, limit, &report, &err), &err);
	return report;
}

enum error_kind lease_task_as(const char *id, const struct leased **out)
{
	struct lease_batch batch;
	struct error err;
	if (!store->ops->lease_task(store, id, OTHER, LEASE_MS, &batch, &err))
		return err.kind;
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	*out = ((struct lease_batch *)contract_keep(&batch, sizeof batch, finish_batch))->tasks;
	return ERROR_NONE;
}

enum renewal renew(const struct leased *task)
{
	enum renewal renewal;
	struct error err;
	check(store->ops->renew(store, task->id, &task->token, LEASE_MS, &renewal, &err), &err);
	return renewal;
}

bool spawn_as(const struct leased *task, uint32_t first_index, const struct new_task *child,
	size_t count, struct error *err)
{
	struct new_task *children = xcalloc(count, sizeof *children);
	for (size_t i = 0; i < count; i++)
		children[i] = *child;
	bool done =
		store->ops->spawn(store, task->id, &task->token, first_index, children, count, err);
	free(children);
	return done;
}

void spawn(const struct leased *task, uint32_t first_index, const char *name, size_t count)
{
	struct new_task child = { .name = name, .queue = name, .payload = "{}", .scopes = "0" };
	struct error err;
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	check(spawn_as(task, first_index, &child, count, &err), &err);
}

struct commit_result complete_spawning(const struct leased *task, const char *name, int64_t count)
{
	struct step step;
	step_begin(&step);
	step_tally(&step, 0, name, (struct tally){ .born = count });
	return commit_step(task, OUTCOME_COMPLETED, &step);
}

const struct task_record *task(const char *id)
{
	struct task_record record;
	struct error err;
	check(store->ops->get_task(store, id, &record, &err), &err);
	return contract_keep(&record, sizeof record, finish_task);
}

bool job_exists(const char *id)
{
	struct job_record record;
	struct error err;
	if (!store->ops->get_job(store, id, &record, &err))
		return false;
	job_record_finish(&record);
	return true;
}

const struct job_record *job(const char *id)
{
	struct job_record record;
	struct error err;
	check(store->ops->get_job(store, id, &record, &err), &err);
	return contract_keep(&record, sizeof record, finish_job);
}

int64_t count_of(const char *job_id, const char *name, enum task_state state)
{
	const struct job_record *record = job(job_id);
	for (size_t i = 0; i < record->name_count; i++)
		if (strcmp(record->names[i].name, name) == 0)
			return record->names[i].states[state];
	return 0;
}

struct queue_stats queue(const char *name)
{
	struct queue_stats stats;
	struct error err;
	check(store->ops->get_queue(store, name, &stats, &err), &err);
	return stats;
}

const struct attempt_list *attempts(const char *id)
{
	struct attempt_list list;
	struct error err;
	check(store->ops->list_attempts(store, id, &list, &err), &err);
	return contract_keep(&list, sizeof list, finish_attempts);
}

const struct task_list *list_tasks(struct task_filter filter)
{
	struct task_list list;
	struct error err;
	check(store->ops->list_tasks(store, &filter, &list, &err), &err);
	return contract_keep(&list, sizeof list, finish_tasks);
}

struct task_filter of_job(const char *job_id)
{
	return (struct task_filter){ .job = job_id, .parent = -1, .state = -1, .limit = 1000 };
}

bool exists(const char *id)
{
	struct task_record record;
	struct error err;
	if (store->ops->get_task(store, id, &record, &err)) {
		task_record_finish(&record);
		return true;
	}
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
	return false;
}

const struct gate_view *gate(const char *job_id, int64_t scope, const char *name)
{
	struct gate_view view;
	struct error err;
	check(store->ops->get_gate(store, job_id, scope, name, &name, 1, &view, &err), &err);
	return contract_keep(&view, sizeof view, finish_gate);
}

struct id child_id(const char *job_id, int64_t seq)
{
	struct id id;
	snprintf(id.text, sizeof id.text, "%.36s.%lld", job_id, (long long)seq);
	return id;
}
