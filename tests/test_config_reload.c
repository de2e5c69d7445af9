/* config/: several files, what is told of a configuration, and what a reload has to do. */
#include "base/jsontext.h"
#include "tests/config_files.h"
#include "tests/suite.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE "store: 'memory:'\n"

static void included_files_add_queues_in_the_order_of_their_names(void)
{
	files_write("conf.d/b.yaml", "queues: { b: { run: [./b.sh], timeout: 5m } }\n");
	files_write("conf.d/a.yaml", "queues: { a: { type: noop } }\n");
	OWNED(config)
	struct config *config = files_load_good(
		STORE "include: [conf.d/*.yaml, conf.d/a.yaml, '*.yaml', none.d/*.yaml]\n"
		      "defaults: { lease: 20s, cwd: . }\n"
		      "queues: { z: { type: noop } }\n");
	CU_ASSERT_EQUAL_FATAL(config->queue_count, 3);
	CU_ASSERT_STRING_EQUAL(config->queues[0].name, "z");
	CU_ASSERT_STRING_EQUAL(config->queues[1].name, "a");
	CU_ASSERT_STRING_EQUAL(config->queues[2].name, "b");
	CU_ASSERT_STRING_EQUAL(config->queues[2].place, "conf.d/b.yaml:1:11");
	CU_ASSERT_TRUE(config->queues[2].lease_ms == 20000);
	OWNED(free) char *program = xprintf("%s/conf.d/b.sh", files_folder());
	CU_ASSERT_STRING_EQUAL(config->queues[2].run.words[0], program);
	/* A value of `defaults` belongs to the main file. */
	CU_ASSERT_STRING_EQUAL(config->queues[2].cwd, files_folder());
	unlink("conf.d/a.yaml");
	unlink("conf.d/b.yaml");
}

static void the_folder_of_a_queue_is_that_of_its_file(void)
{
	files_write("conf.d/a.yaml", "queues: { a: { type: noop } }\n");
	OWNED(config) struct config *config = files_load_good(STORE "include: conf.d/a.yaml\n");
	OWNED(free) char *folder = xprintf("%s/conf.d", files_folder());
	CU_ASSERT_STRING_EQUAL(config->queues[0].cwd, folder);
	unlink("conf.d/a.yaml");
}

static void mistakes_of_included_files_come_after_those_of_the_main_file(void)
{
	OWNED(free) char *mistakes = NULL;
	files_write("conf.d/a.yaml", "queues: { a: { type: noop }, b: { timeout: x } }\n"
				     "store: 'memory:'\n"
				     "queue: {}\n"
				     "schedules: { s: { queue: a, cron: '* *' } }\n");
	files_write("conf.d/b.yaml", "queues: { a: { type: noop }\n");
	CU_ASSERT_PTR_NULL(files_load(STORE "queues: { a: { type: noop, lease: 1s } }\n"
					    "defaults: { timeout: y, type: noop }\n"
					    "include: [conf.d/*, nothing.yaml]\n",
		&mistakes));
	OWNED(free)
	char *expected = xprintf(
		"reeve.yaml:2:28: queues.a.lease: expected a duration from 5s to 12h, got \"1s\"\n"
		"reeve.yaml:3:13: defaults.timeout: expected a duration from 100ms to 30d or none, "
		"got \"y\"\n"
		"reeve.yaml:4:21: include: nothing.yaml is not there\n"
		"conf.d/a.yaml:1:11: queues.a: this queue stands at reeve.yaml:2:11 already\n"
		"conf.d/a.yaml:1:35: queues.b.timeout: expected a duration from 100ms to 30d or "
		"none, got \"x\"\n"
		"conf.d/a.yaml:2:1: store: an included file may only have queues and schedules; "
		"move "
		"this to the main file\n"
		"conf.d/a.yaml:3:1: queue: unknown key, did you mean \"queues\"?\n"
		"conf.d/a.yaml:4:29: schedules.s.cron: expected five fields (minute, hour, day of "
		"the month, month, day of the week), or six with the second in front, got \"* *\"\n"
		"conf.d/b.yaml:2:1: not YAML: did not find expected ',' or '}' while parsing a "
		"flow "
		"mapping (line 1)");
	CU_ASSERT_STRING_EQUAL(mistakes, expected);
	if (strcmp(mistakes, expected) != 0)
		fprintf(stderr, "\ngot:\n%s\n", mistakes);
	unlink("conf.d/a.yaml");
	unlink("conf.d/b.yaml");
}

/* The value and the origin at "queues.q.timeout" of a description, as "VALUE from PLACE". */
static char *describe(const struct config *config, const char *const *path)
{
	OWNED(json) json_t *all = config_describe(config);
	const json_t *at = all;
	for (; *path; path++)
		at = json_object_get(at, *path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	OWNED(free) char *value = jsontext_print(json_object_get(at, "value"));
	return xprintf("%s from %s", value, jsontext_member(at, "from"));
}

static void a_description_says_where_each_value_came_from(void)
{
	OWNED(config)
	struct config *config =
		files_load_good(STORE "defaults: { lease: 90s, env: { A: 1 } }\n"
				      "queues: { q: { type: noop, workers: { max: 3 }, umask: 7,\n"
				      "  retries: { factor: 2.5 }, env: { B: 2 } } }\n");
	static const struct {
		const char *path[5], *expected;
	} rows[] = {
		{ { "store" }, "\"memory:\" from reeve.yaml:1:8" },
		{ { "shutdown_grace" }, "\"25s\" from default" },
		{ { "retention", "results" }, "\"forever\" from default" },
		{ { "log", "line" }, "\"16K\" from default" },
		{ { "queues", "q", "lease" }, "\"90s\" from reeve.yaml:2:20" },
		{ { "queues", "q", "type" }, "\"noop\" from reeve.yaml:3:22" },
		{ { "queues", "q", "workers" }, "{\"min\":0,\"max\":3} from reeve.yaml:3:37" },
		{ { "queues", "q", "umask" }, "\"007\" from reeve.yaml:3:56" },
		{ { "queues", "q", "nice" }, "null from default" },
		{ { "queues", "q", "run" }, "null from default" },
		{ { "queues", "q", "pass_env" }, "[\"*\"] from default" },
		{ { "queues", "q", "retries", "factor" }, "2.5 from reeve.yaml:4:22" },
		{ { "queues", "q", "retries", "max" }, "10 from default" },
		{ { "queues", "q", "split", "slice_size" }, "null from default" },
		{ { "queues", "q", "max_unavailable" }, "\"25%\" from default" },
		{ { "queues", "q", "env" }, "{\"B\":\"2\",\"A\":\"1\"} from reeve.yaml:4:34" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *found = describe(config, rows[i].path);
		CU_ASSERT_STRING_EQUAL(found, rows[i].expected);
	}
}

static void variables_of_the_store_are_known_as_secret(void)
{
	setenv("REEVE_TEST_DB", "hidden-path", 1);
	setenv("REEVE_TEST_WORD", "open", 1);
	unsetenv("REEVE_TEST_NONE");
	OWNED(config)
	struct config *config = files_load_good(
		"store: sqlite:/${REEVE_TEST_DB}/${REEVE_TEST_NONE:-x}${REEVE_TEST_DB}\n"
		"queues: { q: { type: noop, env: { A: '${REEVE_TEST_WORD}' } } }\n");
	CU_ASSERT_STRING_EQUAL(config->store_url, "sqlite:/hidden-path/xhidden-path");
	CU_ASSERT_PTR_NOT_NULL_FATAL(config->secret_variables[0]);
	CU_ASSERT_STRING_EQUAL(config->secret_variables[0], "REEVE_TEST_DB");
	CU_ASSERT_STRING_EQUAL(config->secret_variables[1], "REEVE_TEST_NONE");
	CU_ASSERT_PTR_NULL(config->secret_variables[2]);
	OWNED(free) char *store = describe(config, (const char *const[]){ "store", NULL });
	CU_ASSERT_STRING_EQUAL(store, "\"sqlite:/***/x***\" from reeve.yaml:1:8");
}

static void what_was_filled_in_is_never_shown(void)
{
	setenv("REEVE_TEST_DB", "Hidden7", 1);
	files_write("word", "Hidden7\n");
	files_write("app.env", "PASSWORD=Hidden7\n");
	OWNED(config)
	struct config *config =
		files_load_good("store: 'sqlite:${REEVE_TEST_DB}'\n"
				"log: { to: 'a${REEVE_TEST_DB}' }\n"
				"queues:\n"
				"  q:\n"
				"    run: [\"${REEVE_TEST_DB}\", '-p${file:word}']\n"
				"    before: 'echo ${REEVE_TEST_DB}'\n"
				"    env: { A: '${REEVE_TEST_DB}', B: 'x${file:word}' }\n"
				"    env_file: app.env\n"
				"    pass_env: ['${REEVE_TEST_DB}*']\n");
	OWNED(json) json_t *all = config_describe(config);
	OWNED(free) char *text = jsontext_print(all);
	CU_ASSERT_PTR_NULL(strstr(text, "Hidden7"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"PASSWORD\":\"***\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"B\":\"x***\""));
	OWNED(free)
	char *warnings = files_warnings(
		STORE "queues: { q: { run: ['${REEVE_TEST_DB}'], cwd: '/${REEVE_TEST_DB}' } }\n");
	CU_ASSERT_PTR_NULL(strstr(warnings, "Hidden7"));
	CU_ASSERT_PTR_NOT_NULL(strstr(warnings, "program \"***\" is not there"));
}

static void a_mistake_quotes_what_is_written_not_what_it_stands_for(void)
{
	setenv("REEVE_TEST_DB", "redis://:Hidden7@host:port", 1);
	setenv("REEVE_TEST_WORD", "Hidden7", 1);
	files_write("word", "Hidden7\n");
	static const char *const rows[] = {
		"store: '${REEVE_TEST_DB}'\n",
		"store: '${REEVE_TEST_WORD}'\n",
		"store: 'x${REEVE_TEST_WORD}:y'\n",
		STORE "shutdown_grace: '${REEVE_TEST_WORD}'\n",
		STORE "log: { level: '${file:word}' }\n",
		STORE "include: '/nowhere/${REEVE_TEST_WORD}'\n",
		STORE "workflows: '/nowhere/${REEVE_TEST_WORD}'\n",
		STORE "queues: { q: { type: '${REEVE_TEST_WORD}' } }\n",
		STORE "queues: { q: { workers: '${REEVE_TEST_WORD}' } }\n",
		STORE "queues: { q: { workers: { min: '${REEVE_TEST_WORD}' } } }\n",
		STORE "queues: { q: { max_unavailable: '${REEVE_TEST_WORD}' } }\n",
		STORE "queues: { q: { validate: { a: { type: '${REEVE_TEST_WORD}' } } } }\n",
		STORE "queues: { q: { env_file: '${REEVE_TEST_WORD}' } }\n",
		STORE "queues: { q: { env: { A: '${file:${REEVE_TEST_WORD}}' } } }\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *mistakes = NULL;
		CU_ASSERT_PTR_NULL(files_load(rows[i], &mistakes));
		CU_ASSERT_PTR_NULL(strstr(mistakes, "Hidden7"));
		CU_ASSERT_PTR_NOT_NULL(strstr(mistakes, "reeve.yaml:"));
		if (strstr(mistakes, "Hidden7"))
			fprintf(stderr, "\nshows: %s\n", mistakes);
	}
}

#define BASE_QUEUE "run: [a, b], env: { A: 1, B: 2 }, validate: { n: { type: integer } }"

static void a_changed_queue_has_a_reload_class(void)
{
	static const struct {
		const char *after;
		enum reload_class class;
	} rows[] = {
		{ BASE_QUEUE, RELOAD_NOTHING },
		{ "validate: { n: { type: integer } }, run: [a, b], env: { B: 2, A: 1 }",
			RELOAD_NOTHING },
		{ BASE_QUEUE ", timeout: 30m, workers: { min: 1, max: 1 }", RELOAD_NOTHING },
		{ BASE_QUEUE ", workers: 2", RELOAD_LIVE },
		{ BASE_QUEUE ", workers: { max: 1 }", RELOAD_LIVE },
		{ BASE_QUEUE ", scale: { strategy: depth, window: 30s }", RELOAD_LIVE },
		{ BASE_QUEUE ", restart: { probe: 5s }", RELOAD_LIVE },
		{ BASE_QUEUE ", max_unavailable: 2", RELOAD_LIVE },
		{ BASE_QUEUE ", exit_on: fatal", RELOAD_LIVE },
		{ BASE_QUEUE ", workers: 2, timeout: 1s", RELOAD_ROLL },
		{ BASE_QUEUE ", nice: 0", RELOAD_ROLL },
		{ BASE_QUEUE ", cwd: /", RELOAD_ROLL },
		{ BASE_QUEUE ", user: root", RELOAD_ROLL },
		{ BASE_QUEUE ", groups: []", RELOAD_ROLL },
		{ BASE_QUEUE ", limits: { core: 0 }", RELOAD_ROLL },
		{ BASE_QUEUE ", limits: { memory: 1G }", RELOAD_ROLL },
		{ BASE_QUEUE ", recycle: { tasks: 5 }", RELOAD_ROLL },
		{ BASE_QUEUE ", retries: { factor: 2.1 }", RELOAD_ROLL },
		{ BASE_QUEUE ", pass_env: [A]", RELOAD_ROLL },
		{ BASE_QUEUE ", pass_env: []", RELOAD_ROLL },
		{ BASE_QUEUE ", on_failure: x", RELOAD_ROLL },
		{ "run: [a, b, c], env: { A: 1, B: 2 }, validate: { n: { type: integer } }",
			RELOAD_ROLL },
		{ "run: [a], env: { A: 1, B: 2 }, validate: { n: { type: integer } }",
			RELOAD_ROLL },
		{ "run: [a, b], env: { A: 1, B: 3 }, validate: { n: { type: integer } }",
			RELOAD_ROLL },
		{ "run: [a, b], env: { A: 1 }, validate: { n: { type: integer } }", RELOAD_ROLL },
		{ "run: [a, b], env: { A: 1, B: 2 }, validate: { n: { type: number } }",
			RELOAD_ROLL },
	};
	OWNED(config)
	struct config *before = files_load_good(STORE "queues: { q: { " BASE_QUEUE " } }\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free)
		char *yaml = xprintf("# moved\n" STORE "queues: { q: { %s } }\n", rows[i].after);
		OWNED(config) struct config *after = files_load_good(yaml);
		CU_ASSERT_EQUAL(
			config_compare_queue(&before->queues[0], &after->queues[0]), rows[i].class);
		CU_ASSERT_EQUAL(
			config_compare_queue(&after->queues[0], &before->queues[0]), rows[i].class);
	}
}

static void a_changed_env_file_rolls_the_queue(void)
{
	static const char yaml[] = STORE "queues: { q: { type: noop, env_file: app.env } }\n";
	files_write("app.env", "A=1\n");
	OWNED(config) struct config *before = files_load_good(yaml);
	OWNED(config) struct config *same = files_load_good(NULL);
	files_write("app.env", "A=2\n");
	OWNED(config) struct config *after = files_load_good(NULL);
	CU_ASSERT_EQUAL(config_compare_queue(&before->queues[0], &same->queues[0]), RELOAD_NOTHING);
	CU_ASSERT_EQUAL(config_compare_queue(&before->queues[0], &after->queues[0]), RELOAD_ROLL);
}

static void changes_outside_the_queues_roll_all_or_none(void)
{
	mkdir("flows", 0755);
	static const struct {
		const char *after;
		bool rolls;
	} rows[] = {
		{ STORE "queues: { q: { type: noop } }\n", false },
		{ STORE "control: some.sock\n", false },
		{ STORE "workflows: flows\n", false },
		{ "store: sqlite:x.db\n", true },
		{ STORE "shutdown_grace: 26s\n", true },
		{ STORE "retention: { failed: 1d }\n", true },
		{ STORE "log: { level: debug }\n", true },
		{ STORE "log: { to: x.log }\n", true },
		{ "store: '${REEVE_TEST_NONE:-memory:}'\n", true },
	};
	OWNED(config) struct config *before = files_load_good(STORE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(config) struct config *after = files_load_good(rows[i].after);
		CU_ASSERT_EQUAL(config_compare_globals(before, after), rows[i].rolls);
		CU_ASSERT_EQUAL(config_compare_globals(after, before), rows[i].rolls);
	}
}

static void the_default_file_is_reeve_yaml_here(void)
{
	unlink("reeve.yaml");
	const char *without = config_default_path();
	CU_ASSERT_TRUE(!without || strcmp(without, "/etc/reeve/reeve.yaml") == 0);
	files_write("reeve.yaml", STORE);
	CU_ASSERT_STRING_EQUAL(config_default_path(), "reeve.yaml");
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(included_files_add_queues_in_the_order_of_their_names),
		SUITE_TEST(the_folder_of_a_queue_is_that_of_its_file),
		SUITE_TEST(mistakes_of_included_files_come_after_those_of_the_main_file),
		SUITE_TEST(a_description_says_where_each_value_came_from),
		SUITE_TEST(variables_of_the_store_are_known_as_secret),
		SUITE_TEST(what_was_filled_in_is_never_shown),
		SUITE_TEST(a_mistake_quotes_what_is_written_not_what_it_stands_for),
		SUITE_TEST(a_changed_queue_has_a_reload_class),
		SUITE_TEST(a_changed_env_file_rolls_the_queue),
		SUITE_TEST(changes_outside_the_queues_roll_all_or_none),
		SUITE_TEST(the_default_file_is_reeve_yaml_here),
	};
	files_enter();
	int status = suite_run("config_reload", tests, ARRAY_SIZE(tests));
	files_leave();
	return status;
}
