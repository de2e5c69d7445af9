#pragma once
/* The queues of all files: deep merge of `defaults`, reading, checks across keys. */
#include "config/keys.h"

/* Checks the values of `defaults` by themselves, so that each mistake in it is found once. */
void queues_check_defaults(struct loading *loading, const struct node *defaults);

/* Adds the queues of one file to the configuration. defaults may be NULL. */
void queues_read(struct loading *loading, const struct entry *queues, const struct node *defaults);

/* checks.c: what one key alone can't tell. */
struct section;
void checks_queue(struct section *section, const struct where *at);
/* fits.c: keys that mean nothing beside the queue's type or `post`. */
void checks_fit(const struct section *section);
/* True where the key stands in the queue itself, not in `defaults` or nowhere. */
bool fits_is_own(const struct section *section, const char *name);
