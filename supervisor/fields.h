#pragma once
/*
 * Members of a struct as members of a JSON object, by a table: FIELD(struct child, backoff.streak)
 * is both the C member and its name outside. Names are kept for ever: other versions read them.
 */
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind { FIELD_BOOL, FIELD_INT, FIELD_INT64, FIELD_UINT64, FIELD_DOUBLE, FIELD_TEXT };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, size; /* size: of the whole array, where it is one */
};

/* An array of int64_t becomes a list, an array of char a text. */
#define FIELD(owner, member)                                            \
	{                                                               \
		.name = #member,                                      \
		.kind = _Generic(((owner *)NULL)->member,             \
			bool: FIELD_BOOL,                             \
			int: FIELD_INT,                               \
			int64_t: FIELD_INT64,                         \
			int64_t *: FIELD_INT64,                       \
			uint64_t: FIELD_UINT64,                       \
			double: FIELD_DOUBLE,                         \
			char *: FIELD_TEXT),                          \
		.offset = offsetof(owner, member),                    \
		.size = sizeof(((owner *)NULL)->member) \
	}

/* Owned. */
json_t *fields_write(const struct field *fields, size_t count, const void *from);
/* A member that is missing leaves what is there; one that can't be is INVALID. */
bool fields_read(const struct field *fields, size_t count, const json_t *object, void *to,
	struct error *err);
