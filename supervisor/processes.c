/* The table of built-in processes; see processes.h. */
#include "supervisor/processes.h"

static bool always(const struct config *config)
{
	(void)config;
	return true;
}

const struct process_row processes[PROCESS_KINDS] = {
	[PROCESS_KEEPER] = { .name = "keeper", .main = keeper_main, .is_wanted = always },
	[PROCESS_LISTENER] = { .name = "listener",
		.main = listener_main,
		.is_wanted = config_has_remote_store },
};
