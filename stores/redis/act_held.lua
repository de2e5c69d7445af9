--#flags allow-oom
--#needs lease
-- args: owner
local batch = {}
for _, ref in ipairs(call('SMEMBERS', prefix .. 'owner:' .. args[1])) do
	local t = load_task(ref, true)
	if t and t.state == WORKING then
		batch[#batch + 1] = describe(t)
	end
end
return { batch, -1 }
