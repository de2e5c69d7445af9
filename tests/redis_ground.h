#pragma once
/* Common ground of the Redis store's tests: stores under fresh prefixes on the server of
 * with_redis.sh, a second connection to it, and a proxy that loses answers. */
#include "stores/store.h"
#include "tests/suite.h"

#include <hiredis/hiredis.h>
#include <sys/types.h>

#define GROUND_OWNER "0123456789abcdef0123456789abcdef"
#define GROUND_OTHER "fedcba9876543210fedcba9876543210"

/* A fresh prefix; the URL of the server, or of one on another port, with it. */
const char *ground_begin(void);
const char *ground_url(int port);
const char *ground_prefix(void);
int ground_port(void);
/* Opens the store under this test's prefix, or dies with what it said. */
struct store *ground_open(void);
struct store *ground_open_at(const char *url);

/* Dies with the error where an act failed. */
void ground_check(bool done, const struct error *err);
void ground_push(struct store *store, const char *queue, const char *id);
bool ground_try_push(struct store *store, const char *queue, const char *id, struct error *err);
struct lease_batch ground_lease(struct store *store, const char *queue, const char *owner);
struct commit ground_commit_of(const struct leased *task);
enum commit_answer ground_complete(struct store *store, const struct leased *task);
struct queue_stats ground_queue(struct store *store, const char *queue);

/* One command to the server on the port, over a connection of its own, with %s %d %b as hiredis
 * has them. The answer as text, of a number too; overwritten by the next. */
const char *ground_ask(int port, const char *format, ...);
/* The number after the key in INFO's section; 0 where it is not there. */
long ground_info(const char *section, const char *key);
/* Kills the server, or stops it where it is; starts it again. */
void ground_signal(int signal);
void ground_start(void);

/* Another server in the folder of with_redis.sh, gone with ground_stop; extra: further options. */
pid_t ground_serve(int port, const char *extra);
void ground_stop(pid_t server);
int ground_free_port(void);

/* A process that passes everything on to the server, until ground_cut: the next answer after it is
 * dropped, and the connection closed. */
pid_t ground_proxy(int *port);
void ground_cut(pid_t proxy);
