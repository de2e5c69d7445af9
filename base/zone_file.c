/* Files of tzdata: RFC 8536, versions 1 to 4. Nothing in them is trusted. */
#include "base/zone_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX    (1024 * 1024)
#define HEADER_SIZE 44
#define TYPE_SIZE   6
#define OFFSET_MAX  93599 /* seconds, RFC 8536 3.2 */

/* A block of the file: counts of its header, and where its parts begin. */
struct block {
	uint32_t isutc, isstd, leaps, changes, types, letters;
	size_t wide; /* bytes of a time: 4 in the first block, 8 in the second */
	const uint8_t *times, *kinds, *rows, *end;
};

static uint64_t read_big(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static int64_t read_time(const uint8_t *at, size_t bytes)
{
	return bytes == 4 ? (int32_t)(uint32_t)read_big(at, 4) : (int64_t)read_big(at, 8);
}

/* The block that begins at `at`; false where the file is too short for what it says. */
static bool open_block(const uint8_t *at, const uint8_t *end, size_t wide, struct block *out)
{
	if (end - at < HEADER_SIZE || memcmp(at, "TZif", 4) != 0)
		return false;
	struct block block = { .wide = wide };
	uint32_t *const counts[] = { &block.isutc, &block.isstd, &block.leaps, &block.changes,
		&block.types, &block.letters };
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		*counts[i] = (uint32_t)read_big(at + 20 + 4 * i, 4);
	uint64_t size = (uint64_t)block.changes * (wide + 1) + (uint64_t)block.types * TYPE_SIZE +
			block.letters + (uint64_t)block.leaps * (wide + 4) + block.isstd +
			block.isutc;
	block.times = at + HEADER_SIZE;
	if (block.types == 0 || block.types > 256 || size > (uint64_t)(end - block.times))
		return false;
	block.kinds = block.times + block.changes * wide;
	block.rows = block.kinds + block.changes;
	block.end = block.times + size;
	*out = block;
	return true;
}

static bool add_type(struct zone *zone, const struct block *block, int64_t at_s, uint32_t type)
{
	if (type >= block->types)
		return false;
	int64_t offset_s = read_time(block->rows + (size_t)type * TYPE_SIZE, 4);
	if (offset_s < -OFFSET_MAX || offset_s > OFFSET_MAX)
		return false;
	zone_add(zone, at_s, (int32_t)offset_s);
	return true;
}

/* Before the first change clocks show the first type. */
static bool add_changes(struct zone *zone, const struct block *block)
{
	if (!add_type(zone, block, INT64_MIN, 0))
		return false;
	int64_t last_s = INT64_MIN;
	for (uint32_t i = 0; i < block->changes; i++) {
		int64_t at_s = read_time(block->times + i * block->wide, block->wide);
		/* Some writers put a change at the big bang in front. */
		if (at_s <= last_s || !add_type(zone, block, at_s, block->kinds[i]))
			return false;
		last_s = at_s;
	}
	return true;
}

/* After the second block: "\nCET-1CEST,M3.5.0,M10.5.0/3\n", or nothing between the line ends. */
static bool add_footer(struct zone *zone, const uint8_t *at, const uint8_t *end)
{
	if (at >= end || *at != '\n')
		return false;
	const uint8_t *close = memchr(at + 1, '\n', (size_t)(end - at - 1));
	if (!close)
		return false;
	OWNED(free) char *text = xstrndup((const char *)at + 1, (size_t)(close - at - 1));
	return *text == '\0' || zone_add_rule(zone, text);
}

static bool read_zone(struct zone *zone, const uint8_t *bytes, size_t length)
{
	const uint8_t *end = bytes + length;
	struct block block;
	if (!open_block(bytes, end, 4, &block))
		return false;
	if (bytes[4] < '2')
		return add_changes(zone, &block);
	return open_block(block.end, end, 8, &block) && add_changes(zone, &block) &&
	       add_footer(zone, block.end, end);
}

bool zone_read_file(struct zone *zone, const char *path, struct error *err)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat at;
	if (fd < 0 || fstat(fd, &at) < 0 || !S_ISREG(at.st_mode))
		return error_set(err, ERROR_NOT_FOUND,
			"no time zone \"%s\" here (%.120s is not there)", zone->name, path);
	size_t length = at.st_size > FILE_MAX ? 0 : (size_t)at.st_size;
	OWNED(free) uint8_t *bytes = xmalloc(length + 1);
	size_t had = 0;
	ssize_t got = 1;
	while (had < length && got > 0) {
		got = read(fd, bytes + had, length - had);
		had += got > 0 ? (size_t)got : 0;
	}
	if (had == length && read_zone(zone, bytes, length))
		return true;
	return error_set(err, ERROR_INVALID, "%.120s is not a file of tzdata", path);
}
