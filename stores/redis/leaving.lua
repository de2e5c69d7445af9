-- How a task leaves where it stands, and who holds it.
--#needs waiting

local function leave_later(t)
	if t.due > now then
		call('ZREM', prefix .. 'later:' .. t.queue, t.ref)
	end
end

local function sent_list(t)
	return prefix .. 'sent:' .. math.min(math.max(t.dispatch, 1), 16) - 1 .. ':' .. t.queue
end

-- Where single tasks stand, by their place: how each is left.
local leavers = {
	[''] = function(t)
		if call('ZREM', prefix .. 'ready:' .. t.queue, t.ref) == 1 then
			count(t.queue, 'r', -1)
		else
			call('ZREM', prefix .. 'clock:' .. t.queue, clock_member(t.priority, t.ref))
			count(t.queue, 'd', -1)
		end
	end,
	u = function(t) -- unsent, to be sent under a new number
		call('ZREM', prefix .. 'unsent:' .. t.queue, t.ref)
		count(t.queue, 'u', -1)
		leave_later(t)
	end,
	c = function(t) -- claimed
		call('ZREM', prefix .. 'claims:' .. t.queue, t.ref)
		call('SREM', prefix .. 'claimer:' .. t.claimer, t.ref)
		count(t.queue, 'u', -1)
		leave_later(t)
	end,
	s = function(t) -- sent
		call('ZREM', sent_list(t), t.ref)
		count(t.queue, 's', -1)
		leave_later(t)
	end,
	p = function(t) -- parked
		call('ZREM', prefix .. 'parked:' .. t.queue, t.ref)
		count(t.queue, 'p', -1)
	end,
}
leavers.l = leavers.u -- unsent again, its claim has lapsed

local function leave_line(t, line)
	local member = line_member(t.number, t.line)
	line[3] = line[3] + 1
	set_line(t.number, t.line, line)
	t.due = line[2]
	local where = 'd'
	if call('ZSCORE', prefix .. 'ready:' .. t.queue, member) then
		where = 'r'
	elseif call('ZSCORE', prefix .. 'unsent:' .. t.queue, member) then
		where = 'u'
	end
	count(t.queue, where, -1)
	-- Nobody else ever comes to one that was put off.
	if where == 'd' and is_cancelled(t) and count_line(t.number, t.line) <= 0 then
		call('ZREM', prefix .. 'clock:' .. t.queue, clock_member(t.priority, member))
		call('UNLINK', prefix .. 'line:' .. t.line)
	end
end

-- Takes a queued or waiting task out of where it stands.
local function leave(t)
	local line = t.line ~= '' and get_line(t.number, t.line)
	if t.line ~= '' and not line then
		stop_waiting(t)
	else
		if line then
			leave_line(t, line)
		else
			leavers[t.place](t)
		end
		count_queued(t, -1)
	end
	t.line, t.is_fresh, t.place, t.claimer = '', false, '', false
end

local function count_working(t, by)
	count(t.queue, 'k', by)
	if t.job then
		t.job.working = t.job.working + by
		tally(t.number, 0, t.name, 'k', by)
	end
end

-- A task that stands nowhere gets a holder.
local function hold(t, owner, length, nonce)
	t.state, t.attempt, t.finished = WORKING, t.attempt + 1, now
	t.owner, t.nonce, t.length, t.spawned, t.is_fresh = owner, nonce, length, 0, false
	store_task(t)
	call('ZADD', prefix .. 'clock:' .. t.queue, now + length, 'l' .. t.ref)
	call('SADD', prefix .. 'owner:' .. owner, t.ref)
	count_working(t, 1)
end

local function is_held(t, attempt, owner, nonce)
	return t.state == WORKING and t.attempt == attempt and t.nonce == nonce and t.owner == owner
end

local function drop_ahead(t)
	local key = prefix .. 'ahead:' .. t.ref
	local row = call('GET', key)
	if row then
		for _, line in ipairs(decode(row)[2]) do
			call('RPUSH', prefix .. 'dropped', line_member(t.number, line[1]))
		end
		call('UNLINK', key)
	end
end

-- Its holder loses it; it then stands nowhere. What it has written ahead is the caller's.
local function take_back(t)
	call('ZREM', prefix .. 'clock:' .. t.queue, 'l' .. t.ref)
	call('SREM', prefix .. 'owner:' .. t.owner, t.ref)
	count_working(t, -1)
	t.line, t.finished = '', 0
end

-- What joins the trace, as arguments of HSET: the token that has committed, or false, and the entry.
local function record(t, nonce, entry, output)
	t.records = t.records + 1
	local field = t.field .. ':' .. t.records
	if entry then
		return 'a' .. field, encode({ t.attempt, nonce }), 'o' .. field, encode({ entry, output })
	end
	return 'a' .. field, encode({ t.attempt, nonce })
end

local function has_committed(t, attempt, nonce)
	for i = t.records, 1, -1 do
		local row = call('HGET', t.key, 'a' .. t.field .. ':' .. i)
		local token = row and decode(row)
		if token and token[1] == attempt and token[2] == nonce then
			return true
		end
	end
	return false
end
