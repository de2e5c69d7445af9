/* workers/validate: Qyu's payload rules, as a table. */
#include "workers/validate.h"

#include "base/jsontext.h"
#include "tests/suite.h"

static const struct {
	const char *rules, *payload;
	const char *faults; /* NULL: valid */
} cases[] = {
	{ "{}", "{\"x\":1}", NULL },
	{ "{}", "[1]", NULL },
	{ "{\"x\":{\"type\":\"integer\"}}", "{\"x\":1}", NULL },
	{ "{\"x\":{\"type\":\"integer\"}}", "{\"x\":\"1\"}",
		"{\"x.type\":{\"expected\":\"integer\",\"got\":\"string\"}}" },
	{ "{\"x\":{\"type\":\"integer\"}}", "{\"x\":1.5}",
		"{\"x.type\":{\"expected\":\"integer\",\"got\":\"number\"}}" },
	{ "{\"x\":{\"type\":\"number\"}}", "{\"x\":1.5}", NULL },
	{ "{\"x\":{\"type\":\"number\"}}", "{\"x\":2}", NULL },
	{ "{\"x\":{\"type\":\"boolean\"}}", "{\"x\":false}", NULL },
	{ "{\"x\":{\"type\":\"boolean\"}}", "{\"x\":0}",
		"{\"x.type\":{\"expected\":\"boolean\",\"got\":\"integer\"}}" },
	{ "{\"x\":{\"type\":\"hash\"}}", "{\"x\":{}}", NULL },
	{ "{\"x\":{\"type\":\"hash\"}}", "{\"x\":[]}",
		"{\"x.type\":{\"expected\":\"hash\",\"got\":\"array\"}}" },
	{ "{\"x\":{\"type\":\"array\"}}", "{\"x\":[]}", NULL },
	{ "{\"x\":{\"type\":\"string\"}}", "{\"x\":null}",
		"{\"x.type\":{\"expected\":\"string\",\"got\":\"null\"}}" },
	/* A type alone fails for a key that is missing. */
	{ "{\"x\":{\"type\":\"string\"}}", "{}",
		"{\"x.type\":{\"expected\":\"string\",\"got\":\"nothing\"}}" },
	{ "{\"x\":{\"type\":\"string\"}}", "[]",
		"{\"x.type\":{\"expected\":\"string\",\"got\":\"nothing\"}}" },
	{ "{\"x\":{\"presence\":true}}", "{\"x\":false}", NULL },
	{ "{\"x\":{\"presence\":true}}", "{\"x\":null}",
		"{\"x.presence\":{\"expected\":\"a value\",\"got\":\"null\"}}" },
	{ "{\"x\":{\"presence\":true}}", "{}",
		"{\"x.presence\":{\"expected\":\"a value\",\"got\":\"nothing\"}}" },
	{ "{\"x\":{\"presence\":false}}", "{}", NULL },
	{ "{\"x\":{\"absence\":true}}", "{}", NULL },
	{ "{\"x\":{\"absence\":true}}", "{\"x\":null}", NULL },
	{ "{\"x\":{\"absence\":true}}", "{\"x\":0}",
		"{\"x.absence\":{\"expected\":\"nothing\",\"got\":\"integer\"}}" },
	{ "{\"x\":{\"presence\":true,\"if\":\"y\"}}", "{}", NULL },
	{ "{\"x\":{\"presence\":true,\"if\":\"y\"}}", "{\"y\":false}", NULL },
	{ "{\"x\":{\"presence\":true,\"if\":\"y\"}}", "{\"y\":0}",
		"{\"x.presence\":{\"expected\":\"a value\",\"got\":\"nothing\"}}" },
	{ "{\"x\":{\"presence\":true,\"unless\":\"y\"}}", "{\"y\":true}", NULL },
	{ "{\"x\":{\"presence\":true,\"unless\":\"y\"}}", "{\"y\":null}",
		"{\"x.presence\":{\"expected\":\"a value\",\"got\":\"nothing\"}}" },
	{ "{\"x\":{\"type\":\"integer\"},\"y\":{\"presence\":true}}", "{\"x\":\"a\"}",
		"{\"x.type\":{\"expected\":\"integer\",\"got\":\"string\"},"
		"\"y.presence\":{\"expected\":\"a value\",\"got\":\"nothing\"}}" },
};

static void each_rule_says_what_it_expected_and_got(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err;
		OWNED(json) json_t *rules = NULL;
		OWNED(json) json_t *payload = NULL;
		OWNED(free) char *reason = NULL;
		OWNED(free)
		char *wanted = cases[i].faults ? xprintf("validation failed for payload fields: %s",
							 cases[i].faults)
					       : NULL;
		CU_ASSERT_TRUE_FATAL(
			jsontext_parse(cases[i].rules, strlen(cases[i].rules), &rules, &err));
		CU_ASSERT_TRUE_FATAL(
			jsontext_parse(cases[i].payload, strlen(cases[i].payload), &payload, &err));
		CU_ASSERT_EQUAL(validate_payload(rules, payload, &reason), wanted == NULL);
		if (wanted) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(reason);
			CU_ASSERT_STRING_EQUAL(reason, wanted);
		}
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_rule_says_what_it_expected_and_got),
	};
	return suite_run("validate", tests, ARRAY_SIZE(tests));
}
