#pragma once
/* Waits until a job or a pushed task has ended, and shows meanwhile how far it is. */
#include "base/error.h"
#include "stores/store.h"

/* False where the store fails. The caller owns the record. */
bool wait_for_job(struct store *store, const char *id, struct job_record *out, struct error *err);
bool wait_for_task(struct store *store, const char *id, struct task_record *out, struct error *err);

/* One line on stderr on how it ended; answers the exit code: 1 unless it is completed. */
int wait_conclude_job(const struct job_record *job);
int wait_conclude_task(const struct task_record *task);
