#pragma once
/* YAML text of a descriptor as a JSON value. */
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

/*
 * One document; anchors, aliases and merge keys work. Plain scalars are read by YAML 1.2's core
 * schema (yaml.org/spec/1.2.2, 10.3): `no` is a text. INVALID, with line and column, for what is
 * not YAML or not JSON (keys that are no scalars, .inf, .nan), duplicate keys, over 64 levels, or
 * over 100,000 values with aliases followed. The caller owns the value.
 */
bool workflow_parse_yaml(const char *text, size_t length, json_t **out, struct error *err);
