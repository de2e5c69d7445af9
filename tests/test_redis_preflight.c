/* What is said of a Redis server before anything depends on it, and what a user who may not use the
 * channel of the bell can do all the same. */
#include "stores/preflight.h"
#include "stores/redis_store.h"
#include "tests/redis_ground.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool says(const struct store_warnings *warnings, const char *part)
{
	for (size_t i = 0; i < warnings->count; i++)
		if (strstr(warnings->lines[i], part))
			return true;
	return false;
}

static struct store_warnings look(const char *url)
{
	struct store_warnings warnings = { 0 };
	struct error err;
	ground_check(store_preflight(url, 1, &warnings, &err), &err);
	return warnings;
}

static void a_server_that_keeps_all_is_passed_over(void)
{
	ground_begin();
	struct store_warnings warnings = look(ground_url(ground_port()));
	CU_ASSERT_EQUAL(warnings.count, 0);
	store_warnings_finish(&warnings);
	/* Nothing is made there. */
	CU_ASSERT_STRING_EQUAL(ground_ask(ground_port(), "EXISTS %smeta", ground_prefix()), "0");
}

static void a_server_that_forgets_is_told(void)
{
	ground_begin();
	int port = ground_free_port();
	pid_t server = ground_serve(port, "--save '' --maxmemory-policy allkeys-lru");
	struct store_warnings warnings = look(ground_url(port));
	CU_ASSERT_EQUAL(warnings.count, 2);
	CU_ASSERT_TRUE(says(&warnings, "maxmemory-policy is allkeys-lru"));
	CU_ASSERT_TRUE(says(&warnings, "appendonly"));
	store_warnings_finish(&warnings);
	ground_stop(server);
	struct error err;
	CU_ASSERT_FALSE(store_preflight(ground_url(port), 1, &warnings, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
}

static bool goes_on(void *context)
{
	(void)context;
	return true;
}

static void without_the_channel_workers_look_by_themselves(void)
{
	ground_begin();
	char url[224];
	struct error err;
	struct bells bells;
	struct store *near;
	ground_ask(ground_port(), "ACL SETUSER lame on >Secret7 ~* resetchannels +@all -info");
	snprintf(url, sizeof url, "redis://lame:Secret7@127.0.0.1:%d?prefix=%s", ground_port(),
		ground_prefix());
	struct store_warnings warnings = look(url);
	CU_ASSERT_EQUAL(warnings.count, 1);
	CU_ASSERT_TRUE(says(&warnings, "may not use the channel"));
	store_warnings_finish(&warnings);
	CU_ASSERT_TRUE_FATAL(bells_create(&bells));
	pid_t listener = fork();
	if (listener == 0) {
		ground_check(store_open(url, &bells, &near, &err), &err);
		near->ops->listen(near, goes_on, NULL);
		_exit(0);
	}
	ground_check(store_open(url, &bells, &near, &err), &err);
	struct store *far = ground_open_at(url);
	alarm(60); /* a ring that never comes ends the run */
	for (int i = 0; i < 3; i++) {
		struct lease_batch batch = ground_lease(near, "mail", GROUND_OWNER);
		CU_ASSERT_EQUAL(batch.count, 0);
		uint32_t ticket = near->ops->bell(near, "mail");
		char id[8];
		snprintf(id, sizeof id, "%d", i);
		ground_push(far, "mail", id);
		near->ops->wait(near, "mail", ticket, -1);
		batch = ground_lease(near, "mail", GROUND_OWNER);
		CU_ASSERT_EQUAL_FATAL(batch.count, 1);
		CU_ASSERT_EQUAL(ground_complete(near, batch.tasks), COMMIT_DONE);
		CU_ASSERT_FALSE(bells_are_listened(&bells));
		lease_batch_finish(&batch);
	}
	alarm(0);
	kill(listener, SIGKILL);
	waitpid(listener, NULL, 0);
	store_close(near);
	store_close(far);
	bells_destroy(&bells);
	ground_ask(ground_port(), "ACL DELUSER lame");
}

static void versions_are_told_apart(void)
{
	static const struct {
		const char *info;
		int version;
		bool is_taken, has_flags;
	} rows[] = {
		{ "# Server\r\nredis_version:6.0.16\r\n", 600, false, false },
		{ "# Server\r\nredis_version:6.2.14\r\n", 602, true, false },
		{ "# Server\r\nredis_version:7.0.15\r\n", 700, true, true },
		{ "redis_version:7.2.4\r\nvalkey_version:8.1.1\r\n", 702, true, true },
		{ "# Server\r\n", 0, true, true }, /* a service that hides it */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = { 0 };
		int version = redis_version_of(rows[i].info);
		CU_ASSERT_EQUAL(version, rows[i].version);
		CU_ASSERT_EQUAL(redis_version_check("h:1", version, &err), rows[i].is_taken);
		CU_ASSERT_EQUAL(redis_version_has_flags(version), rows[i].has_flags);
		if (!rows[i].is_taken) {
			CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
			CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "6.0 is too old, 6.2"));
		}
	}
}

/* As a Redis 6.2 gets them. */
static void scripts_run_without_their_flags(void)
{
	ground_begin();
	struct store *store = ground_open();
	redis_of(store)->is_old = true;
	ground_ask(ground_port(), "SCRIPT FLUSH");
	ground_push(store, "mail", "a");
	struct lease_batch batch = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_EQUAL(ground_complete(store, batch.tasks), COMMIT_DONE);
	lease_batch_finish(&batch);
	ground_push(store, "mail", "b");
	ground_ask(ground_port(), "CONFIG SET maxmemory 1mb");
	struct error err = { 0 };
	CU_ASSERT_FALSE(ground_try_push(store, "mail", "c", &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "out of memory"));
	ground_ask(ground_port(), "CONFIG SET maxmemory 0");
	batch = ground_lease(store, "mail", GROUND_OWNER);
	CU_ASSERT_EQUAL_FATAL(batch.count, 1);
	CU_ASSERT_EQUAL(ground_complete(store, batch.tasks), COMMIT_DONE);
	lease_batch_finish(&batch);
	store_close(store);
}

static const struct suite_test tests[] = {
	SUITE_TEST(a_server_that_keeps_all_is_passed_over),
	SUITE_TEST(a_server_that_forgets_is_told),
	SUITE_TEST(versions_are_told_apart),
	SUITE_TEST(scripts_run_without_their_flags),
	SUITE_TEST(without_the_channel_workers_look_by_themselves),
};

int main(void)
{
	return suite_run("redis_preflight", tests, ARRAY_SIZE(tests));
}
