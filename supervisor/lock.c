/* The instance lock; see lock.h. */
#include "supervisor/lock.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(int fd, const char *config_path, struct error *err)
{
	struct flock held = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	/* Another pid namespace's holder has no pid here: the kernel then says 0 or less. */
	if (fcntl(fd, F_GETLK, &held) == 0 && held.l_type != F_UNLCK && held.l_pid > 0)
		return error_set(err, ERROR_CONFLICT, "pid %d already runs %s", (int)held.l_pid,
			config_path);
	return error_set(err, ERROR_CONFLICT, "another supervisor already runs %s", config_path);
}

/* False where the file that was opened is no longer the one of that name: its holder has removed it
 * at his end, and the lock on it keeps nobody out. */
static bool is_current(int fd, const char *path)
{
	struct stat opened, named;
	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

bool lock_take(const char *path, const char *config_path, int *fd, struct error *err)
{
	for (;;) {
		OWNED_FD int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (opened < 0)
			return error_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
		struct flock wanted = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		if (fcntl(opened, F_SETLK, &wanted) != 0) {
			if (errno == EACCES || errno == EAGAIN)
				return refuse(opened, config_path, err);
			return error_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
		}
		if (!is_current(opened, path))
			continue;
		*fd = opened;
		opened = -1;
		return true;
	}
}

void lock_drop(const char *path, int fd)
{
	unlink(path);
	close(fd);
}
