/* Small files as a whole; see file.h. */
#include "config/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_errno(struct error *err)
{
	return error_set(
		err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, "%s", strerror(errno));
}

/* O_NONBLOCK: a pipe without a writer must not hold a reload up; it is refused after fstat. */
static bool open_regular(const char *path, int *out, struct error *err)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat at;
	if (fd < 0 || fstat(fd, &at) < 0)
		return fail_errno(err);
	if (!S_ISREG(at.st_mode))
		return error_set(err, ERROR_INVALID, "not a regular file");
	*out = fd;
	fd = -1;
	return true;
}

bool file_read(const char *path, size_t max, char **out, size_t *length, struct error *err)
{
	OWNED_FD int fd = -1;
	if (!open_regular(path, &fd, err))
		return false;
	OWNED(free) char *bytes = xmalloc(max + 2);
	size_t used = 0;
	while (used <= max) {
		ssize_t got = read(fd, bytes + used, max + 1 - used);
		if (got < 0 && errno != EINTR)
			return fail_errno(err);
		if (got == 0)
			break;
		used += got > 0 ? (size_t)got : 0;
	}
	if (used > max)
		return error_set(err, ERROR_INVALID, "larger than %zu KiB", max / 1024);
	bytes[used] = '\0';
	*out = GIVE(bytes);
	*length = used;
	return true;
}

const char *file_resolve(struct arena *arena, const struct source *source, const char *path)
{
	if (path[0] == '/')
		return path;
	while (strncmp(path, "./", 2) == 0)
		for (path += 2; *path == '/';)
			path++;
	if (*path == '\0' || strcmp(path, ".") == 0)
		return source->folder;
	bool is_root = strcmp(source->folder, "/") == 0;
	return arena_print(arena, "%s/%s", is_root ? "" : source->folder, path);
}

bool file_is_there(const char *path)
{
	struct stat at;
	return stat(path, &at) == 0;
}

bool file_is_folder(const char *path)
{
	struct stat at;
	return stat(path, &at) == 0 && S_ISDIR(at.st_mode);
}
