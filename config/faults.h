#pragma once
/* Mistakes and warnings as they are found, each with its place; sorted and without repeats at the
 * end. */
#include "config/config.h"
#include "config/node.h"

#include <stdarg.h>

/* Where a value stands and what it is called: "queues.mail.workers"; "" is the whole file. */
struct where {
	const struct source *source;
	int line, column; /* 0: the file as such */
	const char *path;
};

struct fault;
struct faults {
	struct fault *rows;
	size_t count, room;
	size_t mistake_count;
};

/* Answers false, so that callers can `return faults_add(…)`. */
bool faults_add(struct faults *faults, const struct where *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool faults_add_list(
	struct faults *faults, const struct where *at, const char *format, va_list args);
void faults_warn(struct faults *faults, const struct where *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Hands the lines over in the order of the files and empties the list. */
void faults_export(struct faults *faults, struct config_faults *out);

/* "reeve.yaml:12:5". */
const char *faults_place(struct arena *arena, const struct where *at);

/* The entry of a map or list seen from its owner's place: "queues.mail" → "queues.mail.workers". */
struct where faults_inside(struct arena *arena, const struct where *at, const struct entry *entry);

/* What a message says was found: `"many"`, `a list`, `nothing`. Never what ${…} stands for. */
const char *faults_found(struct arena *arena, const struct node *node);
/* A text in quotes, cut where it is long. */
const char *faults_quote(struct arena *arena, const char *text);
/* The same without quotes. */
const char *faults_bare(struct arena *arena, const char *text);
