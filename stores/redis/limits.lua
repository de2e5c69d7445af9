-- What a queue lets in: a limit is rate, span, max_working, each 0 for none. Tasks are counted by the
-- slot of time that they are leased in, a fiftieth of the span; see backend_slots in stores/backend.h.
-- `taken:QUEUE` holds the span as 's' and the slots; `limited` the queues that have a max_working.
--#needs places

--#const SLOTS 50

local function slots_of(span)
	local width = math.max(1, math.ceil(span / SLOTS))
	local last = floor(now / width)
	return width, last - math.ceil(span / width), last
end

-- What counts for the rate, and the time until the first of it does no more.
local function count_taken(queue, span)
	local width, first, last = slots_of(span)
	local rows = call('HGETALL', prefix .. 'taken:' .. queue)
	local tasks, oldest, old, own = 0, false, {}, span
	for i = 1, #rows, 2 do
		local slot = rows[i] ~= 's' and tonumber(rows[i])
		if not slot then
			own = tonumber(rows[i + 1])
		elseif slot < first or slot > last then
			old[#old + 1] = rows[i]
		else
			tasks = tasks + tonumber(rows[i + 1])
			oldest = oldest and math.min(oldest, slot) or slot
		end
	end
	if own ~= span then -- slots of another width mean nothing
		return 0, 0, true
	end
	local left = oldest and math.max(1, (oldest + 1 + last - first) * width - now) or 0
	return tasks, left, false, old
end

local function working_of(queue)
	local key = prefix .. 'queue:' .. queue
	local changes = sums[key]
	return tonumber(call('HGET', key, 'k') or 0) + (changes and changes.k or 0)
end

-- How many of `most` may be leased, and, where it is none, the time until a rate lets more in, or -1.
local function room_of(queue, limit, most)
	local room, left = most, -1
	if limit and limit[3] > 0 then
		room = math.min(room, limit[3] - working_of(queue))
	end
	if limit and limit[1] > 0 and room > 0 then
		local tasks
		tasks, left = count_taken(queue, limit[2])
		room = math.min(room, limit[1] - tasks)
	end
	return math.max(0, room), left
end

local function add_taken(queue, limit, tasks)
	if not limit or limit[1] == 0 or tasks == 0 then
		return
	end
	local key, span = prefix .. 'taken:' .. queue, limit[2]
	local _, _, last = slots_of(span)
	local _, _, is_other, old = count_taken(queue, span)
	if is_other then
		call('UNLINK', key)
	elseif #old > 0 then
		call('HDEL', key, unpack(old))
	end
	call('HSET', key, 's', span)
	call('HINCRBY', key, fmt('%.0f', last), tasks)
	call('PEXPIRE', key, fmt('%.0f', span * 2 + 1000))
end

-- The newest limits hold: who ends a lease has to know whether others wait for that.
local function note_limit(queue, limit)
	local key = prefix .. 'limited'
	local is_noted = known[5] and known[5] ~= '0' and call('SISMEMBER', key, queue) == 1
	local is_limited = limit[3] > 0
	if is_noted ~= is_limited and (is_noted or is_limited) then
		call(is_limited and 'SADD' or 'SREM', key, queue)
		known[5] = fmt('%d', call('SCARD', key))
		call('HSET', meta, 'limited', known[5])
	end
end

local function has_ready(queue)
	return call('EXISTS', prefix .. 'ready:' .. queue) == 1 and not is_paused(queue)
end

local function ring_once(queue)
	rings[queue] = (rings[queue] or 0) + 1
end

-- A lease of the queue has ended: unless it was taken from again, who waits for that is woken.
local function ring_freed(queue, batch)
	if not known[5] or known[5] == '0' or call('SISMEMBER', prefix .. 'limited', queue) == 0 then
		return
	end
	for _, row in ipairs(batch) do
		if row[6] == queue then
			return
		end
	end
	if has_ready(queue) then
		ring_once(queue)
	end
end
