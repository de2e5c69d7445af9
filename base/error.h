#pragma once
/*
 * Errors as values: a kind that the caller can act on and one sentence for people.
 * A function that can fail answers bool, takes `struct error *err` last and writes its
 * outputs only when it answers true.
 */
#include <stdbool.h>
#include <stddef.h>

enum error_kind {
	ERROR_NONE,
	ERROR_INVALID,     /* the input is wrong; the same call fails again */
	ERROR_NOT_FOUND,   /* what was named does not exist */
	ERROR_CONFLICT,    /* somebody else holds or has changed it */
	ERROR_UNAVAILABLE, /* a store, file or process can't be reached now; try again */
	ERROR_INTERNAL,    /* a bug or a broken invariant */
};

struct error {
	enum error_kind kind;
	char text[256];
};

/* Fills err and answers false, so that callers can `return error_set(…)`. err may be NULL. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of err's text and answers false; the kind stays. */
bool error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit code that contract and manual give to this kind: 1 not found, 2 invalid, 75 unavailable.
 */
int error_exit_code(const struct error *err);
