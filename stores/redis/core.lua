-- What every script begins with: the clock, the check that this is still the store that the caller
-- has opened, and changes of counts that are added up and written at the end.
local prefix, call, fmt, sub, floor = KEYS[1], redis.call, string.format, string.sub, math.floor
local encode, decode = cmsgpack.pack, cmsgpack.unpack
--#const WAITING 0
--#const QUEUED 1
--#const WORKING 2
--#const COMPLETED 3
--#const FAILED 4
--#const INVALID 5
--#const SKIPPED 6
--#const CANCELLED 7
--#const JOB_RUNNING 0
--#const JOB_COMPLETED 1
--#const JOB_FAILED 2
--#const JOB_CANCELLED 3

local time = call('TIME')
local real = time[1] * 1000 + floor(time[2] / 1000)
local now = real + ARGV[2] -- tests move the clock
local args = decode(ARGV[3])

local meta = prefix .. 'meta'
local known = call('HMGET', meta, 'tag', 'alive', 'outage', 'paused', 'limited')
if known[1] ~= ARGV[1] then
	return redis.error_reply('REEVE_TAG ' .. (known[1] or ''))
end

-- Nobody could talk to this store for a while: see lease.lua.
local outage = tonumber(known[3] or 0)
local silence = real - (known[2] or real)
if silence > 5000 then
	outage = now
	call('HSET', meta, 'alive', real, 'outage', now)
elseif silence >= 1000 or silence < 0 or not known[2] then
	call('HSET', meta, 'alive', real)
end

local sums, rings = {}, {}

local function add(key, field, by)
	local fields = sums[key]
	if not fields then
		fields = {}
		sums[key] = fields
	end
	fields[field] = (fields[field] or 0) + by
end

-- r: ready, d: delayed, k: working, u: unsent, s: sent, p: parked, c: completed, f: failed.
local function count(queue, field, by)
	add(prefix .. 'queue:' .. queue, field, by)
end

local function flush()
	for key, fields in pairs(sums) do
		for field, by in pairs(fields) do
			if by ~= 0 then
				call('HINCRBY', key, field, by)
			end
		end
	end
	-- Who may not use the channel goes on without it: see redis_bell.c.
	for queue, tasks in pairs(rings) do
		redis.pcall('PUBLISH', prefix .. 'bell', queue .. ' ' .. tasks)
	end
end

-- The set is asked only where something is in it.
local function is_paused(queue)
	return known[4] and known[4] ~= '0' and call('HEXISTS', prefix .. 'paused', queue) == 1
end

local function refuse(kind, text)
	return redis.error_reply('REEVE_' .. kind .. ' ' .. text)
end
