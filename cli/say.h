#pragma once
/* What the command line says beside its results: one line each, on stderr. And its exit codes. */
#include "base/error.h"
#include "cli/arguments.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_NEGATIVE = 1, /* it does not exist; what was waited for failed */
	EXIT_MISUSE = 2,   /* usage, configuration */
	EXIT_AGAIN = 75,   /* no supervisor, store or broker reachable */
};

/* "reeve: …" */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The error as a line; answers its exit code. */
int say_error(const struct error *err);
/* A line and EXIT_MISUSE. */
int say_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
