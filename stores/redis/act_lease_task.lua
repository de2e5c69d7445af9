--#flags allow-oom
--#needs lease
-- args: id, owner, length, nonce
local ref = find_ref(args[1])
local t = ref and load_task(ref, true)
if not t or state_of(t) < 0 then
	return refuse('NOT_FOUND', 'there is no task ' .. args[1])
elseif t.state == WORKING and t.owner == args[2] and t.nonce == args[4] then
	return { describe(t) } -- asked again
elseif t.state >= WORKING then
	return refuse('CONFLICT', 'task ' .. args[1] ..
		(t.state == WORKING and ' is being worked on' or ' has ended'))
elseif is_cancelled(t) then
	return refuse('CONFLICT', 'the job of task ' .. args[1] .. ' is cancelled')
end
leave(t)
if t.due == 0 then
	t.due = now
end
hold(t, args[2], args[3], args[4])
local row = describe(t)
return finish({ row })
