/* Reload; see reload.h. */
#include "supervisor/reload.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "supervisor/notify.h"
#include "supervisor/plan.h"
#include "supervisor/pools.h"
#include "supervisor/roll.h"
#include "supervisor/state.h"

#define QUIET_MS 500 /* reloads that come faster are done together */

static json_t *describe_faults(const struct config_faults *faults, const struct error *err)
{
	json_t *lines = json_array();
	for (size_t i = 0; i < faults->count; i++)
		json_array_append_new(lines, json_string(faults->lines[i]));
	return json_pack("{s:b, s:s, s:i, s:o}", "ok", 0, "error", err->text, "exit",
		error_exit_code(err), "faults", lines);
}

static void log_faults(const struct config_faults *faults, const struct error *err)
{
	for (size_t i = 0; i < faults->warning_count; i++)
		log_line(LOG_WARN, "%s", faults->warnings[i]);
	for (size_t i = 0; i < faults->count; i++)
		log_line(LOG_ERROR, "%s", faults->lines[i]);
	if (err)
		log_line(LOG_ERROR, "not reloaded, the running configuration stays: %s", err->text);
}

static json_t *describe_changes(const struct plan *plan)
{
	return json_pack("{s:b, s:o}", "ok", 1, "changes", plan_describe(plan));
}

void reload_apply_log(const struct config *config)
{
	struct error err;
	const struct log_settings settings = {
		.level = config->log.level,
		.format = config->log.format,
		.to = config->log.to,
		.line_max_bytes = config->log.line_max_bytes,
	};
	if (!log_open(&settings, &err))
		log_line(LOG_ERROR, "%s", err.text);
}

static void log_plan(const struct plan *plan)
{
	size_t counts[CHANGE_KINDS] = { 0 };
	for (size_t i = 0; i < plan->count; i++)
		counts[plan->changes[i].kind]++;
	log_line(LOG_INFO,
		"reloaded: %zu queues as they were, %zu live, %zu roll, %zu added, %zu removed",
		counts[CHANGE_NONE], counts[CHANGE_LIVE], counts[CHANGE_ROLL], counts[CHANGE_ADD],
		counts[CHANGE_REMOVE]);
}

static bool load(struct supervisor *supervisor, struct config **out, struct config_faults *faults,
	struct error *err)
{
	OWNED(config) struct config *config = NULL;
	if (!config_load(supervisor->config->path, &config, faults, err) ||
		(supervisor->options.check && !supervisor->options.check(config, err)))
		return false;
	*out = GIVE(config);
	return true;
}

static json_t *load_and_apply(struct supervisor *supervisor)
{
	struct error err;
	struct config_faults faults = { 0 };
	struct config *config = NULL;
	if (!load(supervisor, &config, &faults, &err)) {
		log_faults(&faults, &err);
		json_t *reply = describe_faults(&faults, &err);
		config_faults_finish(&faults);
		return reply;
	}
	log_faults(&faults, NULL);
	config_faults_finish(&faults);
	struct plan plan;
	plan_make(supervisor->config, config, supervisor->options.only,
		supervisor->options.only_count, &plan);
	json_t *reply = describe_changes(&plan);
	reload_apply_log(config);
	log_plan(&plan);
	struct config *before = supervisor->config;
	supervisor->config = config;
	pools_apply(supervisor, &plan);
	plan_finish(&plan);
	/* The children that go on with the old one have their own copy since fork. */
	config_destroy(before);
	return reply;
}

static void answer(struct supervisor *supervisor, json_t *reply)
{
	while (supervisor->reload.waiting_count > 0)
		control_reply(supervisor->reload.waiting[--supervisor->reload.waiting_count],
			json_incref(reply));
}

static void reload(struct supervisor *supervisor)
{
	supervisor->reload.is_wanted = false;
	notify_reloading();
	OWNED(json) json_t *reply = load_and_apply(supervisor);
	notify_ready(supervisor);
	supervisor->reload.done_at_ms = clock_steady_ms();
	answer(supervisor, reply);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	reload(timer->data);
}

void reload_init(struct supervisor *supervisor)
{
	ev_init(&supervisor->reload.timer, on_due);
	supervisor->reload.timer.data = supervisor;
}

void reload_request(struct supervisor *supervisor)
{
	if (supervisor->stage != STAGE_SERVING || supervisor->reload.is_wanted)
		return;
	int64_t since_ms = clock_steady_ms() - supervisor->reload.done_at_ms;
	if (supervisor->reload.done_at_ms == 0 || since_ms >= QUIET_MS) {
		reload(supervisor);
		return;
	}
	supervisor->reload.is_wanted = true;
	ev_now_update(supervisor->loop);
	ev_timer_set(&supervisor->reload.timer, (double)(QUIET_MS - since_ms) / 1000, 0);
	ev_timer_start(supervisor->loop, &supervisor->reload.timer);
}

void reload_request_for(struct supervisor *supervisor, struct control_client *client)
{
	supervisor->reload.waiting =
		xgrow(supervisor->reload.waiting, supervisor->reload.waiting_count,
			&supervisor->reload.waiting_room, sizeof(struct control_client *));
	supervisor->reload.waiting[supervisor->reload.waiting_count++] = client;
	reload_request(supervisor);
}

void reload_forget_client(struct supervisor *supervisor, const struct control_client *client)
{
	size_t kept = 0;
	for (size_t i = 0; i < supervisor->reload.waiting_count; i++)
		if (supervisor->reload.waiting[i] != client)
			supervisor->reload.waiting[kept++] = supervisor->reload.waiting[i];
	supervisor->reload.waiting_count = kept;
}

void reload_finish(struct supervisor *supervisor)
{
	ev_timer_stop(supervisor->loop, &supervisor->reload.timer);
	free(supervisor->reload.waiting);
}

json_t *reload_preview(struct supervisor *supervisor)
{
	struct error err;
	struct config_faults faults = { 0 };
	OWNED(config) struct config *config = NULL;
	json_t *reply;
	if (load(supervisor, &config, &faults, &err)) {
		struct plan plan;
		plan_make(supervisor->config, config, supervisor->options.only,
			supervisor->options.only_count, &plan);
		reply = describe_changes(&plan);
		plan_finish(&plan);
	} else {
		reply = describe_faults(&faults, &err);
	}
	config_faults_finish(&faults);
	return reply;
}
