--#flags allow-oom
--#needs rows
-- args: mode ('job', 'dead' or 'all'), job or false, queue or false, name or false, parent, state,
-- is_dead, with_bodies, ref to go on after or '', limit, how many to look at. In the order of refs;
-- answers the rows, and the ref to go on after, or false at the end.
local mode, after, limit, looks = args[1], args[9], args[10], args[11]
local rows, seen, size, last = {}, 0, 0, after

local function matches(t)
	return (not args[3] or t.queue == args[3]) and (not args[4] or t.name == args[4]) and
		(args[5] < 0 or t.parent == args[5])
end

-- false where the page is full.
local function look(ref)
	local t = load_task(ref)
	seen, last = seen + 1, ref
	if t and matches(t) then
		local state = state_of(t)
		if state >= 0 and (args[6] < 0 or state == args[6]) and (not args[7] or is_dead(state)) then
			local row = describe_task(t, args[8])
			size = size + #(row[5] or '') + #(row[6] or '')
			rows[#rows + 1] = row
		end
	end
	return seen < looks and #rows < limit and size < 1048576
end

local function list_job(number, seq)
	local job = get_job(number)
	while job and seq < job.seq - 1 do
		seq = seq + 1
		if not look(child_ref(number, seq)) then
			return false
		end
	end
	return true
end

local function list_dead()
	local list = prefix .. (args[3] and 'dead:' .. args[3] or 'dead')
	for _, ref in ipairs(call('ZRANGEBYLEX', list, after ~= '' and '(' .. after or '-', '+', 'LIMIT', 0,
		looks + 1)) do
		if not look(ref) then
			return false
		end
	end
	return true
end

-- The jobs and pushed tasks of one block of numbers, merged by number.
local function list_block(block, first)
	local members = {}
	for i = 0, 255 do
		members[i + 1] = fmt('i%02x', i)
	end
	local pushed = call('HMGET', prefix .. 't:p' .. block, unpack(members))
	local jobs_here = call('HGETALL', prefix .. 'n:' .. block)
	local is_job = {}
	for i = 1, #jobs_here, 2 do
		is_job[tonumber(jobs_here[i], 16)] = true
	end
	for i = first, 255 do
		local number = block .. fmt('%02x', i)
		if pushed[i + 1] and not look(number .. '0000000') then
			return false
		elseif is_job[i] and not list_job(number, 0) then
			return false
		end
	end
	return true
end

local function list_all()
	local block, first = '', 0
	if after ~= '' then
		local number = sub(after, 1, 10)
		block, first = sub(number, 1, 8), tonumber(sub(number, 9), 16) + 1
		if sub(after, 11) ~= '0000000' and not list_job(number, tonumber(sub(after, 11), 16)) then
			return false
		end
		if first < 256 and not list_block(block, first) then
			return false
		end
	end
	local from = block ~= '' and '(' .. block or '-'
	local blocks = call('ZRANGEBYLEX', prefix .. 'numbers', from, '+', 'LIMIT', 0, 8)
	for _, next_block in ipairs(blocks) do
		last = next_block .. 'ff0000000'
		if not list_block(next_block, 0) then
			return false
		end
		last = next_block .. 'fffffffff'
	end
	return #blocks < 8
end

local is_all
if mode == 'job' then
	local number = find_job(args[2])
	is_all = not number or list_job(number, after ~= '' and tonumber(sub(after, 11), 16) or 0)
elseif mode == 'dead' then
	is_all = list_dead()
else
	is_all = list_all()
end
return { rows, not is_all and last or false }
