--#flags allow-oom
--#needs ends
-- args: id
local ref = find_ref(args[1])
local t = ref and load_task(ref)
if not t or state_of(t) < 0 then
	return refuse('NOT_FOUND', 'there is no task ' .. args[1])
elseif t.state ~= WORKING then
	return refuse('CONFLICT', 'task ' .. args[1] .. ' is not being worked on')
end
if t.flags % 2 == 0 then
	t.flags = t.flags + 1
	store_task(t)
end
rings['!'] = 1
return finish(1)
