#pragma once
/* Common ground of the PostgreSQL store's tests: a store in a fresh schema on the server of
 * with_postgres.sh, a second connection to it, and a proxy that does harm (postgres_proxy.py). */
#include "stores/store.h"
#include "tests/suite.h"

#include <libpq-fe.h>
#include <sys/types.h>

#define GROUND_OWNER    "0123456789abcdef0123456789abcdef"
#define GROUND_OTHER    "fedcba9876543210fedcba9876543210"
#define GROUND_LEASE_MS 30000

/* What each test finds: the store, and a session in its schema. */
extern struct store *store;
extern PGconn *raw;

/* A suite whose tests each get a schema of their own; answers main's code. */
int ground_run(const char *name, const struct suite_test *tests, size_t count);
const char *ground_url(void);
const char *ground_schema(void);
/* The same schema, through another port of this host. Static. */
const char *ground_url_at(int port);
int ground_port(void);

struct store *ground_open(void);
struct store *ground_open_at(const char *url);
PGconn *ground_connect(void);
/* The first value of the answer, kept until the next call; "" for none. */
const char *ground_ask(PGconn *connection, const char *sql);
/* Until the question's answer is that; fails the test after 20 s. */
void ground_await(const char *sql, const char *wanted);
/* Dies with the error where an act failed. */
void ground_check(bool done, const struct error *err);

void ground_push(struct store *to, const char *queue, size_t count);
bool ground_try_lease(
	struct store *from, const char *queue, struct lease_batch *batch, struct error *err);
struct lease_batch ground_lease(struct store *from, const char *queue);
size_t ground_count_ready(const char *queue);
/* Completes the task and, where batch is not NULL, leases the next one of the queue. */
bool ground_try_complete(struct store *by, const struct leased *task, const char *queue,
	struct commit_result *result, struct lease_batch *batch, struct error *err);

void ground_pause_ms(long ms);
/* `start` or `stop`, see with_postgres.sh. */
void ground_script(const char *name);
/* All processes of the server. */
void ground_signal(int signal);

/* The proxy's port; tell it as its head says. One at a time, gone with the test. */
int ground_proxy(void);
void ground_tell(const char *order);
