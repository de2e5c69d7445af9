#pragma once
/*
 * JSON as text and as jansson values. Everything that leaves or enters the process goes through
 * here, so that limits and number formats are the same everywhere.
 */
#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>
#include <stddef.h>

#define JSONTEXT_PAYLOAD_MAX  (1024 * 1024) /* payload, result, one line */
#define JSONTEXT_ENVELOPE_MAX (4 * 1024 * 1024)

/*
 * Parses one JSON value of any type. Integers over 64 bits, duplicate keys, bad UTF-8 and trailing
 * text are INVALID, with the place in the error. The caller owns the value.
 */
bool jsontext_parse(const char *text, size_t length, json_t **out, struct error *err);

/* Compact text, keys in their order, each real in the fewest digits that read back the same. Owned.
 */
char *jsontext_print(const json_t *value);
/* The same, indented by two for people. Owned. */
char *jsontext_print_pretty(const json_t *value);

/* A new object: base with over's keys on top (one level). Either may be NULL or not an object.
 * Owned. */
json_t *jsontext_merge(const json_t *base, const json_t *over);

/* A member of an object as text, or NULL where it is missing or not a string. Borrowed. */
const char *jsontext_member(const json_t *object, const char *key);

MEMORY_DROP(json, json_t *, json_decref)
