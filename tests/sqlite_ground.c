/* Common ground of the SQLite store's tests; see sqlite_ground.h. */
#include "tests/sqlite_ground.h"

#include "stores/sqlite.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[128];

static int delete_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

void ground_begin(void)
{
	snprintf(folder, sizeof folder, "%s/reeve-sqlite-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(folder))
		abort();
}

void ground_end(void)
{
	nftw(folder, delete_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *ground_path(const char *name)
{
	static char paths[2][256];
	static int turn;
	char *path = paths[turn++ % 2];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

void ground_check(bool done, const struct error *err)
{
	if (done)
		return;
	fprintf(stderr, "pid %d: %s\n", (int)getpid(), err->text);
	abort();
}

struct store *ground_open(void)
{
	struct store *store;
	struct error err;
	ground_check(sqlite_store_open(ground_path("store.db"), NULL, &store, &err), &err);
	return store;
}

pid_t ground_fork(int (*body)(void *context), void *context)
{
	fflush(NULL);
	pid_t child = fork();
	if (child < 0)
		abort();
	if (child == 0)
		_exit(body(context));
	return child;
}

int ground_wait(pid_t child)
{
	int status;
	if (waitpid(child, &status, 0) != child)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ground_push(struct store *store, const char *queue, const char *id)
{
	struct push push = { .id = id, .name = queue, .queue = queue, .payload = "{}" };
	struct error err;
	ground_check(store->ops->push(store, &push, 1, NULL, &err), &err);
}

struct lease_batch ground_lease(struct store *store, const char *queue, const char *owner)
{
	struct lease_request request = {
		.queues = &queue, .queue_count = 1, .owner = owner, .lease_ms = 30000, .max = 1
	};
	struct lease_batch batch;
	struct error err;
	ground_check(store->ops->lease(store, &request, &batch, &err), &err);
	return batch;
}

struct commit_result ground_commit(
	struct store *store, const struct leased *task, enum outcome outcome)
{
	struct commit commit = { .id = task->id,
		.token = task->token,
		.outcome = outcome,
		.entry = "{}",
		.losses = outcome == OUTCOME_GIVE_BACK };
	struct commit_result result;
	struct error err;
	ground_check(store->ops->commit(store, &commit, 1, &result, NULL, NULL, &err), &err);
	return result;
}

struct queue_stats ground_queue(struct store *store, const char *queue)
{
	struct queue_stats stats;
	struct error err;
	ground_check(store->ops->get_queue(store, queue, &stats, &err), &err);
	return stats;
}

enum task_state ground_state(struct store *store, const char *id)
{
	struct task_record record;
	struct error err;
	ground_check(store->ops->get_task(store, id, &record, &err), &err);
	enum task_state state = record.state;
	task_record_finish(&record);
	return state;
}
