/* The rules of a job, and walks over its tasks; see acts_rules.h. */
#include "workers/acts_rules.h"

#include "base/jsontext.h"
#include "workers/pages.h"

void rules_close(struct job_rules *rules)
{
	free(rules->job_id);
	if (rules->workflow)
		workflow_destroy(rules->workflow);
	json_decref(rules->payload);
	*rules = (struct job_rules){ 0 };
}

bool rules_open(struct store *store, const char *job_id, struct job_rules *rules, struct error *err)
{
	if (rules->job_id && strcmp(rules->job_id, job_id) == 0)
		return true;
	rules_close(rules);
	struct job_record job = { 0 };
	if (!store->ops->get_job(store, job_id, &job, err))
		return false;
	struct workflow *workflow = NULL;
	json_t *payload = NULL;
	bool ok = acts_open_workflow(store, job.workflow_hash, &workflow, err) &&
		  jsontext_parse(job.payload, strlen(job.payload), &payload, err);
	job_record_finish(&job);
	*rules = (struct job_rules){ ok ? xstrdup(job_id) : NULL, workflow, payload };
	if (!ok)
		rules_close(rules);
	return ok;
}

struct walk {
	struct store *store;
	act_on_task *act;
	struct job_rules rules;
	struct rules_acted acted;
};

static bool act_on_listed(void *context, const struct task_record *task, struct error *err)
{
	struct walk *walk = context;
	bool ok = walk->act(walk->store, task, &walk->rules, err);
	if (ok)
		walk->acted.count++;
	else
		walk->acted.refused = *err;
	/* Somebody else may have been faster. */
	return ok || err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
}

bool rules_act_on_all(struct store *store, struct task_filter filter, act_on_task *act,
	struct rules_acted *acted, struct error *err)
{
	struct walk walk = { .store = store, .act = act };
	filter.parent = -1;
	bool ok = pages_of_tasks(store, filter, act_on_listed, &walk, err);
	rules_close(&walk.rules);
	*acted = walk.acted;
	return ok;
}
