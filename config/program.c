/* Whether a program is there; see program.h. */
#include "config/program.h"

#include <sys/stat.h>
#include <unistd.h>

static bool is_executable(const char *path)
{
	struct stat at;
	return stat(path, &at) == 0 && S_ISREG(at.st_mode) && access(path, X_OK) == 0;
}

static const char *find_path(const struct config_environment *env)
{
	for (size_t i = 0; i < env->count; i++)
		if (strcmp(env->names[i], "PATH") == 0)
			return env->values[i];
	const char *own = getenv("PATH");
	return own ? own : "/bin:/usr/bin";
}

bool program_is_there(const char *name, const struct config_environment *env)
{
	if (strchr(name, '/'))
		return is_executable(name);
	OWNED(free) char *path = xstrdup(find_path(env));
	char *cursor = path;
	for (const char *folder = strsep(&cursor, ":"); folder; folder = strsep(&cursor, ":")) {
		OWNED(free) char *candidate = xprintf("%s/%s", *folder ? folder : ".", name);
		if (is_executable(candidate))
			return true;
	}
	return false;
}
