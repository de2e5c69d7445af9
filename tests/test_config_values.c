/* config/: what values become: units, defaults, merging, ${…}, paths, env files. */
#include "base/jsontext.h"
#include "tests/config_files.h"
#include "tests/suite.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE "store: 'memory:'\n"

static void durations_need_a_unit(void)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = { { "250ms", 250 }, { "5s", 5000 }, { "10m", 600000 }, { "6h", 21600000 },
		{ "7d", 604800000 }, { "0", 0 }, { "0s", 0 }, { "10", -1 }, { "", -1 }, { "s", -1 },
		{ "-5s", -1 }, { "5 s", -1 }, { "1.5s", -1 }, { "5sec", -1 }, { "1h30m", -1 },
		{ "999999999999999999d", -1 }, { "99999999999999999999s", -1 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ms = -7;
		CU_ASSERT_EQUAL(config_parse_duration(rows[i].text, &ms), rows[i].ms >= 0);
		CU_ASSERT_EQUAL(ms, rows[i].ms >= 0 ? rows[i].ms : -7);
	}
}

static void sizes_count_in_1024(void)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} rows[] = { { "512K", 524288 }, { "64M", 67108864 }, { "2G", INT64_C(2147483648) },
		{ "17", 17 }, { "0", 0 }, { "K", -1 }, { "1k", -1 }, { "1KB", -1 }, { "-1", -1 },
		{ "9999999999999999G", -1 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t bytes = -7;
		CU_ASSERT_EQUAL(config_parse_size(rows[i].text, &bytes), rows[i].bytes >= 0);
		CU_ASSERT_EQUAL(bytes, rows[i].bytes >= 0 ? rows[i].bytes : -7);
	}
}

static void a_name_of_a_queue_has_80_letters_at_most(void)
{
	char longest[90] = "";
	memset(longest, 'a', 80);
	CU_ASSERT_TRUE(config_is_queue_name(longest));
	longest[80] = 'a';
	CU_ASSERT_FALSE(config_is_queue_name(longest));
	memcpy(longest + 80, ".fifo", 6);
	CU_ASSERT_TRUE(config_is_queue_name(longest));
	CU_ASSERT_TRUE(config_is_queue_name("A-z_09"));
	static const char *const bad[] = { "", ".fifo", "a.b", "a/b", "a b", "\xc3\xa9",
		"a.fifo2" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CU_ASSERT_FALSE(config_is_queue_name(bad[i]));
}

static void the_smallest_file_gets_the_documented_defaults(void)
{
	OWNED(config)
	struct config *config = files_load_good(STORE "queues: { q: { run: 'exit 0' } }\n");
	CU_ASSERT_STRING_EQUAL(config->store_url, "memory:");
	CU_ASSERT_PTR_NULL(config->workflow_paths[0]);
	CU_ASSERT_PTR_NULL(config->control_path);
	CU_ASSERT_EQUAL(config->shutdown_grace_ms, 25000);
	CU_ASSERT_EQUAL(config->retention_completed_ms, INT64_C(604800000));
	CU_ASSERT_EQUAL(config->retention_failed_ms, INT64_C(2592000000));
	CU_ASSERT_EQUAL(config->retention_results_ms, CONFIG_NO_LIMIT);
	CU_ASSERT_EQUAL(config->log.level, LOG_INFO);
	CU_ASSERT_EQUAL(config->log.format, LOG_TEXT);
	CU_ASSERT_PTR_NULL(config->log.to);
	CU_ASSERT_EQUAL(config->log.line_max_bytes, 16384);
	CU_ASSERT_PTR_NULL(config->secret_variables[0]);
}

static void a_queue_gets_the_documented_defaults(void)
{
	OWNED(config)
	struct config *config = files_load_good(STORE "queues: { q: { run: 'exit 0' } }\n");
	const struct config_queue *queue = config_find_queue(config, "q");
	CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
	CU_ASSERT_STRING_EQUAL(queue->place, "reeve.yaml:2:11");
	CU_ASSERT_TRUE(queue->workers_min == 1 && queue->workers_max == 1);
	CU_ASSERT_TRUE(queue->scale.strategy == SCALE_OFFERED && queue->scale.max_wait_ms == 5000);
	CU_ASSERT_TRUE(queue->scale.window_ms == 60000 && queue->scale.messages_per_worker == 5);
	CU_ASSERT_TRUE(queue->type == QUEUE_HANDLER && queue->protocol == PROTOCOL_EXEC);
	CU_ASSERT_EQUAL(queue->format, FORMAT_TASK);
	CU_ASSERT_EQUAL(queue->run.count, 3);
	CU_ASSERT_STRING_EQUAL(queue->run.words[0], "/bin/sh");
	CU_ASSERT_STRING_EQUAL(queue->run.words[1], "-c");
	CU_ASSERT_STRING_EQUAL(queue->run.words[2], "exit 0");
	CU_ASSERT_PTR_NULL(queue->run.words[3]);
	CU_ASSERT_STRING_EQUAL(queue->cwd, files_folder());
	CU_ASSERT_TRUE(queue->limits.memory == 0 && !queue->limits.core.is_set);
	CU_ASSERT_TRUE(queue->recycle.tasks == 0 && queue->recycle.memory == 0);
	CU_ASSERT_TRUE(!queue->user.name && !queue->groups.names);
	CU_ASSERT_TRUE(queue->umask == -1 && !queue->has_nice && !queue->has_oom_score_adj);
	CU_ASSERT_TRUE(queue->env.count == 0 && !queue->env_file);
	CU_ASSERT_TRUE(strcmp(queue->pass_env[0], "*") == 0 && !queue->pass_env[1]);
	CU_ASSERT_TRUE(queue->timeout_ms == 1800000 && queue->kill_after_ms == 5000);
	CU_ASSERT_TRUE(queue->heartbeat_ms == 0 && queue->lease_ms == 30000);
	CU_ASSERT_TRUE(queue->retries.max == 10 && queue->retries.delay_ms == 5000);
	CU_ASSERT_TRUE(queue->retries.factor > 1.9 && queue->retries.factor < 2.1);
	CU_ASSERT_TRUE(queue->retries.max_delay_ms == 600000 && queue->retries.jitter);
	CU_ASSERT_TRUE(queue->crashes == 3 && !queue->failure_queue);
	CU_ASSERT_TRUE(queue->restart.delay_ms == 0 && queue->restart.max_delay_ms == 30000);
	CU_ASSERT_TRUE(queue->restart.good_after_ms == 10000 && queue->restart.probe_ms == 60000);
	CU_ASSERT_TRUE(queue->exit_on == EXIT_ON_NEVER && queue->exit_after_ms == 60000);
	CU_ASSERT_TRUE(queue->max_unavailable == 0 && queue->max_unavailable_percent == 25);
	CU_ASSERT_TRUE(queue->priority == 0 && queue->batch == 1);
	CU_ASSERT_PTR_NULL(queue->split_payload_key);
	CU_ASSERT_EQUAL(queue->around.count, 0);
	CU_ASSERT_EQUAL(json_object_size(queue->validate), 0);
}

static void kill_after_is_half_of_a_short_grace(void)
{
	OWNED(config)
	struct config *config =
		files_load_good(STORE "shutdown_grace: 6s\nqueues: { q: { type: noop }, "
				      "r: { type: noop, kill_after: 5s } }\n");
	CU_ASSERT_EQUAL(config->queues[0].kill_after_ms, 3000);
	CU_ASSERT_EQUAL(config->queues[1].kill_after_ms, 5000);
}

static const char every_key[] =
	STORE "shutdown_grace: 1m\n"
	      "queues:\n"
	      "  q.fifo:\n"
	      "    workers: { min: 2, max: 5 }\n"
	      "    scale: { strategy: depth, max_wait: 1s, window: 10m, messages_per_worker: 9 }\n"
	      "    protocol: stream\n"
	      "    format: sqjobs\n"
	      "    run: [php, mail.php, '']\n"
	      "    cwd: /\n"
	      "    user: daemon\n"
	      "    groups: [bin, 0]\n"
	      "    limits: { memory: 64M, nofile: 100, core: 0, cpu: 90s, fsize: unlimited }\n"
	      "    recycle: { tasks: 10, age: 6h, memory: 512M }\n"
	      "    umask: 027\n"
	      "    nice: -5\n"
	      "    oom_score_adj: 0\n"
	      "    env: { A: 1, B: yes, C: }\n"
	      "    pass_env: [AWS_*, HOME]\n"
	      "    timeout: none\n"
	      "    kill_after: 10s\n"
	      "    heartbeat: 1m\n"
	      "    lease: 12h\n"
	      "    retries: { max: 0, delay: 0, factor: 1.5, max_delay: 7d, jitter: off }\n"
	      "    crashes: 0\n"
	      "    failure_queue: on\n"
	      "    restart: { delay: 1s, max_delay: 2s, good_after: 3s, probe: 4s }\n"
	      "    exit_on: fatal\n"
	      "    exit_after: 5s\n"
	      "    max_unavailable: 3\n"
	      "    priority: -100\n"
	      "    batch: 100\n"
	      "    around: [nice, -n, 5]\n"
	      "    on_failure: notify-send failed\n"
	      "    validate: { n: { type: integer, presence: yes, if: m } }\n";

static void every_key_of_a_queue_reaches_its_field(void)
{
	OWNED(config) struct config *config = files_load_good(every_key);
	const struct config_queue *queue = config_find_queue(config, "q.fifo");
	CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
	CU_ASSERT_TRUE(queue->workers_min == 2 && queue->workers_max == 5);
	CU_ASSERT_TRUE(queue->scale.strategy == SCALE_DEPTH && queue->scale.max_wait_ms == 1000);
	CU_ASSERT_TRUE(queue->scale.window_ms == 600000 && queue->scale.messages_per_worker == 9);
	CU_ASSERT_TRUE(queue->protocol == PROTOCOL_STREAM && queue->format == FORMAT_SQJOBS);
	CU_ASSERT_TRUE(queue->run.count == 3 && strcmp(queue->run.words[1], "mail.php") == 0);
	CU_ASSERT_STRING_EQUAL(queue->cwd, "/");
	CU_ASSERT_TRUE(queue->user.uid == 1 && queue->user.gid == 1);
	CU_ASSERT_STRING_EQUAL(queue->user.home, "/usr/sbin");
	CU_ASSERT_TRUE(
		queue->groups.count == 2 && queue->groups.ids[0] == 2 && queue->groups.ids[1] == 0);
	const struct config_limits *limits = &queue->limits;
	CU_ASSERT_TRUE(limits->memory == 64 << 20 && !limits->stack.is_set);
	CU_ASSERT_TRUE(limits->nofile.is_set && limits->nofile.value == 100);
	CU_ASSERT_TRUE(limits->core.is_set && limits->core.value == 0);
	CU_ASSERT_TRUE(limits->cpu.is_set && limits->cpu.value == 90000);
	CU_ASSERT_TRUE(limits->fsize.is_set && limits->fsize.value == CONFIG_NO_LIMIT);
	CU_ASSERT_TRUE(queue->recycle.tasks == 10 && queue->recycle.age_ms == 21600000 &&
		       queue->recycle.memory == 512 << 20);
	CU_ASSERT_TRUE(queue->umask == 027 && queue->has_nice && queue->nice == -5);
	CU_ASSERT_TRUE(queue->has_oom_score_adj && queue->oom_score_adj == 0);
	CU_ASSERT_EQUAL(queue->env.count, 3);
	CU_ASSERT_STRING_EQUAL(queue->env.values[0], "1");
	CU_ASSERT_STRING_EQUAL(queue->env.values[1], "yes");
	CU_ASSERT_STRING_EQUAL(queue->env.values[2], "");
	CU_ASSERT_TRUE(strcmp(queue->pass_env[1], "HOME") == 0 && !queue->pass_env[2]);
	CU_ASSERT_TRUE(queue->timeout_ms == CONFIG_NO_LIMIT && queue->kill_after_ms == 10000);
	CU_ASSERT_TRUE(queue->heartbeat_ms == 60000 && queue->lease_ms == 43200000);
	CU_ASSERT_TRUE(queue->retries.max == 0 && queue->retries.delay_ms == 0);
	CU_ASSERT_TRUE(queue->retries.factor > 1.4 && queue->retries.factor < 1.6);
	CU_ASSERT_TRUE(!queue->retries.jitter && queue->crashes == 0 && queue->failure_queue);
	CU_ASSERT_TRUE(queue->restart.delay_ms == 1000 && queue->restart.max_delay_ms == 2000);
	CU_ASSERT_TRUE(queue->restart.good_after_ms == 3000 && queue->restart.probe_ms == 4000);
	CU_ASSERT_TRUE(queue->exit_on == EXIT_ON_FATAL && queue->exit_after_ms == 5000);
	CU_ASSERT_TRUE(queue->max_unavailable == 3 && queue->max_unavailable_percent == 0);
	CU_ASSERT_TRUE(queue->priority == -100 && queue->batch == 100);
	CU_ASSERT_TRUE(queue->around.count == 3 && queue->on_failure.count == 3);
	OWNED(json)
	json_t *rules =
		json_pack("{s:{s:s, s:b, s:s}}", "n", "type", "integer", "presence", 1, "if", "m");
	CU_ASSERT_TRUE(json_equal(queue->validate, rules));
}

static void the_number_of_programs_follows_nothing_unless_told(void)
{
	OWNED(config)
	struct config *config = files_load_good(
		STORE "broker: redis://h\ndefaults: { timeout: 1s, retries: { max: 3 } }\n"
		      "queues:\n"
		      "  a: { type: program, run: [x], workers: { min: 1, max: 3 } }\n"
		      "  b: { type: program, run: [x], workers: { max: 3 },\n"
		      "       scale: { strategy: depth } }\n");
	CU_ASSERT_EQUAL(config->queues[0].scale.strategy, SCALE_FIXED);
	CU_ASSERT_FALSE(config_scales(&config->queues[0]));
	CU_ASSERT_EQUAL(config->queues[1].scale.strategy, SCALE_DEPTH);
	CU_ASSERT_TRUE(config_scales(&config->queues[1]));
}

static void a_program_or_a_url_of_the_queue_stands_before_that_of_defaults(void)
{
	OWNED(config)
	struct config *config =
		files_load_good(STORE "defaults: { post: 'http://h/', heartbeat: 5s }\n"
				      "queues: { a: { run: [x] }, b: {}, c: { type: noop } }\n");
	CU_ASSERT_PTR_NULL(config->queues[0].post);
	CU_ASSERT_STRING_EQUAL(config->queues[1].post, "http://h/");
	OWNED(config)
	struct config *other =
		files_load_good(STORE "defaults: { run: [x], protocol: stream }\n"
				      "queues: { a: { post: 'https://u:secret@h:8080' } }\n");
	CU_ASSERT_STRING_EQUAL(other->queues[0].post, "https://u:secret@h:8080");
	OWNED(json) json_t *described = config_describe(other);
	OWNED(free) char *text = jsontext_print(described);
	CU_ASSERT_PTR_NULL(strstr(text, "secret"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "https://***@h:8080"));
}

static void anchors_aliases_and_merge_keys_work(void)
{
	OWNED(config)
	struct config *config = files_load_good(
		STORE "queues:\n"
		      "  a: &a { run: [true], lease: 10s, env: &env { A: 1 } }\n"
		      "  b: { <<: *a, lease: 20s }\n"
		      "  c: { lease: 40s, <<: [{ lease: 50s, crashes: 7 }, *a, { crashes: 8 }] }\n"
		      "  d: { <<: *a, env: { <<: *env, B: 2 } }\n");
	const struct config_queue *queues = config->queues;
	CU_ASSERT_EQUAL_FATAL(config->queue_count, 4);
	CU_ASSERT_TRUE(queues[1].lease_ms == 20000 && queues[1].env.count == 1);
	CU_ASSERT_TRUE(queues[2].lease_ms == 40000 && queues[2].crashes == 7);
	CU_ASSERT_STRING_EQUAL(queues[2].run.words[0], "true");
	CU_ASSERT_EQUAL(queues[3].env.count, 2);
}

static void defaults_and_a_queue_merge_by_key_at_every_depth(void)
{
	OWNED(config)
	struct config *config = files_load_good(
		STORE "defaults:\n"
		      "  run: [one, two]\n"
		      "  workers: { min: 3 }\n"
		      "  retries: { max: 5, delay: 7s }\n"
		      "  env: { A: 1, B: 2 }\n"
		      "  validate: { n: { type: integer }, m: { presence: true } }\n"
		      "queues:\n"
		      "  a:\n"
		      "    workers: { max: 9 }\n"
		      "    run: [three]\n"
		      "    retries: { delay: 8s }\n"
		      "    env: { B: 3, C: 4 }\n"
		      "    validate: { n: { absence: true } }\n"
		      "  b: { workers: 4, retries: }\n");
	const struct config_queue *a = config_find_queue(config, "a");
	const struct config_queue *b = config_find_queue(config, "b");
	CU_ASSERT_TRUE(a->workers_min == 3 && a->workers_max == 9);
	CU_ASSERT_TRUE(a->run.count == 1 && b->run.count == 2);
	CU_ASSERT_TRUE(a->retries.max == 5 && a->retries.delay_ms == 8000);
	CU_ASSERT_TRUE(b->retries.max == 5 && b->retries.delay_ms == 7000);
	CU_ASSERT_TRUE(b->workers_min == 4 && b->workers_max == 4);
	CU_ASSERT_TRUE(a->env.count == 3 && b->env.count == 2);
	OWNED(json)
	json_t *rules = json_pack("{s:{s:s, s:b}, s:{s:b}}", "n", "type", "integer", "absence", 1,
		"m", "presence", 1);
	CU_ASSERT_TRUE(json_equal(a->validate, rules));
}

static void expect_in_folder(const char *path, const char *relative)
{
	OWNED(free) char *expected = xprintf("%s/%s", files_folder(), relative);
	CU_ASSERT_STRING_EQUAL(path, expected);
}

static void the_words_for_the_log_are_not_paths(void)
{
	OWNED(config)
	struct config *journal = files_load_good(STORE "log: { to: journald }\n"
						       "queues: { q: { run: 'exit 0' } }\n");
	OWNED(config)
	struct config *lines = files_load_good(STORE "log: { to: stderr }\n"
						     "queues: { q: { run: 'exit 0' } }\n");
	CU_ASSERT_STRING_EQUAL(journal->log.to, LOG_TO_JOURNAL);
	CU_ASSERT_STRING_EQUAL(lines->log.to, LOG_TO_STDERR);
}

static void relative_paths_start_at_their_file(void)
{
	files_write("job.sh", "#!/bin/sh\n");
	files_write("flows/a.yaml", "");
	files_write("more.yaml", "");
	OWNED(config)
	struct config *config = files_load_good("store: sqlite:var/reeve.db\n"
						"workflows: [flows, ./more.yaml]\n"
						"control: run/reeve.sock\n"
						"log: { to: reeve.log }\n"
						"queues:\n"
						"  a: { run: [./job.sh, ./x, y/z], cwd: flows, "
						"before: [bin/b], after: [sh, a/b] }\n");
	const struct config_queue *queue = config_find_queue(config, "a");
	CU_ASSERT_TRUE(strncmp(config->store_url, "sqlite:", 7) == 0);
	expect_in_folder(config->store_url + 7, "var/reeve.db");
	expect_in_folder(config->path, "reeve.yaml");
	expect_in_folder(config->workflow_paths[0], "flows");
	expect_in_folder(config->workflow_paths[1], "more.yaml");
	CU_ASSERT_PTR_NULL(config->workflow_paths[2]);
	expect_in_folder(config->control_path, "run/reeve.sock");
	expect_in_folder(config->log.to, "reeve.log");
	expect_in_folder(queue->cwd, "flows");
	expect_in_folder(queue->run.words[0], "job.sh");
	CU_ASSERT_STRING_EQUAL(queue->run.words[1], "./x");
	CU_ASSERT_STRING_EQUAL(queue->run.words[2], "y/z");
	expect_in_folder(queue->before.words[0], "bin/b");
	CU_ASSERT_STRING_EQUAL(queue->after.words[0], "sh");
	CU_ASSERT_STRING_EQUAL(queue->after.words[1], "a/b");
}

static void the_folder_workflows_is_taken_if_it_is_there(void)
{
	mkdir("workflows", 0755);
	OWNED(config) struct config *config = files_load_good(STORE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config->workflow_paths[0]);
	expect_in_folder(config->workflow_paths[0], "workflows");
	CU_ASSERT_PTR_NULL(config->workflow_paths[1]);
	rmdir("workflows");
}

static void values_come_from_variables_files_and_credentials(void)
{
	files_write("secrets/word", "from file\r\n\n");
	files_write("secrets/key", "from credential\n");
	setenv("CREDENTIALS_DIRECTORY", "secrets", 1);
	setenv("REEVE_TEST_A", "alpha", 1);
	setenv("REEVE_TEST_EMPTY", "", 1);
	unsetenv("REEVE_TEST_NONE");
	static const struct {
		const char *written, *value;
	} rows[] = {
		{ "${REEVE_TEST_A}", "alpha" },
		{ "x${REEVE_TEST_A}y${REEVE_TEST_A}", "xalphayalpha" },
		{ "${REEVE_TEST_EMPTY}", "" },
		{ "${REEVE_TEST_EMPTY:-b c}", "b c" },
		{ "${REEVE_TEST_NONE:-}", "" },
		{ "${REEVE_TEST_A:-b}", "alpha" },
		{ "${file:secrets/word}", "from file" },
		{ "${credential:key}", "from credential" },
		{ "$REEVE_TEST_A $$ ${REEVE_TEST_NONE:-$1}", "$REEVE_TEST_A $$ $1" },
		{ "$${REEVE_TEST_A} $$${REEVE_TEST_A}", "${REEVE_TEST_A} $${REEVE_TEST_A}" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free)
		char *yaml = xprintf(
			STORE "queues: { q: { type: noop, env: { V: '%s' } } }\n", rows[i].written);
		OWNED(config) struct config *config = files_load_good(yaml);
		CU_ASSERT_STRING_EQUAL(config->queues[0].env.values[0], rows[i].value);
	}
	OWNED(config)
	struct config *config = files_load_good(
		"store: ${REEVE_TEST_NONE:-memory:}\n"
		"queues: { q: { workers: '${REEVE_TEST_NONE:-4}', type: noop } }\n");
	CU_ASSERT_EQUAL(config->queues[0].workers_max, 4);
}

static void what_cannot_be_filled_in_is_a_mistake(void)
{
	unsetenv("REEVE_TEST_NONE");
	files_write("nul", "");
	static const struct {
		const char *written, *mistake;
	} rows[] = {
		{ "${REEVE_TEST_NONE}", "\"${REEVE_TEST_NONE}\": the variable is not set" },
		{ "a ${REEVE_TEST_NONE",
			"\"${REEVE_TEST_NONE}\": the closing } is missing; a plain "
			"${ is written $${" },
		{ "${a b}", "\"${a b}\": expected ${NAME}, ${NAME:-default}, ${file:PATH} or "
			    "${credential:NAME}; a plain ${ is written $${" },
		{ "${file:}", "\"${file:}\": a path is missing" },
		{ "${file:/nothing/here}",
			"\"${file:/nothing/here}\": cannot read /nothing/here: No "
			"such file or directory" },
		{ "${credential:../x}", "\"${credential:../x}\": not the name of a credential" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *mistakes = NULL;
		OWNED(free)
		char *yaml =
			xprintf(STORE "queues:\n  q: { type: noop, cwd: '%s' }\n", rows[i].written);
		OWNED(free)
		char *expected = xprintf("reeve.yaml:3:20: queues.q.cwd: %s", rows[i].mistake);
		CU_ASSERT_PTR_NULL(files_load(yaml, &mistakes));
		CU_ASSERT_STRING_EQUAL(mistakes, expected);
	}
}

static void env_stands_over_the_rows_of_env_file(void)
{
	files_write("app.env", "# comment\n\n  A=1\nexport B = no\n");
	OWNED(free) char *mistakes = NULL;
	static const char yaml[] =
		STORE "queues: { q: { type: noop, env_file: app.env, env: { C: 3, A: own } } }\n";
	CU_ASSERT_PTR_NULL(files_load(yaml, &mistakes));
	CU_ASSERT_PTR_NOT_NULL(strstr(mistakes, "app.env, line 4: expected NAME=VALUE"));
	files_write("app.env", "; comment\nA=1\nexport B=\"two words\" \r\nD='x'\nD=a=b#c\nE=\n");
	OWNED(config) struct config *config = files_load_good(yaml);
	const struct config_environment *env = &config->queues[0].env;
	static const char *const rows[][2] = { { "B", "two words" }, { "D", "a=b#c" }, { "E", "" },
		{ "C", "3" }, { "A", "own" } };
	CU_ASSERT_EQUAL_FATAL(env->count, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_STRING_EQUAL(env->names[i], rows[i][0]);
		CU_ASSERT_STRING_EQUAL(env->values[i], rows[i][1]);
	}
}

static void what_is_not_there_yet_is_a_warning(void)
{
	static const struct {
		const char *queue, *warnings;
	} rows[] = {
		{ "run: [sh, -c, x]", "" },
		{ "run: [no-such-program]", "reeve.yaml:3:8: queues.q.run: program "
					    "\"no-such-program\" is not there (in "
					    "PATH)" },
		{ "run: [/no/program]",
			"reeve.yaml:3:8: queues.q.run: program \"/no/program\" is not there" },
		{ "run: [sh], env: { PATH: /nowhere }",
			"reeve.yaml:3:8: queues.q.run: program \"sh\" is not there (in PATH)" },
		{ "run: x, cwd: /no/folder",
			"reeve.yaml:3:16: queues.q.cwd: this folder is not there" },
		{ "run: x, retries: { delay: 1h }",
			"reeve.yaml:3:27: queues.q.retries.delay: cut to max_delay (10m)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *yaml = xprintf(STORE "queues:\n  q: { %s }\n", rows[i].queue);
		OWNED(free) char *warnings = files_warnings(yaml);
		CU_ASSERT_STRING_EQUAL(warnings, rows[i].warnings);
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(durations_need_a_unit),
		SUITE_TEST(sizes_count_in_1024),
		SUITE_TEST(a_name_of_a_queue_has_80_letters_at_most),
		SUITE_TEST(the_smallest_file_gets_the_documented_defaults),
		SUITE_TEST(a_queue_gets_the_documented_defaults),
		SUITE_TEST(kill_after_is_half_of_a_short_grace),
		SUITE_TEST(every_key_of_a_queue_reaches_its_field),
		SUITE_TEST(the_number_of_programs_follows_nothing_unless_told),
		SUITE_TEST(a_program_or_a_url_of_the_queue_stands_before_that_of_defaults),
		SUITE_TEST(anchors_aliases_and_merge_keys_work),
		SUITE_TEST(defaults_and_a_queue_merge_by_key_at_every_depth),
		SUITE_TEST(the_words_for_the_log_are_not_paths),
		SUITE_TEST(relative_paths_start_at_their_file),
		SUITE_TEST(the_folder_workflows_is_taken_if_it_is_there),
		SUITE_TEST(values_come_from_variables_files_and_credentials),
		SUITE_TEST(what_cannot_be_filled_in_is_a_mistake),
		SUITE_TEST(env_stands_over_the_rows_of_env_file),
		SUITE_TEST(what_is_not_there_yet_is_a_warning),
	};
	files_enter();
	int status = suite_run("config_values", tests, ARRAY_SIZE(tests));
	files_leave();
	return status;
}
