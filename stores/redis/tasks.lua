-- Tasks and jobs: where their rows are, where a task stands, how it moves and ends.
--
-- A task's ref is its job's number (10 hex digits) and its seq (7); a pushed task has a number of
-- its own and seq 0. Refs sort by age. 256 neighbours share a hash.

--#const PRIORITY 35184372088832
-- 2^45, above every due time in milliseconds.

local function place(ref)
	if sub(ref, 11) == '0000000' then
		return prefix .. 't:p' .. sub(ref, 1, 8), sub(ref, 9, 10)
	end
	return prefix .. 't:' .. sub(ref, 1, 15), sub(ref, 16)
end

local function child_ref(number, seq)
	return number .. fmt('%07x', seq)
end

-- Jobs and pushed tasks share the numbers; a block of 256 is listed when its first one is drawn.
local function new_number()
	local number = fmt('%010x', call('HINCRBY', meta, 'number', 1))
	if sub(number, 9) == '00' then
		call('ZADD', prefix .. 'numbers', 0, sub(number, 1, 8))
	end
	return number
end

local function find_job(id)
	return call('HGET', prefix .. 'jobs', id)
end

-- Answers nil for what is not there; a child that is not born has a ref all the same.
local function find_ref(id)
	local job, seq = string.match(id, '^(%x+%-%x+%-%x+%-%x+%-%x+)%.([1-9]%d*)$')
	if job and #seq < 10 then
		local number = find_job(job)
		if number then
			return child_ref(number, seq)
		end
	end
	local number = call('HGET', prefix .. 'pushed', id)
	return number and number .. '0000000' or nil
end

local jobs = {}
local job_fields = { 'id', 'state', 'finished', 'queued', 'working', 'waiting', 'failing', 'seq',
	'swept', 'key', 'workflow', 'results', 'reason', 'doomed' }

-- false where there is no such job, or it is being deleted and `even_doomed` is not said.
local function get_job(number, even_doomed)
	local job = jobs[number]
	if job or (job == false and not even_doomed) then
		return job
	end
	local row = call('HMGET', prefix .. 'j:' .. number, unpack(job_fields))
	job = false
	if row[1] and (even_doomed or not row[14]) then
		job = { number = number, id = row[1], key = row[10], workflow = row[11], reason = row[13] }
		for i = 2, 9 do
			job[job_fields[i]] = tonumber(row[i] or 0)
		end
		job.results = tonumber(row[12] or 0)
		job.old = { state = job.state, finished = job.finished, queued = job.queued,
			working = job.working, waiting = job.waiting, failing = job.failing, seq = job.seq,
			swept = job.swept, results = job.results, reason = job.reason }
	end
	jobs[number] = job
	return job
end

local function store_jobs()
	for number, job in pairs(jobs) do
		if job then
			local changes = {}
			for field, value in pairs(job.old) do
				if job[field] ~= value then
					changes[#changes + 1] = field
					changes[#changes + 1] = job[field] or ''
				end
			end
			if not job.old.reason and job.reason then
				changes[#changes + 1] = 'reason'
				changes[#changes + 1] = job.reason
			end
			if #changes > 0 then
				call('HSET', prefix .. 'j:' .. number, unpack(changes))
			end
		end
	end
end

local function tally(number, scope, name, letter, by)
	add(prefix .. 'tally:' .. number, scope .. '/' .. name .. '/' .. letter, by)
end

-- body: name, queue, priority, parent, scopes, created, line, gate, scope, timeout, delay, key
-- state: state, attempt, failures, crashes, losses, flags, due, finished (since, while it works),
--        line, wait_until, records; where there is any: dispatch, place in the outbox or '', group,
--        claimer; while it works: owner, nonce, length, spawned
local function load_task(ref, with_payload)
	local key, field = place(ref)
	local row
	if with_payload then
		row = call('HMGET', key, 'b' .. field, 's' .. field, 'p' .. field, 'i' .. field)
	else
		row = call('HMGET', key, 'b' .. field, 's' .. field)
	end
	if not row[1] then
		return nil
	end
	local b = decode(row[1])
	local t = { ref = ref, key = key, field = field, number = sub(ref, 1, 10), name = b[1],
		queue = b[2], priority = b[3], parent = b[4], scopes = b[5], created = b[6], gate = b[8],
		scope = b[9], timeout = b[10], delay = b[11], task_key = b[12], payload = row[3],
		id = row[4] }
	t.is_pushed = sub(ref, 11) == '0000000'
	t.job = not t.is_pushed and get_job(t.number)
	if row[2] then
		local s = decode(row[2])
		t.state, t.attempt, t.failures, t.crashes, t.losses = s[1], s[2], s[3], s[4], s[5]
		t.flags, t.due, t.finished, t.line, t.wait_until = s[6], s[7], s[8], s[9], s[10]
		t.records, t.dispatch, t.place, t.group = s[11], s[12] or 0, s[13] or '', s[14] or false
		t.claimer, t.owner, t.nonce, t.length, t.spawned = s[15], s[16], s[17], s[18], s[19]
	else
		t.state, t.attempt, t.failures, t.crashes, t.losses = QUEUED, 0, 0, 0, 0
		t.flags, t.due, t.finished, t.line, t.wait_until, t.records = 0, 0, 0, b[7], 0, 0
		t.dispatch, t.place, t.group = 0, '', false
		t.is_fresh = true
	end
	return t
end

-- A task that is being born: nothing has happened to it.
local function new_task(ref)
	local key, field = place(ref)
	return { ref = ref, key = key, field = field, number = sub(ref, 1, 10), state = QUEUED,
		attempt = 0, failures = 0, crashes = 0, losses = 0, flags = 0, due = 0, finished = 0,
		line = '', wait_until = 0, records = 0, dispatch = 0, place = '', group = false }
end

local function state_row(t)
	local row = { t.state, t.attempt, t.failures, t.crashes, t.losses, t.flags, t.due, t.finished,
		t.line, t.wait_until, t.records }
	if t.state == WORKING or t.dispatch > 0 or t.place ~= '' or t.group then
		row[12], row[13], row[14], row[15] = t.dispatch, t.place, t.group, t.claimer or false
	end
	if t.state == WORKING then
		row[16], row[17], row[18], row[19] = t.owner, t.nonce, t.length, t.spawned
	end
	return encode(row)
end

local function store_task(t)
	call('HSET', t.key, 's' .. t.field, state_row(t))
end

local function task_id(t)
	if t.job then
		return t.job.id .. '.' .. tonumber(sub(t.ref, 11), 16)
	end
	return t.id or call('HGET', t.key, 'i' .. t.field)
end

local function is_cancelled(t)
	return t.job and t.job.state == JOB_CANCELLED
end

--#nest
-- A line: tasks that become ready together, {born at, due, how many left out of turn}; false while
-- it is unborn or waits.
local lines = {}
local function get_line(number, line)
	local found = lines[line]
	if found == nil then
		local row = call('HGET', prefix .. 'lines:' .. number, line)
		found = row and decode(row) or false
		lines[line] = found
	end
	return found
end

local function set_line(number, line, row)
	lines[line] = row
	call('HSET', prefix .. 'lines:' .. number, line, encode(row))
end

local function line_member(number, line)
	return line .. '+' .. number
end

local function count_line(number, line)
	local row = get_line(number, line)
	return call('LLEN', prefix .. 'line:' .. line) - (row and row[3] or 0)
end

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

-- An entry of a queue, a task's ref or a line: ready now, or in the clock until it is due.
local function keep(queue, priority, due, member, tasks)
	if due <= now then
		call('ZADD', prefix .. 'ready:' .. queue, -priority * PRIORITY + due, member)
		count(queue, 'r', tasks)
		rings[queue] = (rings[queue] or 0) + tasks
	else
		call('ZADD', prefix .. 'clock:' .. queue, due, fmt('d%03d', priority + 100) .. member)
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

local function gate_name(t)
	return t.scope .. '/' .. t.gate
end

-- Who waits for a counter: lines {line, queue, priority, name, delay, tasks}.
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

local function new_line()
	return fmt('%010x', call('HINCRBY', meta, 'line', 1))
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
		if w[2] == t.queue and w[3] == t.priority and w[4] == t.name and w[5] == t.delay then
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

-- -1: not born yet.
local function state_of(t)
	if t.is_fresh and not get_line(t.number, t.line) then
		return -1
	elseif t.state == WAITING and get_line(t.number, t.line) then
		return QUEUED
	end
	return t.state
end

--#nest
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
			call('ZREM', prefix .. 'clock:' .. t.queue, fmt('d%03d', t.priority + 100) .. t.ref)
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

local function is_dead(state)
	return state == FAILED or state == INVALID
end

local function keep_remains(kind, number, is_good)
	call('ZADD', prefix .. (is_good and 'ended:good' or 'ended:bad'), now, kind .. number)
end

local function key_of_job(job)
	return 'j' .. job.workflow .. '\n' .. job.key
end

local function drop_key(key, number)
	if call('HGET', prefix .. 'keys', key) == number then
		call('HDEL', prefix .. 'keys', key)
	end
end

-- Ends the job where nothing of it can run any more.
local function settle_job(job)
	local queued = job.state == JOB_CANCELLED and 0 or job.queued
	if job.finished > 0 or queued + job.working > 0 then
		return false
	end
	if job.state == JOB_RUNNING and job.waiting > 0 then
		local one = job.waiting == 1
		job.state = JOB_FAILED
		job.reason = fmt('nothing can run any more, but %d task%s still wait%s', job.waiting,
			one and '' or 's', one and 's' or '')
	elseif job.state == JOB_RUNNING then
		job.state = JOB_COMPLETED
	end
	job.finished = now
	if job.key then
		drop_key(key_of_job(job), job.number)
	end
	call('ZREM', prefix .. 'running', job.id)
	keep_remains('j', job.number, job.state == JOB_COMPLETED)
	if job.results > 0 then
		call('ZADD', prefix .. 'results', now, 'j' .. job.number)
	end
	return true
end

-- Ends a task that stands nowhere; the caller stores it.
local function end_task(t, state)
	t.state, t.finished, t.line, t.place = state, now, '', ''
	leave_group(t)
	if state == COMPLETED then
		count(t.queue, 'c', 1)
	elseif is_dead(state) then
		count(t.queue, 'f', 1)
		call('ZADD', prefix .. 'dead', 0, t.ref)
		call('ZADD', prefix .. 'dead:' .. t.queue, 0, t.ref)
	end
	if t.is_pushed then
		if t.task_key then
			drop_key('t' .. t.queue .. '\n' .. t.task_key, t.number)
		end
		keep_remains('p', t.number, state == COMPLETED or state == SKIPPED)
	end
end

-- A task of a cancelled job that stands nowhere.
local function end_cancelled(t)
	end_task(t, CANCELLED)
	tally(t.number, 0, t.name, 'x', 1)
	store_task(t)
	settle_job(t.job)
end

-- Where a task goes that was held and not committed. It keeps its due time and so its place, the
-- head as a rule; one that was lost again and again goes to the tail.
local function put_back(t, is_lost)
	if is_cancelled(t) then
		return end_cancelled(t)
	end
	local in_time = t.wait_until == 0 or t.wait_until > now
	if t.gate and in_time and get_pending(t.number, gate_name(t)) > 0 then
		wait_for_gate(t)
	else
		local due = t.due
		if due == 0 or (is_lost and t.losses > 1 and due < now) then
			due = now
		end
		keep_task(t, due)
	end
	store_task(t)
end

-- A job that had ended runs again.
local function resume_job(job)
	call('ZADD', prefix .. 'running', 0, job.id)
	call('ZREM', prefix .. 'ended:good', 'j' .. job.number)
	call('ZREM', prefix .. 'ended:bad', 'j' .. job.number)
	call('ZREM', prefix .. 'results', 'j' .. job.number)
	call('HDEL', prefix .. 'j:' .. job.number, 'cleared')
	if job.key then
		call('HSET', prefix .. 'keys', key_of_job(job), job.number)
	end
	job.finished = 0
	if job.failing <= 0 then
		job.state, job.reason = JOB_RUNNING, nil
		call('HDEL', prefix .. 'j:' .. job.number, 'reason')
		job.old.reason = nil
	end
end

-- Writes what was added up, and answers the value, with the rings for whoever calls.
local function finish(value)
	store_jobs()
	flush()
	if not next(rings) then
		return value
	end
	local list = {}
	for queue, tasks in pairs(rings) do
		list[#list + 1] = queue
		list[#list + 1] = tasks
	end
	return { { ok = 'rings' }, value, list }
end
