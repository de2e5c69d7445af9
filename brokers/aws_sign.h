#pragma once
/*
 * AWS Signature Version 4:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html Pure.
 * libcurl's own signing is not used: it can't correct a clock, and signs headers that it then
 * leaves out.
 */
#include "base/http.h"

#define AWS_DATE_SIZE   17 /* 20261122T145039Z */
#define AWS_HEADERS_MAX 16

struct aws_keys {
	char *id, *secret;
	char *token;           /* of a session; or NULL */
	int64_t expires_at_ms; /* wall; 0: they do not end */
};
struct aws_scope {
	const char *region, *service;
};
/* A request without a query. Every header is signed; Host and X-Amz-Date have to be among them. */
struct aws_request {
	const char *method;
	const char *path; /* as it is sent, with its slash */
	const struct http_header *headers;
	size_t header_count;
	const char *body;
	size_t length;
};

/* The form of X-Amz-Date. */
void aws_date(int64_t wall_ms, char out[AWS_DATE_SIZE]);
/* The value of Authorization; date is that of X-Amz-Date. Owned. */
char *aws_sign(const struct aws_request *request, const struct aws_keys *keys,
	const struct aws_scope *scope, const char date[AWS_DATE_SIZE]);

/* Wipes what they hold. */
void aws_keys_finish(struct aws_keys *keys);
struct aws_keys aws_keys_copy(const struct aws_keys *keys);
