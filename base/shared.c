/* Shared memory; see shared.h. */
#include "base/shared.h"

#include "base/memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool map(const char *name, size_t size, int fd, int flags, void **memory, struct error *err)
{
	void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (mapped == MAP_FAILED)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", name, strerror(errno));
	*memory = mapped;
	return true;
}

bool shared_create(const char *name, size_t size, int *fd, void **memory, struct error *err)
{
	OWNED_FD int made = memfd_create(name, MFD_CLOEXEC);
	if (made < 0 || ftruncate(made, (off_t)size) != 0)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", name, strerror(errno));
	if (!map(name, size, made, MAP_SHARED, memory, err))
		return false;
	*fd = made;
	made = -1;
	return true;
}

bool shared_map(
	const char *name, size_t size, int fd, bool is_copy, void **memory, struct error *err)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set(err, ERROR_INVALID, "%s: %s", name, strerror(errno));
	if (status.st_size != (off_t)size)
		return error_set(err, ERROR_INVALID,
			"%s: it has %lld bytes, this version's has %zu", name,
			(long long)status.st_size, size);
	return map(name, size, fd, is_copy ? MAP_PRIVATE : MAP_SHARED, memory, err);
}
