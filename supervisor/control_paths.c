/* Names of the control socket; see control_paths.h and control.h. */
#include "supervisor/control_paths.h"

#include "base/ids.h"
#include "base/memory.h"
#include "supervisor/control.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum place { PLACE_RUN, PLACE_XDG, PLACE_TEMPORARY, PLACES };

/* The real path of the folder, a slash, the name as given: a link to a file is a file of its own.
 */
static char *full_name(const char *config_path)
{
	const char *slash = strrchr(config_path, '/');
	const char *name = slash ? slash + 1 : config_path;
	OWNED(free)
	char *folder = !slash ? xstrdup(".")
		       : slash == config_path
			       ? xstrdup("/")
			       : xstrndup(config_path, (size_t)(slash - config_path));
	OWNED(free) char *real = realpath(folder, NULL);
	const char *start = real ? real : folder;
	return xprintf("%s/%s", strcmp(start, "/") == 0 ? "" : start, name);
}

static char *socket_name(const char *config_path)
{
	OWNED(free) char *full = full_name(config_path);
	const char *name = strrchr(full, '/') + 1;
	const char *dot = strrchr(name, '.');
	size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	return xprintf("%.*s-%08x.sock", (int)stem, name, ids_fnv1a(full));
}

static char *folder_of(enum place place)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	const char *temporary = getenv("TMPDIR");
	switch (place) {
	case PLACE_RUN:
		return xstrdup("/run/reeve");
	case PLACE_XDG:
		return xdg && xdg[0] == '/' ? xprintf("%s/reeve", xdg) : NULL;
	default:
		return xprintf("%s/reeve-%u", temporary && temporary[0] == '/' ? temporary : "/tmp",
			(unsigned)getuid());
	}
}

void control_paths(const char *config_path, char *paths[3])
{
	OWNED(free) char *name = socket_name(config_path);
	for (int i = 0; i < PLACES; i++) {
		OWNED(free) char *folder = folder_of((enum place)i);
		paths[i] = folder ? xprintf("%s/%s", folder, name) : NULL;
	}
}

/* In a folder that anybody may write, somebody else could have made ours before us. */
static bool is_safe(const char *folder, enum place place)
{
	struct stat at;
	if (lstat(folder, &at) != 0 || !S_ISDIR(at.st_mode))
		return false;
	if (place != PLACE_RUN && at.st_uid != getuid())
		return false;
	if (place == PLACE_TEMPORARY && (at.st_mode & 077) != 0)
		return false;
	return (at.st_mode & S_IWOTH) == 0 && access(folder, W_OK | X_OK) == 0;
}

static bool make_folder(const char *socket_path, enum place place)
{
	OWNED(free)
	char *folder = xstrndup(socket_path, (size_t)(strrchr(socket_path, '/') - socket_path));
	if (mkdir(folder, place == PLACE_RUN ? 0755 : 0700) != 0 && errno != EEXIST)
		return false;
	return is_safe(folder, place);
}

bool control_choose_path(
	const char *config_path, const char *control_path, char **out, struct error *err)
{
	if (control_path) {
		*out = xstrdup(control_path);
		return true;
	}
	char *paths[PLACES];
	control_paths(config_path, paths);
	char *chosen = NULL;
	for (int i = 0; i < PLACES; i++) {
		if (!chosen && paths[i] && make_folder(paths[i], (enum place)i))
			chosen = GIVE(paths[i]);
		free(paths[i]);
	}
	if (!chosen)
		return error_set(err, ERROR_UNAVAILABLE,
			"no folder for the control socket: neither /run/reeve nor "
			"$XDG_RUNTIME_DIR/reeve nor reeve-%u in the temporary folder is ours to "
			"write",
			(unsigned)getuid());
	*out = chosen;
	return true;
}

char *control_lock_path(const char *socket_path)
{
	size_t length = strlen(socket_path);
	if (length > 5 && strcmp(socket_path + length - 5, ".sock") == 0)
		length -= 5;
	return xprintf("%.*s.lock", (int)length, socket_path);
}
