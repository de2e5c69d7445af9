-- What one step of a job changes beside its task: counters, counts, births, wake-ups.
--#needs ends

local letters = { 'b', 'c', 'f', 'i', 's', 'x', 'e' } -- born, completed, … excused

local function list_name(number, name)
	local key = prefix .. 'tally:' .. number
	local row = call('HGET', key, '#')
	local names = row and decode(row) or {}
	for _, other in ipairs(names) do
		if other == name then
			return
		end
	end
	names[#names + 1] = name
	call('HSET', key, '#', encode(names))
end

-- Answers the counters that fell from above 0 to 0.
local function change_counters(number, changes)
	local key, by, order, fallen = prefix .. 'gate:' .. number, {}, {}, {}
	for _, change in ipairs(changes) do
		local gate = change[1] .. '/' .. change[2]
		if not by[gate] then
			by[gate] = 0
			order[#order + 1] = gate
		end
		by[gate] = by[gate] + change[3]
	end
	for _, gate in ipairs(order) do
		if by[gate] ~= 0 then
			local pending = call('HINCRBY', key, 'p' .. gate, by[gate])
			if pending <= 0 and pending - by[gate] > 0 then
				fallen[#fallen + 1] = gate
			end
		end
	end
	return fallen
end

local function change_tallies(number, changes)
	for _, change in ipairs(changes) do
		for i, letter in ipairs(letters) do
			if change[2 + i] ~= 0 then
				tally(number, change[1], change[2], letter, change[2 + i])
			end
		end
		if change[1] == 0 and change[3] > 0 then
			list_name(number, change[2])
		end
	end
end

-- child: name, queue, payload, priority, delay, scopes, waits, wait_scope, wait_gate, wait_timeout
local function bear(job, parent, child)
	local t = new_task(child_ref(job.number, job.seq))
	t.job, t.name, t.queue, t.priority = job, child[1], child[2], child[4]
	t.gate, t.scope, t.delay = child[7] and child[9], child[8], child[5]
	job.seq = job.seq + 1
	if child[7] and child[10] > 0 then
		t.wait_until = now + child[10]
	end
	if t.gate and get_pending(job.number, gate_name(t)) > 0 then
		wait_for_gate(t)
	else
		queue_task(t, now + child[5])
	end
	call('HSET', t.key, 'b' .. t.field, encode({ child[1], child[2], child[4], parent, child[6], now,
		'', t.gate, child[8], child[10], child[5] }), 'p' .. t.field, child[3], 's' .. t.field,
		state_row(t))
end

-- line: {line, queue, priority, delay, tasks}, and where they wait {name, scope, gate, timeout}.
local function bear_waiting(job, line)
	local gate = line[6][2] .. '/' .. line[6][3]
	local waiters = get_waiters(job.number, gate)
	waiters[#waiters + 1] = { line[1], line[2], line[3], line[6][1], line[4], line[5], true }
	set_waiters(job.number, gate, waiters)
	set_line(job.number, line[1], { now, false, 0, gate })
	job.waiting = job.waiting + line[5]
	tally(job.number, 0, line[6][1], 'w', line[5])
	if line[6][4] > 0 then
		call('ZADD', prefix .. 'clock:' .. line[2], now + line[6][4], 't' .. line_member(job.number, line[1]))
		know_queue(line[2])
	end
end

local function bear_line(job, line)
	if line[6] and get_pending(job.number, line[6][2] .. '/' .. line[6][3]) > 0 then
		return bear_waiting(job, line)
	end
	set_line(job.number, line[1], { now, now + line[4], 0 })
	enter(line[2], line[3], now + line[4], line_member(job.number, line[1]), line[5])
	job.queued = job.queued + line[5]
end

-- Brings to life what the attempt has written ahead: one entry for each line, whatever its length.
local function bear_ahead(t)
	local key = prefix .. 'ahead:' .. t.ref
	local row = call('GET', key)
	if not row then
		return
	end
	for _, line in ipairs(decode(row)[2]) do
		bear_line(t.job, line)
	end
	call('UNLINK', key)
end

-- Opens the way for all who waited, whole lines of them.
local function wake(job, gate)
	local waiters = get_waiters(job.number, gate)
	call('HINCRBY', prefix .. 'gate:' .. job.number, 'v' .. gate, 1)
	for _, w in ipairs(waiters) do
		open_line(job, w)
	end
	if #waiters > 0 then
		set_waiters(job.number, gate, {})
	end
	return #waiters > 0
end

-- effects: children, counters, tallies, the job's failure or false. Answers whether anything has
-- become ready.
local function apply(job, parent, effects, ahead)
	local fallen = change_counters(job.number, effects[2])
	change_tallies(job.number, effects[3])
	for _, child in ipairs(effects[1]) do
		bear(job, parent, child)
	end
	local woke = #effects[1] > 0
	if ahead then
		bear_ahead(ahead)
		woke = true
	end
	for _, gate in ipairs(fallen) do
		woke = wake(job, gate) or woke
	end
	if effects[4] and job.state == JOB_RUNNING then
		job.state, job.reason = JOB_FAILED, effects[4]
	end
	return woke
end
