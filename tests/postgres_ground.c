/* See postgres_ground.h. */
#include "tests/postgres_ground.h"

#include "tests/python_server.h"

#include <CUnit/Basic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct store *store;
PGconn *raw;
static char url[256], schema[40];
static struct python_server proxy;

const char *ground_url(void)
{
	return url;
}

const char *ground_schema(void)
{
	return schema;
}

int ground_port(void)
{
	const char *colon = strrchr(getenv("REEVE_TEST_POSTGRES"), ':');
	return atoi(colon + 1);
}

const char *ground_url_at(int port)
{
	static char text[256];
	snprintf(text, sizeof text, "postgres://postgres@127.0.0.1:%d/postgres?schema=%s", port,
		schema);
	return text;
}

struct store *ground_open_at(const char *at)
{
	struct store *opened = NULL;
	struct error err;
	if (!store_open(at, NULL, &opened, &err))
		fprintf(stderr, "\n    %s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(opened);
	return opened;
}

struct store *ground_open(void)
{
	return ground_open_at(url);
}

PGconn *ground_connect(void)
{
	PGconn *connection = PQconnectdb(getenv("REEVE_TEST_POSTGRES"));
	char text[128];
	snprintf(text, sizeof text, "SET search_path = %s", schema);
	PQclear(PQexec(connection, text));
	return connection;
}

const char *ground_ask(PGconn *connection, const char *sql)
{
	static char text[512];
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fprintf(stderr, "\n    %s: %s\n", sql, PQerrorMessage(connection));
	CU_ASSERT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
	bool is_there = status == PGRES_TUPLES_OK && PQntuples(result) > 0;
	snprintf(text, sizeof text, "%s", is_there ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return text;
}

void ground_pause_ms(long ms)
{
	struct timespec pause = { .tv_nsec = ms * 1000000 };
	nanosleep(&pause, NULL);
}

void ground_await(const char *sql, const char *wanted)
{
	for (int i = 0; i < 2000; i++) {
		if (strcmp(ground_ask(raw, sql), wanted) == 0)
			return;
		ground_pause_ms(10);
	}
	fprintf(stderr, "\n    %s: %s\n", sql, ground_ask(raw, sql));
	CU_FAIL_FATAL("it does not come");
}

void ground_check(bool done, const struct error *err)
{
	if (!done)
		fprintf(stderr, "\n    %s\n", err->text);
	CU_ASSERT_TRUE_FATAL(done);
}

void ground_push(struct store *to, const char *queue, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char id[IDS_UUID_SIZE];
		struct error err;
		store_new_id(to, id);
		const struct push push = {
			.id = id, .name = queue, .queue = queue, .payload = "1"
		};
		ground_check(to->ops->push(to, &push, 1, NULL, &err), &err);
	}
}

bool ground_try_lease(
	struct store *from, const char *queue, struct lease_batch *batch, struct error *err)
{
	struct lease_request request = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = GROUND_LEASE_MS,
		.max = 1 };
	return from->ops->lease(from, &request, batch, err);
}

struct lease_batch ground_lease(struct store *from, const char *queue)
{
	struct lease_batch batch;
	struct error err;
	ground_check(ground_try_lease(from, queue, &batch, &err), &err);
	return batch;
}

size_t ground_count_ready(const char *queue)
{
	struct lease_batch batch = ground_lease(store, queue);
	size_t count = batch.count;
	lease_batch_finish(&batch);
	return count;
}

bool ground_try_complete(struct store *by, const struct leased *task, const char *queue,
	struct commit_result *result, struct lease_batch *batch, struct error *err)
{
	const struct lease_request next = { .queues = &queue,
		.queue_count = 1,
		.owner = GROUND_OWNER,
		.lease_ms = GROUND_LEASE_MS,
		.max = 1 };
	const struct commit commit = {
		.id = task->id, .token = task->token, .outcome = OUTCOME_COMPLETED
	};
	return by->ops->commit(by, &commit, 1, result, batch ? &next : NULL, batch, err);
}

void ground_script(const char *name)
{
	char command[300];
	snprintf(command, sizeof command, "%s/%s", getenv("REEVE_TEST_POSTGRES_DIR"), name);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

/* The postmaster first: it starts no more children then. What has ended meanwhile is no matter. */
void ground_signal(int signal)
{
	char command[300];
	snprintf(command, sizeof command,
		"pid=$(head -n 1 %s/data/postmaster.pid); kill -%d $pid || exit 1; "
		"for child in $(pgrep -P $pid); do kill -%d $child 2>/dev/null; done; true",
		getenv("REEVE_TEST_POSTGRES_DIR"), signal, signal);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

int ground_proxy(void)
{
	char port[16];
	snprintf(port, sizeof port, "%d", ground_port());
	const char *arguments[] = { port, NULL };
	python_server_start(&proxy, "postgres", "127.0.0.1", "postgres_proxy.py", arguments);
	return proxy.port;
}

void ground_tell(const char *order)
{
	dprintf(proxy.input, "%s\n", order);
}

static void begin(void)
{
	static unsigned count;
	snprintf(schema, sizeof schema, "test_%d_%u", (int)getpid(), ++count);
	snprintf(url, sizeof url, "%s?schema=%s", getenv("REEVE_TEST_POSTGRES"), schema);
	store = ground_open();
	raw = ground_connect();
}

static void finish(void)
{
	store_close(store);
	PQfinish(raw);
	if (proxy.pid)
		python_server_stop(&proxy);
	proxy.pid = 0;
}

int ground_run(const char *name, const struct suite_test *tests, size_t count)
{
	if (!getenv("REEVE_TEST_POSTGRES")) {
		fprintf(stderr, "run it through tests/with_postgres.sh\n");
		return 2;
	}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite_with_setup_and_teardown(name, NULL, NULL, begin, finish);
	for (size_t i = 0; i < count; i++)
		if (!suite || !CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	int failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
	CU_cleanup_registry();
	return failed;
}
