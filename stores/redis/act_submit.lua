--#flags
--#needs submit
-- args: id, workflow, hash, payload, key or false, effects, the task in whose place it runs or false
local function may_begin_in(place)
	local ref = find_ref(place)
	local t = ref and load_task(ref)
	return t and state_of(t) >= 0 and t.state <= WORKING and t.flags % 2 == 0 and
		not is_cancelled(t)
end

if args[7] and not find_job(args[1]) and not may_begin_in(args[7]) then
	return refuse('CONFLICT', 'task ' .. args[7] ..
		' has ended or is cancelled: no job can begin in its place')
end
return finish(submit(args))
