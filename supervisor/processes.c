/* The table of built-in processes; see processes.h. */
#include "supervisor/processes.h"

static bool always(const struct config *config)
{
	(void)config;
	return true;
}

static bool with_a_broker(const struct config *config)
{
	return config->broker_url != NULL;
}

const struct process_row processes[PROCESS_KINDS] = {
	[PROCESS_KEEPER] = { .name = "keeper", .main = keeper_main, .is_wanted = always },
	[PROCESS_LISTENER] = { .name = "listener",
		.main = listener_main,
		.is_wanted = config_has_remote_store },
	[PROCESS_COURIER] = { .name = "courier",
		.main = courier_main,
		.is_wanted = with_a_broker,
		.is_first = true,
		.holds = true },
};
