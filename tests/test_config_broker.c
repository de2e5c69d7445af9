/* config/: the broker's URL, and the keys of queues that only matter with one. */
#include "base/jsontext.h"
#include "tests/config_files.h"
#include "tests/suite.h"

#include <stdio.h>

#define STORE "store: 'memory:'\n"

struct row {
	const char *text, *expected;
};

static void expect_same(const char *in, const char *got, const char *expected)
{
	CU_ASSERT_STRING_EQUAL(got, expected);
	if (strcmp(got, expected) != 0)
		fprintf(stderr, "\nin:\n%s\ngot:\n%s\nexpected:\n%s\n", in, got, expected);
}

static void a_wrong_url_of_a_broker_is_one_sentence_without_its_secrets(void)
{
	static const char expected[] =
		"expected sqs://REGION/PREFIX or redis://HOST[:PORT][/DB], got ";
	static const char keys[] = "sqs: keys do not belong into the URL: they come from the "
				   "environment or the machine's role";
	static const char prefix[] =
		"sqs: expected a prefix of at most 60 letters, digits, _ and -";
	static const char resend[] =
		"resend: expected a duration from 1s to 14d, as in ?resend=15m";
	const struct {
		const char *url, *mistake, *rest;
	} rows[] = {
		{ "amqp://me:secret@host", expected, "\"amqp…\"" },
		{ "sqs:eu-west-1", expected, "\"sqs…\"" },
		{ "hello", expected, "\"hello\"" },
		{ "{}", expected, "a map" },
		{ "sqs://eu-west-1:80/x", "sqs: expected a region, as in sqs://eu-west-1/prod-",
			"" },
		{ "sqs://AKIA:secret@eu-west-1/x", keys, "" },
		{ "sqs://eu-west-1/a/b", prefix, "" },
		{ "sqs://eu-west-1/"
		  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg",
			prefix, "" },
		{ "sqs://eu-west-1/x?resend=soon", resend, "" },
		{ "sqs://eu-west-1/x?resend=500ms", resend, "" },
		{ "sqs://eu-west-1/x?prefix=a", "sqs has no parameter \"prefix\"", "" },
		{ "redis://a,b", "redis: expected one host, as in redis://127.0.0.1:6379/0", "" },
		{ "redis://a/mail", "redis: expected the number of a database after the slash",
			"" },
		{ "redis://a?endpoint=b", "redis has no parameter \"endpoint\"", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *mistakes = NULL;
		OWNED(free) char *yaml = xprintf(STORE "broker: %s\n", rows[i].url);
		OWNED(free)
		char *line = xprintf("reeve.yaml:2:1: broker: %s%s", rows[i].mistake, rows[i].rest);
		struct config *config = files_load(yaml, &mistakes);
		CU_ASSERT_PTR_NULL(config);
		config_destroy(config);
		expect_same(yaml, mistakes, line);
		CU_ASSERT_PTR_NULL(strstr(mistakes, "secret"));
	}
}

static void a_broker_is_read_with_its_time_to_send_again(void)
{
	static const struct {
		const char *url;
		int64_t resend_ms;
	} rows[] = {
		{ "sqs://eu-west-1/prod-", 900000 },
		{ "sqs:///prod-", 900000 },
		{ "sqs://local/t-?endpoint=http://127.0.0.1:9324&create=false&resend=2s", 2000 },
		{ "redis://127.0.0.1:6379/3?prefix=shop:&resend=1h", 3600000 },
		{ "rediss://user:pass@cache.example.com?ca=/a.pem&insecure=1", 900000 },
		{ "redis://user:pass@/run/redis/socket?db=2&resend=3s", 3000 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *yaml = xprintf(STORE "broker: '%s'\n", rows[i].url);
		OWNED(config) struct config *config = files_load_good(yaml);
		CU_ASSERT_STRING_EQUAL(config->broker_url, rows[i].url);
		CU_ASSERT_EQUAL(config->broker_resend_ms, rows[i].resend_ms);
	}
	OWNED(config) struct config *none = files_load_good(STORE);
	CU_ASSERT_PTR_NULL(none->broker_url);
}

static void what_fills_the_broker_is_hidden_and_kept_from_handlers(void)
{
	setenv("REEVE_TEST_REDIS_PASSWORD", "hunter2", 1);
	OWNED(config)
	struct config *config =
		files_load_good(STORE "broker: redis://:${REEVE_TEST_REDIS_PASSWORD}@cache\n");
	OWNED(json) json_t *all = config_describe(config);
	OWNED(free) char *text = json_dumps(all, JSON_COMPACT);
	CU_ASSERT_STRING_EQUAL(config->broker_url, "redis://:hunter2@cache");
	CU_ASSERT_PTR_NULL(strstr(text, "hunter2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "redis://:***@cache"));
	CU_ASSERT_STRING_EQUAL(config->secret_variables[0], "REEVE_TEST_REDIS_PASSWORD");
	unsetenv("REEVE_TEST_REDIS_PASSWORD");
}

static void a_change_of_the_broker_rolls_all_workers(void)
{
	OWNED(config) struct config *without = files_load_good(STORE);
	OWNED(config) struct config *one = files_load_good(STORE "broker: redis://a\n");
	OWNED(config) struct config *two = files_load_good(STORE "broker: redis://b\n");
	CU_ASSERT_TRUE(config_compare_globals(without, one));
	CU_ASSERT_TRUE(config_compare_globals(one, two));
	CU_ASSERT_FALSE(config_compare_globals(one, one));
}

static void pools_of_different_kinds_on_one_queue_are_warnings(void)
{
	OWNED(free)
	char *warnings = files_warnings(STORE
		"queues:\n  mail: { run: [sh] }\n  more: { run: [sh, x], pull: [mail, urgent] }\n"
		"  live: { run: [sh], protocol: stream, pull: { urgent: 2 } }\n"
		"  urgent: { type: sync }\n  own: { type: program, run: [sh] }\n"
		"  web: { post: 'http://127.0.0.1:1/', pull: [own] }\n");
	expect_same("shared queues", warnings,
		"reeve.yaml:5:40: queues.live.pull: more pulls urgent too, with protocol exec, and "
		"this one has protocol stream: each task goes to whichever is free\n"
		"reeve.yaml:6:3: queues.urgent: live pulls urgent too, with protocol stream, and "
		"this one has type sync: each task goes to whichever is free\n"
		"reeve.yaml:6:3: queues.urgent: more pulls urgent too, with protocol exec, and "
		"this one has type sync: each task goes to whichever is free\n"
		"reeve.yaml:8:39: queues.web.pull: own pulls own too, with type program, and this "
		"one has post: each task goes to whichever is free");
}

static void keys_that_do_nothing_are_warnings(void)
{
	static const struct row rows[] = {
		{ "queues: { q: { type: noop, format: sqjobs } }",
			"reeve.yaml:3:28: queues.q.format: has no effect without a broker" },
		{ "queues: { q: { type: noop, failure_queue: on } }",
			"reeve.yaml:3:28: queues.q.failure_queue: has no effect without a broker" },
		{ "queues: { q: { type: noop, group: customer } }",
			"reeve.yaml:3:28: queues.q.group: has no effect but in FIFO queues of SQS "
			"(NAME.fifo)" },
		{ "queues: { q.fifo: { type: noop } }",
			"reeve.yaml:3:11: queues.q.fifo: without an SQS broker .fifo is but a "
			"part of the name" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *yaml = xprintf(STORE "#\n%s\n", rows[i].text);
		OWNED(free) char *warnings = files_warnings(yaml);
		expect_same(yaml, warnings, rows[i].expected);
	}
	OWNED(free)
	char *none =
		files_warnings(STORE "broker: sqs://eu-west-1/x\nqueues: { q.fifo: { type: "
				     "noop, group: customer }, r: { type: noop, format: raw } }\n");
	CU_ASSERT_STRING_EQUAL(none, "");
	OWNED(config)
	struct config *config = files_load_good(
		STORE "broker: sqs://eu-west-1/x\n"
		      "queues: { q.fifo: { type: noop, group: customer }, r: { type: noop } }\n");
	CU_ASSERT_STRING_EQUAL(config->queues[0].group, "customer");
	CU_ASSERT_STRING_EQUAL(config->queues[1].group, "job");
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_wrong_url_of_a_broker_is_one_sentence_without_its_secrets),
		SUITE_TEST(a_broker_is_read_with_its_time_to_send_again),
		SUITE_TEST(what_fills_the_broker_is_hidden_and_kept_from_handlers),
		SUITE_TEST(a_change_of_the_broker_rolls_all_workers),
		SUITE_TEST(pools_of_different_kinds_on_one_queue_are_warnings),
		SUITE_TEST(keys_that_do_nothing_are_warnings),
	};
	files_enter();
	int code = suite_run("config_broker", tests, ARRAY_SIZE(tests));
	files_leave();
	return code;
}
