/* Where keys come from, with servers in place of STS, a container's agent and an instance's
 * metadata (aws_servers.py), and with files of our own. */
#include "base/clock.h"
#include "brokers/aws_credentials.h"
#include "tests/python_server.h"
#include "tests/suite.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define ROLE "arn:aws:iam::1:role/"

static struct ev_loop *loop;
static struct python_server server;
static struct http *http;
static struct aws_clock aws_time;
static struct aws_credentials *credentials;
static char folder[] = "/tmp/reeve-aws.XXXXXX";

static struct {
	int looks;
	struct error err;
} seen;

static void on_keys(void *context, const struct error *err)
{
	(void)context;
	seen.looks++;
	seen.err = err ? *err : (struct error){ 0 };
	ev_break(loop, EVBREAK_ONE);
}

static char *path_of(const char *name)
{
	return xprintf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	OWNED(free) char *path = path_of(name);
	FILE *file = fopen(path, "w");
	CU_ASSERT_FATAL(file != NULL);
	fputs(text, file);
	fclose(file);
}

static void set_path(const char *variable, const char *name)
{
	OWNED(free) char *path = path_of(name);
	setenv(variable, path, 1);
}

static void set_server(const char *variable, const char *path)
{
	OWNED(free) char *url = xprintf("%s%s", server.url, path);
	setenv(variable, url, 1);
}

static void tell(const char *body)
{
	json_decref(python_server_post(loop, &server, "/-/set", body));
}

/* What the servers were asked since the last time. Owned. */
static json_t *asked(void)
{
	return python_server_post(loop, &server, "/-/seen", "{}");
}

static const char *asked_for(const json_t *rows, size_t index, const char *key)
{
	const char *text = jsontext_member(json_array_get(rows, index), key);
	return text ? text : "";
}

static void set_up(void)
{
	static const char *const variables[] = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT" };
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	set_server("AWS_ENDPOINT_URL_STS", "/");
	set_path("AWS_CONFIG_FILE", "config");
	set_path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
	write_file("config", "");
	write_file("credentials", "");
	tell("{\"failures\":0,\"delay_s\":0,\"text\":null,\"lifetime_s\":3600,\"id\":\"AKIAGIVEN\","
	     "\"secret\":\"given-secret\",\"offset_s\":0,\"keys\":{}}");
	json_decref(asked());
	aws_time = (struct aws_clock){ 0 };
	seen.looks = 0;
	credentials = aws_credentials_open(http, loop, "us-east-1", &aws_time, on_keys, NULL);
}

static void tear_down(void)
{
	aws_credentials_close(credentials);
	clock_set_offset_ms(0);
}

static void await_look(void)
{
	int before = seen.looks;
	while (seen.looks == before)
		ev_run(loop, 0);
}

static const struct aws_keys *find(void)
{
	const struct aws_keys *keys = aws_credentials_find(credentials);
	if (keys)
		return keys;
	await_look();
	return seen.err.kind ? NULL : aws_credentials_find(credentials);
}

static void expect(const char *id, const char *secret, const char *token)
{
	const struct aws_keys *keys = find();
	if (!keys)
		fprintf(stderr, "%s\n", seen.err.text);
	CU_ASSERT_FATAL(keys != NULL);
	CU_ASSERT_STRING_EQUAL(keys->id, id);
	CU_ASSERT_STRING_EQUAL(keys->secret, secret);
	CU_ASSERT((keys->token != NULL) == (token != NULL));
	if (keys->token && token)
		CU_ASSERT_STRING_EQUAL(keys->token, token);
}

static void expect_failure(enum error_kind kind, const char *text)
{
	CU_ASSERT_PTR_NULL(find());
	CU_ASSERT_EQUAL(seen.err.kind, kind);
	if (!strstr(seen.err.text, text))
		fprintf(stderr, "%s\n", seen.err.text);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, text));
	CU_ASSERT_PTR_NULL(strstr(seen.err.text, "geheim"));
}

static void the_environment_goes_first(void)
{
	set_up();
	write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	setenv("AWS_SESSION_TOKEN", "t", 1);
	expect("E", "e", "t");
	tear_down();
}

static void profiles_are_chosen_by_name(void)
{
	set_up();
	write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n"
				  "[other]\naws_access_key_id=O\naws_secret_access_key=o\n"
				  "aws_session_token=t\n");
	write_file("config", "[profile conf]\naws_access_key_id=C\naws_secret_access_key=c\n");
	expect("F", "f", NULL);
	tear_down();
	const char *const names[] = { "other", "conf" };
	for (int i = 0; i < 2; i++) {
		credentials =
			aws_credentials_open(http, loop, "us-east-1", &aws_time, on_keys, NULL);
		setenv("AWS_PROFILE", names[i], 1);
		expect(i ? "C" : "O", i ? "c" : "o", i ? NULL : "t");
		tear_down();
	}
}

static void a_file_that_changes_is_read_again_in_the_background(void)
{
	set_up();
	write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
	expect("F", "f", NULL);
	write_file("credentials", "[default]\naws_access_key_id=NEW\naws_secret_access_key=n\n");
	clock_set_offset_ms(2000);
	expect("F", "f", NULL);
	await_look();
	expect("NEW", "n", NULL);
	/* A broken one is no reason to drop what holds. */
	write_file("credentials", "[default\naws_secret_access_key=geheim\n");
	clock_set_offset_ms(4000);
	expect("NEW", "n", NULL);
	await_look();
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.err.text, "credentials: line 1"));
	expect("NEW", "n", NULL);
	tear_down();
}

static void keys_that_were_refused_are_looked_up_again(void)
{
	set_up();
	write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
	expect("F", "f", NULL);
	aws_credentials_refuse(credentials, "another");
	CU_ASSERT_PTR_NOT_NULL(aws_credentials_find(credentials));
	aws_credentials_refuse(credentials, "F");
	write_file("credentials", "[default]\naws_access_key_id=F2\naws_secret_access_key=f\n");
	expect("F2", "f", NULL);
	tear_down();
}

static void settings_that_are_wrong_are_named(void)
{
	static const struct {
		const char *config, *text;
	} rows[] = {
		{ "", "profile \"p\": it is neither" },
		{ "[profile p]\nrole_arn=r\n", "without source_profile" },
		{ "[profile p]\nrole_arn=r\nsource_profile=q\n", "profile \"q\": it has no keys" },
		{ "[profile p]\nrole_arn=r\nsource_profile=q\n[profile q]\nrole_arn=r\n"
		  "source_profile=p\n",
			"has no end" },
		{ "[profile p]\nrole_arn=r\nsource_profile=p\nmfa_serial=m\n", "mfa_serial" },
		{ "[profile p]\nrole_arn=r\ncredential_source=Moon\n", "credential_source" },
		{ "[profile p]\nrole_arn=r\ncredential_source=Environment\n", "Environment" },
		{ "[profile p]\nrole_arn=r\ncredential_source=EcsContainer\n",
			"credential_source" },
		{ "geheim", "config: line 1" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up();
		setenv("AWS_PROFILE", "p", 1);
		write_file("config", rows[i].config);
		expect_failure(ERROR_INVALID, rows[i].text);
		tear_down();
	}
}

static void nothing_at_all_is_told(void)
{
	set_up();
	expect_failure(ERROR_UNAVAILABLE, "no AWS credentials");
	tear_down();
}

static void a_cluster_token_is_exchanged_for_a_role(void)
{
	set_up();
	write_file("token", "cluster.token/+=\n");
	set_path("AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	setenv("AWS_ROLE_ARN", ROLE "web", 1);
	expect("web", "given-secret", "given+token/&");
	OWNED(json) json_t *rows = asked();
	CU_ASSERT_EQUAL(json_array_size(rows), 1);
	const char *body = asked_for(rows, 0, "body");
	CU_ASSERT_PTR_NOT_NULL(strstr(body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"));
	CU_ASSERT_PTR_NOT_NULL(strstr(body, "WebIdentityToken=cluster.token%2F%2B%3D"));
	CU_ASSERT_PTR_NOT_NULL(strstr(body, "RoleSessionName=reeve"));
	CU_ASSERT_PTR_NULL(json_object_get(
		json_object_get(json_array_get(rows, 0), "headers"), "Authorization"));
	tear_down();
}

static void a_profile_may_name_the_cluster_token(void)
{
	set_up();
	write_file("token", "t");
	OWNED(free) char *path = path_of("token");
	OWNED(free)
	char *config = xprintf("[default]\nrole_arn=" ROLE "p\nrole_session_name=me\n"
			       "web_identity_token_file=%s\n",
		path);
	write_file("config", config);
	expect("p", "given-secret", "given+token/&");
	OWNED(json) json_t *rows = asked();
	CU_ASSERT_PTR_NOT_NULL(strstr(asked_for(rows, 0, "body"), "RoleSessionName=me"));
	tear_down();
}

static void a_token_that_is_missing_or_refused_is_told(void)
{
	set_up();
	set_path("AWS_WEB_IDENTITY_TOKEN_FILE", "missing");
	setenv("AWS_ROLE_ARN", ROLE "web", 1);
	expect_failure(ERROR_NOT_FOUND, "web identity token: ");
	write_file("token", "geheim");
	set_path("AWS_WEB_IDENTITY_TOKEN_FILE", "token");
	tell("{\"text\":\"<Credentials>geheim\"}");
	expect_failure(ERROR_UNAVAILABLE, "AWS STS: the reply has no whole credentials");
	tell("{\"text\":null,\"failures\":1}");
	expect_failure(ERROR_UNAVAILABLE, "AWS STS: 500");
	expect("web", "given-secret", "given+token/&");
	tear_down();
}

static void roles_are_assumed_by_other_keys_with_a_right_signature(void)
{
	set_up();
	write_file("config", "[default]\nrole_arn=" ROLE "top\nsource_profile=mid\n"
			     "external_id=a b&c\nduration_seconds=900\n"
			     "[profile mid]\nrole_arn=" ROLE "mid\nsource_profile=base\n");
	write_file("credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=b/+\n");
	tell("{\"keys\":{\"BASE\":[\"b/+\",null],\"mid\":[\"given-secret\",\"given+token/&\"]}}");
	expect("top", "given-secret", "given+token/&");
	OWNED(json) json_t *rows = asked();
	CU_ASSERT_EQUAL(json_array_size(rows), 2);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_STRING_EQUAL(asked_for(rows, i, "refused"), "");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(asked_for(rows, 1, "body"), "ExternalId=a%20b%26c&DurationSeconds=900"));
	/* Refused: the service's first line. */
	tell("{\"keys\":{}}");
	aws_credentials_refuse(credentials, "top");
	expect_failure(ERROR_UNAVAILABLE, "403 InvalidClientTokenId: no <such> thing");
	CU_ASSERT_PTR_NULL(strstr(seen.err.text, "second line"));
	tear_down();
}

static void a_wrong_clock_does_not_keep_roles_from_being_assumed(void)
{
	set_up();
	write_file("credentials", "[default]\naws_access_key_id=BASE\naws_secret_access_key=b\n"
				  "role_arn=" ROLE "r\nsource_profile=default\n");
	tell("{\"keys\":{\"BASE\":[\"b\",null]},\"offset_s\":3600,\"lifetime_s\":9000}");
	expect_failure(ERROR_UNAVAILABLE, "RequestExpired");
	expect("r", "given-secret", "given+token/&");
	tear_down();
}

static void a_container_is_asked_with_its_token(void)
{
	set_up();
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container?x=1");
	write_file("agent", "agent-token\n");
	set_path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "agent");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this", 1);
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	/* The token's file is written anew from time to time. */
	write_file("agent", "agent-token-2");
	aws_credentials_refuse(credentials, "AKIAGIVEN");
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	OWNED(json) json_t *rows = asked();
	CU_ASSERT_EQUAL(json_array_size(rows), 2);
	static const char *const tokens[] = { "agent-token", "agent-token-2" };
	for (size_t i = 0; i < 2; i++) {
		const json_t *headers = json_object_get(json_array_get(rows, i), "headers");
		const char *sent = jsontext_member(headers, "Authorization");
		CU_ASSERT_FATAL(sent != NULL);
		CU_ASSERT_STRING_EQUAL(sent, tokens[i]);
		CU_ASSERT_STRING_EQUAL(asked_for(rows, i, "path"), "/container?x=1");
	}
	tear_down();
}

static void a_container_token_goes_to_no_stranger(void)
{
	set_up();
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "geheim", 1);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x", 1);
	expect_failure(ERROR_INVALID, "neither https nor this machine");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1.example.org/x", 1);
	expect_failure(ERROR_INVALID, "neither https nor this machine");
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "geheim\r\nX-Evil: 1", 1);
	expect_failure(ERROR_INVALID, "more than one line");
	tear_down();
}

static void bad_replies_of_a_container_are_told(void)
{
	set_up();
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
	tell("{\"text\":\"{\\\"SecretAccessKey\\\": \\\"geheim\"}");
	expect_failure(ERROR_UNAVAILABLE, "AWS container credentials: the reply is not a JSON");
	tell("{\"text\":\"{\\\"Code\\\":\\\"Nope\\\"}\"}");
	expect_failure(ERROR_UNAVAILABLE, "says \"Nope\"");
	tell("{\"text\":null,\"failures\":1}");
	expect_failure(ERROR_UNAVAILABLE, "AWS container credentials: status 500");
	tear_down();
}

static void an_instance_is_asked_by_version_two(void)
{
	set_up();
	unsetenv("AWS_EC2_METADATA_DISABLED");
	set_server("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
	tell("{\"failures\":1}"); /* the second of two tries */
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	OWNED(json) json_t *rows = asked();
	CU_ASSERT_EQUAL(json_array_size(rows), 4);
	CU_ASSERT_STRING_EQUAL(asked_for(rows, 1, "method"), "PUT");
	/* One that does not answer is none. */
	aws_credentials_refuse(credentials, "AKIAGIVEN");
	tell("{\"delay_s\":3}");
	expect_failure(ERROR_UNAVAILABLE, "no AWS credentials");
	tear_down();
}

static void a_role_may_begin_with_the_container(void)
{
	set_up();
	write_file("config", "[default]\nrole_arn=" ROLE "top\ncredential_source=EcsContainer\n");
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
	tell("{\"keys\":{\"AKIAGIVEN\":[\"given-secret\",\"given+token/&amp;\"]}}");
	expect("top", "given-secret", "given+token/&");
	tear_down();
}

static void keys_are_renewed_before_they_end(void)
{
	set_up();
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	/* Not yet. */
	clock_set_offset_ms((3600 - 365) * 1000);
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	CU_ASSERT_EQUAL(seen.looks, 1);
	/* Five minutes before: in the background; while that fails the old ones are used. */
	tell("{\"failures\":1,\"id\":\"AKIANEXT\",\"lifetime_s\":99999}");
	clock_set_offset_ms((3600 - 295) * 1000);
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	await_look();
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_UNAVAILABLE);
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	CU_ASSERT_EQUAL(seen.looks, 2);
	/* Half a minute later again. */
	clock_set_offset_ms((3600 - 260) * 1000);
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	await_look();
	CU_ASSERT_EQUAL(seen.err.kind, ERROR_NONE);
	expect("AKIANEXT", "given-secret", "given+token/&amp;");
	tear_down();
}

static void keys_that_have_ended_are_not_used(void)
{
	set_up();
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
	expect("AKIAGIVEN", "given-secret", "given+token/&amp;");
	clock_set_offset_ms(3600 * 1000);
	tell("{\"failures\":1}");
	expect_failure(ERROR_UNAVAILABLE, "status 500");
	tell("{\"lifetime_s\":9000,\"id\":\"AKIANEXT\"}");
	expect("AKIANEXT", "given-secret", "given+token/&amp;");
	tear_down();
}

static void closing_ends_a_look(void)
{
	set_up();
	set_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
	tell("{\"delay_s\":1}");
	CU_ASSERT_PTR_NULL(aws_credentials_find(credentials));
	ev_run(loop, EVRUN_NOWAIT);
	ev_run(loop, EVRUN_NOWAIT);
	tear_down();
	CU_ASSERT_EQUAL(seen.looks, 0);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	loop = ev_loop_new(EVFLAG_AUTO);
	struct error err;
	const char *const none[] = { NULL };
	if (!mkdtemp(folder) || !http_open(loop, &http, &err))
		return 1;
	python_server_start(&server, "http", "127.0.0.1", "aws_servers.py", none);
	const struct suite_test tests[] = {
		SUITE_TEST(the_environment_goes_first),
		SUITE_TEST(profiles_are_chosen_by_name),
		SUITE_TEST(a_file_that_changes_is_read_again_in_the_background),
		SUITE_TEST(keys_that_were_refused_are_looked_up_again),
		SUITE_TEST(settings_that_are_wrong_are_named),
		SUITE_TEST(nothing_at_all_is_told),
		SUITE_TEST(a_cluster_token_is_exchanged_for_a_role),
		SUITE_TEST(a_profile_may_name_the_cluster_token),
		SUITE_TEST(a_token_that_is_missing_or_refused_is_told),
		SUITE_TEST(roles_are_assumed_by_other_keys_with_a_right_signature),
		SUITE_TEST(a_wrong_clock_does_not_keep_roles_from_being_assumed),
		SUITE_TEST(a_container_is_asked_with_its_token),
		SUITE_TEST(a_container_token_goes_to_no_stranger),
		SUITE_TEST(bad_replies_of_a_container_are_told),
		SUITE_TEST(an_instance_is_asked_by_version_two),
		SUITE_TEST(a_role_may_begin_with_the_container),
		SUITE_TEST(keys_are_renewed_before_they_end),
		SUITE_TEST(keys_that_have_ended_are_not_used),
		SUITE_TEST(closing_ends_a_look),
	};
	int failed = suite_run("aws_credentials", tests, ARRAY_SIZE(tests));
	python_server_stop(&server);
	OWNED(free) char *remove = xprintf("rm -r %s", folder);
	failed |= system(remove) != 0;
	http_close(http);
	ev_loop_destroy(loop);
	return failed;
}
