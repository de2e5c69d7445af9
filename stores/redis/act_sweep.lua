--#flags allow-oom
--#needs outbox
-- args: limit, whether sleepers beside ready tasks are rung for, cursor. One page of the queues, as
-- far as the limit allows. Answers how many leases and due rows were put back, the time until the
-- next one, the cursor to go on with ('0': the end), and whether this page is to be looked at again.
local limit = args[1]
local budget = limit
local released, due, next_ms = 0, 0, -1

local function sweep_queue(queue)
	local released_here, due_here, looked = tend(queue, budget)
	released, due = released + released_here, due + due_here
	budget = budget - looked
	budget = budget - take_in(queue, budget)
end

-- What is left of an outbox is made ready where its queue has no door any more.
local function sweep_outbox(queue)
	if has_door(queue) then
		call('ZREMRANGEBYSCORE', prefix .. 'later:' .. queue, '-inf', now)
		return
	end
	local emptied = empty_outbox(queue, budget)
	due, budget = due + emptied, budget - emptied
	if budget > 0 then
		call('SREM', prefix .. 'outboxes', queue)
	end
end

local page = call('SSCAN', prefix .. 'queues', args[3], 'COUNT', 32)
local queues = page[2]
local has_outbox = #queues > 0 and call('SMISMEMBER', prefix .. 'outboxes', unpack(queues))
local first = #queues > 0 and now % #queues or 0 -- nobody is always the last
for i = 1, #queues do
	local at = (first + i) % #queues + 1
	local queue = queues[at]
	if args[2] and call('EXISTS', prefix .. 'ready:' .. queue) == 1 and not is_paused(queue) then
		rings[queue] = (rings[queue] or 0) + 1
	end
	if budget > 0 then
		sweep_queue(queue)
	end
	if budget > 0 and has_outbox[at] == 1 then
		sweep_outbox(queue)
	end
	local head = call('ZRANGE', prefix .. 'clock:' .. queue, 0, 0, 'WITHSCORES')
	if head[2] then
		next_ms = sooner(next_ms, math.max(0, tonumber(head[2]) - now))
	end
end
return finish({ released, due, next_ms, page[1], budget <= 0 and 1 or 0 })
