/* Futex words and the writers' lock in a file that all processes of a store map; see the header. */
#include "stores/sqlite_bell.h"

#include "base/memory.h"
#include "stores/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct bell_page {
	uint32_t is_shared; /* more queues than words: a word may have sleepers of several queues */
	uint32_t reserved[15];
	uint32_t words[BELL_WORDS];
};

/* Sleepers carry a bit of their process, so that an interruption wakes hardly anybody else. */
static uint32_t own_bit(void)
{
	return 2u << getpid() % 31;
}

static void wake(uint32_t *word, int64_t count, uint32_t bits)
{
	syscall(SYS_futex, word, FUTEX_WAKE_BITSET, (uint32_t)count, NULL, NULL, bits);
}

static void sleep_on(uint32_t *word, uint32_t ticket, int64_t timeout_ms)
{
	struct timespec until; /* FUTEX_WAIT_BITSET takes a point in time, see futex(2) */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, ticket, timeout_ms < 0 ? NULL : &until, NULL,
		own_bit() | 1u);
}

bool bell_open(struct bell *bell, const char *path, struct error *err)
{
	OWNED(free) char *beside = xprintf("%s-bell", path);
	OWNED_FD int fd = -1;
	if (!sqlite_open_beside(beside, &fd, err))
		return false;
	/* Really allocated: a hole that a full disk can't fill would be a SIGBUS later. */
	int code = posix_fallocate(fd, 0, sizeof(struct bell_page));
	if (code)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", beside, strerror(code));
	void *page =
		mmap(NULL, sizeof(struct bell_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(err, ERROR_UNAVAILABLE, "%s: %s", beside, strerror(errno));
	*bell = (struct bell){ .fd = fd, .page = page };
	fd = -1;
	return true;
}

void bell_close(struct bell *bell)
{
	if (!bell->page)
		return;
	munmap(bell->page, sizeof(struct bell_page));
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
	return 1 + (uint32_t)((queue - 1) % (BELL_WORDS - 1));
}

void bell_share(struct bell *bell)
{
	__atomic_store_n(&bell->page->is_shared, 1, __ATOMIC_SEQ_CST);
}

uint32_t bell_ticket(struct bell *bell, uint32_t index)
{
	return __atomic_load_n(&bell->page->words[index], __ATOMIC_SEQ_CST);
}

void bell_ring(struct bell *bell, uint32_t index, int64_t count)
{
	if (count > INT_MAX || __atomic_load_n(&bell->page->is_shared, __ATOMIC_SEQ_CST))
		count = INT_MAX;
	uint32_t *word = &bell->page->words[index];
	__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
	wake(word, count, 1u);
}

/*
 * A signal may come at any point here. Before `waiting` is set, bell_interrupt leaves the flag,
 * which is read after; from then on it also changes the word, so that a futex wait begun, about to
 * begin, or restarted by the kernel finds another value than the ticket and returns.
 */
void bell_wait(struct bell *bell, uint32_t index, uint32_t ticket, int64_t timeout_ms)
{
	uint32_t *word = &bell->page->words[index];
	__atomic_store_n(&bell->waiting, word, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&bell->interrupted, __ATOMIC_SEQ_CST))
		sleep_on(word, ticket, timeout_ms);
	__atomic_store_n(&bell->waiting, NULL, __ATOMIC_SEQ_CST);
	/* A ring may have chosen us while we were interrupted, and we may leave: pass it on. */
	if (__atomic_exchange_n(&bell->interrupted, 0, __ATOMIC_SEQ_CST))
		wake(word, 1, 1u);
}

void bell_interrupt(struct bell *bell)
{
	int kept = errno;
	__atomic_store_n(&bell->interrupted, 1, __ATOMIC_SEQ_CST);
	uint32_t *word = __atomic_load_n(&bell->waiting, __ATOMIC_SEQ_CST);
	if (word) {
		__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
		wake(word, INT_MAX, own_bit());
	}
	errno = kept;
}
