/* sd_notify; see notify.h. */
#include "supervisor/notify.h"

#include "supervisor/state.h"

#include <systemd/sd-daemon.h>
#include <time.h>

static void describe(const struct supervisor *supervisor, size_t *workers, size_t *queues)
{
	*workers = *queues = 0;
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		*workers += pool_alive(supervisor->pools[i]);
		*queues += !supervisor->pools[i]->is_removed;
	}
}

void notify_ready(struct supervisor *supervisor)
{
	size_t workers, queues;
	describe(supervisor, &workers, &queues);
	sd_notifyf(0, "READY=1\nSTATUS=%zu workers on %zu queues", workers, queues);
}

void notify_status(struct supervisor *supervisor)
{
	size_t workers, queues;
	describe(supervisor, &workers, &queues);
	if (supervisor->stage == STAGE_SERVING)
		sd_notifyf(0, "STATUS=%zu workers on %zu queues", workers, queues);
	else
		sd_notifyf(0, "STATUS=stopping, %zu workers have not ended", workers);
}

void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

int64_t notify_interval_ms(void)
{
	uint64_t usec = 0;
	return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)(usec / 2000) : 0;
}
