/* config/: every mistake reads as it should, at its place, and all come at once. */
#include "base/memory.h"
#include "tests/config_files.h"
#include "tests/suite.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct bad_text {
	const char *yaml;
	const char *mistakes; /* the whole, a line each */
};

static void expect_mistakes(const struct bad_text *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		OWNED(free) char *mistakes = NULL;
		struct config *config = files_load(rows[i].yaml, &mistakes);
		CU_ASSERT_PTR_NULL(config);
		config_destroy(config);
		CU_ASSERT_STRING_EQUAL(mistakes, rows[i].mistakes);
		if (strcmp(mistakes, rows[i].mistakes) != 0)
			fprintf(stderr, "\nin:\n%s\ngot:\n%s\nexpected:\n%s\n", rows[i].yaml,
				mistakes, rows[i].mistakes);
	}
}

#define STORE    "store: 'memory:'\n"
#define QUEUE    STORE "queues:\n  q:\n    run: [true]\n"
#define QUEUE_AT "reeve.yaml:5:5: queues.q."

/* One key of a queue, in line 5. */
static void expect_queue_mistakes(const struct bad_text *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		OWNED(free) char *yaml = xprintf(QUEUE "    %s\n", rows[i].yaml);
		OWNED(free) char *mistakes = xprintf(QUEUE_AT "%s", rows[i].mistakes);
		expect_mistakes(&(struct bad_text){ yaml, mistakes }, 1);
	}
}

static void a_text_that_is_no_configuration_gets_one_line(void)
{
	static const struct bad_text rows[] = {
		{ "", "reeve.yaml: empty: expected a map of keys" },
		{ "# only words\n", "reeve.yaml: empty: expected a map of keys" },
		{ "---\n", "reeve.yaml: empty: expected a map of keys, got nothing" },
		{ "- a\n- b\n", "reeve.yaml:1:1: expected a map of keys, got a list" },
		{ "hello\n", "reeve.yaml:1:1: expected a map of keys, got \"hello\"" },
		{ "store: 'memory:'\nqueues: { a: { run: [tr",
			"reeve.yaml:3:1: not YAML: did not find expected ',' or ']' while parsing "
			"a flow sequence (line 2)" },
		{ "store: 'memory:\n",
			"reeve.yaml:2:1: not YAML: found unexpected end of stream while scanning "
			"a quoted scalar (line 1)" },
		{ "store:\t\tx: y\n",
			"reeve.yaml:1:10: not YAML: mapping values are not allowed in this "
			"context" },
		{ "store: 'memory:'\nx: \"a\xff\"\n",
			"reeve.yaml:2:6: not UTF-8 text: invalid leading UTF-8 octet" },
		{ "store: \"a\\0b\"\n", "reeve.yaml:1:8: a text may not contain a NUL" },
		{ STORE "---\n" STORE,
			"reeve.yaml:2:1: one document is expected, here begins another" },
		{ STORE "? [a]\n: b\n", "reeve.yaml:2:3: a key must be a text" },
		{ "store: !secret x\n", "reeve.yaml:1:8: unknown tag \"!secret\"" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void a_file_that_cannot_be_read_gets_one_line(void)
{
	static const struct {
		const char *path, *mistake;
	} rows[] = {
		{ "missing.yaml", "missing.yaml: cannot be read: No such file or directory" },
		{ "./missing.yaml", "missing.yaml: cannot be read: No such file or directory" },
		{ "folder", "folder: cannot be read: not a regular file" },
		{ "pipe", "pipe: cannot be read: not a regular file" },
		{ "large.yaml", "large.yaml: cannot be read: larger than 1024 KiB" },
	};
	mkdir("folder", 0755);
	mkfifo("pipe", 0644);
	OWNED(free) char *large = xcalloc(1, 1024 * 1024 + 2);
	memset(large, '#', 1024 * 1024 + 1);
	files_write("large.yaml", large);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config *config = NULL;
		struct config_faults faults = { 0 };
		struct error err = { 0 };
		CU_ASSERT_FALSE(config_load(rows[i].path, &config, &faults, &err));
		CU_ASSERT_EQUAL_FATAL(faults.count, 1);
		CU_ASSERT_STRING_EQUAL(faults.lines[0], rows[i].mistake);
		CU_ASSERT_TRUE(strncmp(err.text, "1 mistake in ", 13) == 0);
		config_faults_finish(&faults);
	}
}

static void an_unknown_key_is_named_with_the_nearest_known_one(void)
{
	static const struct bad_text rows[] = {
		{ STORE "qeues: {}\n",
			"reeve.yaml:2:1: unknown key \"qeues\", did you mean \"queues\"?" },
		{ STORE "zebra: {}\n", "reeve.yaml:2:1: unknown key \"zebra\"" },
		{ STORE "log: { levle: info }\n",
			"reeve.yaml:2:8: log: unknown key \"levle\", did you mean \"level\"?" },
		{ QUEUE "    worker: 3\n", "reeve.yaml:5:5: queues.q: unknown key \"worker\", "
					   "did you mean \"workers\"?" },
		{ QUEUE "    retries: { maxx: 3 }\n",
			"reeve.yaml:5:16: queues.q.retries: unknown key \"maxx\", did you mean "
			"\"max\"?" },
		{ QUEUE "    retries.max: 3\n", "reeve.yaml:5:5: queues.q: unknown key "
						"\"retries.max\", did you mean \"retries\"?" },
		{ QUEUE "    workers: { min: 1, mx: 3 }\n",
			"reeve.yaml:5:24: queues.q.workers: unknown key \"mx\", did you mean "
			"\"max\"?" },
		{ STORE "defaults: { timout: 3s }\nqueues: { a: {run: [true]}, b: {run: [true]} "
			"}\n",
			"reeve.yaml:2:13: defaults: unknown key \"timout\", did you mean "
			"\"timeout\"?" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void a_wrong_value_says_what_was_expected(void)
{
	static const struct bad_text rows[] = {
		{ "workers: many", "workers: expected a count or {min, max}, got \"many\"" },
		{ "workers: [1]", "workers: expected a count or {min, max}, got a list" },
		{ "workers:", "workers: expected a count or {min, max}, got nothing" },
		{ "workers: 10001", "workers: expected a count from 0 to 10000, got \"10001\"" },
		{ "workers: -1", "workers: expected a count from 0 to 10000, got \"-1\"" },
		{ "workers: { min: 3 }", "workers: max is missing" },
		{ "workers: { min: 3, max: 2 }", "workers: min (3) is more than max (2)" },
		{ "type: worker",
			"type: expected handler, sync, split, noop or program, got \"worker\"" },
		{ "protocol: http", "protocol: expected exec or stream, got \"http\"" },
		{ "format: json", "format: expected task, raw or sqjobs, got \"json\"" },
		{ "umask: 888", "umask: expected an octal number from 000 to 777 or inherit, got "
				"\"888\"" },
		{ "nice: 20", "nice: expected a whole number from -20 to 19, got \"20\"" },
		{ "oom_score_adj: 1e3", "oom_score_adj: expected a whole number from -1000 to "
					"1000, got \"1e3\"" },
		{ "timeout: 10", "timeout: expected a duration from 100ms to 30d or none, got "
				 "\"10\"" },
		{ "timeout: 99ms", "timeout: expected a duration from 100ms to 30d or none, got "
				   "\"99ms\"" },
		{ "timeout: 31d", "timeout: expected a duration from 100ms to 30d or none, got "
				  "\"31d\"" },
		{ "timeout: { a: 1 }", "timeout: expected a duration from 100ms to 30d or none, "
				       "got a map" },
		{ "kill_after: 25s", "kill_after: must be less than shutdown_grace (25s)" },
		{ "heartbeat: 2h", "heartbeat: expected a duration from 1s to 1h or off, got "
				   "\"2h\"" },
		{ "lease: 4s", "lease: expected a duration from 5s to 12h, got \"4s\"" },
		{ "lease: 13h", "lease: expected a duration from 5s to 12h, got \"13h\"" },
		{ "retries: 3", "retries: expected a map of keys, got \"3\"" },
		{ "crashes: 101", "crashes: expected a whole number from 0 to 100, got \"101\"" },
		{ "failure_queue: maybe", "failure_queue: expected true or false, got \"maybe\"" },
		{ "priority: 101",
			"priority: expected a whole number from -100 to 100, got \"101\"" },
		{ "batch: 0", "batch: expected a whole number from 1 to 100, got \"0\"" },
		{ "max_unavailable: 0%", "max_unavailable: expected a count from 1 or a percentage "
					 "from 1% to 100%, got \"0%\"" },
		{ "exit_on: always", "exit_on: expected never or fatal, got \"always\"" },
		{ "around: nice", "around: expected a list of words, got \"nice\"" },
		{ "before: []", "before: expected a list of words or a text, got an empty list" },
		{ "after: { a: b }", "after: expected a list of words or a text, got a map" },
		{ "env: [A=1]", "env: expected a map of variables, got a list" },
		{ "pass_env:", "pass_env: expected a list of patterns, got nothing" },
		{ "cwd: ''", "cwd: expected a path, got \"\"" },
		{ "env_file: nothing.env",
			"env_file: cannot read nothing.env: No such file or directory" },
		{ "validate: [a]", "validate: expected a map of rules, got a list" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* Paths in messages are absolute. */
		const char *relative = strstr(rows[i].mistakes, "read nothing.env");
		OWNED(free)
		char *absolute =
			relative ? xprintf("%.*sread %s/%s", (int)(relative - rows[i].mistakes),
					   rows[i].mistakes, files_folder(), relative + 5)
				 : xstrdup(rows[i].mistakes);
		expect_queue_mistakes(&(struct bad_text){ rows[i].yaml, absolute }, 1);
	}
}

static void a_wrong_value_inside_another_has_its_own_place(void)
{
	static const struct bad_text rows[] = {
		{ QUEUE "    workers: { min: a, max: 3 }\n",
			"reeve.yaml:5:16: queues.q.workers.min: expected a count from 0 to 10000, "
			"got \"a\"" },
		{ QUEUE "    retries:\n      factor: 11\n",
			"reeve.yaml:6:7: queues.q.retries.factor: expected a number from 1 to 10, "
			"got \"11\"" },
		{ QUEUE "    env: { A: [1] }\n", "reeve.yaml:5:12: queues.q.env.A: expected a map "
						 "of variables, got a list" },
		{ QUEUE "    env: { A=B: 1 }\n",
			"reeve.yaml:5:12: queues.q.env.A=B: not the name of an environment "
			"variable" },
		{ QUEUE "    before: [a, {b: c}]\n",
			"reeve.yaml:5:17: queues.q.before: expected a list of words or a text, "
			"got a map" },
		{ QUEUE "    validate:\n      a: { type: text, presence: 3, iff: x }\n",
			"reeve.yaml:6:12: queues.q.validate.a.type: expected integer, string, "
			"number, boolean, hash or array, got \"text\"\n"
			"reeve.yaml:6:24: queues.q.validate.a.presence: expected true or false, "
			"got \"3\"\n"
			"reeve.yaml:6:37: queues.q.validate.a: Validation option iff is unknown" },
		{ QUEUE "    validate: { a: integer }\n",
			"reeve.yaml:5:17: queues.q.validate.a: expected a map of type, presence, "
			"absence, if and unless, got \"integer\"" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void a_wrong_global_value_says_what_was_expected(void)
{
	static const struct bad_text rows[] = {
		{ "queues: {}\n", "reeve.yaml:1:1: store: required, for example "
				  "sqlite:/var/lib/reeve/reeve.db" },
		{ "store: mysql://u:secret@h/d\n",
			"reeve.yaml:1:1: store: expected sqlite:PATH, "
			"redis://…, postgres://… or memory:, got \"mysql…\"" },
		{ "store: reeve.db\n", "reeve.yaml:1:1: store: expected sqlite:PATH, redis://…, "
				       "postgres://… or memory:, got "
				       "\"reeve.db\"" },
		{ "store: redis://:secret@h:port\n",
			"reeve.yaml:1:1: store: redis: expected redis://[USER[:PASSWORD]@]HOST"
			"[:PORT][/PATH][?KEY=VALUE]; other characters in names and passwords as "
			"%XX" },
		{ "store: 'sqlite:'\n",
			"reeve.yaml:1:1: store: the path after sqlite: is missing" },
		{ "store:\n", "reeve.yaml:1:1: store: expected sqlite:PATH, redis://…, "
			      "postgres://… or memory:, "
			      "got nothing" },
		{ STORE "shutdown_grace: 25h\n",
			"reeve.yaml:2:1: shutdown_grace: expected a duration from 0 to 1d, got "
			"\"25h\"" },
		{ STORE "retention: { completed: 3651d }\n",
			"reeve.yaml:2:14: retention.completed: expected a duration from 0 to 3650d "
			"or forever, got \"3651d\"" },
		{ STORE "log: { level: loud, format: xml, line: 1 }\n",
			"reeve.yaml:2:8: log.level: expected debug, info, warn or error, got "
			"\"loud\"\n"
			"reeve.yaml:2:21: log.format: expected text or json, got \"xml\"\n"
			"reeve.yaml:2:34: log.line: expected a size from 256 to 1M, got \"1\"" },
		{ STORE "control: { group: a }\n", "reeve.yaml:2:1: control: path is missing" },
		{ STORE "control: { path: a, mode: 1 }\n",
			"reeve.yaml:2:21: control: unknown key \"mode\"" },
		{ STORE "workflows: { a: b }\n",
			"reeve.yaml:2:1: workflows: expected a path or a list of paths, got a "
			"map" },
		{ STORE "defaults: [a]\n", "reeve.yaml:2:1: defaults: expected a map of keys of a "
					   "queue, got a list" },
		{ STORE "queues: [a]\n",
			"reeve.yaml:2:1: queues: expected a map from names to keys of a queue, got "
			"a list" },
		{ STORE "queues: { a: php }\n",
			"reeve.yaml:2:11: queues.a: expected a map of keys, got \"php\"" },
		{ STORE "queues: { a b: {}, a.fifo.fifo: {} }\n",
			"reeve.yaml:2:11: queues.a b: expected a name of 1 to 80 letters, digits, "
			"_ "
			"or - (.fifo allowed at the end), got \"a b\"\n"
			"reeve.yaml:2:20: queues.a.fifo.fifo: expected a name of 1 to 80 letters, "
			"digits, _ or - (.fifo allowed at the end), got \"a.fifo.fifo\"" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void who_the_machine_does_not_know_is_named(void)
{
	static const struct bad_text rows[] = {
		{ "user: no-such-user", "user: this machine has no user \"no-such-user\"" },
		{ "user: 4294967294", "user: this machine has no user \"4294967294\"" },
		{ "user: -1", "user: this machine has no user \"-1\"" },
		{ "user: [root]", "user: expected a user, got a list" },
		{ "groups: no-such-group", "groups: this machine has no group \"no-such-group\"" },
		{ "groups: { root: yes }", "groups: expected a list of groups, got a map" },
	};
	expect_queue_mistakes(rows, ARRAY_SIZE(rows));
	static const struct bad_text listed[] = {
		{ QUEUE "    groups: [root, nobody-s, 0, 4294967294]\n",
			"reeve.yaml:5:20: queues.q.groups: this machine has no group "
			"\"nobody-s\"\n"
			"reeve.yaml:5:33: queues.q.groups: this machine has no group "
			"\"4294967294\"" },
		{ QUEUE "    limits: { memory: 1K, nofile: 0 }\n",
			"reeve.yaml:5:15: queues.q.limits.memory: expected a size from 1M to 1024G "
			"or none, got \"1K\"\n"
			"reeve.yaml:5:27: queues.q.limits.nofile: expected a whole number from 8 "
			"to "
			"2147483647 or unlimited, got \"0\"" },
	};
	expect_mistakes(listed, ARRAY_SIZE(listed));
}

static void keys_of_later_versions_are_refused_one_by_one(void)
{
	static const char *const global[] = { "http" };
	for (size_t i = 0; i < ARRAY_SIZE(global); i++) {
		OWNED(free) char *yaml = xprintf(STORE "%s: { a: b }\n", global[i]);
		OWNED(free)
		char *line = xprintf("reeve.yaml:2:1: %s: not supported yet", global[i]);
		expect_mistakes(&(struct bad_text){ yaml, line }, 1);
	}
}

static void a_url_to_post_to_is_checked(void)
{
	static const struct bad_text rows[] = {
		{ "post: ftp://host/", "post: expected http://HOST[:PORT][/PATH], https://… or "
				       "http://unix:/SOCKET:/PATH, got \"ftp://host/\"" },
		{ "post: [a]", "post: expected http://HOST[:PORT][/PATH], https://… or "
			       "http://unix:/SOCKET:/PATH, got a list" },
		{ "post: http:///work", "post: the host is missing" },
		{ "post: 'http://me:secret@/work'", "post: the host is missing" },
		{ "post: http://host:0/", "post: the port is no number from 1 to 65535" },
		{ "post: http://host:x/", "post: the port is no number from 1 to 65535" },
		{ "post: 'http://[::1]:70000/'", "post: the port is no number from 1 to 65535" },
		{ "post: 'http://host/a b'", "post: a blank or control character stands in it; "
					     "write it as %20 and the like" },
		{ "post: 'http://unix:app.sock'", "post: the socket's path has to be absolute: "
						  "http://unix:/run/app.sock:/work" },
	};
	expect_queue_mistakes(rows, ARRAY_SIZE(rows));
}

static void a_key_that_means_nothing_beside_post_is_refused(void)
{
	static const struct bad_text rows[] = {
		{ STORE "queues:\n  a: { post: 'http://h/', run: [x], protocol: stream,\n"
			"    around: [nice], heartbeat: 5s, limits: { memory: 64M } }\n",
			"reeve.yaml:3:27: queues.a.run: post stands in its place: keep one of the "
			"two\n"
			"reeve.yaml:3:37: queues.a.protocol: belongs to run: with post a task is a "
			"request\n"
			"reeve.yaml:4:5: queues.a.around: belongs to run: with post no program is "
			"started\n"
			"reeve.yaml:4:21: queues.a.heartbeat: belongs to protocol stream: with "
			"post only timeout ends a request\n"
			"reeve.yaml:4:46: queues.a.limits.memory: belongs to run: with post no "
			"program is started" },
		{ STORE "queues:\n  a: { post: 'http://h/', type: noop }\n",
			"reeve.yaml:3:8: queues.a.post: belongs to type handler" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void a_key_of_tasks_means_nothing_with_a_program(void)
{
	static const struct bad_text rows[] = {
		{ STORE "queues:\n  a: { type: program, run: [x], lease: 5s, split: { sample: yes "
			"},\n"
			"    scale: { strategy: depth } }\n",
			"reeve.yaml:3:33: queues.a.lease: means nothing with type program, which "
			"is given no tasks\n"
			"reeve.yaml:3:53: queues.a.split.sample: means nothing with type program, "
			"which is given no tasks\n"
			"reeve.yaml:4:14: queues.a.scale.strategy: depth is that of the broker's "
			"queue, and there is no broker: fixed" },
		{ STORE "queues:\n  a: { type: program, run: [x], scale: { strategy: offered } }\n",
			"reeve.yaml:3:42: queues.a.scale.strategy: with type program nothing is "
			"known of its tasks: depth or fixed" },
		{ STORE "queues:\n  a: { type: program }\n",
			"reeve.yaml:3:3: queues.a.run: required for type program" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void a_queue_lacks_what_its_type_needs(void)
{
	static const struct bad_text rows[] = {
		{ STORE "queues:\n  a:\n", "reeve.yaml:3:3: queues.a.run: required for type "
					   "handler" },
		{ STORE "queues:\n  a: { type: split }\n",
			"reeve.yaml:3:3: queues.a.split.payload_key: required for type split\n"
			"reeve.yaml:3:3: queues.a.split.slice_size: required for type split" },
		{ STORE "queues:\n  a: { type: split, split: { payload_key: k, slice_size: 0 } }\n",
			"reeve.yaml:3:46: queues.a.split.slice_size: expected a whole number from "
			"1 "
			"to 1000000, got \"0\"" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void all_mistakes_come_at_once_in_the_order_of_the_file(void)
{
	static const struct bad_text row = { "log: { level: loud }\n"
					     "queues:\n"
					     "  a: { run: [true], workers: x, timeout: y }\n"
					     "  b: {}\n"
					     "  a: { run: [true] }\n"
					     "shutdown_grace: z\n",
		"reeve.yaml:1:1: store: required, for example sqlite:/var/lib/reeve/reeve.db\n"
		"reeve.yaml:1:8: log.level: expected debug, info, warn or error, got \"loud\"\n"
		"reeve.yaml:3:21: queues.a.workers: expected a count or {min, max}, got \"x\"\n"
		"reeve.yaml:3:33: queues.a.timeout: expected a duration from 100ms to 30d or none, "
		"got \"y\"\n"
		"reeve.yaml:4:3: queues.b.run: required for type handler\n"
		"reeve.yaml:5:3: key \"a\" stands twice, first in line 3\n"
		"reeve.yaml:6:1: shutdown_grace: expected a duration from 0 to 1d, got \"z\"" };
	expect_mistakes(&row, 1);
}

static void a_bomb_of_aliases_is_refused_with_one_line(void)
{
	OWNED(free) char *bomb = xstrdup(STORE "defaults:\n  env: &a0 { x: y }\nqueues:\n");
	for (int i = 1; i < 12; i++) {
		char *longer = xprintf("%s  a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
			bomb, i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		free(bomb);
		bomb = longer;
	}
	const struct bad_text rows[] = {
		{ bomb, "reeve.yaml:10:12: aliases expand to more than 100000 values" },
		{ "a: &a [*a]\n", "reeve.yaml:1:8: alias *a: no anchor &a before it" },
		{ "a: { <<: [1] }\n",
			"reeve.yaml:1:6: <<: expected a map or a list of maps, got \"1\"" },
	};
	expect_mistakes(rows, ARRAY_SIZE(rows));
}

static void defaults_that_swell_many_queues_are_refused_with_one_line(void)
{
	char *yaml = NULL, *mistakes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&yaml, &size);
	fputs(STORE "defaults: { type: noop, validate: {", out);
	for (int i = 0; i < 1000; i++)
		fprintf(out, "k%d: { if: a },", i);
	fputs("} }\nqueues:\n", out);
	for (int i = 0; i < 2000; i++)
		fprintf(out, "  q%d:\n", i);
	fclose(out);
	CU_ASSERT_PTR_NULL(files_load(yaml, &mistakes));
	CU_ASSERT_STRING_EQUAL(mistakes,
		"reeve.yaml:253:3: queues.q249: with defaults the queues up to here have more than "
		"500000 values");
	free(yaml);
	free(mistakes);
}

static void a_tree_that_is_too_deep_is_refused_with_one_line(void)
{
	char deep[512] = "a: ";
	for (int i = 0; i < 200; i++)
		strcat(deep, "[");
	expect_mistakes(&(struct bad_text){ deep, "reeve.yaml:1:67: deeper than 64 levels" }, 1);
}

static void a_long_value_is_cut_in_its_mistake(void)
{
	OWNED(free) char *mistakes = NULL;
	char value[2001] = "";
	memset(value, 'x', sizeof value - 1);
	OWNED(free) char *yaml = xprintf(QUEUE "    workers: \"\\e[31m\\n%s\"\n", value);
	CU_ASSERT_PTR_NULL(files_load(yaml, &mistakes));
	CU_ASSERT_TRUE(strlen(mistakes) < 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(mistakes, "got \"?[31m?xxx"));
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_text_that_is_no_configuration_gets_one_line),
		SUITE_TEST(a_file_that_cannot_be_read_gets_one_line),
		SUITE_TEST(an_unknown_key_is_named_with_the_nearest_known_one),
		SUITE_TEST(a_wrong_value_says_what_was_expected),
		SUITE_TEST(a_wrong_value_inside_another_has_its_own_place),
		SUITE_TEST(a_wrong_global_value_says_what_was_expected),
		SUITE_TEST(who_the_machine_does_not_know_is_named),
		SUITE_TEST(keys_of_later_versions_are_refused_one_by_one),
		SUITE_TEST(a_url_to_post_to_is_checked),
		SUITE_TEST(a_key_that_means_nothing_beside_post_is_refused),
		SUITE_TEST(a_key_of_tasks_means_nothing_with_a_program),
		SUITE_TEST(a_queue_lacks_what_its_type_needs),
		SUITE_TEST(all_mistakes_come_at_once_in_the_order_of_the_file),
		SUITE_TEST(a_bomb_of_aliases_is_refused_with_one_line),
		SUITE_TEST(defaults_that_swell_many_queues_are_refused_with_one_line),
		SUITE_TEST(a_tree_that_is_too_deep_is_refused_with_one_line),
		SUITE_TEST(a_long_value_is_cut_in_its_mistake),
	};
	files_enter();
	int status = suite_run("config", tests, ARRAY_SIZE(tests));
	files_leave();
	return status;
}
