#pragma once
/*
 * Where the lines of the log go: stderr, a file, or the journal. A reader that is slow or stuck
 * never holds a writer for long: what it does not take in time is dropped, and counted for all
 * processes that are forked from the one that opened the log together.
 */
#include "base/error.h"

#include <stdint.h>

enum logsink_kind {
	LOGSINK_STREAM,            /* lines of text */
	LOGSINK_STREAM_OF_JOURNAL, /* the same, each with its priority in front: <6> */
	LOGSINK_JOURNAL,           /* datagrams of fields, see journal.h */
};

struct logsink {
	enum logsink_kind kind;
	int fd;
	bool is_owned;  /* closed with the sink */
	bool is_socket; /* takes MSG_DONTWAIT */
	bool may_block; /* another program's descriptor that we could not open anew */
};

/* to: as in struct log_settings. From the first call on the counters are shared over fork. */
bool logsink_open(const char *to, struct logsink *out, struct error *err);
void logsink_close(struct logsink *sink);

/* One line with its newline, or one datagram. False: it was dropped, and is not yet counted. */
bool logsink_write(const struct logsink *sink, const char *bytes, size_t length);

void logsink_count_drop(void);
/* All that were dropped since the log was opened. */
uint64_t logsink_dropped(void);
/* Those that nobody has been told of, now the caller's to tell; what can't be told goes back. */
uint64_t logsink_take_untold(void);
void logsink_give_untold(uint64_t count);
