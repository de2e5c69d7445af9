/* Opens and closes the store in PostgreSQL; see postgres.h, and docs/stores.md for how it works. */
#include "stores/postgres.h"

#include "base/url.h"
#include "stores/postgres_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA_PARAMETER "schema="
#define SCHEMA_SIZE      64 /* of a name in PostgreSQL, NUL included */

/* The value of our own parameter in a URL, or NULL; *rest gets the URL without it. Owned both. */
static char *take_schema(const char *url, char **rest)
{
	char *text = xstrdup(url);
	char *query = strchr(text, '?');
	char *found = NULL;
	for (char *at = query; at && !found; at = strchr(at + 1, '&')) {
		if (strncmp(at + 1, SCHEMA_PARAMETER, strlen(SCHEMA_PARAMETER)) != 0)
			continue;
		char *value = at + 1 + strlen(SCHEMA_PARAMETER);
		size_t length = strcspn(value, "&");
		found = xstrndup(value, length);
		const char *behind = value + length;
		if (*behind)
			memmove(at + 1, behind + 1, strlen(behind + 1) + 1);
		else
			*at = '\0';
	}
	*rest = text;
	return found;
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);
	return length > 0 && length < SCHEMA_SIZE && (name[0] < '0' || name[0] > '9') &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length &&
	       strncmp(name, "pg_", 3) != 0;
}

bool postgres_store_check(const char *path, struct error *err)
{
	if (strncmp(path, "//", 2) != 0)
		return error_set(err, ERROR_INVALID,
			"store postgres: expected postgres://[USER@]HOST[:PORT]/DATABASE");
	OWNED(free) char *rest = NULL;
	OWNED(free) char *schema = take_schema(path, &rest);
	if (schema && !is_name(schema))
		return error_set(err, ERROR_INVALID,
			"store postgres: expected schema= with a name of small letters, digits "
			"and _");
	return true;
}

static void relax(struct store *base)
{
	postgres_disconnect(postgres_of(base));
}

static void destroy(struct store *base)
{
	struct postgres_store *store = postgres_of(base);
	postgres_disconnect(store);
	if (!store->is_shared)
		bells_destroy(&store->bells);
	for (size_t i = 0; i < store->ring_count; i++)
		free(store->rings[i].queue);
	free(store->rings);
	free(store->ended);
	free(store->url);
	if (store->secret)
		explicit_bzero(store->secret, strlen(store->secret));
	free(store->secret);
	free(store->schema);
	free(store->hosts);
	free(store->addresses);
	free(store->ports);
	postgres_doubts_finish(store);
	free(store);
}

static const struct store_ops ops = {
	.put_workflow = postgres_put_workflow,
	.get_workflow = postgres_get_workflow,
	.submit = postgres_submit,
	.push = postgres_push,
	.lease = postgres_lease,
	.lease_task = postgres_lease_task,
	.renew = postgres_renew,
	.spawn = postgres_spawn,
	.commit = postgres_commit,
	.release_owner = postgres_release_owner,
	.held = postgres_held,
	.sweep = postgres_sweep,
	.set_door = postgres_set_door,
	.claim_unsent = postgres_claim_unsent,
	.mark_sent = postgres_mark_sent,
	.resend = postgres_resend,
	.adopt = postgres_adopt,
	.list_starts = postgres_list_starts,
	.refuse_start = postgres_refuse_start,
	.list_gates = postgres_list_gates,
	.mend_gate = postgres_mend_gate,
	.fire = postgres_fire,
	.get_schedules = postgres_get_schedules,
	.beat = postgres_beat,
	.set_pause = postgres_set_pause,
	.get_gate = postgres_get_gate,
	.get_job = postgres_get_job,
	.list_jobs = postgres_list_jobs,
	.get_task = postgres_get_task,
	.list_tasks = postgres_list_tasks,
	.list_attempts = postgres_list_attempts,
	.get_queue = postgres_get_queue,
	.cancel_job = postgres_cancel_job,
	.end_cancelled = postgres_end_cancelled,
	.cancel_task = postgres_cancel_task,
	.revive = postgres_revive,
	.purge = postgres_purge,
	.gc = postgres_gc,
	.bell = postgres_bell,
	.wait = postgres_wait,
	.wait_any = postgres_wait_any,
	.cancel_bell = postgres_cancel_bell,
	.interrupt = postgres_interrupt,
	.listen = postgres_listen,
	.relax = relax,
	.close = destroy,
};

/* What libpq makes of the URL; its own words of a bad one may hold the password. */
static bool read_url(struct postgres_store *store, struct error *err)
{
	char *message = NULL;
	PQconninfoOption *options = pq.PQconninfoParse(store->url, &message);
	if (message)
		pq.PQfreemem(message);
	if (!options)
		return error_set(err, ERROR_INVALID,
			"store postgres: the URL is not of a form that libpq takes");
	const struct {
		const char *keyword;
		char **text;
	} wanted[] = { { "password", &store->secret }, { "host", &store->hosts },
		{ "hostaddr", &store->addresses }, { "port", &store->ports } };
	for (const PQconninfoOption *at = options; at->keyword; at++)
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (strcmp(at->keyword, wanted[i].keyword) == 0 && at->val && *at->val)
				*wanted[i].text = xstrdup(at->val);
	pq.PQconninfoFree(options);
	const char *list = store->addresses ? store->addresses : store->hosts;
	for (store->host_count = 1; list && (list = strchr(list, ',')); list++)
		store->host_count++;
	return true;
}

static bool share_bells(struct postgres_store *store, struct bells *bells, struct error *err)
{
	if (!bells) {
		if (!bells_create(&store->bells))
			return error_set(err, ERROR_UNAVAILABLE, "store postgres: no memory");
		store->outbox.page = store->bells.page;
		return true;
	}
	store->bells = (struct bells){ .page = bells->page };
	store->is_shared = true;
	store->outbox.page = store->bells.page;
	snprintf(store->host, sizeof store->host, "%016" PRIx64, bells_id(&store->bells));
	return true;
}

bool postgres_create(const char *path, struct postgres_store **out, struct error *err)
{
	OWNED(free) char *rest = NULL;
	if (!postgres_store_check(path, err) || !postgres_load(err))
		return false;
	struct postgres_store *store = xcalloc(1, sizeof *store);
	store->base.ops = &ops;
	store->schema = take_schema(path, &rest);
	if (!store->schema)
		store->schema = xstrdup("reeve");
	store->url = xprintf("postgresql:%s", rest);
	if (!read_url(store, err)) {
		destroy(&store->base);
		return false;
	}
	*out = store;
	return true;
}

bool postgres_store_open(
	const char *path, struct bells *bells, struct store **out, struct error *err)
{
	struct postgres_store *store;
	if (!postgres_create(path, &store, err))
		return false;
	if (!share_bells(store, bells, err) || !postgres_connect(store, err)) {
		destroy(&store->base);
		return false;
	}
	*out = &store->base;
	return true;
}
