-- A job that retention deletes is gone at once; its rows follow in pages.

-- Returns the block's dead tasks to nobody: they leave the lists of the dead.
local function forget_dead(number, key, block)
	local fields = {}
	for i = 0, 255 do
		fields[i + 1] = fmt('s%02x', i)
	end
	for i, row in ipairs(call('HMGET', key, unpack(fields))) do
		if row and is_dead(decode(row)[1]) then
			local ref = number .. block .. fmt('%02x', i - 1)
			local t = load_task(ref)
			call('ZREM', prefix .. 'dead', ref)
			call('ZREM', prefix .. 'dead:' .. t.queue, ref)
		end
	end
end

-- Lines of tasks that waited when nothing could run any more.
local function forget_waiters(number, cursor)
	local key = prefix .. 'gate:' .. number
	local page = call('HSCAN', key, cursor, 'MATCH', 'w*', 'COUNT', 200)
	for i = 2, #page[2], 2 do
		for _, w in ipairs(decode(page[2][i])) do
			call('UNLINK', prefix .. 'line:' .. w[1])
		end
	end
	return page[1]
end

local function sweep_doomed(limit)
	local list, seen = prefix .. 'doomed', 0
	while seen < limit do
		local number = call('LINDEX', list, 0)
		if not number then
			break
		end
		local key = prefix .. 'j:' .. number
		local row = call('HMGET', key, 'seq', 'deleted', 'waiting', 'cursor')
		local seq, block = tonumber(row[1] or 0), tonumber(row[2] or 0)
		if block * 256 < seq then
			local name = fmt('%05x', block)
			local hash = prefix .. 't:' .. number .. name
			forget_dead(number, hash, name)
			call('UNLINK', hash)
			call('HSET', key, 'deleted', block + 1)
			seen = seen + math.min(256, seq - block * 256)
		elseif tonumber(row[3] or 0) > 0 and row[4] ~= '0' then
			call('HSET', key, 'cursor', forget_waiters(number, row[4] or '0'))
			seen = seen + 1
			if call('HGET', key, 'cursor') == '0' then
				call('HSET', key, 'waiting', 0)
			end
		else
			call('UNLINK', key, prefix .. 'tally:' .. number, prefix .. 'gate:' .. number,
				prefix .. 'lines:' .. number)
			call('LPOP', list)
			seen = seen + 1
		end
	end
	return seen
end

local function doom(number)
	local key = prefix .. 'j:' .. number
	local id = call('HGET', key, 'id')
	call('HSET', key, 'doomed', 1)
	call('HDEL', prefix .. 'jobs', id)
	call('ZREM', prefix .. 'by-age', id)
	call('ZREM', prefix .. 'results', 'j' .. number)
	call('SREM', prefix .. 'ending', number)
	call('HDEL', prefix .. 'n:' .. sub(number, 1, 8), sub(number, 9))
	call('RPUSH', prefix .. 'doomed', number)
	forget_block(sub(number, 1, 8))
end
