/* What sqs:// reads and writes without a server: signatures (AWS's published test suite), URLs,
 * files of profiles, replies. */
#include "base/clock.h"
#include "brokers/aws_endpoint.h"
#include "brokers/aws_look.h"
#include "brokers/sqs.h"
#include "tests/suite.h"

#include <stdio.h>
#include <unistd.h>

/* https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html: rows by the names of
 * its cases that have no query. */
static const struct vector {
	const char *name, *method, *path;
	struct http_header more[2];
	const char *body, *signature;
} vectors[] = {
	{ "get-vanilla", "GET", "/", { { 0 } }, "",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-utf8", "GET", "/ሴ", { { 0 } }, "",
		"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-unreserved", "GET",
		"/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", { { 0 } },
		"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ "get-header-value-trim", "GET", "/",
		{ { "My-Header1", " value1" }, { "My-Header2", " \"a   b   c\"" } }, "",
		"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "post-vanilla", "POST", "/", { { 0 } }, "",
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "post-header-key-sort", "POST", "/", { { "My-Header1", "value1" } }, "",
		"c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
	{ "post-x-www-form-urlencoded", "POST", "/",
		{ { "Content-Type", "application/x-www-form-urlencoded" } }, "Param1=value1",
		"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "post-sts-header-before", "POST", "/",
		{ { "X-Amz-Security-Token",
			"AQoDYXdzEPT//////////"
			"wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIe"
			"oIYRqTfl"
			"fKD8YUuwthAx7mSEI/qkPpKPi/"
			"kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7"
			"WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+"
			"xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBA"
			"z+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==" } },
		"", "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
};

static char *sign(const struct vector *vector)
{
	char id[] = "AKIDEXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
	struct aws_keys keys = { .id = id, .secret = secret };
	struct aws_scope scope = { "us-east-1", "service" };
	char date[AWS_DATE_SIZE];
	aws_date(aws_time_parse("2015-08-30T12:36:00Z"), date);
	struct http_header headers[4] = { { "Host", "example.amazonaws.com" },
		{ "X-Amz-Date", date } };
	size_t count = 2;
	for (size_t i = 0; i < ARRAY_SIZE(vector->more) && vector->more[i].name; i++)
		headers[count++] = vector->more[i];
	struct aws_request request = { vector->method, vector->path, headers, count, vector->body,
		strlen(vector->body) };
	return aws_sign(&request, &keys, &scope, date);
}

static void signatures_are_those_of_the_published_suite(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		OWNED(free) char *value = sign(&vectors[i]);
		const char *signature = strstr(value, "Signature=") + strlen("Signature=");
		if (strcmp(signature, vectors[i].signature) != 0)
			fprintf(stderr, "%s: %s\n", vectors[i].name, value);
		CU_ASSERT_STRING_EQUAL(signature, vectors[i].signature);
	}
	OWNED(free) char *value = sign(&vectors[6]);
	CU_ASSERT_STRING_EQUAL(value,
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date, "
		"Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

static void a_clock_is_corrected_beyond_four_minutes(void)
{
	struct aws_clock clock = { 0 };
	int64_t now_ms = clock_wall_ms();
	CU_ASSERT_FALSE(aws_clock_correct(&clock, 0));
	CU_ASSERT_FALSE(aws_clock_correct(&clock, now_ms + 230 * 1000));
	CU_ASSERT_FALSE(aws_clock_correct(&clock, now_ms - 230 * 1000));
	CU_ASSERT(aws_clock_correct(&clock, now_ms - 3600 * 1000));
	CU_ASSERT(llabs(aws_clock_ms(&clock) - (now_ms - 3600 * 1000)) < 60000);
	CU_ASSERT_FALSE(aws_clock_correct(&clock, now_ms - 3600 * 1000));
	CU_ASSERT(aws_clock_correct(&clock, now_ms));
}

static void urls_say_where_queues_are(void)
{
	struct sqs_place place;
	struct error err;
	char name[SQS_NAME_MAX + 1];
	CU_ASSERT_FATAL(sqs_place_read("sqs://eu-west-1/prod-", &place, &err));
	CU_ASSERT(place.may_create && !place.endpoint.url);
	unsetenv("AWS_ENDPOINT_URL");
	CU_ASSERT_FATAL(sqs_place_complete(&place, &err));
	CU_ASSERT_STRING_EQUAL(place.endpoint.url, "https://sqs.eu-west-1.amazonaws.com/");
	CU_ASSERT(sqs_place_name(&place, "mail.fifo", name, &err));
	CU_ASSERT_STRING_EQUAL(name, "prod-mail.fifo");
	sqs_place_finish(&place);

	CU_ASSERT_FATAL(sqs_place_read(
		"sqs://cn-north-1?create=false&endpoint=http://[::1]:4566/x&resend=1m", &place,
		&err));
	CU_ASSERT(!place.may_create && place.prefix[0] == '\0');
	CU_ASSERT_STRING_EQUAL(place.endpoint.url, "http://[::1]:4566/x");
	CU_ASSERT_STRING_EQUAL(place.endpoint.host, "[::1]:4566");
	CU_ASSERT_STRING_EQUAL(place.endpoint.path, "/x");
	sqs_place_finish(&place);

	CU_ASSERT_FATAL(sqs_place_read("sqs:///p-", &place, &err));
	setenv("AWS_REGION", "cn-north-1", 1);
	setenv("AWS_ENDPOINT_URL_SQS", "https://example.org:443", 1);
	CU_ASSERT_FATAL(sqs_place_complete(&place, &err));
	CU_ASSERT_STRING_EQUAL(place.region, "cn-north-1");
	CU_ASSERT_STRING_EQUAL(place.endpoint.host, "example.org");
	CU_ASSERT_STRING_EQUAL(place.endpoint.url, "https://example.org/");
	unsetenv("AWS_ENDPOINT_URL_SQS");
	unsetenv("AWS_REGION");
	sqs_place_finish(&place);
}

static void partitions_have_their_own_domains(void)
{
	static const char *const rows[][2] = {
		{ "us-east-1", "https://sts.us-east-1.amazonaws.com/" },
		{ "cn-northwest-1", "https://sts.cn-northwest-1.amazonaws.com.cn/" },
		{ "us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com/" },
		{ "us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov/" },
	};
	struct error err;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct aws_endpoint endpoint;
		CU_ASSERT_FATAL(aws_endpoint_find("sts", rows[i][0], &endpoint, &err));
		CU_ASSERT_STRING_EQUAL(endpoint.url, rows[i][1]);
		aws_endpoint_finish(&endpoint);
	}
}

static void urls_that_are_wrong_are_refused_without_their_secrets(void)
{
	static const char prefix_of_80[] = "sqs://eu/pppppppppppppppppppppppppppppppppppppppp"
					   "pppppppppppppppppppppppppppppppppppppppp";
	static const char *const wrong[] = { "sqs://user:geheim@eu-west-1/p",
		"sqs://eu-west-1:80/p", "sqs://eu-west-1/a/b", "sqs://eu west/p", "sqs://a,b/p",
		"sqs://eu-west-1/p?geheim=1&x", "sqs://eu-west-1/p?create=maybe",
		"sqs://eu-west-1/p?endpoint=ftp://h",
		"sqs://eu-west-1/p?endpoint=http://u:geheim@h/",
		"sqs://eu-west-1/p?endpoint=http://", "sqs://eu-west-1/p?endpoint=h:80",
		"sqs://eu-west-1/p?endpoint=http://h/%0d%0aX", prefix_of_80, "sqs://eu-west-1/p.q",
		"sqs:eu-west-1", "geheim" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct error err = { 0 };
		CU_ASSERT_FALSE(broker_check_url(wrong[i], &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT(strstr(err.text, "geheim") == NULL ||
			  strstr(err.text, "parameter \"geheim\"") != NULL);
	}
	CU_ASSERT(broker_check_url("sqs://eu-west-1/prod-?resend=15m", NULL));
}

static void codes_are_told_apart(void)
{
	static const struct {
		const char *code;
		int status;
		enum sqs_verdict verdict;
	} rows[] = {
		{ "com.amazonaws.sqs#QueueDoesNotExist", 400, SQS_NO_QUEUE },
		{ "AWS.SimpleQueueService.NonExistentQueue", 400, SQS_NO_QUEUE },
		{ "ThrottlingException", 400, SQS_REPEAT },
		{ "com.amazonaws.sqs#RequestThrottled", 403, SQS_REPEAT },
		{ "AWS.SimpleQueueService.QueueDeletedRecently", 400, SQS_REPEAT },
		{ "InternalError", 0, SQS_REPEAT },
		{ "ExpiredTokenException", 400, SQS_KEYS_REFUSED },
		{ "com.amazon.coral.service#UnrecognizedClientException", 400, SQS_KEYS_REFUSED },
		{ "AccessDeniedException", 403, SQS_REFUSED },
		{ "com.amazonaws.sqs#InvalidAddress", 400, SQS_REFUSED },
		{ "QueueNameExists", 400, SQS_TAKEN },
		{ NULL, 403, SQS_KEYS_REFUSED },
		{ NULL, 502, SQS_REPEAT },
		{ NULL, 429, SQS_REPEAT },
		{ "", 404, SQS_REFUSED },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(sqs_judge_code(rows[i].code, rows[i].status), rows[i].verdict);
	char said[64];
	sqs_describe(said, sizeof said, "a#Code", "first\nsecret");
	CU_ASSERT_STRING_EQUAL(said, "Code: first");
	sqs_describe(said, sizeof said, NULL, "a\x1b[31m");
	CU_ASSERT_STRING_EQUAL(said, "no code: a?[31m");
}

static void backoff_is_random_within_a_bound_that_doubles(void)
{
	int64_t most_ms = 0;
	for (int i = 0; i < 2000; i++) {
		int64_t first_ms = sqs_backoff_ms(1), later_ms = sqs_backoff_ms(50);
		CU_ASSERT(first_ms >= 0 && first_ms <= 200);
		CU_ASSERT(later_ms >= 0 && later_ms <= 20000);
		most_ms = later_ms > most_ms ? later_ms : most_ms;
	}
	CU_ASSERT(most_ms > 15000);
}

static json_t *parse_profiles(const char *text)
{
	json_t *profiles = NULL;
	struct error err = { 0 };
	CU_ASSERT(aws_profiles_parse(text, strlen(text), &profiles, &err));
	return profiles;
}

static void expect_setting(
	const json_t *profiles, const char *profile, const char *key, const char *value)
{
	const char *found = jsontext_member(json_object_get(profiles, profile), key);
	CU_ASSERT_FATAL(found != NULL);
	CU_ASSERT_STRING_EQUAL(found, value);
}

static void profiles_are_read_as_aws_tools_write_them(void)
{
	OWNED(json)
	json_t *profiles = parse_profiles(
		"\xef\xbb\xbf# a comment\r\n[default]\r\naws_access_key_id = AKIA1\r\n"
		"AWS_Secret_Access_Key=a/b+c= ; aside\r\n\r\n; another\n"
		"[profile my role]\nrole_arn=arn:x#y\ns3 =\n  max_queue_size = 5\n"
		"[profile \"quoted one\"] # aside\nregion = eu-west-1\n[bare]\nregion=x\n"
		"[default]\nregion = last");
	expect_setting(profiles, "default", "aws_access_key_id", "AKIA1");
	expect_setting(profiles, "default", "aws_secret_access_key", "a/b+c=");
	expect_setting(profiles, "default", "region", "last");
	expect_setting(profiles, "my role", "role_arn", "arn:x#y");
	expect_setting(profiles, "quoted one", "region", "eu-west-1");
	CU_ASSERT_PTR_NULL(json_object_get(json_object_get(profiles, "my role"), "max_queue_size"));
}

static void broken_profiles_name_the_line_and_nothing_else(void)
{
	static const char *const broken[] = { "[default]\ngeheim\n", "a = geheim\n\n",
		"[default\nx=geheim", "[a]\n= geheim" };
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		json_t *profiles = NULL;
		struct error err = { 0 };
		CU_ASSERT_FALSE(aws_profiles_parse(broken[i], strlen(broken[i]), &profiles, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "line "));
		CU_ASSERT_PTR_NULL(strstr(err.text, "geheim"));
	}
}

static void files_have_a_bound(void)
{
	char path[] = "/tmp/reeve-file.XXXXXX";
	int fd = mkstemp(path);
	char *text = NULL;
	size_t length;
	struct error err;
	CU_ASSERT_EQUAL(write(fd, "0123456789", 10), 10);
	close(fd);
	CU_ASSERT(aws_file_read(path, 10, &text, &length, &err));
	CU_ASSERT_EQUAL(length, 10);
	CU_ASSERT_STRING_EQUAL(text, "0123456789");
	free(text);
	CU_ASSERT_FALSE(aws_file_read(path, 9, &text, &length, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	unlink(path);
	CU_ASSERT_FALSE(aws_file_read(path, 9, &text, &length, &err));
	CU_ASSERT_EQUAL(err.kind, ERROR_NOT_FOUND);
}

static void keys_are_read_from_json(void)
{
	const char *good = "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
			   "\"Token\":\"T\",\"Expiration\":\"2026-11-22T14:50:39.125Z\"}";
	struct aws_keys keys;
	struct error err;
	CU_ASSERT_FATAL(aws_keys_parse_json(good, strlen(good), &keys, &err));
	CU_ASSERT_STRING_EQUAL(keys.token, "T");
	CU_ASSERT_EQUAL(keys.expires_at_ms, 1795359039000);
	aws_keys_finish(&keys);
	static const char *const bad[] = { "", "[]", "{}", "{\"Code\":\"AssumeRoleUnauthorized\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"}",
		"{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"S\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"geheim" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CU_ASSERT_FALSE(aws_keys_parse_json(bad[i], strlen(bad[i]), &keys, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
		CU_ASSERT_PTR_NULL(strstr(err.text, "geheim"));
	}
}

static void keys_are_read_from_xml(void)
{
	const char *good = "<R><AccessKeyId>not this</AccessKeyId><Credentials><AccessKeyId>A"
			   "</AccessKeyId><SecretAccessKey>a&amp;&lt;b&#1;</SecretAccessKey>"
			   "<SessionToken>T=</SessionToken><Expiration>2026-11-22T14:50:39Z"
			   "</Expiration></Credentials></R>";
	struct aws_keys keys;
	struct error err;
	CU_ASSERT_FATAL(aws_keys_parse_xml(good, strlen(good), &keys, &err));
	CU_ASSERT_STRING_EQUAL(keys.id, "A");
	CU_ASSERT_STRING_EQUAL(keys.secret, "a&<b&#1;");
	CU_ASSERT_EQUAL(keys.expires_at_ms, 1795359039000);
	aws_keys_finish(&keys);
	static const char *const bad[] = { "", "<Credentials>", "<Credentials><AccessKeyId>A",
		"<Credentials><AccessKeyId>A</AccessKeyId></Credentials>" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CU_ASSERT_FALSE(aws_keys_parse_xml(bad[i], strlen(bad[i]), &keys, &err));
}

static void replies_that_lack_something_are_refused(void)
{
	static const char *const bad[] = {
		"{\"Messages\":5}", "{\"Messages\":[5]}",
		"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\",\"Body\":1}]}",
		"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\",\"Body\":\"b\"},{}]}"
	};
	struct broker_messages messages;
	struct error err;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		OWNED(json) json_t *reply = NULL;
		CU_ASSERT_FATAL(jsontext_parse(bad[i], strlen(bad[i]), &reply, &err));
		CU_ASSERT_FALSE(sqs_read_messages(reply, false, &messages, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_UNAVAILABLE);
	}
	const char *odd =
		"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"r\",\"Body\":"
		"\"a\\u0000b\",\"Attributes\":{\"SentTimestamp\":\"-5\","
		"\"ApproximateReceiveCount\":\"99999999999\",\"MessageGroupId\":\"g\"}}]}";
	OWNED(json) json_t *reply = NULL;
	CU_ASSERT_FATAL(jsontext_parse(odd, strlen(odd), &reply, &err));
	CU_ASSERT_FATAL(sqs_read_messages(reply, false, &messages, &err));
	CU_ASSERT_EQUAL(messages.rows[0].length, 3);
	CU_ASSERT_EQUAL(messages.rows[0].sent_at_ms, 0);
	CU_ASSERT_EQUAL(messages.rows[0].deliveries, INT32_MAX);
	CU_ASSERT_PTR_NULL(messages.rows[0].group);
	broker_messages_finish(&messages);
}

int main(void)
{
	const struct suite_test tests[] = {
		SUITE_TEST(signatures_are_those_of_the_published_suite),
		SUITE_TEST(a_clock_is_corrected_beyond_four_minutes),
		SUITE_TEST(urls_say_where_queues_are),
		SUITE_TEST(partitions_have_their_own_domains),
		SUITE_TEST(urls_that_are_wrong_are_refused_without_their_secrets),
		SUITE_TEST(codes_are_told_apart),
		SUITE_TEST(backoff_is_random_within_a_bound_that_doubles),
		SUITE_TEST(profiles_are_read_as_aws_tools_write_them),
		SUITE_TEST(broken_profiles_name_the_line_and_nothing_else),
		SUITE_TEST(files_have_a_bound),
		SUITE_TEST(keys_are_read_from_json),
		SUITE_TEST(keys_are_read_from_xml),
		SUITE_TEST(replies_that_lack_something_are_refused),
	};
	return suite_run("aws", tests, ARRAY_SIZE(tests));
}
