/*
 * Keys of a role, from the Security Token Service: by other keys, or by a token of the cluster's.
 * https://docs.aws.amazon.com/STS/latest/APIReference/ (query protocol). See aws_look.h.
 */
#include "brokers/aws_endpoint.h"
#include "brokers/aws_look.h"

#include <ctype.h>
#include <stdio.h>

#define SESSION "reeve"

struct form {
	char *text;
	size_t size;
	FILE *file;
};

static void form_begin(struct form *form, const char *action)
{
	*form = (struct form){ 0 };
	form->file = open_memstream(&form->text, &form->size);
	if (!form->file)
		abort();
	fprintf(form->file, "Action=%s&Version=2011-06-15", action);
}

static void form_add(struct form *form, const char *key, const char *value)
{
	if (!value)
		return;
	fprintf(form->file, "&%s=", key);
	for (; *value; value++) {
		bool is_plain = isalnum((unsigned char)*value) || strchr("-._~", *value);
		fprintf(form->file, is_plain ? "%c" : "%%%02X", (unsigned char)*value);
	}
}

static void form_end(struct form *form)
{
	if (fclose(form->file) != 0)
		abort();
}

static void form_finish(struct form *form)
{
	explicit_bzero(form->text, form->size);
	free(form->text);
}

static void describe(const struct http_reply *reply, struct error *err)
{
	OWNED(free) char *code = aws_xml_find(reply->body, "Code");
	OWNED(free) char *text = aws_xml_find(reply->body, "Message");
	size_t length = text ? strcspn(text, "\r\n") : 0;
	error_set(err, ERROR_UNAVAILABLE, "%d %.60s%s%.*s", reply->status, code ? code : "no code",
		length ? ": " : "", (int)(length > 120 ? 120 : length), text ? text : "");
}

static void on_reply(void *context, const struct http_reply *reply, const struct error *err)
{
	struct aws_look *look = context;
	struct aws_keys keys;
	struct error fault = { 0 };
	look->call = NULL;
	if (reply && reply->status == 200 &&
		aws_keys_parse_xml(reply->body, reply->length, &keys, &fault)) {
		aws_look_found(look, &keys);
		return;
	}
	if (!reply)
		fault = *err;
	else if (reply->status != 200)
		describe(reply, &fault);
	/* With the right time the next look may succeed. */
	if (reply)
		aws_clock_correct(look->clock, http_date_ms(reply));
	fault.kind = ERROR_UNAVAILABLE;
	error_wrap(&fault, "AWS STS");
	aws_look_fail(look, &fault);
}

/* keys: NULL where the request needs no signature. */
static void post(struct aws_look *look, struct form *form, const struct aws_keys *keys)
{
	struct aws_endpoint endpoint;
	struct error err;
	form_end(form);
	if (!aws_endpoint_find("sts", look->region, &endpoint, &err)) {
		form_finish(form);
		error_wrap(&err, "AWS STS");
		aws_look_fail(look, &err);
		return;
	}
	char date[AWS_DATE_SIZE];
	aws_date(aws_clock_ms(look->clock), date);
	struct http_header headers[6] = {
		{ "Host", endpoint.host },
		{ "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
		{ "X-Amz-Date", date },
	};
	size_t count = 3;
	if (keys && keys->token)
		headers[count++] = (struct http_header){ "X-Amz-Security-Token", keys->token };
	struct aws_request to_sign = { "POST", endpoint.path, headers, count, form->text,
		form->size };
	struct aws_scope scope = { look->region, "sts" };
	OWNED(free) char *authorization = keys ? aws_sign(&to_sign, keys, &scope, date) : NULL;
	if (authorization)
		headers[count++] = (struct http_header){ "Authorization", authorization };
	struct http_request request = {
		.method = "POST",
		.url = endpoint.url,
		.headers = headers,
		.header_count = count,
		.body = form->text,
		.length = form->size,
		.authorities = aws_variable("AWS_CA_BUNDLE"),
		.connect_timeout_ms = AWS_TIMEOUT_MS / 2,
		.timeout_ms = AWS_TIMEOUT_MS,
	};
	look->call = http_begin(look->http, &request, on_reply, look);
	form_finish(form);
	aws_endpoint_finish(&endpoint);
}

void aws_sts_assume(struct aws_look *look)
{
	OWNED(free) char *profile = look->roles[--look->role_count];
	const struct aws_files *files = &look->files;
	const char *session = aws_profile_get(files, profile, "role_session_name");
	struct form form;
	form_begin(&form, "AssumeRole");
	form_add(&form, "RoleArn", aws_profile_get(files, profile, "role_arn"));
	form_add(&form, "RoleSessionName", session ? session : SESSION);
	form_add(&form, "ExternalId", aws_profile_get(files, profile, "external_id"));
	form_add(&form, "DurationSeconds", aws_profile_get(files, profile, "duration_seconds"));
	post(look, &form, &look->keys);
}

void aws_sts_exchange(
	struct aws_look *look, const char *token_file, const char *role, const char *session)
{
	OWNED(free) char *token = NULL;
	size_t length;
	struct error err;
	if (!aws_file_read(token_file, AWS_TOKEN_MAX, &token, &length, &err)) {
		error_wrap(&err, "web identity token");
		aws_look_fail(look, &err);
		return;
	}
	token[strcspn(token, "\r\n")] = '\0';
	struct form form;
	form_begin(&form, "AssumeRoleWithWebIdentity");
	form_add(&form, "RoleArn", role);
	form_add(&form, "RoleSessionName", session ? session : SESSION);
	form_add(&form, "WebIdentityToken", token);
	explicit_bzero(token, length);
	post(look, &form, NULL);
}
