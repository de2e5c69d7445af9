/* MessagePack, as far as arguments need it; see the header. */
#include "stores/redis_pack.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>

enum { PACK_FALSE = 0xc2, PACK_TRUE = 0xc3, PACK_INT64 = 0xd3, PACK_STR32 = 0xdb };
enum { PACK_LIST32 = 0xdd, PACK_FIXLIST = 0x90, PACK_FIXSTR = 0xa0 };

static void put(struct redis_pack *pack, const void *bytes, size_t length)
{
	if (pack->room - pack->length < length) {
		pack->room = (pack->room + length) * 2;
		pack->bytes = xrealloc(pack->bytes, pack->room);
	}
	memcpy(pack->bytes + pack->length, bytes, length);
	pack->length += length;
}

static void put_byte(struct redis_pack *pack, unsigned byte)
{
	unsigned char one = (unsigned char)byte;
	put(pack, &one, 1);
}

/* Most significant byte first. */
static void put_whole(struct redis_pack *pack, unsigned kind, uint64_t value, int bytes)
{
	put_byte(pack, kind);
	for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
		put_byte(pack, (unsigned)(value >> shift & 0xff));
}

void redis_pack_finish(struct redis_pack *pack)
{
	free(pack->bytes);
	*pack = (struct redis_pack){ 0 };
}

void redis_pack_list(struct redis_pack *pack, size_t count)
{
	if (count < 16)
		put_byte(pack, PACK_FIXLIST | (unsigned)count);
	else
		put_whole(pack, PACK_LIST32, count, 4);
}

static void put_text(struct redis_pack *pack, const char *text, size_t length)
{
	if (length < 32)
		put_byte(pack, PACK_FIXSTR | (unsigned)length);
	else
		put_whole(pack, PACK_STR32, length, 4);
	put(pack, text, length);
}

void redis_pack_text(struct redis_pack *pack, const char *text)
{
	if (text)
		put_text(pack, text, strlen(text));
	else
		redis_pack_bool(pack, false);
}

void redis_pack_number(struct redis_pack *pack, int64_t number)
{
	if (number >= 0 && number < 128)
		put_byte(pack, (unsigned)number);
	else
		put_whole(pack, PACK_INT64, (uint64_t)number, 8);
}

void redis_pack_bool(struct redis_pack *pack, bool value)
{
	put_byte(pack, value ? PACK_TRUE : PACK_FALSE);
}

void redis_pack_nonce(struct redis_pack *pack, uint64_t nonce)
{
	char digits[17];
	snprintf(digits, sizeof digits, "%016" PRIx64, nonce);
	put_text(pack, digits, 16);
}
