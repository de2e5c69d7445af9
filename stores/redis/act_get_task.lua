--#flags allow-oom
--#needs rows
-- args: id
local ref = find_ref(args[1])
local t = ref and load_task(ref)
if not t or state_of(t) < 0 then
	return refuse('NOT_FOUND', 'there is no task ' .. args[1])
end
return describe_task(t, true)
