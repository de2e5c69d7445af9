--#flags allow-oom
--#needs leaving
-- args: id, attempt, owner, nonce, length
local ref = find_ref(args[1])
local t = ref and load_task(ref)
if not t or not is_held(t, args[2], args[3], args[4]) then
	return 1
end
call('ZADD', prefix .. 'clock:' .. t.queue, now + args[5], 'l' .. ref)
if t.length ~= args[5] then
	t.length = args[5]
	store_task(t)
end
return (t.flags % 2 == 1 or is_cancelled(t)) and 2 or 0
