#pragma once
/*
 * What happens in Redis as one step. A queue has three keys:
 *   LIST        what producers RPUSH
 *   LIST:held   hash: id → body of what was received and is not acked
 *   LIST:until  sorted set: id → when it comes back (ms, Redis' own clock)
 * A script checks first and writes in such an order that an error in the middle (no memory left, a
 * key of another type) loses nothing: at worst a message stands twice.
 */

/* KEYS: LIST, LIST:held, LIST:until. ARGV: how many, for how long they are held (ms), a random word
 * that begins the new ids. Answers {ms until the next held one comes back or −1, id, body, …}. */
static const char redis_script_take[] =
	"local time = redis.call('TIME')\n"
	"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
	"local max, lapse, out = tonumber(ARGV[1]), now + ARGV[2], {-1}\n"
	"local back = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, max)\n"
	"for _, id in ipairs(back) do\n"
	"  local body = redis.call('HGET', KEYS[2], id)\n"
	"  if body then\n"
	"    redis.call('ZADD', KEYS[3], lapse, id)\n"
	"    out[#out + 1] = id\n"
	"    out[#out + 1] = body\n"
	"  else\n"
	"    redis.call('ZREM', KEYS[3], id)\n"
	"  end\n"
	"end\n"
	"local room = max - #back\n"
	"if room > 0 then\n"
	"  local fresh = redis.call('LRANGE', KEYS[1], 0, room - 1)\n"
	"  for i, body in ipairs(fresh) do\n"
	"    local id = ARGV[3] .. '-' .. i\n"
	"    redis.call('HSET', KEYS[2], id, body)\n"
	"    redis.call('ZADD', KEYS[3], lapse, id)\n"
	"    out[#out + 1] = id\n"
	"    out[#out + 1] = body\n"
	"  end\n"
	"  if #fresh > 0 then redis.call('LTRIM', KEYS[1], #fresh, -1) end\n"
	"end\n"
	"local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')\n"
	"if first[2] then out[1] = math.max(0, first[2] - now) end\n"
	"return out\n";

/* KEYS: LIST:held, LIST:until. ARGV: ids. */
static const char redis_script_ack[] = "redis.call('HDEL', KEYS[1], unpack(ARGV))\n"
				       "return redis.call('ZREM', KEYS[2], unpack(ARGV))\n";

/* KEYS: LIST, LIST:until. Answers {what can be received, what is held}. */
static const char redis_script_depth[] =
	"local time = redis.call('TIME')\n"
	"local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
	"local back = redis.call('ZCOUNT', KEYS[2], '-inf', now)\n"
	"return { redis.call('LLEN', KEYS[1]) + back, redis.call('ZCARD', KEYS[2]) - back }\n";
