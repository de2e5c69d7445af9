/* reeve start: a new job of a workflow. */
#include "base/jsontext.h"
#include "cli/catalogue.h"
#include "cli/check.h"
#include "cli/commands.h"
#include "cli/payload.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/wait.h"
#include "workers/acts.h"
#include "workers/doors.h"

/* With --json stdout carries one JSON object and nothing else: the id goes to stderr. */
static int conclude(struct store *store, const char *id, const struct arguments *arguments)
{
	bool is_waiting = arguments_option(arguments, "--wait");
	if (!arguments->is_json)
		puts(id);
	else if (is_waiting)
		say("job %s", id);
	fflush(stdout);
	if (!is_waiting && !arguments->is_json)
		return EXIT_OK;
	struct job_record job = { 0 };
	struct error err = { 0 };
	bool ok = is_waiting ? wait_for_job(store, id, &job, &err)
			     : store->ops->get_job(store, id, &job, &err);
	if (!ok)
		return say_error(&err);
	if (arguments->is_json)
		show_job(&job, true);
	int code = is_waiting ? wait_conclude_job(&job) : EXIT_OK;
	job_record_finish(&job);
	return code;
}

static int run(const struct arguments *arguments)
{
	OWNED(json) json_t *payload = NULL;
	struct error err = { 0 };
	const char *key = arguments_option(arguments, "--key");
	if (key && !*key)
		return say_misuse("--key: expected a text, got none");
	if (!payload_read_object(arguments_option(arguments, "--payload"), &payload, &err))
		return say_error(&err);
	OWNED_SESSION struct session session = { 0 };
	OWNED_CATALOGUE struct catalogue catalogue = { 0 };
	OWNED(workflow) struct workflow *workflow = NULL;
	int code;
	if (!session_open(arguments, &session, &code))
		return code;
	catalogue_load(session.config, &catalogue);
	if (!catalogue_open(
		    &catalogue, session.config, arguments_word(arguments, 0), &workflow, &code))
		return code;
	if (!check_queues(workflow, session.config, false))
		return EXIT_MISUSE;
	const struct acts_start start = {
		.workflow = workflow, .payload = payload, .key = key, .config = session.config
	};
	char id[STORE_ID_SIZE];
	if (session.config->broker_url && !doors_set(session.store, session.config, NULL, &err))
		return say_error(&err);
	if (!acts_start(session.store, &start, id, &err))
		return say_error(&err);
	return conclude(session.store, id, arguments);
}

const struct command command_start = {
	.name = "start",
	.words = "WORKFLOW",
	.words_min = 1,
	.words_max = 1,
	.summary = "start a job; prints its id",
	.options = { { "--payload", "JSON|@FILE|-",
			     "the job's payload, a JSON object; - is standard input", 0 },
		{ "--key", "KEY",
			"where a running job of the workflow has this key, its id is printed "
			"instead",
			0 },
		{ "--wait", NULL, "until the job has ended; exit 1 unless it is completed", 0 } },
	.slip = "takes the payload as an option",
	.fix = "start WORKFLOW --payload",
	.run = run,
};
