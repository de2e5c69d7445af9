#pragma once
/* Results as JSON on stdout: compact for programs, indented on a terminal. */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Prints and drops the value. */
void print_json(json_t *value);

/* An array, element by element: a million of them need no memory. */
struct print_list {
	size_t count;
};
void print_list_add(struct print_list *list, json_t *value);
void print_list_end(const struct print_list *list);
