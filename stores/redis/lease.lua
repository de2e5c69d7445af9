-- Who holds what: leases, what puts lost and due rows back, and the inbox.
--#needs pushes limits

--#const TENDED_MAX 16
--#const INBOX_MAX 16
--#const PASSED_MAX 32
-- What one lease does at most beside leasing, whatever the number of its queues: expired and due rows
-- that it puts back, messages that it takes in, entries of cancelled jobs and stale ones that it
-- passes over.

-- RFC 3339 in UTC; days to dates by http://howardhinnant.github.io/date_algorithms.html.
local function format_time(ms)
	local days = floor(ms / 86400000)
	local z = days + 719468
	local era = floor(z / 146097)
	local doe = z - era * 146097
	local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
	local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
	local mp = floor((5 * doy + 2) / 153)
	local month = mp < 10 and mp + 3 or mp - 9
	local year = yoe + era * 400 + (month <= 2 and 1 or 0)
	local rest = ms - days * 86400000
	return fmt('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, doy - floor((153 * mp + 2) / 5) + 1,
		floor(rest / 3600000), floor(rest / 60000) % 60, floor(rest / 1000) % 60, rest % 1000)
end

local function lost_entry(t)
	return fmt('{"worker":null,"task":%s,"attempt":%d,"received_at":"%s","finished_at":"%s",' ..
		'"seconds":%.3f,"status":"lost","message":"its lease ended and nobody renewed it",' ..
		'"queue":%s}', cjson.encode(t.name), t.attempt, format_time(t.finished), format_time(now),
		(now - t.finished) / 1000, cjson.encode(t.queue))
end

-- false where its owner may have been unable to renew it: then it is looked at again, and in time,
-- since were all silent until then that would be the next outage.
local function lose(t, member)
	local until_ms = outage + t.length
	if outage > 0 and until_ms > now then
		call('ZADD', prefix .. 'clock:' .. t.queue, math.min(until_ms, now + 3000), member)
		return false
	end
	local entry = lost_entry(t)
	call('HSET', t.key, record(t, false, entry, false))
	t.losses = t.losses + 1
	take_back(t)
	drop_ahead(t)
	put_back(t, true)
	return true
end

local function come_due(queue, member)
	local priority, entry = tonumber(sub(member, 2, 4)) - 100, sub(member, 5)
	local clock = prefix .. 'clock:' .. queue
	local due = tonumber(call('ZSCORE', clock, member))
	local tasks = 1
	if #entry > 17 then
		tasks = count_line(sub(entry, 12), sub(entry, 1, 10))
	end
	call('ZREM', clock, member)
	count(queue, 'd', -tasks)
	keep(queue, priority, due, entry, tasks)
end

-- Its gate may have woken it already, or nothing of its job can run any more.
local function time_out(t)
	if not t or not t.job or t.job.finished > 0 or t.is_fresh or state_of(t) ~= WAITING then
		return false
	end
	leave(t)
	queue_task(t, now)
	store_task(t)
	return true
end

-- The same of a line that was born waiting.
local function time_out_line(member)
	local line, number = sub(member, 1, 10), sub(member, 12)
	local job = get_job(number)
	local row = job and job.finished == 0 and get_row(number, line)
	if not row or row[2] then
		return false
	end
	local waiters = get_waiters(number, row[4])
	for i, w in ipairs(waiters) do
		if w[1] == line then
			table.remove(waiters, i)
			set_waiters(number, row[4], waiters)
			open_line(job, w)
			return true
		end
	end
	return false
end

-- Puts back what has expired and what is due; answers how many of each, and how many entries it has
-- looked at.
local function tend(queue, limit)
	local clock = prefix .. 'clock:' .. queue
	local released, due = 0, 0
	local members = call('ZRANGEBYSCORE', clock, '-inf', now, 'LIMIT', 0, limit)
	for _, member in ipairs(members) do
		local kind = sub(member, 1, 1)
		if kind == 'd' then
			come_due(queue, member)
			due = due + 1
		else
			local is_line = #member > 18
			local t = not is_line and load_task(sub(member, 2))
			if kind == 't' then
				call('ZREM', clock, member)
				local is_late = is_line and time_out_line(sub(member, 2)) or time_out(t)
				due = due + (is_late and 1 or 0)
			elseif not t or t.state ~= WORKING then
				call('ZREM', clock, member)
			elseif lose(t, member) then
				released = released + 1
			end
		end
	end
	return released, due, #members
end

-- Text that cjson takes and JSON does not have: numbers like 0x10, nan and inf.
local function is_json(text)
	if #text > 1048576 or not pcall(cjson.decode, text) then
		return false
	end
	local bare = text:gsub('\\.', ''):gsub('"[^"]*"', '')
	bare = bare:gsub('true', ''):gsub('false', ''):gsub('null', '')
	return not bare:find('[^%s%d%[%]{},:+%-.eE]')
end

-- A UUIDv7 whose last digits are the store's tag, and whose random ones are the task's number.
local function inbox_id(number)
	local ms = fmt('%012x', now)
	return fmt('%s-%s-7%s-8%s-%s%s', sub(ms, 1, 8), sub(ms, 9), sub(number, 1, 3), sub(number, 4, 6),
		sub(number, 7), ARGV[1])
end

-- What others have put into the queue's inbox becomes pushed tasks; what can't be understood is
-- dead at once, with the reason.
local function take_in(queue, limit)
	local items = limit > 0 and call('LPOP', prefix .. 'inbox:' .. queue, limit)
	for _, item in ipairs(items or {}) do
		local is_good = is_json(item)
		local number = fmt('%010x', tonumber(call('HGET', meta, 'number')) + 1)
		local shown = is_good and item or cjson.encode((sub(item, 1, 1024):gsub('[\128-\255]', '?')))
		local t = create_pushed({ inbox_id(number), queue, queue, shown, false, 0, 0 })
		if is_good then
			keep_task(t, now)
			store_pushed(t)
		else
			end_task(t, INVALID)
			know_queue(queue)
			store_pushed(t, 'e' .. t.field, 'not JSON of at most 1 MiB in the inbox')
		end
	end
	return items and #items or 0
end

local function describe(t)
	local job = t.job
	local cancelled = t.flags % 2 == 1 or is_cancelled(t)
	return { task_id(t), job and job.id or false, tonumber(sub(t.ref, 11), 16), t.parent, t.name,
		t.queue, t.payload or call('HGET', t.key, 'p' .. t.field), t.scopes, t.attempt, t.owner,
		t.nonce, t.failures, t.crashes, t.losses, t.due, t.scope, t.gate, t.wait_until,
		cancelled and 1 or 0 }
end

-- The tasks of a line of a cancelled job are not taken one after another to end them: the line is
-- delayed for ever, and they leave it in pages, with the others of their job.
local function put_off_line(from, member, priority)
	local tasks = count_line(sub(member, 12), sub(member, 1, 10))
	call('ZREM', prefix .. from.list .. from.queue, member)
	count(from.queue, from.field, -tasks)
	if tasks > 0 then
		call('ZADD', prefix .. 'clock:' .. from.queue, NEVER, clock_member(priority, member))
		count(from.queue, 'd', tasks)
	else
		call('UNLINK', prefix .. 'line:' .. sub(member, 1, 10))
	end
end

-- The next task of a line. nil: it has none; false: an entry that is stale.
local function step_line(from, member, priority)
	local line, number = sub(member, 1, 10), sub(member, 12)
	local key, list = prefix .. 'line:' .. line, prefix .. from.list .. from.queue
	local job = get_job(number)
	if not job then
		call('UNLINK', key)
		call('ZREM', list, member)
		return nil
	elseif job.state == JOB_CANCELLED then
		put_off_line(from, member, priority)
		return nil
	end
	local seq = call('LPOP', key)
	if not seq then
		call('ZREM', list, member)
		return nil
	end
	local t = load_task(number .. seq, true)
	if not t or t.line ~= line or not (t.is_fresh or t.state == WAITING) then
		local row = get_line(number, line)
		if row then
			row[3] = row[3] - 1
			set_line(number, line, row)
		end
		return false
	end
	return t
end

-- Takes the task of an entry out of its list; nil or false: an entry that is passed over. from: the
-- queue, which list of it, and where its tasks are counted.
local function take_entry(from, member, score)
	local t
	if #member > 17 then
		t = step_line(from, member, -floor(score / PRIORITY))
	else
		call('ZREM', prefix .. from.list .. from.queue, member)
		t = load_task(member, true)
	end
	if t then
		t.due = score - floor(score / PRIORITY) * PRIORITY
		t.line = ''
		count_queued(t, -1)
	end
	return t
end

-- The task at the head of the queue; false: an entry was passed over; nil: there is none.
local function take_head(queue)
	local head = call('ZRANGE', prefix .. 'ready:' .. queue, 0, 0, 'WITHSCORES')
	if not head[1] then
		return nil
	end
	local t = take_entry({ queue = queue, list = 'ready:', field = 'r' }, head[1], tonumber(head[2]))
	if not t then
		return false
	end
	count(queue, 'r', -1)
	return t
end

local tended, taken_in, passed = 0, 0, 0

local function lease_from(queue, request, limit, batch)
	if tended < TENDED_MAX then
		local _, _, looked = tend(queue, TENDED_MAX - tended)
		tended = tended + looked
	end
	taken_in = taken_in + take_in(queue, INBOX_MAX - taken_in)
	if is_paused(queue) then
		return
	end
	if limit then
		note_limit(queue, limit)
	end
	local before = #batch
	local room = room_of(queue, limit, request[4] - before)
	while #batch - before < room and passed < PASSED_MAX do
		local t = take_head(queue)
		if t == nil then
			break
		elseif not t then
			passed = passed + 1
		elseif is_cancelled(t) then
			end_cancelled(t)
			passed = passed + 1
		else
			hold(t, request[2], request[3], request[5][#batch + 1])
			batch[#batch + 1] = describe(t)
		end
	end
	add_taken(queue, limit, #batch - before)
	if passed == PASSED_MAX then -- more may be there; whoever waits shall look
		ring_once(queue)
	end
end

-- What an earlier request, whose answer was lost, has leased for its owner.
local function find_doubtful(owner, nonces, batch)
	local asked = {}
	for _, nonce in ipairs(nonces) do
		asked[nonce] = true
	end
	for _, ref in ipairs(call('SMEMBERS', prefix .. 'owner:' .. owner)) do
		local t = load_task(ref, true)
		if t and t.state == WORKING and asked[t.nonce] then
			batch[#batch + 1] = describe(t)
		end
	end
end

local function sooner(a, b)
	if a < 0 or b < 0 then
		return math.max(a, b)
	end
	return math.min(a, b)
end

-- Until something of the queue may be leased, and whether a limit keeps it.
local function time_left(queue, limit)
	local left, is_kept = -1, false
	if has_ready(queue) then
		local room, wait = room_of(queue, limit, 1)
		if room > 0 then
			return 0, false
		end
		left, is_kept = wait, true
	end
	local head = call('ZRANGE', prefix .. 'clock:' .. queue, 0, 0, 'WITHSCORES')
	return sooner(left, head[2] and math.max(0, tonumber(head[2]) - now) or -1), is_kept
end

-- request: queues, owner, length, max, nonces, nonces of requests whose answers were lost, limits of
-- the queues or nothing. Answers the leases, the time until there may be one, and 1 where a limit
-- keeps one.
local function lease(request)
	local batch, next_ms, limited = {}, -1, 0
	if #request[6] > 0 then
		find_doubtful(request[2], request[6], batch)
	end
	if #batch == 0 then
		for i, queue in ipairs(request[1]) do
			lease_from(queue, request, request[7][i], batch)
		end
	end
	if #batch == 0 then
		for i, queue in ipairs(request[1]) do
			local left, is_kept = time_left(queue, request[7][i])
			next_ms = sooner(next_ms, left)
			limited = is_kept and 1 or limited
		end
	end
	return batch, next_ms, limited
end

-- Who came out of sleep may have been the one who looked at the time for all who sleep.
local function ring_more(request)
	for i, queue in ipairs(request[1]) do
		local limit = request[7][i]
		if limit and (limit[1] > 0 or limit[3] > 0) and has_ready(queue) then
			ring_once(queue)
		end
	end
end
