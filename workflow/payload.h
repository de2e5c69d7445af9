#pragma once
/*
 * What a task's payload is made of, lowest first: the workflow's `payload`, the task's own
 * `payload`, the job's, the parent's (without the parent's own defaults), and the section that
 * stands under the task's name. Keys that are names of tasks are sections, never parameters.
 */
#include "workflow/descriptor.h"

/* Works out each task's defaults. */
void payload_prepare(struct workflow *workflow);

/* What a task hands down to its children: the job's payload with the task's on top. Owned. */
json_t *payload_inherited(const struct task_model *parent, const struct ended *ended);

/* A started task's payload out of what was handed down; not an object: handed down as it is.
 * Owned. */
json_t *payload_started(
	const struct workflow *workflow, const struct task_model *task, const json_t *inherited);

/* A spawned task's payload: as given, with its section of the job's. given may be NULL. Owned. */
json_t *payload_spawned(
	const struct task_model *task, const json_t *given, const json_t *job_payload);
