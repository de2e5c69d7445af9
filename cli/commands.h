#pragma once
/* All commands of reeve, and what to say of words that are none. */
#include "cli/arguments.h"

extern const struct vocabulary commands_vocabulary;

extern const struct command command_run, command_check;
extern const struct command command_reload, command_restart, command_stop;
extern const struct command command_scale, command_pause, command_resume;
extern const struct command command_status, command_logs;
extern const struct command command_start, command_push;
extern const struct command command_job, command_jobs, command_results;
extern const struct command command_task, command_tasks, command_dead;
extern const struct command command_explain, command_cancel, command_retry;
extern const struct command command_purge, command_gc, command_schedules;
extern const struct command command_workflows, command_graph, command_eager;
