/*
 * Jobs that applications have asked for in transactions of their own: made here, by the rules of
 * the workflow of that name. The store keeps the request until the job is there, by the same id.
 */
#include "workers/keeper.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "workers/acts.h"
#include "workers/starts.h"

#define STARTS      100   /* at a time */
#define PATIENCE_MS 60000 /* another host may know a workflow that this one does not */

/* The workflow from this host's files, else the one that a job of this name was started with last.
 * NULL with an error where there is none. */
static struct workflow *find_workflow(struct store *store, const struct config *config,
	const struct start_request *start, struct error *err)
{
	struct workflow *found = NULL;
	if (starts_find_workflow(config, start->workflow, &found, err))
		return found;
	if (err->kind != ERROR_NOT_FOUND)
		return NULL;
	if (start->hash)
		return acts_open_workflow(store, start->hash, &found, err) ? found : NULL;
	return NULL;
}

static bool adopt(struct store *store, const struct config *config,
	const struct start_request *start, struct error *err)
{
	OWNED(workflow) struct workflow *workflow = find_workflow(store, config, start, err);
	OWNED(json) json_t *payload = NULL;
	char id[STORE_ID_SIZE];
	if (!workflow || !jsontext_parse(start->payload, strlen(start->payload), &payload, err))
		return false;
	if (!json_is_object(payload))
		return error_set(err, ERROR_INVALID, "the payload of a job is an object");
	const struct acts_start act = { .id = start->id,
		.workflow = workflow,
		.payload = payload,
		.key = start->key,
		.config = config };
	return acts_start(store, &act, id, err);
}

/* What no repeat can mend is set aside with its reason; what another host may know is left. */
static void set_aside(
	struct keeper *keeper, const struct start_request *start, const struct error *why)
{
	struct error err;
	if (why->kind == ERROR_NOT_FOUND && clock_wall_ms() - start->created_at_ms < PATIENCE_MS)
		return;
	bool ok = keeper->self.store->ops->refuse_start(
		keeper->self.store, start->id, why->text, &err);
	if (keeper_note(keeper, ok, "refuse_start", &err))
		log_line(LOG_ERROR, "job %s of workflow %s is not started: %s", start->id,
			start->workflow, why->text);
}

void keeper_adopt_starts(struct keeper *keeper)
{
	struct store *store = keeper->self.store;
	struct start_list list;
	struct error err;
	if (!store->ops->list_starts)
		return;
	if (!keeper_note(
		    keeper, store->ops->list_starts(store, STARTS, &list, &err), "starts", &err))
		return;
	for (size_t i = 0; i < list.count; i++) {
		bool ok = adopt(store, keeper->self.setup->config, &list.rows[i], &err);
		if (!ok && err.kind == ERROR_UNAVAILABLE)
			keeper_note(keeper, false, "start", &err);
		else if (!ok)
			set_aside(keeper, &list.rows[i], &err);
	}
	start_list_finish(&list);
}
