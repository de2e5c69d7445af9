/* Maps the words and takes the writers' lock of the file beside a database; see the header. */
#include "stores/sqlite_bell.h"

#include "base/memory.h"
#include "stores/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool bell_open(struct bell *bell, const char *path, struct error *err)
{
	OWNED(free) char *beside = xprintf("%s-bell", path);
	OWNED_FD int fd = -1;
	if (!sqlite_open_beside(beside, &fd, err))
		return false;
	/* Really allocated: a hole that a full disk can't fill would be a SIGBUS later. */
	int code = posix_fallocate(fd, 0, sizeof(struct bells_page));
	if (code)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", beside, strerror(code));
	void *page =
		mmap(NULL, sizeof(struct bells_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", beside, strerror(errno));
	*bell = (struct bell){ .fd = fd, .bells.page = page };
	fd = -1;
	return true;
}

void bell_close(struct bell *bell)
{
	if (!bell->bells.page)
		return;
	munmap(bell->bells.page, sizeof(struct bells_page));
	close(bell->fd);
	*bell = (struct bell){ .fd = -1 };
}

/* One byte, by open file description: two stores of one process exclude each other too. */
static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
}

bool bell_lock(struct bell *bell)
{
	struct flock lock = whole_file(F_WRLCK);
	while (fcntl(bell->fd, F_OFD_SETLKW, &lock))
		if (errno != EINTR)
			return false;
	return true;
}

void bell_unlock(struct bell *bell)
{
	struct flock lock = whole_file(F_UNLCK);
	fcntl(bell->fd, F_OFD_SETLK, &lock);
}

uint32_t bell_index(int64_t queue)
{
	return 1 + (uint32_t)((queue - 1) % (BELLS_WORDS - 1));
}
