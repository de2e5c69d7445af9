-- Where queued tasks stand: queues, outboxes, groups.
--#needs tasks

--#const PRIORITY 35184372088832
-- 2^45, above every due time in milliseconds of what may ever be ready.
--#const NEVER 253402300799000
-- When lines of cancelled jobs are due that were put off: in the year 9999.

local known_queues = {}
local function know_queue(queue)
	if not known_queues[queue] then
		known_queues[queue] = true
		call('SADD', prefix .. 'queues', queue)
	end
end

local doors = {}
local function has_door(queue)
	if doors[queue] == nil then
		doors[queue] = call('SISMEMBER', prefix .. 'doors', queue) == 1
	end
	return doors[queue]
end

-- What is delayed, among leases and time-outs.
local function clock_member(priority, member)
	return fmt('d%03d', priority + 100) .. member
end

-- An entry of a queue, a task's ref or a line: ready now, or in the clock until it is due.
local function keep(queue, priority, due, member, tasks)
	if due <= now then
		call('ZADD', prefix .. 'ready:' .. queue, -priority * PRIORITY + due, member)
		count(queue, 'r', tasks)
		rings[queue] = (rings[queue] or 0) + tasks
	else
		call('ZADD', prefix .. 'clock:' .. queue, due, clock_member(priority, member))
		count(queue, 'd', tasks)
	end
	know_queue(queue)
end

-- Of a queue with a door: a courier takes it from there.
local function put_unsent(queue, priority, due, member, tasks)
	call('ZADD', prefix .. 'unsent:' .. queue, -priority * PRIORITY + due, member)
	if due > now then
		call('ZADD', prefix .. 'later:' .. queue, due, member)
	end
	count(queue, 'u', tasks)
	rings[''] = (rings[''] or 0) + tasks
	know_queue(queue)
	call('SADD', prefix .. 'outboxes', queue)
end

local function enter(queue, priority, due, member, tasks)
	local put = has_door(queue) and put_unsent or keep
	put(queue, priority, due, member, tasks)
end

local function group_key(t)
	return prefix .. 'group:' .. t.queue .. '\n' .. t.group
end

-- Tasks of one group stand in line: whoever is not its first is parked.
local function is_first(t)
	return not t.group or call('ZRANGE', group_key(t), 0, 0)[1] == t.ref or
		not call('ZSCORE', group_key(t), t.ref)
end

local function count_queued(t, by)
	if t.job then
		t.job.queued = t.job.queued + by
	end
end

local function set_queued(t, due, where)
	t.state, t.due, t.line, t.place = QUEUED, due, '', where
	count_queued(t, 1)
end

local function keep_task(t, due)
	if is_first(t) then
		set_queued(t, due, '')
		keep(t.queue, t.priority, due, t.ref, 1)
	else
		set_queued(t, due, 'p')
		call('ZADD', prefix .. 'parked:' .. t.queue, due, t.ref)
		count(t.queue, 'p', 1)
		know_queue(t.queue)
	end
end

local function send_task(t, due, where)
	set_queued(t, due, where)
	put_unsent(t.queue, t.priority, due, t.ref, 1)
end

local function queue_task(t, due)
	if not t.group and has_door(t.queue) then
		send_task(t, due, 'u')
	else
		keep_task(t, due)
	end
end

local function join_group(t)
	local order = call('HINCRBY', meta, 'line', 1)
	call('ZADD', group_key(t), order, t.ref)
end
