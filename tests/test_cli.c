/* cli/: the command line, the nearest word, tables, payloads; workers/shapes: JSON of jobs. */
#include "base/jsontext.h"
#include "cli/arguments.h"
#include "cli/choice.h"
#include "cli/nearest.h"
#include "cli/payload.h"
#include "cli/table.h"
#include "tests/suite.h"
#include "workers/shapes.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

static const struct command stop = { .name = "stop",
	.words = "",
	.slip = "takes no queue (it ends the supervisor); to hold a queue",
	.fix = "pause" };
static const struct command push = { .name = "push",
	.words = "QUEUE [JSON]",
	.words_min = 1,
	.words_max = 2,
	.options = { { "--delay", "DURATION", "later", 0 }, { "--wait", NULL, "wait", 'w' } } };
static const struct command *const commands[] = { &stop, &push, NULL };
static const struct slip slips[] = { { "ls", "try jobs" }, { NULL, NULL } };
static const struct vocabulary vocabulary = { commands, slips };

#define WORDS_MAX 10

struct line {
	struct arguments arguments;
	struct error err;
	char *text, *argv[WORDS_MAX];
};

/* The words of a line, separated by one blank. */
static bool read_line(struct line *line, const char *text)
{
	int argc = 0;
	char *rest = NULL;
	*line = (struct line){ .text = xstrdup(text) };
	for (char *word = strtok_r(line->text, " ", &rest); word && argc < WORDS_MAX;
		word = strtok_r(NULL, " ", &rest))
		line->argv[argc++] = word;
	return arguments_parse(&vocabulary, argc, line->argv, &line->arguments, &line->err);
}

static void drop(struct line *line)
{
	arguments_finish(&line->arguments);
	free(line->text);
}

static void the_configuration_is_named_before_or_after_the_command(void)
{
	static const char *const texts[] = { "reeve -c a.yaml push mail",
		"reeve push -c a.yaml mail", "reeve push mail -c a.yaml" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct line line;
		CU_ASSERT_TRUE_FATAL(read_line(&line, texts[i]));
		CU_ASSERT_STRING_EQUAL(line.arguments.config_path, "a.yaml");
		CU_ASSERT_PTR_EQUAL(line.arguments.command, &push);
		CU_ASSERT_STRING_EQUAL(arguments_word(&line.arguments, 0), "mail");
		CU_ASSERT_PTR_NULL(arguments_word(&line.arguments, 1));
		drop(&line);
	}
}

static void options_take_their_value_attached_or_apart(void)
{
	static const char *const texts[] = { "reeve push mail --delay 5s -w --json",
		"reeve push --delay=5s --wait mail --json" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct line line;
		CU_ASSERT_TRUE_FATAL(read_line(&line, texts[i]));
		CU_ASSERT_STRING_EQUAL(arguments_option(&line.arguments, "--delay"), "5s");
		CU_ASSERT_PTR_NOT_NULL(arguments_option(&line.arguments, "--wait"));
		CU_ASSERT_TRUE(line.arguments.is_json);
		CU_ASSERT_EQUAL(line.arguments.word_count, 1);
		drop(&line);
	}
}

static void a_minus_and_numbers_are_words(void)
{
	struct line line;
	CU_ASSERT_TRUE_FATAL(read_line(&line, "reeve push mail -"));
	CU_ASSERT_STRING_EQUAL(arguments_word(&line.arguments, 1), "-");
	drop(&line);
	CU_ASSERT_TRUE_FATAL(read_line(&line, "reeve push mail -7"));
	CU_ASSERT_STRING_EQUAL(arguments_word(&line.arguments, 1), "-7");
	drop(&line);
	CU_ASSERT_TRUE_FATAL(read_line(&line, "reeve push -- --mail"));
	CU_ASSERT_STRING_EQUAL(arguments_word(&line.arguments, 0), "--mail");
	drop(&line);
}

static void help_needs_no_words(void)
{
	struct line line;
	CU_ASSERT_TRUE_FATAL(read_line(&line, "reeve push -h"));
	CU_ASSERT_TRUE(line.arguments.is_help);
	drop(&line);
}

static void mistakes_are_one_sentence_that_names_what_was_meant(void)
{
	static const struct {
		const char *text, *sentence;
	} lines[] = {
		{ "reeve stop mail", "stop takes no queue (it ends the supervisor); to hold a "
				     "queue: reeve pause mail" },
		{ "reeve psuh mail", "no command \"psuh\"; nearest: reeve push" },
		{ "reeve zebra", "no command \"zebra\"; reeve --help lists them" },
		{ "reeve ls", "try jobs" },
		{ "reeve push", "push needs QUEUE [JSON]: reeve push QUEUE [JSON]" },
		{ "reeve push a b c", "push takes only QUEUE [JSON], not \"c\" too" },
		{ "reeve push a --dealy 5s", "push has no option --dealy; nearest: --delay" },
		{ "reeve push a --delay", "--delay needs a value: --delay DURATION" },
		{ "reeve push a --wait=yes", "--wait takes no value" },
		{ "reeve push a -c", "-c needs a value: -c FILE" },
		{ "reeve --delay push", "--delay stands after its command: reeve COMMAND --delay" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct line line;
		CU_ASSERT_FALSE(read_line(&line, lines[i].text));
		CU_ASSERT_EQUAL(line.err.kind, ERROR_INVALID);
		CU_ASSERT_STRING_EQUAL(line.err.text, lines[i].sentence);
		drop(&line);
	}
}

static void the_nearest_word_is_found_unless_all_are_far(void)
{
	static const char *const words[] = { "start", "status", "stop" };
	CU_ASSERT_STRING_EQUAL(nearest_find("statsu", words, 3), "status");
	CU_ASSERT_STRING_EQUAL(nearest_find("strat", words, 3), "start");
	CU_ASSERT_STRING_EQUAL(nearest_find("stop", words, 3), "stop");
	CU_ASSERT_PTR_NULL(nearest_find("graph", words, 3));
	CU_ASSERT_PTR_NULL(nearest_find("", words, 3));
}

static void a_choice_is_one_of_its_words(void)
{
	static const char *const names[] = { "running", "completed" };
	struct error err = { 0 };
	int chosen;
	CU_ASSERT_TRUE(choice_read("--status", "completed", names, 2, &chosen, &err));
	CU_ASSERT_EQUAL(chosen, 1);
	CU_ASSERT_TRUE(choice_read("--status", NULL, names, 2, &chosen, &err));
	CU_ASSERT_EQUAL(chosen, -1);
	CU_ASSERT_FALSE(choice_read("--status", "complete", names, 2, &chosen, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "--status: no \"complete\"; nearest: completed");
	CU_ASSERT_FALSE(choice_read("--status", "x", names, 2, &chosen, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "--status: no \"x\"; there are running, completed");
}

/* What the table prints; owned. */
static char *print_table(struct table *table)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	table_print(table, file);
	fclose(file);
	return text;
}

static void columns_are_aligned_by_cells_not_bytes(void)
{
	OWNED(table) struct table *table = table_create("NAME|>COUNT|NOTE");
	table_add(table, "r\u00e9sum\u00e9");
	table_add_number(table, 7);
	table_add(table, "x");
	table_add(table, "\u65e5\u672c");
	table_add_number(table, 123456);
	table_add(table, NULL);
	OWNED(free) char *text = print_table(table);
	CU_ASSERT_STRING_EQUAL(text, "NAME     COUNT  NOTE\n"
				     "r\u00e9sum\u00e9       7  x\n"
				     "\u65e5\u672c    123456  -\n");
}

static void the_heading_is_printed_once(void)
{
	OWNED(table) struct table *table = table_create("A|B");
	table_add(table, "1");
	table_add(table, "2");
	OWNED(free) char *first = print_table(table);
	table_add(table, "3");
	table_add(table, "4");
	OWNED(free) char *second = print_table(table);
	CU_ASSERT_STRING_EQUAL(first, "A  B\n1  2\n");
	CU_ASSERT_STRING_EQUAL(second, "3  4\n");
}

static void what_could_steer_a_terminal_is_not_printed(void)
{
	OWNED(free)
	char *clean = table_clean("a\033[31mb\nc\xff"
				  "d",
		0);
	CU_ASSERT_STRING_EQUAL(clean, "a?[31mb?c?d");
	OWNED(free) char *cut = table_clean("abcdefgh", 5);
	CU_ASSERT_STRING_EQUAL(cut, "abcd\u2026");
	OWNED(free) char *fits = table_clean("abcde", 5);
	CU_ASSERT_STRING_EQUAL(fits, "abcde");
}

static void payloads_are_json_or_one_line_says_why_not(void)
{
	static const struct {
		const char *given, *sentence;
	} refused[] = {
		{ "{", "payload: not JSON at line 1 column 1: " },
		{ "@/does/not/exist", "payload: /does/not/exist: No such file or directory" },
		{ "[1]", "payload: expected an object, got an array" },
		{ "7", "payload: expected an object, got a number" },
	};
	struct error err = { 0 };
	OWNED(json) json_t *value = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CU_ASSERT_FALSE(payload_read_object(refused[i].given, &value, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_EQUAL(
			strncmp(err.text, refused[i].sentence, strlen(refused[i].sentence)), 0);
	}
	CU_ASSERT_TRUE_FATAL(payload_read_object(NULL, &value, &err));
	CU_ASSERT_EQUAL(json_object_size(value), 0);
}

/* A JSON string of this many bytes, quotes included. */
static char *make_string(size_t size)
{
	char *text = xmalloc(size + 1);
	memset(text, 'x', size);
	text[0] = text[size - 1] = '"';
	text[size] = '\0';
	return text;
}

static void a_payload_of_one_mebibyte_is_the_largest(void)
{
	struct error err = { 0 };
	OWNED(json) json_t *value = NULL;
	OWNED(free) char *largest = make_string(JSONTEXT_PAYLOAD_MAX);
	OWNED(free) char *over = make_string(JSONTEXT_PAYLOAD_MAX + 1);
	CU_ASSERT_TRUE(payload_read(largest, &value, &err));
	json_t *none = NULL;
	CU_ASSERT_FALSE(payload_read(over, &none, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "payload: over 1 MiB");
}

static void a_payload_is_read_from_a_file(void)
{
	char path[] = "/tmp/reeve-test-cli.XXXXXX";
	int fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, "{\"a\":1}\n", 8), 8);
	close(fd);
	OWNED(free) char *given = xprintf("@%s", path);
	OWNED(json) json_t *value = NULL;
	struct error err = { 0 };
	CU_ASSERT_TRUE_FATAL(payload_read(given, &value, &err));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "a")), 1);
	unlink(path);
}

static void a_job_is_shown_with_the_states_that_it_has(void)
{
	struct name_count names[] = { { (char *)"row",
		{ [TASK_QUEUED] = 2, [TASK_COMPLETED] = 3 } } };
	struct job_record job = { .id = (char *)"j",
		.workflow = (char *)"import",
		.payload = (char *)"{\"b\":1,\"a\":2}",
		.state = JOB_RUNNING,
		.created_at_ms = 1795358984125,
		.names = names,
		.name_count = 1 };
	OWNED(json) json_t *shape = shapes_job(&job);
	OWNED(free) char *text = jsontext_print(shape);
	CU_ASSERT_STRING_EQUAL(text,
		"{\"id\":\"j\",\"workflow\":\"import\",\"status\":\"running\",\"reason\":null,"
		"\"payload\":{\"b\":1,\"a\":2},\"created_at\":\"2026-11-22T14:49:44.125Z\","
		"\"finished_at\":null,\"tasks\":{\"row\":{\"queued\":2,\"completed\":3}}}");
}

static void only_a_queued_task_is_due(void)
{
	struct task_record task = { .state = TASK_QUEUED, .due_at_ms = 1795358984125 };
	CU_ASSERT_EQUAL(shapes_due_ms(&task), 1795358984125);
	task.state = TASK_COMPLETED;
	CU_ASSERT_EQUAL(shapes_due_ms(&task), 0);
}

static void a_task_is_shown_with_its_attempts_and_last_output(void)
{
	struct attempt_record rows[] = { { 1, (char *)"{\"attempt\":1}", (char *)"old" },
		{ 2, (char *)"{\"attempt\":2}", (char *)"broken \xff" } };
	const struct attempt_list attempts = { rows, 2 };
	const struct task_record task = { .id = "p",
		.name = (char *)"mail",
		.queue = (char *)"mail",
		.payload = (char *)"7",
		.state = TASK_INVALID,
		.attempt = 2 };
	OWNED(json) json_t *shape = shapes_task(&task, &attempts);
	OWNED(free) char *text = jsontext_print(shape);
	CU_ASSERT_STRING_EQUAL(text,
		"{\"id\":\"p\",\"job_id\":null,\"name\":\"mail\",\"queue\":\"mail\","
		"\"status\":\"invalid_payload\",\"reason\":null,\"due_at\":null,\"attempt\":2,"
		"\"payload\":7,\"result\":null,\"trace\":[{\"attempt\":1},{\"attempt\":2}],"
		"\"output\":\"broken \uFFFD\"}");
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	static const struct suite_test tests[] = {
		SUITE_TEST(the_configuration_is_named_before_or_after_the_command),
		SUITE_TEST(options_take_their_value_attached_or_apart),
		SUITE_TEST(a_minus_and_numbers_are_words),
		SUITE_TEST(help_needs_no_words),
		SUITE_TEST(mistakes_are_one_sentence_that_names_what_was_meant),
		SUITE_TEST(the_nearest_word_is_found_unless_all_are_far),
		SUITE_TEST(a_choice_is_one_of_its_words),
		SUITE_TEST(columns_are_aligned_by_cells_not_bytes),
		SUITE_TEST(the_heading_is_printed_once),
		SUITE_TEST(what_could_steer_a_terminal_is_not_printed),
		SUITE_TEST(payloads_are_json_or_one_line_says_why_not),
		SUITE_TEST(a_payload_of_one_mebibyte_is_the_largest),
		SUITE_TEST(a_payload_is_read_from_a_file),
		SUITE_TEST(a_job_is_shown_with_the_states_that_it_has),
		SUITE_TEST(only_a_queued_task_is_due),
		SUITE_TEST(a_task_is_shown_with_its_attempts_and_last_output),
	};
	return suite_run("cli", tests, ARRAY_SIZE(tests));
}
