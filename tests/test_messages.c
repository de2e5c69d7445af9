/* workers/messages, lines, output: what handlers write, in pieces and in pieces of pieces. */
#include "tests/suite.h"
#include "workers/lines.h"
#include "workers/messages.h"
#include "workers/output.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *line, struct message *message, struct error *err)
{
	return message_parse(line, strlen(line), message, err);
}

static void the_six_messages_are_read(void)
{
	static const struct {
		const char *line;
		enum message_kind kind;
	} rows[] = {
		{ "{\"spawn\":[{\"task\":\"row\",\"payload\":[1]},{\"task\":\"row\"}]}",
			MESSAGE_SPAWN },
		{ "{\"spawn\":{\"task\":\"row\",\"payload\":null}}", MESSAGE_SPAWN },
		{ "{\"spawn\":[]}", MESSAGE_SPAWN },
		{ "{\"progress\":0.4,\"message\":\"m\"}", MESSAGE_PROGRESS },
		{ "{\"progress\":1}\r", MESSAGE_PROGRESS },
		{ "{\"beat\":true,\"id\":\"a\"}", MESSAGE_BEAT },
		{ "{\"done\":null}", MESSAGE_DONE },
		{ "{\"done\":{\"fail\":1}}", MESSAGE_DONE },
		{ "{\"fail\":\"r\"}", MESSAGE_FAIL },
		{ "{\"fail\":\"r\",\"retry_in\":\"30s\",\"backtrace\":\"b\"}", MESSAGE_FAIL },
		{ "{\"fail\":\"r\",\"permanent\":true,\"backtrace\":null}", MESSAGE_FAIL },
		{ "{\"ready\":true}", MESSAGE_READY },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message message;
		struct error err = { 0 };
		CU_ASSERT_TRUE_FATAL(parse(rows[i].line, &message, &err));
		CU_ASSERT_EQUAL(message.kind, rows[i].kind);
		message_finish(&message);
	}
}

static void a_failure_is_read_with_all_it_says(void)
{
	struct message message;
	struct error err = { 0 };
	CU_ASSERT_TRUE_FATAL(parse("{\"id\":\"t.1\",\"fail\":\"why\",\"retry_in\":\"2m\","
				   "\"permanent\":false,\"backtrace\":\"at x\"}",
		&message, &err));
	CU_ASSERT_STRING_EQUAL(message.id, "t.1");
	CU_ASSERT_STRING_EQUAL(message.text, "why");
	CU_ASSERT_STRING_EQUAL(message.backtrace, "at x");
	CU_ASSERT_EQUAL(message.retry_in_ms, 120000);
	CU_ASSERT_FALSE(message.is_permanent);
	CU_ASSERT_TRUE(message.is_retry);
	message_finish(&message);
	CU_ASSERT_TRUE_FATAL(parse("{\"fail\":\"why\",\"retry_in\":true}", &message, &err));
	CU_ASSERT_TRUE(message.is_retry);
	CU_ASSERT_EQUAL(message.retry_in_ms, -1);
	message_finish(&message);
	CU_ASSERT_TRUE_FATAL(parse("{\"fail\":\"why\"}", &message, &err));
	CU_ASSERT_FALSE(message.is_retry);
	message_finish(&message);
}

static void progress_stays_between_nothing_and_all(void)
{
	static const struct {
		const char *line;
		double fraction;
	} rows[] = { { "{\"progress\":-1}", 0 }, { "{\"progress\":40}", 1 },
		{ "{\"progress\":0.5}", 0.5 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message message;
		struct error err = { 0 };
		CU_ASSERT_TRUE_FATAL(parse(rows[i].line, &message, &err));
		CU_ASSERT_EQUAL(message.fraction, rows[i].fraction);
		message_finish(&message);
	}
}

static void what_is_not_understood_is_refused_with_its_reason(void)
{
	static const struct {
		const char *line, *reason;
	} rows[] = {
		{ "hello", "not JSON" },
		{ "{\"done\":1", "not JSON" },
		{ "{\"done\":1}{\"done\":1}", "not JSON" },
		{ "{\"done\":1,\"done\":2}", "not JSON" },
		{ "17", "it is not an object" },
		{ "[]", "it is not an object" },
		{ "{}", "it needs one of" },
		{ "{\"finished\":1}", "it needs one of" },
		{ "{\"done\":1,\"fail\":\"x\"}", "it needs one of" },
		{ "{\"done\":1,\"reult\":1}", "done has no key \"reult\"" },
		{ "{\"done\":1,\"retry_in\":\"3s\"}", "done has no key \"retry_in\"" },
		{ "{\"done\":1,\"id\":7}", "id takes" },
		{ "{\"fail\":7}", "fail takes" },
		{ "{\"fail\":\"x\",\"retry_in\":30}", "retry_in takes" },
		{ "{\"fail\":\"x\",\"retry_in\":false}", "retry_in takes" },
		{ "{\"fail\":\"x\",\"retry_in\":\"soon\"}", "retry_in takes" },
		{ "{\"fail\":\"x\",\"permanent\":1}", "permanent takes" },
		{ "{\"fail\":\"x\",\"backtrace\":[]}", "backtrace takes" },
		{ "{\"progress\":\"half\"}", "progress takes" },
		{ "{\"progress\":0.5,\"message\":1}", "progress takes" },
		{ "{\"beat\":1}", "beat takes true" },
		{ "{\"ready\":false}", "ready takes true" },
		{ "{\"spawn\":\"row\"}", "spawn takes" },
		{ "{\"spawn\":[{\"payload\":1}]}", "spawn takes" },
		{ "{\"spawn\":[{\"task\":\"a\"},{\"task\":\"b\",\"delay\":1}]}", "(at 1)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message message;
		struct error err = { 0 };
		CU_ASSERT_FALSE(parse(rows[i].line, &message, &err));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "message is not understood: "));
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i].reason));
	}
}

static void texts_are_cut_between_characters(void)
{
	OWNED(free) char *text = xmalloc(MESSAGES_TEXT_MAX * 2);
	for (size_t i = 0; i < MESSAGES_TEXT_MAX * 2 - 4; i += 3)
		memcpy(text + i, "\u20ac", 4);
	OWNED(free) char *cut = message_copy_text(text);
	CU_ASSERT_EQUAL(strlen(cut), MESSAGES_TEXT_MAX / 3 * 3);
	CU_ASSERT_PTR_NULL(message_copy_text(NULL));
}

static void add(struct lines *lines, const char *bytes, size_t count)
{
	while (count > 0) {
		size_t room;
		char *place = lines_reserve(lines, &room);
		CU_ASSERT_TRUE_FATAL(room > 0);
		const size_t part = count < room ? count : room;
		memcpy(place, bytes, part);
		lines_added(lines, part);
		bytes += part;
		count -= part;
	}
}

static void lines_come_whole_however_they_are_cut(void)
{
	static const char text[] = "one\n\nthree\nhalf";
	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct lines lines = { 0 };
		char joined[64] = "";
		const char *line;
		size_t length;
		for (size_t at = 0; at < sizeof text - 1; at += piece) {
			const size_t left = sizeof text - 1 - at;
			add(&lines, text + at, left < piece ? left : piece);
			while (lines_next(&lines, &line, &length)) {
				strncat(joined, line, length);
				strcat(joined, "|");
			}
		}
		CU_ASSERT_STRING_EQUAL(joined, "one||three|");
		line = lines_rest(&lines, &length);
		CU_ASSERT_EQUAL(length, 4);
		CU_ASSERT_EQUAL(memcmp(line, "half", 4), 0);
		lines_finish(&lines);
	}
}

static void a_line_of_one_mebibyte_fits_and_one_more_byte_does_not(void)
{
	struct lines lines = { 0 };
	const char *line;
	size_t length, room;
	OWNED(free) char *big = xmalloc(LINES_MAX);
	memset(big, 'x', LINES_MAX);
	add(&lines, big, LINES_MAX);
	CU_ASSERT_FALSE(lines_next(&lines, &line, &length));
	CU_ASSERT_FALSE(lines_is_too_long(&lines));
	add(&lines, "\n", 1);
	CU_ASSERT_TRUE(lines_next(&lines, &line, &length));
	CU_ASSERT_EQUAL(length, LINES_MAX);
	CU_ASSERT_FALSE(lines_next(&lines, &line, &length));
	CU_ASSERT_EQUAL(lines.room, 0); /* the large buffer is given back */
	add(&lines, big, LINES_MAX);
	add(&lines, "x", 1);
	CU_ASSERT_FALSE(lines_next(&lines, &line, &length));
	CU_ASSERT_TRUE(lines_is_too_long(&lines));
	lines_reserve(&lines, &room);
	CU_ASSERT_EQUAL(room, 0); /* and no more is held */
	lines_finish(&lines);
}

static void the_last_bytes_of_output_are_kept(void)
{
	struct output output;
	char text[32];
	output_init(&output);
	for (int i = 0; i < 5000; i++) {
		const int length = snprintf(text, sizeof text, "%09d\n", i);
		output_add(&output, i % 2 ? OUTPUT_ERR : OUTPUT_OUT, text, (size_t)length);
	}
	OWNED(free) char *all = output_copy_all(&output);
	OWNED(free) char *errors = output_copy_errors(&output);
	CU_ASSERT_EQUAL(strlen(all), OUTPUT_KEPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(all, "000004998\n000004999\n"));
	CU_ASSERT_EQUAL(strlen(errors), OUTPUT_ERRORS_KEPT - 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(errors, "000004997\n000004999"));
	output_restart(&output);
	output_add(&output, OUTPUT_OUT, "new", 3);
	OWNED(free) char *after = output_copy_all(&output);
	CU_ASSERT_STRING_EQUAL(after, "new");
	output_finish(&output);
}

static void output_is_made_valid_text(void)
{
	static const char bytes[] = "a\377\xc3\xa9\0\xed\xa0\x80\xe2\x82";
	struct output output;
	output_init(&output);
	output_add(&output, OUTPUT_ERR, bytes, sizeof bytes - 1);
	OWNED(free) char *text = output_copy_errors(&output);
	CU_ASSERT_STRING_EQUAL(text, "a?\xc3\xa9?"
				     "???"
				     "??");
	output_finish(&output);
}

static void a_character_cut_at_the_beginning_is_dropped(void)
{
	struct output output;
	output_init(&output);
	for (size_t i = 0; i < OUTPUT_KEPT; i++)
		output_add(&output, OUTPUT_OUT, "\u20ac", 3);
	OWNED(free) char *text = output_copy_all(&output);
	CU_ASSERT_EQUAL(strlen(text), OUTPUT_KEPT / 3 * 3);
	CU_ASSERT_EQUAL(memcmp(text, "\u20ac", 3), 0);
	CU_ASSERT_PTR_NULL(strchr(text, '?'));
	output_finish(&output);
}

static void a_line_without_end_is_not_held(void)
{
	struct output output;
	OWNED(free) char *part = xmalloc(65536);
	memset(part, 'x', 65536);
	output_init(&output);
	for (int i = 0; i < 1000; i++)
		output_add(&output, OUTPUT_OUT, part, 65536);
	CU_ASSERT_EQUAL(output.lines[OUTPUT_OUT].length, 65536000);
	CU_ASSERT_TRUE(output.lines[OUTPUT_OUT].room <= log_line_max());
	output_flush(&output);
	CU_ASSERT_EQUAL(output.lines[OUTPUT_OUT].length, 0);
	output_finish(&output);
}

static const struct suite_test tests[] = {
	SUITE_TEST(the_six_messages_are_read),
	SUITE_TEST(a_failure_is_read_with_all_it_says),
	SUITE_TEST(progress_stays_between_nothing_and_all),
	SUITE_TEST(what_is_not_understood_is_refused_with_its_reason),
	SUITE_TEST(texts_are_cut_between_characters),
	SUITE_TEST(lines_come_whole_however_they_are_cut),
	SUITE_TEST(a_line_of_one_mebibyte_fits_and_one_more_byte_does_not),
	SUITE_TEST(the_last_bytes_of_output_are_kept),
	SUITE_TEST(output_is_made_valid_text),
	SUITE_TEST(a_character_cut_at_the_beginning_is_dropped),
	SUITE_TEST(a_line_without_end_is_not_held),
};

int main(void)
{
	log_set_level(LOG_ERROR);
	return suite_run("messages", tests, ARRAY_SIZE(tests));
}
