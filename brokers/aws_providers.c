/* Providers that read the environment and the two files; those that ask somebody are in
 * aws_sts.c and aws_metadata.c. See aws_look.h. */
#include "brokers/aws_look.h"

void aws_look_environment(struct aws_look *look)
{
	struct aws_keys keys;
	if (aws_read_environment(&keys))
		aws_look_found(look, &keys);
	else
		aws_look_pass(look);
}

static bool read_keys(const json_t *profile, struct aws_keys *out)
{
	const char *id = jsontext_member(profile, "aws_access_key_id");
	const char *secret = jsontext_member(profile, "aws_secret_access_key");
	if (!id || !secret)
		return false;
	*out = (struct aws_keys){
		.id = xstrdup(id),
		.secret = xstrdup(secret),
		.token = xstrdup(jsontext_member(profile, "aws_session_token")),
	};
	return true;
}

static bool read_file_keys(const struct aws_files *files, enum aws_file file, const char *profile,
	struct aws_keys *out)
{
	return read_keys(json_object_get(files->profiles[file], profile), out);
}

static bool read_profile_keys(
	const struct aws_files *files, const char *profile, struct aws_keys *out)
{
	return read_file_keys(files, AWS_FILE_SHARED, profile, out) ||
	       read_file_keys(files, AWS_FILE_CONFIG, profile, out);
}

static void look_in(struct aws_look *look, enum aws_file file)
{
	struct aws_keys keys;
	if (read_file_keys(&look->files, file, aws_profile_name(), &keys))
		aws_look_found(look, &keys);
	else
		aws_look_pass(look);
}

void aws_look_shared(struct aws_look *look)
{
	look_in(look, AWS_FILE_SHARED);
}

void aws_look_config(struct aws_look *look)
{
	look_in(look, AWS_FILE_CONFIG);
}

static void fail(struct aws_look *look, const char *profile, const char *why)
{
	struct error err;
	error_set(&err, ERROR_INVALID, "AWS profile \"%.60s\": %s", profile, why);
	aws_look_fail(look, &err);
}

static bool is_named_but_missing(const struct aws_look *look)
{
	const char *name = aws_profile_name();
	if (!aws_variable("AWS_PROFILE") && !aws_variable("AWS_DEFAULT_PROFILE"))
		return false;
	for (int file = 0; file < AWS_FILES; file++)
		if (json_object_get(look->files.profiles[file], name))
			return false;
	return true;
}

static bool is_assumed_already(const struct aws_look *look, const char *profile)
{
	for (size_t i = 0; i < look->role_count; i++)
		if (strcmp(look->roles[i], profile) == 0)
			return true;
	return false;
}

/* What a role profile begins with: a credential_source, or keys of the profile at its end. */
static void begin_chain(struct aws_look *look, const char *profile, const char *source)
{
	const char *token_file = aws_profile_get(&look->files, profile, "web_identity_token_file");
	const char *role = aws_profile_get(&look->files, profile, "role_arn");
	struct aws_keys keys;
	if (source && strcmp(source, "EcsContainer") == 0)
		aws_look_container(look);
	else if (source && strcmp(source, "Ec2InstanceMetadata") == 0)
		aws_look_instance(look);
	else if (source && strcmp(source, "Environment") != 0)
		fail(look, profile,
			"credential_source is none of Environment, EcsContainer, "
			"Ec2InstanceMetadata");
	else if (source ? aws_read_environment(&keys)
			: read_profile_keys(&look->files, profile, &keys))
		aws_look_found(look, &keys);
	else if (source)
		fail(look, profile, "credential_source = Environment has no keys");
	else if (token_file && role)
		aws_sts_exchange(look, token_file, role,
			aws_profile_get(&look->files, profile, "role_session_name"));
	else
		fail(look, profile, "it has no keys");
}

/* Follows source_profile; answers the profile whose own keys begin the chain, or NULL. */
static const char *follow(struct aws_look *look, const char *profile, const char **source)
{
	const struct aws_files *files = &look->files;
	while (aws_profile_get(files, profile, "role_arn") &&
		!aws_profile_get(files, profile, "web_identity_token_file")) {
		if (look->role_count == AWS_ROLES_MAX || is_assumed_already(look, profile)) {
			fail(look, profile, "its chain of source_profile has no end");
			return NULL;
		}
		if (aws_profile_get(files, profile, "mfa_serial")) {
			fail(look, profile, "mfa_serial needs somebody to type a code");
			return NULL;
		}
		look->roles[look->role_count++] = xstrdup(profile);
		*source = aws_profile_get(files, profile, "credential_source");
		const char *next = aws_profile_get(files, profile, "source_profile");
		if (*source || (next && strcmp(next, profile) == 0))
			return profile;
		if (!next) {
			fail(look, profile, "role_arn without source_profile or credential_source");
			return NULL;
		}
		profile = next;
	}
	return profile;
}

void aws_look_role(struct aws_look *look)
{
	const char *profile = aws_profile_name(), *source = NULL;
	if (is_named_but_missing(look)) {
		fail(look, profile, "it is neither in the config nor in the credentials file");
		return;
	}
	if (!aws_profile_get(&look->files, profile, "role_arn") ||
		aws_profile_get(&look->files, profile, "web_identity_token_file")) {
		aws_look_pass(look);
		return;
	}
	const char *first = follow(look, profile, &source);
	if (first)
		begin_chain(look, first, source);
}

void aws_look_web_identity(struct aws_look *look)
{
	const char *profile = aws_profile_name();
	const char *token_file = aws_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = aws_variable("AWS_ROLE_ARN");
	const char *session = aws_variable("AWS_ROLE_SESSION_NAME");
	if (!token_file) {
		token_file = aws_profile_get(&look->files, profile, "web_identity_token_file");
		role = aws_profile_get(&look->files, profile, "role_arn");
		session = aws_profile_get(&look->files, profile, "role_session_name");
	}
	if (token_file && role)
		aws_sts_exchange(look, token_file, role, session);
	else
		aws_look_pass(look);
}
