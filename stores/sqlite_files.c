/* Owner, mode and place of the store's files; see the header. */
#include "stores/sqlite_files.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* SQLite's locks and its shared memory do not work between hosts
 * (https://www.sqlite.org/wal.html: "WAL does not work over a network filesystem"). */
static const struct {
	unsigned long magic;
	const char *name;
} network_filesystems[] = {
	{ NFS_SUPER_MAGIC, "NFS" },
	{ SMB_SUPER_MAGIC, "SMB" },
	{ SMB2_SUPER_MAGIC, "SMB" },
	{ CIFS_SUPER_MAGIC, "CIFS" },
	{ CEPH_SUPER_MAGIC, "Ceph" },
	{ AFS_SUPER_MAGIC, "AFS" },
};

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static bool check_folder(const char *folder, const char *path, struct error *err)
{
	struct stat status;
	if (stat(folder, &status) && errno == ENOENT)
		return error_set(err, ERROR_UNAVAILABLE, "store %s: the folder %s does not exist",
			path, folder);
	struct statfs filesystem;
	if (statfs(folder, &filesystem))
		return error_set(err, ERROR_UNAVAILABLE, "store %s: folder %s: %s", path, folder,
			strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(network_filesystems); i++)
		if ((unsigned long)filesystem.f_type == network_filesystems[i].magic)
			return error_set(err, ERROR_INVALID,
				"store %s: %s is on %s; a store file must be on a local disk", path,
				folder, network_filesystems[i].name);
	return true;
}

bool sqlite_check_place(const char *path, struct error *err)
{
	OWNED(free) char *folder = folder_of(path);
	return check_folder(folder, path, err);
}

/* As its folder: whoever may write there may use the store. */
static void adopt_folder(int fd, const char *folder)
{
	struct stat status;
	if (stat(folder, &status))
		return;
	if (geteuid() == 0 && fchown(fd, status.st_uid, status.st_gid))
		return; /* a filesystem without owners */
	fchmod(fd, status.st_mode & 0666);
}

bool sqlite_open_beside(const char *path, int *out, struct error *err)
{
	OWNED_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		OWNED(free) char *folder = folder_of(path);
		adopt_folder(fd, folder);
	} else if (errno == EEXIST) {
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
	*out = fd;
	fd = -1;
	return true;
}

/* The name of a new file must be on disk before a commit in it is promised to be. */
static void sync_folder(const char *folder)
{
	OWNED_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

bool sqlite_find_file(const char *path, char **real_path, struct error *err)
{
	OWNED(free) char *folder = folder_of(path);
	if (!check_folder(folder, path, err))
		return false;
	struct stat status;
	/* Never opened here where it exists: closing it would drop the locks of a connection that
	 * this process has (https://www.sqlite.org/howtocorrupt.html, 2.2). */
	if (stat(path, &status) && errno == ENOENT) {
		OWNED_FD int fd = -1;
		if (!sqlite_open_beside(path, &fd, err))
			return error_wrap(err, "store");
		sync_folder(folder);
	}
	char *found = realpath(path, NULL);
	if (!found)
		return error_set(err, ERROR_UNAVAILABLE, "store %s: %s", path, strerror(errno));
	OWNED(free) char *real_folder = folder_of(found);
	if (!check_folder(real_folder, found, err)) { /* where a link leads to */
		free(found);
		return false;
	}
	*real_path = found;
	return true;
}
