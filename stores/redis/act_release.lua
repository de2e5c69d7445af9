--#flags allow-oom
--#needs outbox
-- args: owner, the id of the task it was running or false, entry or false, limit
local released = 0
local ran = args[2] and find_ref(args[2])
local owned = prefix .. 'owner:' .. args[1]
for _, ref in ipairs(call('SRANDMEMBER', owned, args[4])) do
	local t = load_task(ref)
	if t and t.state == WORKING and t.owner == args[1] then
		local was_running = ref == ran
		if was_running and args[3] then
			call('HSET', t.key, record(t, false, args[3], false))
		end
		t.losses = t.losses + (was_running and 1 or 0)
		local has_spawned = t.spawned > 0
		take_back(t)
		if has_spawned then
			drop_ahead(t)
		end
		put_back(t, was_running)
		released = released + 1
	else
		call('SREM', owned, ref)
	end
end
local claims = prefix .. 'claimer:' .. args[1]
for _, ref in ipairs(call('SRANDMEMBER', claims, args[4])) do
	local t = load_task(ref)
	if t and t.place == 'c' and t.claimer == args[1] then
		lapse(t)
	else
		call('SREM', claims, ref)
	end
end
return finish({ released, call('SCARD', owned) + call('SCARD', claims) })
