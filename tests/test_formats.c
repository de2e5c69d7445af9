/* workers/formats: messages of producers as they were really written, and what is none. */
#include "base/jsontext.h"
#include "stores/store.h"
#include "tests/suite.h"
#include "workers/formats.h"

#include <stdio.h>

struct row {
	const char *body;
	const char *task_id, *id, *name, *payload;
	const char *reason; /* a part of it */
};

static bool same(const char *got, const char *wanted)
{
	return got && wanted ? strcmp(got, wanted) == 0 : got == wanted;
}

static void check_row(enum queue_format format, const struct row *row)
{
	struct format_message message;
	format_read(format, row->body, strlen(row->body), &message);
	bool is_right = row->reason ? message.reason && strstr(message.reason, row->reason)
				    : !message.reason;
	is_right = is_right && same(message.task_id, row->task_id) && same(message.id, row->id) &&
		   (row->reason || same(message.name, row->name)) &&
		   (row->reason || same(message.payload, row->payload));
	CU_ASSERT_TRUE(is_right);
	if (!is_right)
		fprintf(stderr, "%s: task_id %s id %s name %s payload %s reason %s\n", row->body,
			message.task_id, message.id, message.name, message.payload, message.reason);
	format_message_finish(&message);
}

static void check_rows(enum queue_format format, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(format, &rows[i]);
}

static void an_object_with_task_id_alone_is_a_reference(void)
{
	static const struct row rows[] = {
		{ "{\"task_id\":420}", .task_id = "420" },
		{ "{\"task_id\":\"d966b7d0-60d2-43c8-8727-de8f1e904ec8\"}",
			.task_id = "d966b7d0-60d2-43c8-8727-de8f1e904ec8" },
		{ " { \"task_id\" : \"a.17\" }\n", .task_id = "a.17" },
		{ "{\"task_id\":1,\"x\":2}", .payload = "{\"task_id\":1,\"x\":2}" },
		{ "{\"to\":\"a@example.com\"}", .payload = "{\"to\":\"a@example.com\"}" },
		{ "{\"id\":7}", .payload = "{\"id\":7}" },
		{ "[1, 2]", .payload = "[1,2]" },
		{ "17", .payload = "17" },
		{ "null", .payload = "null" },
		{ "{}", .payload = "{}" },
	};
	check_rows(FORMAT_TASK, rows, ARRAY_SIZE(rows));
}

static void what_is_no_task_says_why(void)
{
	static const struct row rows[] = {
		{ "", .reason = "not JSON" },
		{ "hello", .reason = "not JSON" },
		{ "{\"task_id\":1", .reason = "not JSON" },
		{ "{\"a\":1,\"a\":2}", .reason = "duplicate" },
		{ "{\"task_id\":null}", .reason = "neither a text nor a number" },
		{ "{\"task_id\":1.5}", .reason = "neither a text nor a number" },
		{ "{\"task_id\":\"\"}", .reason = "1 to 199 bytes" },
		{ "{\"task_id\":\"a\\u0000b\"}", .reason = "no NUL" },
		{ "{\"a\":\"\xff\"}", .reason = "not JSON" },
	};
	check_rows(FORMAT_TASK, rows, ARRAY_SIZE(rows));
}

static void a_raw_body_is_json_or_a_text(void)
{
	static const struct row rows[] = {
		{ "{\"a\": 1}", .payload = "{\"a\":1}" },
		{ "{\"task_id\":1}", .payload = "{\"task_id\":1}" },
		{ "hello \"you\"", .payload = "\"hello \\\"you\\\"\"" },
		{ "h\xc3\xa9", .payload = "\"h\xc3\xa9\"" },
		{ "", .payload = "\"\"" },
		{ "a\xff", .reason = "not UTF-8" },
	};
	check_rows(FORMAT_RAW, rows, ARRAY_SIZE(rows));
}

static void messages_of_sqjobs_of_every_age_are_read(void)
{
	static const struct row rows[] = {
		/* sqjobs 0.7.1, Python:
		 * {"id": "cea463c3-…", "name": "adder", "args": [1, 2], "kwargs": {…}} */
		{ "eyJpZCI6ICJjZWE0NjNjMy1lMzU5LTQ2Y2YtYjUyMS04NzIyODEyMGMzNmEiLCAibmFtZSI6ICJhZGR"
		  "lciIsICJhcmdzIjogWzEsIDJdLCAia3dhcmdzIjogeyJ3aGVuIjogIjIwMjAtMDEtMDIgMDM6MDQ6MD"
		  "UiLCAicyI6ICJcdTAwZTkiLCAiZiI6IDEuNX19",
			.id = "cea463c3-e359-46cf-b521-87228120c36a", .name = "adder",
			.payload = "{\"args\":[1,2],\"kwargs\":{\"when\":\"2020-01-02 03:04:05\","
				   "\"s\":\"\xc3\xa9\",\"f\":1.5}}" },
		/* 0.5, Python: {"job_id": "3f2b", "name": "shop|Mail", "args": [], "kwargs":
		 * {"to": "a"}} */
		{ "eyJqb2JfaWQiOiAiM2YyYiIsICJuYW1lIjogInNob3B8TWFpbCIsICJhcmdzIjogW10sICJrd2FyZ3M"
		  "iOiB7InRvIjogImEifX0=",
			.id = "3f2b", .name = "shop|Mail",
			.payload = "{\"args\":[],\"kwargs\":{\"to\":\"a\"}}" },
		/* PHP: {"name":"mail","args":["a"],"kwargs":[]} */
		{ "eyJuYW1lIjoibWFpbCIsImFyZ3MiOlsiYSJdLCJrd2FyZ3MiOltdfQ==", .name = "mail",
			.payload = "{\"args\":[\"a\"],\"kwargs\":{}}" },
		/* the same without padding, and with a line end */
		{ "eyJuYW1lIjoibWFpbCIsImFyZ3MiOlsiYSJdLCJrd2FyZ3MiOltdfQ", .name = "mail",
			.payload = "{\"args\":[\"a\"],\"kwargs\":{}}" },
		{ "eyJuYW1lIjoibWFpbCIsImFyZ3MiOlsi\nYSJdLCJrd2FyZ3MiOltdfQ==\n", .name = "mail",
			.payload = "{\"args\":[\"a\"],\"kwargs\":{}}" },
		/* {"id":null,"name":"m","args":null,"kwargs":null} */
		{ "eyJpZCI6bnVsbCwibmFtZSI6Im0iLCJhcmdzIjpudWxsLCJrd2FyZ3MiOm51bGx9", .name = "m",
			.payload = "{\"args\":[],\"kwargs\":{}}" },
		/* {"job_id":17,"name":"m"} */
		{ "eyJqb2JfaWQiOjE3LCJuYW1lIjoibSJ9", .id = "17", .name = "m",
			.payload = "{\"args\":[],\"kwargs\":{}}" },
	};
	check_rows(FORMAT_SQJOBS, rows, ARRAY_SIZE(rows));
}

static void what_sqjobs_never_wrote_says_why(void)
{
	static const struct row rows[] = {
		{ "{\"name\":\"m\"}", .reason = "not base64" },
		{ "eyJuYW1lIjoib", .reason = "not base64" },
		{ "eyJ=yJ", .reason = "not base64" },
		{ "aGVsbG8=", .reason = "sqjobs: not JSON" },
		{ "", .reason = "sqjobs: not JSON" },
		{ "WzFd", .reason = "not a JSON object" },    /* [1] */
		{ "eyJhcmdzIjpbXX0=", .reason = "\"name\"" }, /* {"args":[]} */
		{ "eyJuYW1lIjoiIn0=", .reason = "\"name\"" }, /* {"name":""} */
		{ "eyJuYW1lIjoibSIsImFyZ3MiOjF9", .reason = "\"args\" is not a list" },
		{ "eyJuYW1lIjoibSIsImt3YXJncyI6WzFdfQ==", .reason = "\"kwargs\" is not a map" },
		{ "eyJuYW1lIjoibSIsImlkIjp7fX0=", .reason = "neither a text nor a number" },
	};
	check_rows(FORMAT_SQJOBS, rows, ARRAY_SIZE(rows));
}

static char *repeat(char letter, size_t count)
{
	char *text = xmalloc(count + 1);
	memset(text, letter, count);
	text[count] = '\0';
	return text;
}

static void a_mebibyte_is_the_most(void)
{
	struct format_message message;
	OWNED(free) char *fits = repeat('a', JSONTEXT_PAYLOAD_MAX - 2);
	OWNED(free) char *large = repeat('a', JSONTEXT_PAYLOAD_MAX - 1);
	OWNED(free) char *quotes = repeat('"', JSONTEXT_PAYLOAD_MAX - 2);
	OWNED(free) char *huge = repeat('a', 2 * JSONTEXT_PAYLOAD_MAX + 1);
	format_read(FORMAT_RAW, fits, strlen(fits), &message);
	CU_ASSERT_PTR_NULL(message.reason);
	format_message_finish(&message);
	const char *const refused[] = { large, quotes, huge };
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		format_read(FORMAT_RAW, refused[i], strlen(refused[i]), &message);
		CU_ASSERT_PTR_NOT_NULL_FATAL(message.reason);
		CU_ASSERT_PTR_NOT_NULL(strstr(message.reason, "larger than"));
		CU_ASSERT_TRUE(strlen(message.payload) < 20000);
		format_message_finish(&message);
	}
}

/* Whoever looks at the dead sees what came, as JSON text. */
static void a_strange_message_shows_its_begin(void)
{
	struct format_message message;
	struct error err;
	OWNED(json) json_t *value = NULL;
	static const char body[] = "a\0b\xff\xc3\xa9\xc3";
	for (int format = FORMAT_TASK; format <= FORMAT_SQJOBS; format++) {
		format_read((enum queue_format)format, body, sizeof body - 1, &message);
		CU_ASSERT_STRING_EQUAL(message.reason, "the body holds a NUL");
		CU_ASSERT_STRING_EQUAL(message.payload, "\"a\xef\xbf\xbd"
							"b\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"");
		format_message_finish(&message);
	}
	OWNED(free) char *long_one = repeat('\x80', 100000);
	format_read(FORMAT_TASK, long_one, 100000, &message);
	CU_ASSERT_TRUE(jsontext_parse(message.payload, strlen(message.payload), &value, &err));
	CU_ASSERT_EQUAL(json_string_length(value), 3 * 4096);
	format_message_finish(&message);
}

static void a_reference_is_printed_exactly_as_it_is_read(void)
{
	struct format_message message;
	OWNED(free) char *text = format_print_reference("0198c0de-0000-7000-8000-0000deadbeef.3");
	CU_ASSERT_STRING_EQUAL(text, "{\"task_id\":\"0198c0de-0000-7000-8000-0000deadbeef.3\"}");
	format_read(FORMAT_TASK, text, strlen(text), &message);
	CU_ASSERT_STRING_EQUAL(message.task_id, "0198c0de-0000-7000-8000-0000deadbeef.3");
	format_reject(&message, text, strlen(text), "leads nowhere");
	CU_ASSERT_PTR_NULL(message.task_id);
	CU_ASSERT_STRING_EQUAL(message.reason, "leads nowhere");
	format_message_finish(&message);
	OWNED(free) char *long_id = repeat('x', STORE_ID_SIZE - 1);
	OWNED(free) char *reference = format_print_reference(long_id);
	format_read(FORMAT_TASK, reference, strlen(reference), &message);
	CU_ASSERT_STRING_EQUAL(message.task_id, long_id);
	format_message_finish(&message);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(an_object_with_task_id_alone_is_a_reference),
		SUITE_TEST(what_is_no_task_says_why),
		SUITE_TEST(a_raw_body_is_json_or_a_text),
		SUITE_TEST(messages_of_sqjobs_of_every_age_are_read),
		SUITE_TEST(what_sqjobs_never_wrote_says_why),
		SUITE_TEST(a_mebibyte_is_the_most),
		SUITE_TEST(a_strange_message_shows_its_begin),
		SUITE_TEST(a_reference_is_printed_exactly_as_it_is_read),
	};
	return suite_run("formats", tests, ARRAY_SIZE(tests));
}
