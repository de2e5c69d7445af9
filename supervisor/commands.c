/* Commands of the control socket; see commands.h. */
#include "supervisor/commands.h"

#include "base/jsontext.h"
#include "base/log.h"
#include "supervisor/drain.h"
#include "supervisor/logs.h"
#include "supervisor/reload.h"
#include "supervisor/roll.h"
#include "supervisor/state.h"
#include "supervisor/status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef bool (*command_act)(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err);

static bool on_ping(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	(void)request, (void)err;
	control_reply(
		client, json_pack("{s:b, s:i, s:s, s:s}", "ok", 1, "pid", (int)getpid(), "version",
				REEVE_VERSION, "config", supervisor->config->path));
	return true;
}

static bool on_status(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	(void)request, (void)err;
	control_reply(
		client, json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "status",
				status_describe(supervisor), "deaths", status_deaths(supervisor),
				"scaling", scaler_describe(supervisor)));
	return true;
}

static bool on_check(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	(void)request, (void)err;
	control_reply(client, reload_preview(supervisor));
	return true;
}

static bool on_reload(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	(void)request, (void)err;
	reload_request_for(supervisor, client);
	return true;
}

static void refuse_name(const struct config *config, const char *name, struct error *err)
{
	for (size_t i = 0; i < config->queue_count; i++)
		if (config_pulls(&config->queues[i], name)) {
			error_set(err, ERROR_NOT_FOUND,
				"%.80s has no workers of its own, %s pulls it: name %s (or, to "
				"hold it alone, reeve pause %.80s --all)",
				name, config->queues[i].name, config->queues[i].name, name);
			return;
		}
	error_set(err, ERROR_NOT_FOUND, "no queue \"%.80s\" runs here", name);
}

/* The pool of the request's queue, or NULL with err. */
static struct pool *find_pool(
	const struct supervisor *supervisor, const char *name, struct error *err)
{
	if (!name) {
		error_set(err, ERROR_INVALID, "\"queue\" is missing");
		return NULL;
	}
	struct pool *pool = pool_find(supervisor, name);
	if (!pool)
		refuse_name(supervisor->config, name, err);
	return pool;
}

/* False where one of the names is none of a queue's: then nothing is restarted. */
static bool check_names(const struct supervisor *supervisor, const json_t *names, struct error *err)
{
	size_t index;
	const json_t *name;
	if (names && !json_is_array(names))
		return error_set(err, ERROR_INVALID, "\"queues\" is not a list of names");
	json_array_foreach(names, index, name)
	{
		const char *text = json_string_value(name);
		if (!find_pool(supervisor, text ? text : "", err))
			return false;
	}
	return true;
}

static bool is_named(const json_t *names, const char *queue)
{
	size_t index;
	const json_t *name;
	json_array_foreach(names, index, name)
	{
		if (strcmp(json_string_value(name), queue) == 0)
			return true;
	}
	return json_array_size(names) == 0;
}

static bool on_restart(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	const json_t *names = json_object_get(request, "queues");
	if (!check_names(supervisor, names, err))
		return false;
	json_t *restarted = json_array();
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		struct pool *pool = supervisor->pools[i];
		if (pool->is_removed || !is_named(names, pool->name))
			continue;
		roll_pool(pool);
		json_array_append_new(restarted, json_string(pool->name));
		log_line(LOG_INFO, "restart of %s", pool->name);
	}
	if (json_array_size(names) == 0)
		roll_processes(supervisor);
	roll_advance(supervisor);
	control_reply(client, json_pack("{s:b, s:o}", "ok", 1, "queues", restarted));
	return true;
}

static bool on_stop(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	(void)request, (void)err;
	size_t workers = 0, busy = 0;
	for (size_t i = 0; i < supervisor->pool_count; i++) {
		workers += pool_alive(supervisor->pools[i]);
		busy += pool_busy(supervisor->pools[i]);
	}
	control_reply(client, json_pack("{s:b, s:i, s:i, s:i}", "ok", 1, "pid", (int)getpid(),
				      "workers", (int)workers, "busy", (int)busy));
	drain_begin(supervisor);
	return true;
}

/* 4, "4", "+1", "-1": the new number from the current one. */
static bool read_count(const json_t *value, int current, int *out, struct error *err)
{
	long number = 0;
	bool is_step = false;
	if (json_is_integer(value)) {
		json_int_t given = json_integer_value(value);
		number = given > POOL_MAX ? POOL_MAX + 1 : given < 0 ? -1 : (long)given;
	} else {
		const char *text = json_string_value(value);
		char *end = NULL;
		errno = 0;
		is_step = text && (text[0] == '+' || text[0] == '-');
		number = text ? strtol(text, &end, 10) : 0;
		bool has_digits = text && text[is_step] >= '0' && text[is_step] <= '9';
		if (!has_digits || *end || errno || number > 2 * POOL_MAX || number < -2 * POOL_MAX)
			return error_set(err, ERROR_INVALID,
				"scale: expected N, +N or -N with N from 0 to %d, got \"%.40s\"",
				POOL_MAX, text ? text : "nothing");
	}
	if (!is_step && (number < 0 || number > POOL_MAX))
		return error_set(err, ERROR_INVALID, "\"workers\" is not in 0 … %d", POOL_MAX);
	*out = is_step ? current + (int)number : (int)number;
	return true;
}

static bool on_scale(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	struct pool *pool = find_pool(supervisor, jsontext_member(request, "queue"), err);
	int desired = 0;
	if (!pool || !read_count(json_object_get(request, "workers"), pool->desired, &desired, err))
		return false;
	pool_override(pool, desired);
	log_line(LOG_INFO, "%s: %d workers from now on", pool->name, pool->desired);
	control_reply(client, json_pack("{s:b, s:s, s:i}", "ok", 1, "queue", pool->name, "workers",
				      pool->desired));
	return true;
}

static bool set_pause(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	struct pool *pool = find_pool(supervisor, jsontext_member(request, "queue"), err);
	if (!pool)
		return false;
	bool is_paused = strcmp(jsontext_member(request, "command"), "pause") == 0;
	pool_pause(pool, is_paused);
	log_line(LOG_INFO, "%s is %s", pool->name, is_paused ? "paused" : "resumed");
	control_reply(
		client, json_pack("{s:b, s:s, s:b, s:s?}", "ok", 1, "queue", pool->name, "paused",
				(int)is_paused, "paused_by", status_paused_by(pool)));
	return true;
}

static bool on_logs(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	(void)err;
	logs_serve(supervisor, client, request);
	return true;
}

static const struct {
	const char *name;
	command_act act;
	bool needs_serving; /* makes no sense once we are stopping */
} commands[] = {
	{ "ping", on_ping, false },
	{ "status", on_status, false },
	{ "check", on_check, false },
	{ "reload", on_reload, true },
	{ "restart", on_restart, true },
	{ "stop", on_stop, false },
	{ "scale", on_scale, true },
	{ "pause", set_pause, true },
	{ "resume", set_pause, true },
	{ "logs", on_logs, false },
};

static bool obey(struct supervisor *supervisor, struct control_client *client,
	const json_t *request, struct error *err)
{
	const char *name = jsontext_member(request, "command");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (commands[i].needs_serving && supervisor->stage != STAGE_SERVING)
			return error_set(err, ERROR_UNAVAILABLE, "the supervisor is stopping");
		return commands[i].act(supervisor, client, request, err);
	}
	return error_set(err, ERROR_INVALID, "unknown command \"%.80s\"", name);
}

void commands_on_request(void *context, struct control_client *client, const json_t *request)
{
	struct error err;
	if (!obey(context, client, request, &err))
		control_refuse(client, &err);
}

void commands_on_gone(void *context, struct control_client *client)
{
	reload_forget_client(context, client);
	logs_forget_client(context, client);
}
