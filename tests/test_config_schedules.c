/* config/: schedules. */
#include "base/jsontext.h"
#include "tests/config_files.h"
#include "tests/suite.h"

#include <stdio.h>
#include <unistd.h>

#define STORE_OF_ALWAYS "store: 'memory:'\nqueues: { q: { type: noop } }\n"
#define HEAD            "store: 'memory:'\nqueues: { mail: { type: noop } }\n"

static void a_schedule_gets_the_documented_defaults(void)
{
	OWNED(config)
	struct config *config =
		files_load_good(HEAD "schedules:\n"
				     "  import: { workflow: import, cron: '@daily' }\n");
	const struct config_schedule *schedule = &config->schedules[0];
	CU_ASSERT_EQUAL_FATAL(config->schedule_count, 1);
	CU_ASSERT_STRING_EQUAL(schedule->name, "import");
	CU_ASSERT_STRING_EQUAL(schedule->place, "reeve.yaml:4:3");
	CU_ASSERT_STRING_EQUAL(schedule->workflow, "import");
	CU_ASSERT_PTR_NULL(schedule->queue);
	CU_ASSERT_STRING_EQUAL(zone_name(schedule->zone), "UTC");
	CU_ASSERT_EQUAL(schedule->overlap, OVERLAP_SKIP);
	CU_ASSERT_EQUAL(schedule->catch_up, CATCH_UP_ONE);
	CU_ASSERT_TRUE(schedule->is_enabled);
	CU_ASSERT_TRUE(json_is_object(schedule->payload));
	CU_ASSERT_EQUAL(json_object_size(schedule->payload), 0);
}

static void values_are_taken_and_zones_are_shared(void)
{
	files_write("conf.d/a.yaml",
		"schedules: { c: { queue: mail, cron: '0 1 * * *', timezone: Europe/Madrid } }\n");
	OWNED(config)
	struct config *config = files_load_good(
		HEAD "include: conf.d/a.yaml\n"
		     "schedules:\n"
		     "  a: { queue: mail, task: t, cron: '*/5 * * * * *', overlap: replace,\n"
		     "       catch_up: all, enabled: no, timezone: Europe/Madrid,\n"
		     "       payload: [1, -2.5, '3', true, ~, { deep: [x] }, 0x10, 1.2.3] }\n"
		     "  b: { queue: mail, cron: '0 0 L * *', payload: plain }\n");
	CU_ASSERT_EQUAL_FATAL(config->schedule_count, 3);
	const struct config_schedule *schedule = &config->schedules[0];
	CU_ASSERT_STRING_EQUAL(schedule->task, "t");
	CU_ASSERT_EQUAL(schedule->overlap, OVERLAP_REPLACE);
	CU_ASSERT_EQUAL(schedule->catch_up, CATCH_UP_ALL);
	CU_ASSERT_FALSE(schedule->is_enabled);
	OWNED(free) char *payload = jsontext_print(schedule->payload);
	CU_ASSERT_STRING_EQUAL(
		payload, "[1,-2.5,\"3\",true,null,{\"deep\":[\"x\"]},\"0x10\",\"1.2.3\"]");
	CU_ASSERT_STRING_EQUAL(json_string_value(config->schedules[1].payload), "plain");
	CU_ASSERT_STRING_EQUAL(config->schedules[2].name, "c");
	CU_ASSERT_PTR_EQUAL(schedule->zone, config->schedules[2].zone);
	CU_ASSERT_EQUAL(config->zone_count, 2);
	unlink("conf.d/a.yaml");
}

static void each_mistake_has_its_place_and_a_sentence(void)
{
	static const struct {
		const char *yaml, *mistakes;
	} rows[] = {
		{ "schedules: 5\n", "reeve.yaml:3:1: schedules: expected a map from names to keys "
				    "of a schedule, got \"5\"" },
		{ "schedules: { a: 5 }\n",
			"reeve.yaml:3:14: schedules.a: expected a map of keys, got \"5\"" },
		{ "schedules: { a b: { queue: mail, cron: '@daily' } }\n",
			"reeve.yaml:3:14: schedules.a b: expected a name of 1 to 80 letters, "
			"digits, _ or -, got \"a b\"" },
		{ "schedules: { a: { cron: '@daily' } }\n",
			"reeve.yaml:3:14: schedules.a: expected a workflow or a queue to start "
			"on" },
		{ "schedules: { a: { queue: mail, workflow: x, cron: '@daily' } }\n",
			"reeve.yaml:3:19: schedules.a.queue: a schedule starts a workflow or a "
			"task "
			"on a queue, not both" },
		{ "schedules: { a: { workflow: x, task: t, cron: '@daily' } }\n",
			"reeve.yaml:3:32: schedules.a.task: only with queue; the tasks of a "
			"workflow are its own" },
		{ "schedules: { a: { queue: 'm m', cron: '@daily' } }\n",
			"reeve.yaml:3:19: schedules.a.queue: expected the name of a queue, got "
			"\"m m\"" },
		{ "schedules: { a: { queue: mail } }\n",
			"reeve.yaml:3:14: schedules.a.cron: required, for example \"0 3 * * *\"" },
		{ "schedules: { a: { queue: mail, cron: '0 0 30 2 *' } }\n",
			"reeve.yaml:3:32: schedules.a.cron: never comes: no month of these has "
			"such "
			"a day (\"0 0 30 2 *\")" },
		{ "schedules: { a: { queue: mail, cron: '0 25 * * *' } }\n",
			"reeve.yaml:3:32: schedules.a.cron: the field hour takes 0 to 23 with * , "
			"- "
			"/ between, got \"25\"" },
		{ "schedules: { a: { queue: mail, cron: '@daily', timezone: Europe/Madird } }\n",
			"reeve.yaml:3:48: schedules.a.timezone: no time zone \"Europe/Madird\" "
			"here "
			"(/usr/share/zoneinfo/Europe/Madird is not there)" },
		{ "schedules: { a: { queue: mail, cron: '@daily', timezone: ../passwd } }\n",
			"reeve.yaml:3:48: schedules.a.timezone: expected a time zone such as "
			"Europe/Madrid or UTC, got \"../passwd\"" },
		{ "schedules: { a: { queue: mail, cron: '@daily', overlap: never } }\n",
			"reeve.yaml:3:48: schedules.a.overlap: expected skip, queue, replace or "
			"allow, got \"never\"" },
		{ "schedules: { a: { queue: mail, cron: '@daily', catch_up: some } }\n",
			"reeve.yaml:3:48: schedules.a.catch_up: expected skip, one or all, got "
			"\"some\"" },
		{ "schedules: { a: { workflow: x, cron: '@daily', payload: 3 } }\n",
			"reeve.yaml:3:48: schedules.a.payload: the payload of a job is a map" },
		{ "schedules: { a: { queue: mail, crom: '@daily' } }\n",
			"reeve.yaml:3:14: schedules.a.cron: required, for example \"0 3 * * *\"\n"
			"reeve.yaml:3:32: schedules.a: unknown key \"crom\", did you mean "
			"\"cron\"?" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *yaml = xprintf(HEAD "%s", rows[i].yaml);
		OWNED(free) char *mistakes = NULL;
		CU_ASSERT_PTR_NULL(files_load(yaml, &mistakes));
		if (strcmp(mistakes, rows[i].mistakes) != 0)
			fprintf(stderr, "\ngot:      %s\nexpected: %s\n", mistakes,
				rows[i].mistakes);
		CU_ASSERT_STRING_EQUAL(mistakes, rows[i].mistakes);
	}
}

static void a_name_stands_once_in_all_files(void)
{
	OWNED(free) char *mistakes = NULL;
	files_write("conf.d/a.yaml", "schedules: { a: { queue: mail, cron: '@daily' } }\n");
	CU_ASSERT_PTR_NULL(files_load(HEAD "include: conf.d/a.yaml\n"
					   "schedules: { a: { queue: mail, cron: '@daily' } }\n",
		&mistakes));
	CU_ASSERT_STRING_EQUAL(mistakes,
		"conf.d/a.yaml:1:14: schedules.a: this schedule stands at reeve.yaml:4:14 already");
	unlink("conf.d/a.yaml");
}

static void a_queue_of_another_host_is_a_warning(void)
{
	OWNED(free)
	char *warnings = files_warnings(HEAD "schedules: { a: { queue: far, cron: '@daily' } }\n");
	CU_ASSERT_STRING_EQUAL(
		warnings, "reeve.yaml:3:19: schedules.a.queue: queue far is not configured here");
}

static void what_was_filled_in_is_not_shown(void)
{
	setenv("REEVE_TEST_SECRET", "hush", 1);
	OWNED(config)
	struct config *config =
		files_load_good(HEAD "schedules: { a: { queue: mail, cron: '@daily',\n"
				     "  payload: { token: '${REEVE_TEST_SECRET}', n: 1 } } }\n");
	OWNED(json) json_t *all = config_describe(config);
	OWNED(free) char *text = jsontext_print(json_object_get(all, "schedules"));
	OWNED(free) char *payload = jsontext_print(config->schedules[0].payload);
	CU_ASSERT_STRING_EQUAL(payload, "{\"token\":\"hush\",\"n\":1}");
	CU_ASSERT_PTR_NULL(strstr(text, "hush"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"token\":\"***\",\"n\":1}"));
}

static void a_reload_sees_every_change_of_a_schedule(void)
{
#define ROW(rest) HEAD "schedules: { a: { queue: mail, cron: '0 1 * * *'" rest " } }\n"
	static const char *const changed[] = { HEAD, ROW(", task: x"), ROW(", overlap: allow"),
		ROW(", timezone: Europe/Madrid"), ROW(", payload: { a: 1 }"), ROW(", enabled: no"),
		ROW(", catch_up: all"),
		HEAD "schedules: { b: { queue: mail, cron: '0 1 * * *' } }\n",
		HEAD "schedules: { a: { queue: mail, cron: '1 1 * * *' } }\n" };
	OWNED(config) struct config *before = files_load_good(ROW(""));
	OWNED(config) struct config *same = files_load_good(ROW(", overlap: skip"));
	CU_ASSERT_FALSE(config_compare_schedules(before, same));
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		OWNED(config) struct config *after = files_load_good(changed[i]);
		CU_ASSERT_TRUE(config_compare_schedules(before, after));
		CU_ASSERT_FALSE(config_compare_globals(before, after));
		CU_ASSERT_EQUAL(config_compare_queue(&before->queues[0], &after->queues[0]),
			RELOAD_NOTHING);
	}
#undef ROW
}

#define QUEUE(hours) "store: 'memory:'\nqueues: { q: { type: noop, hours: " hours " } }\n"

static void hours_of_a_queue_are_read_and_asked(void)
{
	OWNED(config)
	struct config *config =
		files_load_good(QUEUE("{ from: 02:00, to: '05:00', days: [Mon, tue], "
				      "timezone: Europe/Madrid }"));
	const struct config_queue *queue = &config->queues[0];
	int64_t until_s;
	CU_ASSERT_EQUAL(queue->hours.window.from_min, 120);
	CU_ASSERT_EQUAL(queue->hours.window.to_min, 300);
	CU_ASSERT_EQUAL(queue->hours.window.days, 0x06);
	CU_ASSERT_TRUE(
		config_is_open(queue, 1795395600, &until_s)); /* 2026-11-23T01:00Z, a Monday */
	CU_ASSERT_EQUAL(until_s, 1795406400);
	CU_ASSERT_FALSE(config_is_open(queue, 1795395599, &until_s));
	CU_ASSERT_EQUAL(until_s, 1795395600);
	OWNED(config) struct config *always = files_load_good(STORE_OF_ALWAYS);
	CU_ASSERT_TRUE(config_is_open(&always->queues[0], 1795395599, &until_s));
	CU_ASSERT_EQUAL(until_s, ZONE_NEVER);
	CU_ASSERT_EQUAL(config_compare_queue(&always->queues[0], &config->queues[0]), RELOAD_LIVE);
}

static void bad_hours_have_their_place_and_a_sentence(void)
{
	static const struct {
		const char *yaml, *mistakes;
	} rows[] = {
		{ QUEUE("{ from: '02:00' }"),
			"reeve.yaml:2:11: queues.q.hours.to: required with hours.from" },
		{ QUEUE("{ from: 2am, to: '24:00' }"), "reeve.yaml:2:38: queues.q.hours.from: "
						       "expected a time of the day from 00:00 "
						       "to 23:59, got \"2am\"" },
		{ QUEUE("{ from: '24:00', to: '05:00' }"), "reeve.yaml:2:38: queues.q.hours.from: "
							   "expected a time of the day from 00:00 "
							   "to 23:59, got \"24:00\"" },
		{ QUEUE("{ from: '02:00', to: '05:00', days: [monday] }"),
			"reeve.yaml:2:73: queues.q.hours.days: expected a list of mon, tue, wed, "
			"thu, fri, sat, sun, got \"monday\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *mistakes = NULL;
		CU_ASSERT_PTR_NULL(files_load(rows[i].yaml, &mistakes));
		if (!strstr(mistakes, strstr(rows[i].mistakes, "queues")))
			fprintf(stderr, "\ngot:      %s\nexpected: %s\n", mistakes,
				rows[i].mistakes);
		CU_ASSERT_PTR_NOT_NULL(strstr(mistakes, strstr(rows[i].mistakes, "queues")));
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_schedule_gets_the_documented_defaults),
		SUITE_TEST(values_are_taken_and_zones_are_shared),
		SUITE_TEST(each_mistake_has_its_place_and_a_sentence),
		SUITE_TEST(a_name_stands_once_in_all_files),
		SUITE_TEST(a_queue_of_another_host_is_a_warning),
		SUITE_TEST(what_was_filled_in_is_not_shown),
		SUITE_TEST(a_reload_sees_every_change_of_a_schedule),
		SUITE_TEST(hours_of_a_queue_are_read_and_asked),
		SUITE_TEST(bad_hours_have_their_place_and_a_sentence),
	};
	files_enter();
	int status = suite_run("config_schedules", tests, ARRAY_SIZE(tests));
	files_leave();
	return status;
}
