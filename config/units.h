#pragma once
/* Durations and sizes as texts for people; config_parse_duration and config_parse_size are in
 * config.h. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_SIZE 32

/* In the largest unit that divides it: "90s", "10m". Answers out. */
char *units_print_duration(int64_t ms, char out[UNITS_TEXT_SIZE]);
char *units_print_size(int64_t bytes, char out[UNITS_TEXT_SIZE]);

/* A decimal number with nothing around it; base 8 for file modes. */
bool units_parse_integer(const char *text, int base, int64_t *out);
bool units_parse_real(const char *text, double *out);
