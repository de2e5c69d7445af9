#pragma once
/*
 * The checks of a task's keys, private to this folder: values are in keys.c, what refers to other
 * tasks is in keys_edges.c. Each adds a line per mistake.
 */
#include "workflow/descriptor.h"

#define KEYS_DAY_MS (24LL * 3600 * 1000)

/* Where a check stands. */
struct place {
	const json_t *tasks;
	const char *path; /* "tasks.NAME.", or empty at the top */
	struct workflow_faults *faults;
};

/* "PATH.KEY: expected EXPECTED, got GOT"; got may be NULL. */
void keys_fault(
	const struct place *place, const char *key, const char *expected, const json_t *got);
bool keys_is_duration(const json_t *value, int64_t least_ms, int64_t most_ms);
bool keys_is_none(const json_t *value);

/* Each of a list's elements must be the name of a task. */
void keys_check_references(const struct place *place, const char *key, const json_t *names);
void keys_check_starts(const struct place *place, const json_t *names);
void keys_check_starts_parallel(const struct place *place, const json_t *names);
void keys_check_starts_manually(const struct place *place, const json_t *names);
void keys_check_starts_on_failure(const struct place *place, const json_t *names);
void keys_check_starts_with_params(const struct place *place, const json_t *starts);
void keys_check_waits_for(const struct place *place, const json_t *waits_for);
void keys_check_after(const struct place *place, const json_t *names);
