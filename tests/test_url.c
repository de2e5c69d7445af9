/* base/url: URLs of stores and brokers. */
#include "base/url.h"
#include "tests/suite.h"

#include <string.h>

static void a_whole_url_falls_into_its_parts(void)
{
	struct url url;
	struct error err;
	CU_ASSERT_TRUE_FATAL(url_parse(
		"redis://us%40r:p%2Fw@[::1]:6380,b:26379/3?prefix=%7Bx%7D:&wait=1", &url, &err));
	CU_ASSERT_STRING_EQUAL(url.scheme, "redis");
	CU_ASSERT_STRING_EQUAL(url.user, "us@r");
	CU_ASSERT_STRING_EQUAL(url.password, "p/w");
	CU_ASSERT_EQUAL_FATAL(url.host_count, 2);
	CU_ASSERT_STRING_EQUAL(url.hosts[0].name, "::1");
	CU_ASSERT_EQUAL(url.hosts[0].port, 6380);
	CU_ASSERT_STRING_EQUAL(url.hosts[1].name, "b");
	CU_ASSERT_EQUAL(url.hosts[1].port, 26379);
	CU_ASSERT_STRING_EQUAL(url.path, "/3");
	CU_ASSERT_STRING_EQUAL(url_find(&url, "prefix"), "{x}:");
	CU_ASSERT_STRING_EQUAL(url_find(&url, "wait"), "1");
	CU_ASSERT_PTR_NULL(url_find(&url, "db"));
	url_finish(&url);
}

static void what_is_not_given_is_empty(void)
{
	struct url url;
	struct error err;
	CU_ASSERT_TRUE_FATAL(url_parse("sqs://", &url, &err));
	CU_ASSERT_PTR_NULL(url.user);
	CU_ASSERT_EQUAL_FATAL(url.host_count, 1);
	CU_ASSERT_STRING_EQUAL(url.hosts[0].name, "");
	CU_ASSERT_EQUAL(url.hosts[0].port, 0);
	CU_ASSERT_STRING_EQUAL(url.path, "");
	url_finish(&url);
}

static void a_password_may_hold_an_at_sign(void)
{
	struct url url;
	struct error err;
	CU_ASSERT_TRUE_FATAL(url_parse("redis://:p@ss@host", &url, &err));
	CU_ASSERT_STRING_EQUAL(url.user, "");
	CU_ASSERT_STRING_EQUAL(url.password, "p@ss");
	CU_ASSERT_STRING_EQUAL(url.hosts[0].name, "host");
	url_finish(&url);
}

static void a_broken_url_is_refused_without_showing_it(void)
{
	static const char *const texts[] = { "secret", "://secret", "redis://secret:99999",
		"redis://secret:", "redis://secret:12a", "redis://[::1", "redis://[::1]secret",
		"redis://secret%0", "redis://secret%zz", "redis://secret%00", "redis://u:secret%@h",
		"redis://h?k=secret%1" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct url url;
		struct error err = { 0 };
		CU_ASSERT_FALSE(url_parse(texts[i], &url, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_PTR_NULL(strstr(err.text, "secret"));
	}
}

static void a_shown_url_has_no_secret(void)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "redis://bob:secret@h:6379/1?prefix=secret", "redis://bob@h:6379/1" },
		{ "postgres://h,[::1]:5433/db", "postgres://h,[::1]:5433/db" },
		{ "secret", "(a broken URL)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(free) char *shown = url_show(rows[i].text);
		CU_ASSERT_STRING_EQUAL(shown, rows[i].shown);
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_whole_url_falls_into_its_parts),
		SUITE_TEST(what_is_not_given_is_empty),
		SUITE_TEST(a_password_may_hold_an_at_sign),
		SUITE_TEST(a_broken_url_is_refused_without_showing_it),
		SUITE_TEST(a_shown_url_has_no_secret),
	};
	return suite_run("url", tests, ARRAY_SIZE(tests));
}
