--#flags allow-oom
--#needs outbox ending doom
-- args: limit, whether sleepers beside ready tasks are rung for, how long messages are known. One page of everything; the caller
-- asks again while there is more.
local limit = args[1]
local released, due, dropped, next_ms = 0, 0, 0, -1
local budget = limit
local queues = call('SMEMBERS', prefix .. 'queues')
for _, queue in ipairs(queues) do
	if args[2] == 1 and call('EXISTS', prefix .. 'ready:' .. queue) == 1 and not is_paused(queue) then
		rings[queue] = (rings[queue] or 0) + 1
	end
	if budget > 0 then
		local put_back_here, due_here = tend(queue, budget)
		released, due = released + put_back_here, due + due_here
		budget = budget - put_back_here - due_here
		budget = budget - take_in(queue)
	end
end

local has_outbox_left = false
for _, queue in ipairs(call('SMEMBERS', prefix .. 'outboxes')) do
	if not has_door(queue) then
		if budget > 0 then
			local emptied = empty_outbox(queue, budget)
			due, budget = due + emptied, budget - emptied
		end
		local left = call('EXISTS', prefix .. 'unsent:' .. queue, prefix .. 'claims:' .. queue) > 0
		for level = 0, SENT_LEVELS - 1 do
			left = left or call('EXISTS', prefix .. 'sent:' .. level .. ':' .. queue) == 1
		end
		if left then
			has_outbox_left = true
		else
			call('SREM', prefix .. 'outboxes', queue)
		end
	else
		call('ZREMRANGEBYSCORE', prefix .. 'later:' .. queue, '-inf', now)
	end
end

-- Children of attempts that came to nothing.
while dropped < limit do
	local member = call('LINDEX', prefix .. 'dropped', 0)
	if not member then
		break
	end
	local line = prefix .. 'line:' .. sub(member, 1, 10)
	local seqs = call('LPOP', line, limit - dropped)
	for _, seq in ipairs(seqs or {}) do
		local key, field = place(sub(member, 12) .. seq)
		call('HDEL', key, 'b' .. field, 'p' .. field)
		dropped = dropped + 1
	end
	if call('EXISTS', line) == 0 then
		call('LPOP', prefix .. 'dropped')
	end
end

local ending = call('SRANDMEMBER', prefix .. 'ending')
if ending then
	local job = get_job(ending)
	if not job then
		call('SREM', prefix .. 'ending', ending)
	else
		end_page(job, limit)
	end
end
if dropped < limit then
	dropped = dropped + sweep_doomed(limit - dropped)
end
if dropped < limit then
	local old = call('ZRANGEBYSCORE', prefix .. 'known', '-inf', '(' .. now - args[3], 'LIMIT', 0,
		limit - dropped)
	if #old > 0 then
		dropped = dropped + call('ZREM', prefix .. 'known', unpack(old))
	end
end
if has_outbox_left then
	next_ms = 0
end
for _, queue in ipairs(queues) do
	local head = call('ZRANGE', prefix .. 'clock:' .. queue, 0, 0, 'WITHSCORES')
	if head[2] then
		next_ms = sooner(next_ms, math.max(0, tonumber(head[2]) - now))
	end
end
return finish({ released, due, dropped, next_ms })
