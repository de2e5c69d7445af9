#pragma once
/* Arguments of scripts as MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md),
 * which Redis' Lua reads with cmsgpack. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_pack {
	char *bytes;
	size_t length, room;
};
void redis_pack_finish(struct redis_pack *pack);
/* `count` values follow. */
void redis_pack_list(struct redis_pack *pack, size_t count);
/* NULL becomes false. */
void redis_pack_text(struct redis_pack *pack, const char *text);
void redis_pack_number(struct redis_pack *pack, int64_t number);
void redis_pack_bool(struct redis_pack *pack, bool value);
/* As 16 hex digits: Lua's numbers have 53 bits. */
void redis_pack_nonce(struct redis_pack *pack, uint64_t nonce);

static inline void memory_drop_redis_pack(struct redis_pack *pack)
{
	redis_pack_finish(pack);
}
