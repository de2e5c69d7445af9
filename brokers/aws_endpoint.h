#pragma once
/* Where a service is: given, named by the environment, or AWS's own for the region. */
#include "base/error.h"
#include "base/memory.h"

struct aws_endpoint {
	char *url;  /* scheme, host, port, path */
	char *host; /* as in Host: without the scheme's own port */
	char *path; /* "/" at least */
};

/* http[s]://HOST[:PORT][/PATH], or INVALID without any of it in the error. */
bool aws_endpoint_read(const char *text, struct aws_endpoint *out, struct error *err);
/* service: "sqs". AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL go before AWS's own. */
bool aws_endpoint_find(
	const char *service, const char *region, struct aws_endpoint *out, struct error *err);
void aws_endpoint_finish(struct aws_endpoint *endpoint);
