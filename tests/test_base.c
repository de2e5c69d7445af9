/* base/: errors, ids, clock, JSON text. */
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/jsontext.h"
#include "base/utf8.h"
#include "tests/suite.h"

#include <string.h>

static void wrapped_error_reads_as_a_sentence_of_causes(void)
{
	struct error err = { 0 };
	CU_ASSERT_FALSE(error_set(&err, ERROR_UNAVAILABLE, "disk is full"));
	CU_ASSERT_FALSE(error_wrap(&err, "store %s", "a.db"));
	CU_ASSERT_STRING_EQUAL(err.text, "store a.db: disk is full");
	CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	CU_ASSERT_EQUAL(error_exit_code(&err), 75);
}

static void uuids_are_of_version_seven_and_sort_by_time(void)
{
	char first[IDS_UUID_SIZE], second[IDS_UUID_SIZE];
	ids_uuid7(first);
	clock_set_offset_ms(2);
	ids_uuid7(second);
	clock_set_offset_ms(0);
	CU_ASSERT_EQUAL(strlen(first), 36);
	CU_ASSERT_EQUAL(first[14], '7');
	CU_ASSERT_PTR_NOT_NULL(strchr("89ab", first[19]));
	CU_ASSERT_TRUE(strcmp(first, second) < 0);
}

static void fnv1a_agrees_with_the_published_vectors(void)
{
	CU_ASSERT_EQUAL(ids_fnv1a(""), 0x811c9dc5u);
	CU_ASSERT_EQUAL(ids_fnv1a("a"), 0xe40c292cu);
	CU_ASSERT_EQUAL(ids_fnv1a("foobar"), 0xbf9cf968u);
}

static void times_are_rfc_3339_in_utc(void)
{
	char text[CLOCK_TEXT_SIZE];
	CU_ASSERT_STRING_EQUAL(clock_format(0, text), "1970-01-01T00:00:00.000Z");
	CU_ASSERT_STRING_EQUAL(clock_format(1795358984125, text), "2026-11-22T14:49:44.125Z");
}

static char *round_trip(const char *text)
{
	struct error err;
	OWNED(json) json_t *value = NULL;
	return jsontext_parse(text, strlen(text), &value, &err) ? jsontext_print(value) : NULL;
}

static void json_comes_back_as_it_went_in(void)
{
	static const char *const texts[] = {
		"{\"b\":0.1,\"a\":[1,2.5,-3],\"z\":null}",
		"9007199254740993",
		"\"a\\u0000b\"",
		"[true,false,\"\u00e9\"]",
		"{\"big\":1e300}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts) - 1; i++) {
		OWNED(free) char *back = round_trip(texts[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(back);
		CU_ASSERT_STRING_EQUAL(back, texts[i]);
	}
	OWNED(free) char *big = round_trip("1e300");
	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	CU_ASSERT_EQUAL(strtod(big, NULL), 1e300);
}

static void bad_json_is_refused_with_its_place(void)
{
	static const char *const texts[] = { "", "{", "{\"a\":1,\"a\":2}", "[1,]", "nul", "1 2",
		"123456789012345678901234567890", "\"\xff\"" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct error err = { 0 };
		json_t *value = NULL;
		CU_ASSERT_FALSE(jsontext_parse(texts[i], strlen(texts[i]), &value, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "line 1"));
	}
}

static void only_well_formed_utf8_is_a_character(void)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {
		{ "a", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\x80", 0 },             /* begins in the middle */
		{ "\xc3", 0 },             /* cut */
		{ "\xc0\xaf", 0 },         /* longer than needed */
		{ "\xed\xa0\x80", 0 },     /* a surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* beyond U+10FFFF */
		{ "\xe2\x82(", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(utf8_length(rows[i].text, strlen(rows[i].text)), rows[i].length);
	CU_ASSERT_EQUAL(utf8_length("", 0), 0);
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(wrapped_error_reads_as_a_sentence_of_causes),
		SUITE_TEST(uuids_are_of_version_seven_and_sort_by_time),
		SUITE_TEST(fnv1a_agrees_with_the_published_vectors),
		SUITE_TEST(times_are_rfc_3339_in_utc),
		SUITE_TEST(json_comes_back_as_it_went_in),
		SUITE_TEST(bad_json_is_refused_with_its_place),
		SUITE_TEST(only_well_formed_utf8_is_a_character),
	};
	return suite_run("base", tests, ARRAY_SIZE(tests));
}
