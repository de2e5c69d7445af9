-- A job that retention deletes is gone at once; its rows follow in pages.
--#needs pushes

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

-- A cancelled job may go before all of its tasks have ended: they leave where they stand.
local function empty_places(number, from, limit)
	local job = get_job(number, true)
	local last = math.min(job.seq - 1, from + limit)
	for seq = from + 1, last do
		local t = load_task(child_ref(number, seq))
		if t and t.state < WORKING and state_of(t) >= 0 then
			leave(t)
			leave_group(t)
		end
	end
	return last
end

-- One step of the deletion of a job; answers how many rows it has looked at.
local function delete_more(list, number, limit)
	local key = prefix .. 'j:' .. number
	local row = call('HMGET', key, 'seq', 'deleted', 'waiting', 'cursor', 'queued', 'emptied')
	local seq, block = tonumber(row[1] or 0), tonumber(row[2] or 0)
	local waiting, emptied = tonumber(row[3] or 0), tonumber(row[6] or 0)
	if tonumber(row[5] or 0) + waiting > 0 and emptied < seq - 1 and block == 0 then
		local last = empty_places(number, emptied, limit)
		call('HSET', key, 'emptied', last)
		return last - emptied
	elseif block * 256 < seq then
		local name = fmt('%05x', block)
		local hash = prefix .. 't:' .. number .. name
		forget_dead(number, hash, name)
		call('UNLINK', hash)
		call('HSET', key, 'deleted', block + 1)
		return math.min(256, seq - block * 256)
	elseif waiting > 0 and row[4] ~= '0' then
		call('HSET', key, 'cursor', forget_waiters(number, row[4] or '0'))
		return 1
	end
	call('UNLINK', key, prefix .. 'tally:' .. number, prefix .. 'gate:' .. number,
		prefix .. 'lines:' .. number, prefix .. 'waiting:' .. number)
	call('LPOP', list)
	jobs[number] = false -- not to be stored
	return 1
end

local function sweep_doomed(limit)
	local list, seen = prefix .. 'doomed', 0
	while seen < limit do
		local number = call('LINDEX', list, 0)
		if not number then
			break
		end
		seen = seen + delete_more(list, number, limit - seen)
	end
	return seen
end

local function doom(number)
	local key = prefix .. 'j:' .. number
	local id = call('HGET', key, 'id')
	call('HSET', key, 'doomed', 1)
	call('HDEL', prefix .. 'jobs', id)
	call('ZREM', prefix .. 'by-age', id)
	call('ZREM', prefix .. 'gated', id)
	call('ZREM', prefix .. 'results', 'j' .. number)
	call('SREM', prefix .. 'ending', number)
	call('HDEL', prefix .. 'n:' .. sub(number, 1, 8), sub(number, 9))
	call('RPUSH', prefix .. 'doomed', number)
	forget_block(sub(number, 1, 8))
end
