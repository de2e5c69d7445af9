#pragma once
/* What the kinds share while they read one value. */
#include "config/keys.h"

void *reading_field(const struct key *key, void *base);
const void *reading_field_of(const struct key *key, const void *base);

/* A mistake at the value's key; answers false. */
bool reading_fault(const struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "expected …, got …" for this node; answers false. */
bool reading_unexpected(
	const struct reading *reading, const struct where *at, const struct node *node);

/* The text of a scalar with ${…} filled in; anything else is a mistake. */
bool reading_text(const struct reading *reading, const struct where *at, const struct node *node,
	struct filled *out);

/* The same for the value itself: not empty, and an origin that hides what was filled in. */
bool reading_own_text(struct reading *reading, struct filled *out);

/* Both members of a filled path made absolute. */
void reading_resolve(const struct reading *reading, const struct node *node, struct filled *path);

/* An unknown key in a map that one value consists of; answers false. */
bool reading_unknown(const struct reading *reading, const struct entry *entry,
	const char *const *known, size_t known_count);

/* A text as JSON; a placeholder where it is not UTF-8 (paths and variables may be anything). */
json_t *reading_json(const char *text);
