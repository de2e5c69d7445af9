#pragma once
/*
 * `when:` of a task: conditions on its payload and on its parents' results, all of which must hold;
 * else the task is skipped. {SUBJECT: TEST}, see docs/workflows.md. Pure.
 */
#include "workflow/keys.h"

/* A line per mistake in a task's `when`. */
void when_check(const struct place *place, const json_t *when);
/* Whether it names a parent's result, so that the task's inputs are needed. */
bool when_reads_results(const json_t *when);
