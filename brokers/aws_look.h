#pragma once
/*
 * One look for credentials: providers in a fixed order, each ends its turn by exactly one of the
 * functions below. For brokers/aws_*.c alone.
 */
#include "base/jsontext.h"
#include "brokers/aws_credentials.h"

#include <sys/stat.h>

#define AWS_ROLES_MAX   5             /* that assume each other */
#define AWS_FILE_MAX    (1024 * 1024) /* of config and credentials */
#define AWS_TOKEN_MAX   (64 * 1024)   /* of a token's file */
#define AWS_TIMEOUT_MS  10000
#define AWS_METADATA_MS 1000 /* of the instance's metadata: two tries */

enum aws_file { AWS_FILE_CONFIG, AWS_FILE_SHARED, AWS_FILES };
/* What tells a file that has changed; all 0 where there is none. */
struct aws_file_mark {
	int64_t modified_ns, size, inode;
};
/* Both files read: profiles by name, {"NAME": {"key": "value"}}. */
struct aws_files {
	json_t *profiles[AWS_FILES];
	struct aws_file_mark marks[AWS_FILES];
};

/* Each takes its turn and then ends it. */
struct aws_look;
typedef void aws_provider(struct aws_look *look);

struct aws_look {
	struct aws_credentials *owner;
	struct http *http;
	struct aws_clock *clock;
	const char *region;
	size_t turn;
	struct aws_files files;
	char *roles[AWS_ROLES_MAX]; /* profiles whose roles are assumed, the last one first */
	size_t role_count;
	struct aws_keys keys; /* by which the next role is assumed */
	struct http_call *call;
	int tries;
	char *token, *role; /* of the instance's metadata */
};

/* These keys are it; takes them. */
void aws_look_found(struct aws_look *look, struct aws_keys *keys);
/* Not configured here: the next one's turn. */
void aws_look_pass(struct aws_look *look);
/* Configured here, and it can't be had: the look ends. */
void aws_look_fail(struct aws_look *look, const struct error *err);

aws_provider aws_look_environment, aws_look_role, aws_look_web_identity, aws_look_shared,
	aws_look_config, aws_look_container, aws_look_instance;

bool aws_read_environment(struct aws_keys *out);

/* INVALID names the file and the line. A file that is not there is an empty one. */
bool aws_files_read(struct aws_files *out, struct error *err);
void aws_files_finish(struct aws_files *files);
/* The marks of what is there now. */
void aws_files_mark(struct aws_file_mark marks[AWS_FILES]);
/* AWS_PROFILE, or "default". */
const char *aws_profile_name(void);
/* A setting of a profile; the credentials file goes before the config file. Borrowed, or NULL. */
const char *aws_profile_get(const struct aws_files *files, const char *profile, const char *key);
/* An INI file of the form that the AWS tools read, as {"SECTION": {"key": "value"}}. */
bool aws_profiles_parse(const char *text, size_t length, json_t **out, struct error *err);
/* A file's text, NUL-terminated; NOT_FOUND, UNAVAILABLE, or INVALID where it is over max bytes. */
bool aws_file_read(const char *path, size_t max, char **out, size_t *length, struct error *err);

/* {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}, as containers and instances say it. */
bool aws_keys_parse_json(const char *text, size_t length, struct aws_keys *out, struct error *err);
/* What STS answers (XML): the four elements of Credentials. */
bool aws_keys_parse_xml(const char *text, size_t length, struct aws_keys *out, struct error *err);
/* An element's text, unescaped, or NULL; for the few fields that are needed. Owned. */
char *aws_xml_find(const char *text, const char *element);
/* RFC 3339 in UTC, wall milliseconds; 0: it is none. */
int64_t aws_time_parse(const char *text);

/* Assumes look->roles, the last one first, with look->keys. */
void aws_sts_assume(struct aws_look *look);
/* A token of the cluster's for a role's keys. */
void aws_sts_exchange(
	struct aws_look *look, const char *token_file, const char *role, const char *session);
