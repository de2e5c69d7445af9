/* Futex words that processes share; see the header. */
#include "base/bells.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/shared.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LISTENED_MS 3000
#define SLICE_MS    250

/* Sleepers carry a bit of their process, so that an interruption wakes hardly anybody else. */
static uint32_t own_bit(void)
{
	return 2u << getpid() % 31;
}

static void wake(uint32_t *word, int64_t count, uint32_t bits)
{
	syscall(SYS_futex, word, FUTEX_WAKE_BITSET, (uint32_t)count, NULL, NULL, bits);
}

/* FUTEX_WAIT_BITSET and futex_waitv take a point in time, see futex(2). */
static struct timespec time_after(int64_t timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

static void sleep_on(uint32_t *word, uint32_t ticket, int64_t timeout_ms)
{
	struct timespec until = time_after(timeout_ms);
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, ticket, timeout_ms < 0 ? NULL : &until, NULL,
		own_bit() | 1u);
}

static uint32_t *word_at(struct bells *bells, uint32_t index)
{
	if (index >= BELLS_OUTBOX)
		return index == BELLS_OUTBOX ? &bells->page->outbox : &bells->page->cancelled;
	return &bells->page->words[index];
}

bool bells_create(struct bells *bells)
{
	void *page = mmap(NULL, sizeof(struct bells_page), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	*bells = (struct bells){ .page = page };
	return true;
}

bool bells_create_shared(struct bells *bells, int *fd, struct error *err)
{
	void *page;
	if (!shared_create("reeve-bells", sizeof(struct bells_page), fd, &page, err))
		return false;
	*bells = (struct bells){ .page = page };
	return true;
}

bool bells_attach(struct bells *bells, int fd, struct error *err)
{
	void *page;
	if (!shared_map("bells", sizeof(struct bells_page), fd, false, &page, err))
		return false;
	*bells = (struct bells){ .page = page };
	return true;
}

void bells_destroy(struct bells *bells)
{
	if (bells->page)
		munmap(bells->page, sizeof(struct bells_page));
	*bells = (struct bells){ 0 };
}

/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/); never 0. */
static uint64_t hash(const char *name)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);
	for (const char *at = name; *at; at++)
		value = (value ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return value ? value : 1;
}

uint32_t bells_index(struct bells *bells, const char *name)
{
	uint64_t wanted = hash(name);
	uint32_t first = (uint32_t)(wanted % (BELLS_WORDS - 1));
	for (uint32_t i = 0; i < BELLS_WORDS - 1; i++) {
		uint32_t place = 1 + (first + i) % (BELLS_WORDS - 1);
		uint64_t found = 0;
		if (__atomic_compare_exchange_n(&bells->page->names[place], &found, wanted, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
			found == wanted)
			return place;
	}
	bells_share(bells);
	return 1 + first;
}

uint64_t bells_id(struct bells *bells)
{
	uint64_t found = 0, drawn = ids_random64() | 1;
	bool is_first = __atomic_compare_exchange_n(
		&bells->page->id, &found, drawn, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return is_first ? drawn : found;
}

void bells_share(struct bells *bells)
{
	__atomic_store_n(&bells->page->is_shared, 1, __ATOMIC_SEQ_CST);
}

uint32_t bells_ticket(struct bells *bells, uint32_t index)
{
	return __atomic_load_n(word_at(bells, index), __ATOMIC_SEQ_CST);
}

void bells_ring(struct bells *bells, uint32_t index, int64_t count)
{
	if (count > INT_MAX || __atomic_load_n(&bells->page->is_shared, __ATOMIC_SEQ_CST))
		count = INT_MAX;
	uint32_t *word = word_at(bells, index);
	__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
	wake(word, count, 1u);
}

void bells_ring_all(struct bells *bells)
{
	for (uint32_t index = 0; index <= BELLS_CANCELLED; index++)
		bells_ring(bells, index, INT_MAX);
}

/*
 * A signal may come at any point here. Before `waiting` is set, bells_interrupt leaves the flag,
 * which is read after; from then on it also changes the word, so that a futex wait begun, about to
 * begin, or restarted by the kernel finds another value than the ticket and returns.
 */
void bells_wait(struct bells *bells, uint32_t index, uint32_t ticket, int64_t timeout_ms)
{
	uint32_t *word = word_at(bells, index);
	__atomic_store_n(&bells->waiting, word, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&bells->interrupted, __ATOMIC_SEQ_CST))
		sleep_on(word, ticket, timeout_ms);
	__atomic_store_n(&bells->waiting, NULL, __ATOMIC_SEQ_CST);
	/* A ring may have chosen us while we were interrupted, and we may leave: pass it on. */
	if (__atomic_exchange_n(&bells->interrupted, 0, __ATOMIC_SEQ_CST))
		wake(word, 1, 1u);
}

static void sleep_on_any(
	uint32_t *const *words, const uint32_t *tickets, size_t count, int64_t timeout_ms)
{
	struct futex_waitv waits[BELLS_WAIT_MAX];
	struct timespec until = time_after(timeout_ms);
	for (size_t i = 0; i < count; i++)
		waits[i] = (struct futex_waitv){
			.val = tickets[i], .uaddr = (uintptr_t)words[i], .flags = FUTEX_32
		};
	long result = syscall(SYS_futex_waitv, waits, (unsigned)count, 0,
		timeout_ms < 0 ? NULL : &until, CLOCK_MONOTONIC);
	bool is_missing = result < 0 && (errno == ENOSYS || errno == EPERM);
	if (is_missing)
		sleep_on(words[0], tickets[0],
			timeout_ms < 0 || timeout_ms > SLICE_MS ? SLICE_MS : timeout_ms);
}

/* An interruption changes the first word: as in bells_wait. */
void bells_wait_any(struct bells *bells, const uint32_t *indexes, const uint32_t *tickets,
	size_t count, int64_t timeout_ms)
{
	uint32_t *words[BELLS_WAIT_MAX];
	assert(count > 0 && count <= BELLS_WAIT_MAX);
	for (size_t i = 0; i < count; i++)
		words[i] = word_at(bells, indexes[i]);
	__atomic_store_n(&bells->waiting, words[0], __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&bells->interrupted, __ATOMIC_SEQ_CST))
		sleep_on_any(words, tickets, count, timeout_ms);
	__atomic_store_n(&bells->waiting, NULL, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&bells->interrupted, 0, __ATOMIC_SEQ_CST))
		for (size_t i = 0; i < count; i++)
			wake(words[i], 1, 1u);
}

void bells_interrupt(struct bells *bells)
{
	int kept = errno;
	__atomic_store_n(&bells->interrupted, 1, __ATOMIC_SEQ_CST);
	uint32_t *word = __atomic_load_n(&bells->waiting, __ATOMIC_SEQ_CST);
	if (word) {
		__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
		wake(word, INT_MAX, own_bit());
	}
	errno = kept;
}

void bells_note_listening(struct bells *bells)
{
	__atomic_store_n(&bells->page->listened_ms, clock_steady_ms(), __ATOMIC_SEQ_CST);
}

bool bells_are_listened(const struct bells *bells)
{
	int64_t at_ms = __atomic_load_n(&bells->page->listened_ms, __ATOMIC_SEQ_CST);
	return at_ms > 0 && clock_steady_ms() - at_ms <= LISTENED_MS;
}
