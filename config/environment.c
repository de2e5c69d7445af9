/* The file of env_file; see environment.h. */
#include "config/environment.h"

#include "config/file.h"

#include <ctype.h>

#define ENV_FILE_MAX_BYTES (256 * 1024)

struct rows {
	struct config_environment env;
	size_t name_room, value_room;
};

/* The text of a value in place: quotes around the whole are taken off. */
static char *unquote(char *value)
{
	size_t length = strlen(value);
	while (length > 0 && isspace((unsigned char)value[length - 1]))
		value[--length] = '\0';
	bool is_quoted =
		length >= 2 && (*value == '"' || *value == '\'') && value[length - 1] == *value;
	if (!is_quoted)
		return value;
	value[length - 1] = '\0';
	return value + 1;
}

static size_t find(const struct config_environment *env, const char *name)
{
	size_t i = 0;
	while (i < env->count && strcmp(env->names[i], name) != 0)
		i++;
	return i;
}

static void add(struct rows *rows, const char *name, const char *value)
{
	struct config_environment *env = &rows->env;
	size_t i = find(env, name);
	if (i < env->count) {
		free(env->values[i]);
		env->values[i] = xstrdup(value);
		return;
	}
	env->names = xgrow(env->names, env->count, &rows->name_room, sizeof *env->names);
	env->values = xgrow(env->values, env->count, &rows->value_room, sizeof *env->values);
	env->names[env->count] = xstrdup(name);
	env->values[env->count++] = xstrdup(value);
}

static bool take_line(struct rows *rows, char *line)
{
	line += strspn(line, " \t\r");
	if (*line == '\0' || *line == '#' || *line == ';')
		return true;
	if (strncmp(line, "export ", 7) == 0)
		line += 7 + strspn(line + 7, " \t");
	char *equals = strchr(line, '=');
	if (!equals || equals == line || strcspn(line, " \t") < (size_t)(equals - line))
		return false;
	*equals = '\0';
	add(rows, line, unquote(equals + 1));
	return true;
}

static bool parse(struct faults *faults, const struct where *at, const char *shown, char *bytes,
	struct rows *rows)
{
	char *cursor = bytes;
	for (int number = 1; cursor; number++) {
		char *line = strsep(&cursor, "\n");
		if (rows->env.count > ENVIRONMENT_COUNT_MAX)
			return faults_add(faults, at, "%s: more than %d variables", shown,
				ENVIRONMENT_COUNT_MAX);
		if (!take_line(rows, line))
			return faults_add(
				faults, at, "%s, line %d: expected NAME=VALUE", shown, number);
	}
	return true;
}

static void drop_rows(struct config_environment *env)
{
	for (size_t i = 0; i < env->count; i++) {
		free(env->names[i]);
		free(env->values[i]);
	}
	free(env->names);
	free(env->values);
}

/* Moves everything into env: the file's rows, then env's own over them. */
static void put_in_front(struct rows *rows, struct config_environment *env)
{
	struct rows merged = { 0 };
	for (size_t i = 0; i < rows->env.count; i++)
		if (find(env, rows->env.names[i]) == env->count)
			add(&merged, rows->env.names[i], rows->env.values[i]);
	for (size_t i = 0; i < env->count; i++)
		add(&merged, env->names[i], env->values[i]);
	drop_rows(env);
	*env = merged.env;
}

bool environment_add_file(struct loading *loading, const struct where *at, const char *shown,
	struct config_queue *queue)
{
	struct faults *faults = &loading->faults;
	OWNED(free) char *bytes = NULL;
	size_t length = 0;
	struct error err = { 0 };
	struct rows rows = { 0 };
	if (!file_read(queue->env_file, ENV_FILE_MAX_BYTES, &bytes, &length, &err))
		return faults_add(faults, at, "cannot read %s: %s", shown, err.text);
	if (memchr(bytes, '\0', length))
		return faults_add(faults, at, "%s contains a NUL", shown);
	bool is_whole = parse(faults, at, shown, bytes, &rows);
	if (is_whole)
		put_in_front(&rows, &queue->env);
	drop_rows(&rows.env);
	explicit_bzero(bytes, length);
	return is_whole;
}
