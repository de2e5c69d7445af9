#pragma once
/* What the tests of sqs:// share: a broker on the loop, and what its callbacks told. */
#include "brokers/broker.h"
#include "tests/suite.h"

struct sqs_seen {
	int answers;
	struct broker_messages messages;
	bool is_done[64];
	size_t count;
	struct error err; /* kind NONE: success */
	struct broker_depth depth;
	int requests;
};
extern struct ev_loop *ground_loop;
extern struct sqs_seen seen;

/* A broker at this endpoint; parameters: "&create=false". */
struct broker *ground_open(const char *endpoint, const char *parameters);
/* Runs the loop until so many answers have come since the last time. */
void ground_await(int answers);
/* Begin an act and wait for its answer. */
void ground_prepare(struct broker *, const char *queue);
void ground_send(struct broker *, const char *queue, const struct broker_outgoing *, size_t count);
void ground_send_texts(struct broker *, const char *queue, const char *format, int count);
void ground_receive(struct broker *, const char *queue, size_t max, int64_t wait_ms);
void ground_ack_seen(struct broker *, const char *queue);
void ground_depth(struct broker *, const char *queue);
broker_on_messages ground_on_messages;
broker_on_done ground_on_done;
broker_on_depth ground_on_depth;

/* A name that no other test uses. */
void ground_name(char out[64], const char *ending);
void ground_begin(void);
void ground_end(void);
/* A request of the test's own, without a signature: the emulator asks for none. */
void ground_call(const char *action, const char *parameters);
/* Runs a program of the folder REEVE_TEST_SQS_DIR. */
void ground_run(const char *program);
