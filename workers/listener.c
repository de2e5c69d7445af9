/*
 * The listener: carries rings that come from other hosts to the bells of this one, so that idle
 * workers need no connection of their own. Where it is dead, waiting workers look by themselves.
 */
#include "workers/self.h"

#include "base/clock.h"
#include "base/log.h"

static bool goes_on(void *context)
{
	struct self *self = context;
	atomic_store(&self->setup->slot->beat_ms, clock_steady_ms());
	return self_command(self) == COMMAND_RUN;
}

_Noreturn void listener_main(const struct worker_setup *setup)
{
	struct self self;
	struct error err;
	self_begin(&self, setup, "listener");
	scoreboard_set_state(setup->slot, SLOT_IDLE);
	if (!self_open_store(&self, CONFIG_NO_LIMIT, &err)) {
		bool is_told = self_command(&self) != COMMAND_RUN;
		if (!is_told)
			log_line(LOG_ERROR, "%s", err.text);
		self_end(&self, is_told ? WORKER_EXIT_OK : WORKER_EXIT_STORE);
	}
	/* None to carry: a store of this host alone. It stays, to be told to end like the others.
	 */
	if (!self.store->ops->listen)
		while (goes_on(&self))
			self_sleep(&self, 60000);
	else
		self.store->ops->listen(self.store, goes_on, &self);
	self_end(&self, WORKER_EXIT_OK);
}
