--#flags allow-oom
--#needs doom
-- args: completed_before, failed_before, results_before (-1: never), limit. One page.
local left = args[4]
local deleted = 0

local function next_old(kind, before)
	if before < 0 then
		return nil
	end
	return call('ZRANGEBYSCORE', prefix .. kind, '-inf', '(' .. before, 'LIMIT', 0, 1)[1]
end

-- A job whose key is the id of a task that has not ended: that has still to read what has become of it.
-- It is put off until a later cut.
local function is_put_off(kind, member, before)
	local key = sub(member, 1, 1) == 'j' and call('HGET', prefix .. 'j:' .. sub(member, 2), 'key')
	local ref = key and find_ref(key)
	local t = ref and load_task(ref)
	if not t or t.state > WORKING then
		return false
	end
	call('ZADD', prefix .. kind, before, member)
	left = left - 1
	return true
end

local function delete_one(member)
	local number = sub(member, 2)
	if sub(member, 1, 1) == 'j' then
		doom(number)
		return
	end
	local t = load_task(number .. '0000000')
	if t then
		delete_pushed(t)
		left = left - floor(t.records / 16)
	end
end

local function delete_ended(kind, before)
	while left > 0 do
		local member = next_old(kind, before)
		if not member then
			return
		end
		if not is_put_off(kind, member, before) then
			delete_one(member)
			call('ZREM', prefix .. kind, member)
			deleted = deleted + 1
			left = left - 1
		end
	end
end

-- Drops results of the job that ended first, and of pushed tasks.
local function drop_results(member)
	local number = sub(member, 2)
	if sub(member, 1, 1) == 'p' then
		local key, field = place(number .. '0000000')
		call('HDEL', key, 'r' .. field)
		call('ZREM', prefix .. 'results', member)
		left = left - 1
		return
	end
	local key = prefix .. 'j:' .. number
	local row = call('HMGET', key, 'seq', 'cleared')
	local last, seq = tonumber(row[1] or 1) - 1, tonumber(row[2] or 0)
	while seq < last and left > 0 do
		seq = seq + 1
		left = left - 1
		local hash, field = place(child_ref(number, seq))
		call('HDEL', hash, 'r' .. field)
	end
	call('HSET', key, 'cleared', seq)
	left = left - 1
	if seq >= last then
		call('ZREM', prefix .. 'results', member)
	end
end

left = left - sweep_doomed(left)
delete_ended('ended:good', args[1])
delete_ended('ended:bad', args[2])
while left > 0 do
	local member = next_old('results', args[3])
	if not member then
		break
	end
	if not is_put_off('results', member, args[3]) then
		drop_results(member)
	end
end
local more = call('EXISTS', prefix .. 'doomed') == 1 or next_old('ended:good', args[1]) or
	next_old('ended:bad', args[2]) or next_old('results', args[3])
return finish({ deleted, more and 1 or 0 })
