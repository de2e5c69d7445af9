#pragma once
/*
 * Credentials as AWS's own tools find them, in their order: environment, a profile's role, web
 * identity (EKS), the shared credentials and config files, the container's endpoint (ECS, EKS pod
 * identity), the instance's metadata (version 2). Keys that end are renewed before that, in the
 * background; files are read again when they have changed. docs/brokers.md has the list.
 */
#include "brokers/aws_sign.h"

/* Our clock's correction, learnt from what a service answers; shared by all that sign. */
struct aws_clock {
	int64_t offset_ms;
};
int64_t aws_clock_ms(const struct aws_clock *clock);
/* Sets the offset where the service's date is over 4 minutes off; answers whether it did. */
bool aws_clock_correct(struct aws_clock *clock, int64_t date_ms);

/* What callers may set instead of the environment's: nothing. region is for STS. Called at the end
 * of each look: err is NULL where there are keys now. INVALID: what is configured can't be right;
 * UNAVAILABLE: an endpoint did not answer, or nothing is configured. */
typedef void aws_on_keys(void *context, const struct error *err);

struct aws_credentials;
/* Reads nothing yet. */
struct aws_credentials *aws_credentials_open(struct http *http, struct ev_loop *loop,
	const char *region, struct aws_clock *clock, aws_on_keys *on_keys, void *context);
/* Keys that hold, valid until the loop runs again, or NULL: then a look is under way, and on_keys
 * is called, never from within. */
const struct aws_keys *aws_credentials_find(struct aws_credentials *credentials);
/* The service refused these keys: what find answers next is looked up anew. */
void aws_credentials_refuse(struct aws_credentials *credentials, const char *id);
void aws_credentials_close(struct aws_credentials *credentials);

/* The region that environment or profile name, or NULL. Owned. */
char *aws_find_region(void);
/* A variable of the environment; NULL where it is missing or empty. */
const char *aws_variable(const char *name);
