#pragma once
/*
 * What messages of a queue say, by the queue's `format`; see docs/brokers.md. Nothing here fails:
 * a message that can't be understood is read as one that says why.
 */
#include "config/config.h"

#include <stddef.h>

/* One message as read. All text is owned. */
struct format_message {
	char *task_id; /* a reference to a task of the store; else NULL, and: */
	char *id;      /* the new task's own; NULL: the store makes one */
	char *name;    /* NULL: that of the queue */
	char *payload; /* JSON text */
	char *reason;  /* why it can't be understood, payload shows its begin; else NULL */
};

/* The body has a NUL behind its length. */
void format_read(
	enum queue_format format, const char *body, size_t length, struct format_message *out);
/* The message that names a task. Owned. */
char *format_print_reference(const char *task_id);
/* Turns a reference that leads nowhere into a message that can't be understood. */
void format_reject(
	struct format_message *message, const char *body, size_t length, const char *reason);
void format_message_finish(struct format_message *message);
