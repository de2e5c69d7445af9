#pragma once
/* The parts of an explanation: sentences, and what holds up a queue or a gate. */
#include "workers/explain.h"
#include "workflow/workflow.h"

/* A finding at the list's end; mend may be NULL, since_ms 0. Answers it, borrowed. */
json_t *findings_add(json_t *list, const char *mend, int64_t since_ms, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with a mend made of one command and one word. */
json_t *findings_add_mend(json_t *list, const char *command, const char *word, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/* What keeps a queue's ready tasks from being worked on; adds nothing where nothing does. */
void findings_of_queue(const struct explain_view *view, const char *queue, json_t *list);

/* A job's workflow and the job itself, for its gates. */
struct findings_job {
	const struct job_record *record;
	const struct workflow *workflow;
};
/* What a waiting task waits for: have and need, what failed, what is missing. */
bool findings_of_gate(const struct explain_view *view, const struct findings_job *job,
	const struct task_record *task, json_t *list, struct error *err);
