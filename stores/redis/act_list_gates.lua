--#flags allow-oom
--#needs gates
-- args: after {job, gate as SCOPE/GATE} or false, limit, how many to look at. Answers rows {job,
-- gate, pending} and {job, gate} to go on after, or false at the end.
local rows, seen = {}, 0

local function is_full()
	return #rows >= args[2] or seen >= args[3]
end

-- The gate to go on after where the page is full.
local function list_job(id, after)
	local number = find_job(id)
	local job = number and get_job(number)
	local waiting = number and prefix .. 'waiting:' .. number
	if not job or call('EXISTS', waiting) == 0 then
		call('ZREM', prefix .. 'gated', id)
		return nil
	elseif not may_wait(job) then
		return nil
	end
	local gates = call('ZRANGEBYLEX', waiting, after and '(' .. after or '-', '+', 'LIMIT', 0, args[3])
	for _, gate in ipairs(gates) do
		local pending = get_pending(number, gate)
		seen = seen + 1
		if pending > 0 then
			rows[#rows + 1] = { id, gate, pending }
		end
		if is_full() then
			return gate
		end
	end
	return nil
end

if args[1] then
	local gate = list_job(args[1][1], args[1][2])
	if gate then
		return { rows, { args[1][1], gate } }
	end
end
local from = args[1] and '(' .. args[1][1] or '-'
local ids = call('ZRANGEBYLEX', prefix .. 'gated', from, '+', 'LIMIT', 0, args[3])
for _, id in ipairs(ids) do
	seen = seen + 1
	local gate = list_job(id, nil)
	if gate or is_full() then
		return { rows, { id, gate or '~' } }
	end
end
return { rows, #ids == args[3] and { ids[#ids], '~' } or false }
