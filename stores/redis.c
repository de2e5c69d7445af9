/* The Redis store: its table of acts, opened by URL. */
#include "stores/redis.h"

#include "stores/redis_store.h"

static void relax(struct store *store)
{
	(void)store;
}

static void close_redis(struct store *base)
{
	struct redis_store *store = redis_of(base);
	redis_wire_finish(&store->wire);
	redis_address_finish(&store->address);
	bells_destroy(&store->own_bells);
	free(store->doubts);
	free(store);
}

static const struct store_ops redis_ops = {
	.put_workflow = redis_put_workflow,
	.get_workflow = redis_get_workflow,
	.submit = redis_submit,
	.push = redis_push,
	.lease = redis_lease,
	.lease_task = redis_lease_task,
	.renew = redis_renew,
	.spawn = redis_spawn,
	.commit = redis_commit,
	.release_owner = redis_release_owner,
	.held = redis_held,
	.sweep = redis_sweep,
	.set_door = redis_set_door,
	.claim_unsent = redis_claim_unsent,
	.mark_sent = redis_mark_sent,
	.resend = redis_resend,
	.adopt = redis_adopt,
	.list_gates = redis_list_gates,
	.mend_gate = redis_mend_gate,
	.fire = redis_fire,
	.get_schedules = redis_get_schedules,
	.beat = redis_beat,
	.set_pause = redis_set_pause,
	.get_gate = redis_get_gate,
	.get_job = redis_get_job,
	.list_jobs = redis_list_jobs,
	.get_task = redis_get_task,
	.list_tasks = redis_list_tasks,
	.list_attempts = redis_list_attempts,
	.get_queue = redis_get_queue,
	.cancel_job = redis_cancel_job,
	.end_cancelled = redis_end_cancelled,
	.cancel_task = redis_cancel_task,
	.revive = redis_revive,
	.purge = redis_purge,
	.gc = redis_gc,
	.bell = redis_bell,
	.wait = redis_wait,
	.wait_any = redis_wait_any,
	.cancel_bell = redis_cancel_bell,
	.interrupt = redis_interrupt,
	.listen = redis_listen,
	.relax = relax,
	.close = close_redis,
};

static bool check(const char *scheme, const char *rest, struct error *err)
{
	OWNED(free) char *url = xprintf("%s:%s", scheme, rest);
	struct redis_address address;
	if (!redis_address_parse(url, &address, err))
		return error_wrap(err, "store");
	redis_address_finish(&address);
	return true;
}

static bool open_url(const char *scheme, const char *rest, struct bells *bells, struct store **out,
	struct error *err)
{
	OWNED(free) char *url = xprintf("%s:%s", scheme, rest);
	struct redis_store *store = xcalloc(1, sizeof *store);
	store->store.ops = &redis_ops;
	if (!redis_address_parse(url, &store->address, err)) {
		free(store);
		return error_wrap(err, "store");
	}
	store->prefix = store->address.prefix ? store->address.prefix : REDIS_PREFIX;
	redis_wire_init(&store->wire, &store->address);
	if (!bells && !bells_create(&store->own_bells)) {
		close_redis(&store->store);
		return error_set(err, ERROR_UNAVAILABLE, "store: no memory for the bells");
	}
	store->bells.page = bells ? bells->page : store->own_bells.page;
	store->outbox.page = store->bells.page;
	if (!redis_greet(store, err)) {
		close_redis(&store->store);
		return error_wrap(err, "store");
	}
	*out = &store->store;
	return true;
}

static bool look(
	const char *scheme, const char *rest, struct store_warnings *out, struct error *err)
{
	OWNED(free) char *url = xprintf("%s:%s", scheme, rest);
	return redis_preflight(url, out, err);
}

bool redis_store_check(const char *rest, struct error *err)
{
	return check("redis", rest, err);
}

bool redis_store_open(const char *rest, struct bells *bells, struct store **out, struct error *err)
{
	return open_url("redis", rest, bells, out, err);
}

bool rediss_store_check(const char *rest, struct error *err)
{
	return check("rediss", rest, err);
}

bool rediss_store_open(const char *rest, struct bells *bells, struct store **out, struct error *err)
{
	return open_url("rediss", rest, bells, out, err);
}

bool redis_sentinel_store_check(const char *rest, struct error *err)
{
	return check("redis+sentinel", rest, err);
}

bool redis_sentinel_store_open(
	const char *rest, struct bells *bells, struct store **out, struct error *err)
{
	return open_url("redis+sentinel", rest, bells, out, err);
}

bool redis_store_preflight(
	const char *rest, size_t connections, struct store_warnings *out, struct error *err)
{
	(void)connections;
	return look("redis", rest, out, err);
}

bool rediss_store_preflight(
	const char *rest, size_t connections, struct store_warnings *out, struct error *err)
{
	(void)connections;
	return look("rediss", rest, out, err);
}

bool redis_sentinel_store_preflight(
	const char *rest, size_t connections, struct store_warnings *out, struct error *err)
{
	(void)connections;
	return look("redis+sentinel", rest, out, err);
}
