#pragma once
/*
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram of fields per
 * entry. Without libsystemd's sd_journal_send, which waits for as long as journald does not read.
 */
#include "base/error.h"

#define JOURNAL_PATH "/run/systemd/journal/socket"

struct journal_field {
	const char *name;  /* [A-Z0-9_] */
	const char *value; /* NULL: the field is left out */
};

/* A socket that is connected to journald's at path. */
bool journal_open(const char *path, int *out, struct error *err);

/* The fields as one datagram. Owned. */
char *journal_compose(const struct journal_field *fields, size_t count, size_t *length);

/* Sends without waiting, as a sealed memfd what is too long for a datagram. False, with errno:
 * EAGAIN where journald is behind. Where the socket at path is another one by now it is connected
 * again first. */
bool journal_send(int fd, const char *path, const char *datagram, size_t length);
