/* What handlers find in their environment; see runner.h. */
#include "workers/runner_parts.h"

#include "base/memory.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define TASK_VARIABLES 8

/* Set for each task by us, so that a reeve inside a handler of another one does not mix them up. */
static const char *const task_names[] = { "REEVE_TASK_ID", "REEVE_JOB_ID", "REEVE_TASK",
	"REEVE_QUEUE", "REEVE_ATTEMPT", "REEVE_DEADLINE_MS", "REEVE_FD", "TRACEPARENT" };

/* systemd's words to us alone (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)). */
static const char *const service_names[] = { "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
	"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES" };

struct list {
	char **variables;
	size_t count, room;
};

static void add(struct list *list, char *variable)
{
	list->variables =
		xgrow(list->variables, list->count + 1, &list->room, sizeof *list->variables);
	list->variables[list->count++] = variable;
	list->variables[list->count] = NULL;
}

static bool has_name(const char *variable, const char *name)
{
	const size_t length = strlen(name);
	return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

static bool is_one_of(const char *variable, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has_name(variable, names[i]))
			return true;
	return false;
}

bool task_environment_owns(const char *variable)
{
	return is_one_of(variable, task_names, ARRAY_SIZE(task_names));
}

/* AWS_* stays even where it filled a broker's address: the role is the application's too. */
static bool is_secret(const struct config *config, const char *variable)
{
	if (strncmp(variable, "AWS_", 4) == 0)
		return false;
	for (char **name = config->secret_variables; name && *name; name++)
		if (has_name(variable, *name))
			return true;
	return false;
}

static bool is_passed(const struct config_queue *queue, const char *variable)
{
	OWNED(free) char *name = xstrndup(variable, strcspn(variable, "="));
	if (!queue->pass_env)
		return true;
	for (char **glob = queue->pass_env; *glob; glob++)
		if (fnmatch(*glob, name, 0) == 0)
			return true;
	return false;
}

static bool is_overridden(const struct config_environment *env, const char *variable, size_t from)
{
	for (size_t i = from; i < env->count; i++)
		if (has_name(variable, env->names[i]))
			return true;
	return false;
}

static const char *const user_names[] = { "HOME", "USER", "LOGNAME", "SHELL" };

static bool is_of_user(const struct config_queue *queue, const char *variable)
{
	return queue->user.name && is_one_of(variable, user_names, ARRAY_SIZE(user_names));
}

/* As login(1) and systemd.exec(5) set them. */
static void add_user(struct list *list, const struct config_queue *queue)
{
	const struct config_user *user = &queue->user;
	const char *const values[ARRAY_SIZE(user_names)] = { user->home, user->login, user->login,
		user->shell };
	for (size_t i = 0; user->name && i < ARRAY_SIZE(values); i++) {
		OWNED(free) char *variable = xprintf("%s=%s", user_names[i], values[i]);
		if (!is_overridden(&queue->env, variable, 0))
			add(list, GIVE(variable));
	}
}

char **runner_build_environment(const struct config *config, const struct config_queue *queue)
{
	struct list list = { 0 };
	const struct config_environment *env = &queue->env;
	for (char **variable = environ; variable && *variable; variable++)
		if (!is_secret(config, *variable) && is_passed(queue, *variable) &&
			!is_one_of(*variable, service_names, ARRAY_SIZE(service_names)) &&
			!is_overridden(env, *variable, 0) && !is_of_user(queue, *variable))
			add(&list, xstrdup(*variable));
	add_user(&list, queue);
	for (size_t i = 0; i < env->count; i++) {
		OWNED(free) char *variable = xprintf("%s=%s", env->names[i], env->values[i]);
		if (!is_overridden(env, variable, i + 1))
			add(&list, GIVE(variable));
	}
	return list.variables ? list.variables : xcalloc(1, sizeof *list.variables);
}

void runner_free_environment(char **environment)
{
	for (char **variable = environment; variable && *variable; variable++)
		free(*variable);
	free(environment);
}

static void add_own(struct task_environment *environment, char *variable)
{
	environment->list[environment->own++] = variable;
}

static void add_task(struct task_environment *environment, const struct run_request *request)
{
	add_own(environment, xprintf("REEVE_TASK_ID=%s", request->task_id));
	add_own(environment, xprintf("REEVE_ATTEMPT=%" PRIu32, request->attempt));
	if (request->name) {
		add_own(environment, xprintf("REEVE_TASK=%s", request->name));
		add_own(environment,
			xprintf("REEVE_JOB_ID=%s", request->job_id ? request->job_id : ""));
	}
	if (request->deadline_ms)
		add_own(environment, xprintf("REEVE_DEADLINE_MS=%" PRId64, request->deadline_ms));
	if (request->traceparent)
		add_own(environment, xprintf("TRACEPARENT=%s", request->traceparent));
}

void task_environment_init(struct task_environment *environment, const struct runner *runner,
	const struct run_request *request)
{
	size_t base = 0;
	while (runner->environment[base])
		base++;
	*environment = (struct task_environment){ .list = xcalloc(base + TASK_VARIABLES + 1,
							  sizeof *environment->list) };
	bool is_pulled = request && request->queue;
	add_own(environment,
		xprintf("REEVE_QUEUE=%s", is_pulled ? request->queue : runner->queue->name));
	const bool has_channel = runner->queue->type != QUEUE_PROGRAM;
	if (has_channel && (!request || request->envelope))
		add_own(environment, xstrdup("REEVE_FD=3"));
	if (request)
		add_task(environment, request);
	memcpy(environment->list + environment->own, runner->environment,
		base * sizeof *environment->list);
}

void task_environment_finish(struct task_environment *environment)
{
	for (size_t i = 0; i < environment->own; i++)
		free(environment->list[i]);
	free(environment->list);
	*environment = (struct task_environment){ 0 };
}
