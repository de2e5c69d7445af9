/* The table of commands; see commands.h. */
#include "cli/commands.h"

static const struct command *const commands[] = {
	&command_run,
	&command_check,
	&command_reload,
	&command_restart,
	&command_stop,
	&command_status,
	&command_logs,
	&command_scale,
	&command_pause,
	&command_resume,
	&command_start,
	&command_push,
	&command_job,
	&command_jobs,
	&command_results,
	&command_task,
	&command_tasks,
	&command_explain,
	&command_cancel,
	&command_retry,
	&command_dead,
	&command_purge,
	&command_gc,
	&command_eager,
	&command_workflows,
	&command_graph,
	&command_schedules,
	NULL,
};

/* What people who know another tool type first. */
static const struct slip slips[] = {
	{ "help", "help is an option: reeve --help, reeve COMMAND --help" },
	{ "version", "version is an option: reeve --version" },
	{ "list", "no command \"list\"; jobs: reeve jobs, tasks: reeve tasks, workflows: reeve "
		  "workflows" },
	{ "ls", "no command \"ls\"; jobs: reeve jobs, tasks: reeve tasks, workflows: reeve "
		"workflows" },
	{ "ps", "no command \"ps\"; workers: reeve status" },
	{ "top", "no command \"top\"; workers, again and again: reeve status --watch" },
	{ "workers", "no command \"workers\"; they are in: reeve status" },
	{ "queues", "no command \"queues\"; they are in: reeve status" },
	{ "queue", "no command \"queue\"; queues: reeve status, a new task: reeve push QUEUE" },
	{ "enqueue", "no command \"enqueue\"; a new task: reeve push QUEUE" },
	{ "kill",
		"no command \"kill\"; a job or task: reeve cancel ID, the supervisor: reeve stop" },
	{ "delete", "no command \"delete\"; a job or task ends with: reeve cancel ID, a queue is "
		    "emptied with: reeve purge QUEUE" },
	{ "clear", "no command \"clear\"; a queue is emptied with: reeve purge QUEUE" },
	{ "failed", "no command \"failed\"; tasks that failed for good: reeve dead" },
	{ "why", "no command \"why\"; reeve explain JOB, TASK or QUEUE" },
	{ "tail", "no command \"tail\"; the log: reeve logs -f" },
	{ "up", "no command \"up\"; the supervisor: reeve run" },
	{ "down", "no command \"down\"; the supervisor ends with: reeve stop" },
	{ "serve", "no command \"serve\"; the supervisor: reeve run" },
	{ "validate", "no command \"validate\"; reeve check" },
	{ NULL, NULL },
};

const struct vocabulary commands_vocabulary = { commands, slips };
