-- The outbox of a queue with a door: unsent, claimed by a courier, sent.
--#needs lease

--#const SENT_LEVELS 16
-- Sent rows are kept by the number of their message, up to here.

-- The claim of a courier ends without a message that we know of: the number stays. It stands before
-- those that were behind it, which may be due at the same time.
local function lapse(t)
	leave(t)
	send_task(t, t.due - 1, 'l')
	store_task(t)
end

local function put_back_lapsed(queue)
	for _, ref in ipairs(call('ZRANGEBYSCORE', prefix .. 'claims:' .. queue, '-inf', now, 'LIMIT', 0, 32)) do
		local t = load_task(ref)
		if t and t.place == 'c' then
			lapse(t)
		else
			call('ZREM', prefix .. 'claims:' .. queue, ref)
		end
	end
end

-- Calls look(member, score) with the first unsent entry of each priority, highest first, until it
-- answers true.
local function each_priority(queue, look)
	local from = '-inf'
	while true do
		local head = call('ZRANGEBYSCORE', prefix .. 'unsent:' .. queue, from, '+inf', 'WITHSCORES',
			'LIMIT', 0, 1)
		if not head[1] then
			return
		end
		local score = tonumber(head[2])
		if look(head[1], score) then
			return
		end
		from = fmt('%.0f', (floor(score / PRIORITY) + 1) * PRIORITY)
	end
end

-- The first entry that is due by then: the others of its priority are due later still.
local function next_unsent(queue, latest)
	local found, found_score
	each_priority(queue, function(member, score)
		if score - floor(score / PRIORITY) * PRIORITY <= latest then
			found, found_score = member, score
		end
		return found
	end)
	return found, found_score
end

-- Moves an entry, a line as a whole, out of the outbox.
local function keep_unsent(queue, member, score)
	local due = score - floor(score / PRIORITY) * PRIORITY
	if #member > 17 then
		local tasks = count_line(sub(member, 12), sub(member, 1, 10))
		call('ZREM', prefix .. 'unsent:' .. queue, member)
		call('ZREM', prefix .. 'later:' .. queue, member)
		count(queue, 'u', -tasks)
		keep(queue, -floor(score / PRIORITY), due, member, tasks)
		return
	end
	local t = load_task(member)
	leave(t)
	keep_task(t, t.due)
	store_task(t)
end

-- What is in the outbox of a queue that has lost its door becomes ready; how many entries.
local function empty_outbox(queue, limit)
	local seen = 0
	local unsent = call('ZRANGE', prefix .. 'unsent:' .. queue, 0, limit - 1, 'WITHSCORES')
	for i = 1, #unsent, 2 do
		keep_unsent(queue, unsent[i], tonumber(unsent[i + 1]))
		seen = seen + 1
	end
	local lists = { 'claims:' }
	for level = 0, SENT_LEVELS - 1 do
		lists[#lists + 1] = 'sent:' .. level .. ':'
	end
	for _, list in ipairs(lists) do
		if seen < limit then
			for _, ref in ipairs(call('ZRANGE', prefix .. list .. queue, 0, limit - seen - 1)) do
				local t = load_task(ref)
				leave(t)
				keep_task(t, t.due)
				store_task(t)
				seen = seen + 1
			end
		end
	end
	return seen
end
