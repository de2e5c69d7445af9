--#flags allow-oom
--#needs outbox
-- args: queue, owner, claim_ms, horizon_ms, max, with_payloads
local queue, owner, latest = args[1], args[2], now + args[4]
local rows, passed, next_ms = {}, 0, -1
if not has_door(queue) then
	return { rows, -1 }
end
put_back_lapsed(queue)
-- Messages that keep an order go out one claim after another.
if sub(queue, -5) == '.fifo' then
	local first = call('ZRANGE', prefix .. 'claims:' .. queue, 0, 0, 'WITHSCORES')
	if first[2] then
		return finish({ rows, math.max(0, tonumber(first[2]) - now) })
	end
end

local function claim(t, was_lapsed)
	if not was_lapsed then
		t.dispatch = t.dispatch + 1
	end
	set_queued(t, t.due, 'c')
	t.claimer, t.is_fresh = owner, false
	count(queue, 'u', 1)
	call('ZADD', prefix .. 'claims:' .. queue, now + args[3], t.ref)
	call('SADD', prefix .. 'claimer:' .. owner, t.ref)
	if t.due > now then
		call('ZADD', prefix .. 'later:' .. queue, t.due, t.ref)
	end
	store_task(t)
	rows[#rows + 1] = { task_id(t), t.job and t.job.id or false, args[6] and t.payload, t.dispatch,
		math.max(0, t.due - now) }
end

local from = { queue = queue, list = 'unsent:', field = 'u' }
while #rows < args[5] and passed < PASSED_MAX do
	local member, score = next_unsent(queue, latest)
	if not member then
		break
	end
	local t = take_entry(from, member, score)
	if not t then
		passed = passed + 1
	else
		count(queue, 'u', -1)
		if #member == 17 then
			leave_later(t)
		end
		local was_lapsed = t.place == 'l'
		t.place = ''
		if is_cancelled(t) then
			end_cancelled(t)
			passed = passed + 1
		else
			claim(t, was_lapsed)
		end
	end
end
each_priority(queue, function(_, score)
	next_ms = sooner(next_ms, math.max(0, score - floor(score / PRIORITY) * PRIORITY - latest))
end)
local head = call('ZRANGE', prefix .. 'claims:' .. queue, 0, 0, 'WITHSCORES')
if head[2] then
	next_ms = sooner(next_ms, math.max(0, tonumber(head[2]) - now))
end
return finish({ rows, next_ms })
