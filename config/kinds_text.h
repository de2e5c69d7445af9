#pragma once
/* What kinds share whose field is one text (char *). */
#include "config/keys.h"

bool kinds_keep_text(struct reading *reading, const struct filled *filled);
bool kinds_equal_text(const struct key *key, const void *base, const void *other);
json_t *kinds_show_text(const struct key *key, const void *base);
void kinds_drop_text(const struct key *key, void *base);

/* The scheme of a URL as it is written in the file: the rest may hold a password. */
const char *kinds_quote_scheme(struct arena *arena, const char *written);
