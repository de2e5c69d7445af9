/* A worker in the test's process; see worker_fixture.h. */
#include "tests/worker_fixture.h"

#include "base/jsontext.h"
#include "base/log.h"
#include "workers/shapes.h"
#include "workers/trace.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define QUEUES_MAX 16 /* and the keeper */
#define IDS_MAX    64

struct store *store;
struct scoreboard *board;
char folder[64];

static int board_fd;
static struct config config;
static struct config_queue queues[QUEUES_MAX];
static struct worker workers[QUEUES_MAX];
static struct worker_setup setups[QUEUES_MAX + 1];
static char owners[QUEUES_MAX + 1][IDS_OWNER_SIZE];
static char ids[IDS_MAX][STORE_ID_SIZE];
static size_t ids_count;

static void open_all(bool in_file)
{
	struct error err;
	log_set_level(LOG_ERROR);
	snprintf(folder, sizeof folder, "/tmp/reeve-worker-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	config = (struct config){ .shutdown_grace_ms = 25000,
		.retention_completed_ms = CONFIG_NO_LIMIT,
		.retention_failed_ms = CONFIG_NO_LIMIT,
		.retention_results_ms = CONFIG_NO_LIMIT,
		.secret_variables = xcalloc(1, sizeof(char *)),
		.queues = queues };
	config.store_url = in_file ? xprintf("sqlite:%s/store.db", folder) : xstrdup("memory:");
	CU_ASSERT_TRUE_FATAL(store_open(config.store_url, NULL, &store, &err));
	CU_ASSERT_TRUE_FATAL(scoreboard_create(&board, &board_fd, &err));
	ids_owner(board->fleet_id);
	ids_count = 0;
}

void fixture_open(void)
{
	open_all(false);
}

void fixture_open_file(void)
{
	open_all(true);
}

struct config *fixture_config(void)
{
	return &config;
}

static int delete_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void drop_argv(struct config_argv *argv)
{
	for (size_t i = 0; i < argv->count; i++)
		free(argv->words[i]);
	free(argv->words);
}

static void drop_queue(struct config_queue *queue)
{
	struct config_argv *const all[] = { &queue->run, &queue->before, &queue->after,
		&queue->on_success, &queue->on_failure };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		drop_argv(all[i]);
	free(queue->name);
	free(queue->cwd);
	free(queue->pass_env[0]);
	free(queue->pass_env);
	free(queue->split_payload_key);
	json_decref(queue->validate);
	*queue = (struct config_queue){ 0 };
}

void fixture_close(void)
{
	for (size_t i = 0; i < config.queue_count; i++) {
		struct worker *worker = &workers[i];
		if (worker->queue) {
			lease_batch_finish(&worker->hand.batch);
			runner_destroy(worker->runner);
			jobs_destroy(worker->jobs);
			sources_finish(&worker->sources);
		}
		*worker = (struct worker){ 0 };
		drop_queue(&queues[i]);
	}
	free(config.store_url);
	free(config.secret_variables);
	config = (struct config){ 0 };
	store_close(store);
	scoreboard_destroy(board, board_fd);
	nftw(folder, delete_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void fixture_set_hook(struct config_argv *hook, const char *script)
{
	const char *const words[] = { "/bin/sh", "-c", script };
	hook->count = ARRAY_SIZE(words);
	hook->words = xcalloc(ARRAY_SIZE(words) + 1, sizeof(char *));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		hook->words[i] = xstrdup(words[i]);
}

struct config_queue *fixture_queue(const char *name, enum queue_type type, const char *script)
{
	struct config_queue *queue = &queues[config.queue_count++];
	*queue = (struct config_queue){ .name = xstrdup(name),
		.type = type,
		.cwd = xstrdup(folder),
		.umask = -1,
		.pass_env = xcalloc(2, sizeof(char *)),
		.timeout_ms = 60000,
		.kill_after_ms = 1000,
		.lease_ms = 30000,
		.retries = { .max = 10, .factor = 2, .max_delay_ms = 600000 },
		.crashes = 3,
		.batch = 1,
		.validate = json_object() };
	queue->pass_env[0] = xstrdup("*");
	if (script)
		fixture_set_hook(&queue->run, script);
	return queue;
}

static void fill_setup(size_t place)
{
	ids_owner(owners[place]);
	setups[place] = (struct worker_setup){ .config = &config,
		.queue = place < config.queue_count ? &queues[place] : NULL,
		.board = board,
		.slot = &board->slots[place],
		.owner = owners[place],
		.name = "test#1",
		.lifeline = -1,
		.supervisor = getppid() };
}

static size_t place_of(const char *queue)
{
	size_t place = 0;
	while (place < config.queue_count && (!queue || strcmp(queues[place].name, queue) != 0))
		place++;
	return place;
}

const struct worker_setup *fixture_setup(const char *queue)
{
	size_t place = place_of(queue);
	fill_setup(place);
	return &setups[place];
}

static void open_worker(size_t place)
{
	struct worker *worker = &workers[place];
	fill_setup(place);
	*worker = (struct worker){ .queue = &queues[place],
		.slot = &board->slots[place],
		.jobs = jobs_create(),
		.average_ms = -1 };
	worker->self = (struct self){ .setup = &setups[place], .store = store };
	sources_open(&worker->sources, &setups[place]);
	char **environment = runner_build_environment(&config, &queues[place]);
	worker->runner = runner_create(&queues[place], environment, &board->slots[place]);
	runner_free_environment(environment);
}

struct worker *fixture_worker(const char *queue)
{
	size_t place = place_of(queue);
	CU_ASSERT_TRUE_FATAL(place < config.queue_count);
	if (!workers[place].queue)
		open_worker(place);
	return &workers[place];
}

static json_t *parse(const char *text)
{
	struct error err = { 0 };
	json_t *value = NULL;
	if (!jsontext_parse(text, strlen(text), &value, &err))
		fprintf(stderr, "%s: %s\n", text, err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	return value;
}

const char *fixture_start(const char *descriptor, const char *payload)
{
	OWNED(json) json_t *described = parse(descriptor);
	OWNED(json) json_t *body = parse(payload);
	OWNED(workflow) struct workflow *workflow = NULL;
	struct error err = { 0 };
	if (!workflow_create("test", described, &workflow, NULL, &err))
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(workflow);
	const struct acts_start start = { .workflow = workflow, .payload = body };
	CU_ASSERT_TRUE_FATAL(acts_start(store, &start, ids[ids_count], &err));
	return ids[ids_count++];
}

const char *fixture_push(const char *queue, const char *payload)
{
	OWNED(json) json_t *body = parse(payload);
	struct error err;
	const struct acts_push push = { .queue = queue, .payload = body };
	CU_ASSERT_TRUE_FATAL(acts_push(store, &push, ids[ids_count], &err));
	return ids[ids_count++];
}

bool fixture_do(const char *queue)
{
	struct worker *worker = fixture_worker(queue);
	struct error err;
	if (worker->hand.next == worker->hand.batch.count)
		CU_ASSERT_TRUE_FATAL(worker_lease(worker, &err));
	if (worker->hand.batch.count == 0)
		return false;
	worker_do_next(worker);
	return true;
}

void fixture_drain(void)
{
	bool worked;
	do {
		worked = false;
		for (size_t i = 0; i < config.queue_count; i++)
			while (fixture_do(queues[i].name))
				worked = true;
	} while (worked);
}

enum job_state fixture_job_state(const char *job)
{
	struct job_record record;
	struct error err;
	CU_ASSERT_TRUE_FATAL(store->ops->get_job(store, job, &record, &err));
	enum job_state state = record.state;
	job_record_finish(&record);
	return state;
}

int64_t fixture_count(const char *job, const char *name, enum task_state state)
{
	struct job_record record;
	struct error err;
	int64_t count = 0;
	CU_ASSERT_TRUE_FATAL(store->ops->get_job(store, job, &record, &err));
	for (size_t i = 0; i < record.name_count; i++)
		if (strcmp(record.names[i].name, name) == 0)
			count = record.names[i].states[state];
	job_record_finish(&record);
	return count;
}

json_t *fixture_task_by_id(const char *id)
{
	struct task_record record;
	struct attempt_list attempts;
	struct error err;
	CU_ASSERT_TRUE_FATAL(store->ops->get_task(store, id, &record, &err));
	CU_ASSERT_TRUE_FATAL(store->ops->list_attempts(store, id, &attempts, &err));
	json_t *task = shapes_task(&record, &attempts);
	json_object_set_new(task, "reason", trace_text(record.reason));
	json_object_set_new(task, "losses", json_integer(record.losses));
	attempt_list_finish(&attempts);
	task_record_finish(&record);
	return task;
}

json_t *fixture_task(const char *job, const char *name, size_t nth)
{
	const struct task_filter filter = {
		.job = job, .name = name, .parent = -1, .state = -1, .limit = 1000
	};
	struct task_list list;
	struct error err;
	CU_ASSERT_TRUE_FATAL(store->ops->list_tasks(store, &filter, &list, &err));
	json_t *task = nth < list.count ? fixture_task_by_id(list.rows[nth].id) : NULL;
	task_list_finish(&list);
	return task;
}

char *fixture_read(const char *name)
{
	OWNED(free) char *path = xprintf("%s/%s", folder, name);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = xcalloc(1, 65536);
	ssize_t got = fd < 0 ? 0 : read(fd, text, 65535);
	if (got > 0 && text[got - 1] == '\n')
		text[got - 1] = '\0';
	return text;
}

void fixture_write(const char *name, const char *text)
{
	OWNED(free) char *path = xprintf("%s/%s", folder, name);
	OWNED_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

char *fixture_print(const json_t *value)
{
	return value ? jsontext_print(value) : xstrdup("(missing)");
}
