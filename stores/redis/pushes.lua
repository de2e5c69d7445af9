-- Pushed tasks: born, found again by their ids, deleted.
--#needs ends

-- push: id, name, queue, payload, key or false, priority, delay
local function create_pushed(push)
	local number = new_number()
	local t = new_task(number .. '0000000')
	t.is_pushed, t.name, t.queue, t.priority = true, push[2], push[3], push[6]
	call('HSET', prefix .. 'pushed', push[1], number)
	if push[5] then
		call('HSET', prefix .. 'keys', 't' .. push[3] .. '\n' .. push[5], number)
	end
	t.body = encode({ push[2], push[3], push[6], 0, false, now, '', false, 0, 0, 0, push[5] })
	t.payload, t.id, t.task_key = push[4], push[1], push[5]
	return t
end

local function store_pushed(t, ...)
	call('HSET', t.key, 'b' .. t.field, t.body, 'p' .. t.field, t.payload, 'i' .. t.field, t.id,
		's' .. t.field, state_row(t), ...)
end

-- Answers the id of the task: its own, or that of the unfinished one that has the key.
local function push_one(push)
	if find_ref(push[1]) then
		return push[1]
	end
	local other = push[5] and call('HGET', prefix .. 'keys', 't' .. push[3] .. '\n' .. push[5])
	if other then
		local key, field = place(other .. '0000000')
		return call('HGET', key, 'i' .. field)
	end
	local t = create_pushed(push)
	queue_task(t, now + push[7])
	store_pushed(t)
	return push[1]
end

-- The block of a number leaves the list of all when nothing is in it and nothing can come.
local function forget_block(block)
	local last = fmt('%010x', call('HGET', meta, 'number'))
	if block < sub(last, 1, 8) and
		call('EXISTS', prefix .. 't:p' .. block, prefix .. 'n:' .. block) == 0 then
		call('ZREM', prefix .. 'numbers', block)
	end
end

-- Deletes a pushed task that nobody holds.
local function delete_pushed(t)
	local id = task_id(t)
	if t.state < WORKING then
		leave(t)
		if t.task_key then
			drop_key('t' .. t.queue .. '\n' .. t.task_key, t.number)
		end
	end
	leave_group(t)
	if is_dead(t.state) then
		call('ZREM', prefix .. 'dead', t.ref)
		call('ZREM', prefix .. 'dead:' .. t.queue, t.ref)
	end
	local fields = { 'b' .. t.field, 's' .. t.field, 'p' .. t.field, 'i' .. t.field, 'r' .. t.field,
		'e' .. t.field }
	for i = 1, math.min(t.records, 3000) do
		fields[#fields + 1] = 'a' .. t.field .. ':' .. i
		fields[#fields + 1] = 'o' .. t.field .. ':' .. i
	end
	call('HDEL', t.key, unpack(fields))
	call('HDEL', prefix .. 'pushed', id)
	call('ZREM', prefix .. 'ended:good', 'p' .. t.number)
	call('ZREM', prefix .. 'ended:bad', 'p' .. t.number)
	call('ZREM', prefix .. 'results', 'p' .. t.number)
	forget_block(sub(t.number, 1, 8))
end
