-- Tasks that wait for a counter.
--#needs places

local function gate_name(t)
	return t.scope .. '/' .. t.gate
end

-- Who waits for a counter: lines {line, queue, priority, name, delay, tasks, whether it was born as
-- a whole: nobody joins it}.
local function get_waiters(number, gate)
	local row = call('HGET', prefix .. 'gate:' .. number, 'w' .. gate)
	return row and decode(row) or {}
end

local function set_waiters(number, gate, waiters)
	local key, list = prefix .. 'gate:' .. number, prefix .. 'waiting:' .. number
	if #waiters > 0 then
		call('HSET', key, 'w' .. gate, encode(waiters))
		if call('ZADD', list, 0, gate) == 1 then
			call('ZADD', prefix .. 'gated', 0, get_job(number).id)
		end
	else
		call('HDEL', key, 'w' .. gate)
		call('ZREM', list, gate)
	end
end

local function get_pending(number, gate)
	return tonumber(call('HGET', prefix .. 'gate:' .. number, 'p' .. gate) or 0)
end

local function count_waiting(t, by)
	t.job.waiting = t.job.waiting + by
	tally(t.number, 0, t.name, 'w', by)
end

-- The next in line has its turn, unless somebody works on it out of turn.
local function leave_group(t)
	local key = t.group and group_key(t)
	if not key or call('ZREM', key, t.ref) == 0 then
		return
	end
	local ref = call('ZRANGE', key, 0, 0)[1]
	local other = ref and load_task(ref)
	if other and other.state == QUEUED and other.place == 'p' then
		call('ZREM', prefix .. 'parked:' .. other.queue, ref)
		count(other.queue, 'p', -1)
		other.place = ''
		keep(other.queue, other.priority, other.due, ref, 1)
		store_task(other)
	end
end

local function wait_for_gate(t)
	local gate = gate_name(t)
	leave_group(t) -- who waits in a line may be waited for by it
	t.group = false
	local waiters = get_waiters(t.number, gate)
	local found
	for _, w in ipairs(waiters) do
		if not w[7] and w[2] == t.queue and w[3] == t.priority and w[4] == t.name and w[5] == t.delay then
			found = w
		end
	end
	if not found then
		found = { new_line(), t.queue, t.priority, t.name, t.delay, 0 }
		waiters[#waiters + 1] = found
	end
	found[6] = found[6] + 1
	call('RPUSH', prefix .. 'line:' .. found[1], sub(t.ref, 11))
	set_waiters(t.number, gate, waiters)
	t.state, t.line, t.place = WAITING, found[1], ''
	count_waiting(t, 1)
	if t.wait_until > now then
		call('ZADD', prefix .. 'clock:' .. t.queue, t.wait_until, 't' .. t.ref)
		know_queue(t.queue)
	end
end

local function stop_waiting(t)
	local gate = gate_name(t)
	local waiters = get_waiters(t.number, gate)
	for i, w in ipairs(waiters) do
		if w[1] == t.line then
			w[6] = w[6] - 1
			if w[6] == 0 then
				table.remove(waiters, i)
				call('UNLINK', prefix .. 'line:' .. t.line)
			end
			break
		end
	end
	set_waiters(t.number, gate, waiters)
	count_waiting(t, -1)
end

-- Those who wait in the line become ready. They were born with it, or have rows that say when.
local function open_line(job, w)
	local row = get_row(job.number, w[1])
	local left = call('LLEN', prefix .. 'line:' .. w[1]) - w[6]
	set_line(job.number, w[1], { row and row[1] or now, now + w[5], left })
	enter(w[2], w[3], now + w[5], line_member(job.number, w[1]), w[6])
	job.queued = job.queued + w[6]
	job.waiting = job.waiting - w[6]
	tally(job.number, 0, w[4], 'w', -w[6])
end

-- -1: not born yet.
local function state_of(t)
	if t.is_fresh and not get_line(t.number, t.line) then
		return get_row(t.number, t.line) and WAITING or -1
	elseif t.state == WAITING and get_line(t.number, t.line) then
		return QUEUED
	end
	return t.state
end
