#pragma once
/*
 * Why a job, a task or a queue is where it is, and the command that mends it. Read from the store,
 * and from a supervisor's status where one is running; changes nothing.
 */
#include "base/error.h"
#include "config/config.h"
#include "stores/store.h"

#include <jansson.h>

struct explain_view {
	struct store *store;
	const struct config *config;
	const json_t *status;  /* of the running supervisor (docs/control.md); NULL: none is */
	const json_t *scaling; /* the member beside it; NULL: none */
};

/*
 * {"kind": "job" | "task" | "queue", "id", "status", "findings": [FINDING, …]}; a finding is
 * {"says": SENTENCE, "since": TIME | null, "mend": COMMAND | null} and of a gate also {"gate",
 * "verdict", "pending", "awaits": [{"name", "born", "completed", "failed", "skipped", "cancelled",
 * "excused"}], "failed": [TASK, …], "missing": [TASK, …]}. Owned by the caller. NOT_FOUND where
 * there is no such thing.
 */
bool explain_job(const struct explain_view *view, const char *id, json_t **out, struct error *err);
bool explain_task(const struct explain_view *view, const char *id, json_t **out, struct error *err);
bool explain_queue(
	const struct explain_view *view, const char *name, json_t **out, struct error *err);
