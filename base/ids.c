/* Identifiers; see ids.h. */
#include "base/ids.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void fill_random(void *out, size_t size)
{
	unsigned char *next = out;
	while (size > 0) {
		ssize_t got = getrandom(next, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			abort();
		next += got;
		size -= (size_t)got;
	}
}

uint64_t ids_random64(void)
{
	uint64_t value;
	fill_random(&value, sizeof value);
	return value;
}

void ids_uuid7(char out[IDS_UUID_SIZE])
{
	uint64_t ms = (uint64_t)clock_wall_ms() & 0xffffffffffffULL;
	uint64_t first = ids_random64();
	uint64_t second = ids_random64();
	snprintf(out, IDS_UUID_SIZE, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(ms >> 16),
		(unsigned)(ms & 0xffff), (unsigned)(first & 0xfff),
		(unsigned)(0x8000 | (first >> 12 & 0x3fff)),
		(unsigned long long)(second & 0xffffffffffffULL));
}

void ids_owner(char out[IDS_OWNER_SIZE])
{
	snprintf(out, IDS_OWNER_SIZE, "%016llx%016llx", (unsigned long long)ids_random64(),
		(unsigned long long)ids_random64());
}

uint32_t ids_fnv1a(const char *text)
{
	uint32_t hash = 2166136261u;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}
