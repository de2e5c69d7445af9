/*
 * The bell of all outboxes, heard in the loop: a thread sleeps on it and sends an ev_async. It
 * touches shared memory alone, see stores/store.h.
 */
#include "workers/courier.h"

#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define WAIT_MS 30000
#define CALM_NS 2000000 /* a storm of rings wakes the loop this seldom */

struct courier_bell {
	struct courier *courier;
	pthread_t thread;
	_Atomic bool is_over;
};

static void *listen(void *context)
{
	struct courier_bell *bell = context;
	struct store *store = bell->courier->self.store;
	const struct timespec calm = { .tv_nsec = CALM_NS };
	while (!atomic_load(&bell->is_over)) {
		/* Read before the loop looks: what is rung meanwhile ends the wait at once. */
		uint32_t ticket = store->ops->bell(store, NULL);
		ev_async_send(bell->courier->loop, &bell->courier->outbox);
		nanosleep(&calm, NULL);
		if (!atomic_load(&bell->is_over))
			store->ops->wait(store, NULL, ticket, WAIT_MS);
	}
	return NULL;
}

struct courier_bell *courier_bell_create(struct courier *courier)
{
	struct courier_bell *bell = xcalloc(1, sizeof *bell);
	sigset_t all, mask;
	bell->courier = courier;
	/* Signals are for the loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &mask);
	int failure = pthread_create(&bell->thread, NULL, listen, bell);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (failure == 0)
		return bell;
	log_line(LOG_ERROR, "no thread for the bell: %s; outboxes are looked at once a second",
		strerror(failure));
	free(bell);
	return NULL;
}

void courier_bell_destroy(struct courier_bell *bell)
{
	if (!bell)
		return;
	struct store *store = bell->courier->self.store;
	atomic_store(&bell->is_over, true);
	store->ops->interrupt(store);
	pthread_join(bell->thread, NULL);
	free(bell);
}
