-- The rows of tasks.
--#needs lines

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
		scope = b[9], timeout = b[10], delay = b[11], task_key = b[12], birth_line = b[7], payload = row[3],
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
		local birth = t.timeout > 0 and get_row(t.number, t.line)
		t.wait_until = birth and birth[1] + t.timeout or 0
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
