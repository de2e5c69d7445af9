#pragma once
/* A payload given as JSON, @FILE or - (standard input). */
#include "base/error.h"

#include <jansson.h>

/* INVALID, with one sentence, for what is not JSON, too large or not readable. */
bool payload_read(const char *given, json_t **out, struct error *err);
/* The same, {} where given is NULL; INVALID unless it is an object. */
bool payload_read_object(const char *given, json_t **out, struct error *err);
