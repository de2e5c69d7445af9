#pragma once
/*
 * Aligned columns for people. Widths are those of the terminal's cells (UTF-8); control characters
 * and broken text are shown as "?", so that nobody's payload can steer the terminal.
 */
#include "base/memory.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct table;

/* columns: "JOB|STATUS|>TASKS"; '>' aligns a column to the right. */
struct table *table_create(const char *columns);
void table_destroy(struct table *table);

/* The next cell, from left to right and row by row. NULL or "" is shown as "-". */
void table_add(struct table *table, const char *text);
/* null is "-". */
void table_add_json(struct table *table, const json_t *value);
void table_add_number(struct table *table, int64_t number);
/* A wall time, RFC 3339 to the second; 0 is "-". */
void table_add_time(struct table *table, int64_t wall_ms);

/* Prints the rows since the last print, below the heading the first time; widths only grow. */
void table_print(struct table *table, FILE *file);

/* One line of text made safe for a terminal, cut to at most `width` cells (0: not cut). Owned. */
char *table_clean(const char *text, size_t width);

MEMORY_DROP(table, struct table *, table_destroy)
