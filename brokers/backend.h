#pragma once
/* What each backend gives to the table of schemes in broker.c; for brokers/ alone. */
#include "brokers/broker.h"

/* url is the whole one, checked before it is opened. */
bool redis_broker_open(const char *url, const char *owner, struct ev_loop *loop,
	struct broker **out, struct error *err);
bool redis_broker_check(const char *url, struct error *err);
bool sqs_broker_open(const char *url, const char *owner, struct ev_loop *loop, struct broker **out,
	struct error *err);
bool sqs_broker_check(const char *url, struct error *err);
