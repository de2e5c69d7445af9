/*
 * Keys from the container's agent (ECS, EKS pod identity) and from the instance's metadata,
 * version 2: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html and
 * …/feature-imds-credentials.html. Neither goes through a proxy. See aws_look.h.
 */
#include "base/url.h"
#include "brokers/aws_look.h"

#include <stdio.h>

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_TRIES 2
#define ROLES_PATH     "/latest/meta-data/iam/security-credentials/"

/* Plain http only to this machine and to the agents' own addresses, as the SDKs have it. */
static bool is_trusted(const struct url *url)
{
	static const char *const agents[] = { "localhost", "::1", "169.254.170.2", "169.254.170.23",
		"fd00:ec2::23" };
	const char *host = url->hosts[0].name;
	if (strcmp(url->scheme, "https") == 0)
		return true;
	if (strcmp(url->scheme, "http") != 0)
		return false;
	if (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == '\0')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(agents); i++)
		if (strcmp(agents[i], host) == 0)
			return true;
	return false;
}

static bool check_container(const char *text, struct error *err)
{
	struct url url;
	if (!url_parse(text, &url, NULL))
		return error_set(
			err, ERROR_INVALID, "AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL");
	bool is_good = url.host_count == 1 && !url.user && is_trusted(&url);
	url_finish(&url);
	return is_good || error_set(err, ERROR_INVALID,
				  "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https nor this "
				  "machine nor an agent's address");
}

/* The file goes first: it is written anew before its token ends. */
static bool read_authorization(char **out, struct error *err)
{
	const char *file = aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	OWNED(free) char *text = NULL;
	size_t length;
	if (file && !aws_file_read(file, AWS_TOKEN_MAX, &text, &length, err))
		return error_wrap(err, "container's authorization token");
	if (!file)
		text = xstrdup(aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
	length = text ? strlen(text) : 0;
	while (length > 0 && strchr("\r\n", text[length - 1]))
		text[--length] = '\0';
	if (text && strpbrk(text, "\r\n"))
		return error_set(err, ERROR_INVALID,
			"the container's authorization token has more than one line");
	*out = GIVE(text);
	return true;
}

static void fail(struct aws_look *look, const char *where, const struct http_reply *reply,
	const struct error *err)
{
	struct error fault;
	if (err)
		fault = *err;
	else
		error_set(&fault, ERROR_UNAVAILABLE, "status %d", reply->status);
	fault.kind = ERROR_UNAVAILABLE;
	error_wrap(&fault, "%s", where);
	aws_look_fail(look, &fault);
}

static void take_reply(struct aws_look *look, const char *where, const struct http_reply *reply,
	const struct error *err)
{
	struct aws_keys keys;
	struct error fault;
	if (!reply || reply->status != 200)
		fail(look, where, reply, err);
	else if (aws_keys_parse_json(reply->body, reply->length, &keys, &fault))
		aws_look_found(look, &keys);
	else
		fail(look, where, reply, &fault);
}

static void on_container(void *context, const struct http_reply *reply, const struct error *err)
{
	struct aws_look *look = context;
	look->call = NULL;
	take_reply(look, "AWS container credentials", reply, err);
}

void aws_look_container(struct aws_look *look)
{
	const char *relative = aws_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = aws_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	OWNED(free) char *authorization = NULL;
	struct error err;
	if (!relative && !full) {
		aws_look_pass(look);
		return;
	}
	OWNED(free)
	char *url =
		relative ? xprintf("%s%s%s", CONTAINER_HOST, *relative == '/' ? "" : "/", relative)
			 : xstrdup(full);
	if (!check_container(url, &err) || !read_authorization(&authorization, &err)) {
		aws_look_fail(look, &err);
		return;
	}
	struct http_header headers[] = {
		{ "Accept", "application/json" },
		{ "Authorization", authorization },
	};
	struct http_request request = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.header_count = authorization ? 2 : 1,
		.connect_timeout_ms = AWS_METADATA_MS * 2,
		.timeout_ms = AWS_TIMEOUT_MS / 2,
		.is_direct = true,
	};
	look->call = http_begin(look->http, &request, on_container, look);
	if (authorization)
		explicit_bzero(authorization, strlen(authorization));
}

static char *instance_url(const char *path)
{
	const char *given = aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	bool is_v6 = mode && strcasecmp(mode, "ipv6") == 0;
	const char *host = given   ? given
			   : is_v6 ? "http://[fd00:ec2::254]"
				   : "http://169.254.169.254";
	size_t length = strlen(host);
	while (length > 0 && host[length - 1] == '/')
		length--;
	return xprintf("%.*s%s", (int)length, host, path);
}

static void ask_instance(
	struct aws_look *look, const char *method, const char *path, http_on_reply *on_reply)
{
	OWNED(free) char *url = instance_url(path);
	struct http_header header =
		look->token
			? (struct http_header){ "X-aws-ec2-metadata-token", look->token }
			: (struct http_header){ "X-aws-ec2-metadata-token-ttl-seconds", "21600" };
	struct http_request request = {
		.method = method,
		.url = url,
		.headers = &header,
		.header_count = 1,
		.connect_timeout_ms = AWS_METADATA_MS,
		.timeout_ms = AWS_METADATA_MS,
		.is_direct = true,
	};
	look->call = http_begin(look->http, &request, on_reply, look);
}

/* Whether to ask the same again: no reply, or the service is out of order. */
static bool is_worth_another(struct aws_look *look, const struct http_reply *reply)
{
	look->call = NULL;
	return (!reply || reply->status >= 500) && ++look->tries < INSTANCE_TRIES;
}

static char *role_path(const struct aws_look *look)
{
	return xprintf(ROLES_PATH "%s", look->role);
}

static void on_instance_keys(void *context, const struct http_reply *reply, const struct error *err)
{
	struct aws_look *look = context;
	OWNED(free) char *path = role_path(look);
	if (is_worth_another(look, reply))
		ask_instance(look, "GET", path, on_instance_keys);
	else
		take_reply(look, "AWS instance metadata", reply, err);
}

/* The first line is the role's name; 404: the instance has none. */
static void on_role(void *context, const struct http_reply *reply, const struct error *err)
{
	struct aws_look *look = context;
	size_t length = reply ? strcspn(reply->body, "\r\n") : 0;
	if (is_worth_another(look, reply)) {
		ask_instance(look, "GET", ROLES_PATH, on_role);
	} else if (reply && reply->status == 404) {
		aws_look_pass(look);
	} else if (!reply || reply->status != 200 || length == 0 ||
		   strspn(reply->body, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789+=,.@_-") < length) {
		fail(look, "AWS instance metadata", reply, err);
	} else {
		look->role = xstrndup(reply->body, length);
		look->tries = 0;
		OWNED(free) char *path = role_path(look);
		ask_instance(look, "GET", path, on_instance_keys);
	}
}

static void on_token(void *context, const struct http_reply *reply, const struct error *err)
{
	(void)err;
	struct aws_look *look = context;
	size_t length = reply ? strlen(reply->body) : 0;
	if (is_worth_another(look, reply)) {
		ask_instance(look, "PUT", "/latest/api/token", on_token);
	} else if (!reply || reply->status != 200 || length == 0 || length > 4096 ||
		   strpbrk(reply->body, "\r\n")) {
		aws_look_pass(look); /* This is no instance, or it gives its role to nobody. */
	} else {
		look->token = xstrdup(reply->body);
		look->tries = 0;
		ask_instance(look, "GET", ROLES_PATH, on_role);
	}
}

void aws_look_instance(struct aws_look *look)
{
	const char *disabled = aws_variable("AWS_EC2_METADATA_DISABLED");
	if (disabled && strcasecmp(disabled, "true") == 0)
		aws_look_pass(look);
	else
		ask_instance(look, "PUT", "/latest/api/token", on_token);
}
