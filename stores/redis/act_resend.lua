--#flags allow-oom
--#needs outbox
-- args: queue, after_ms, max
local queue, resent = args[1], 0

-- The one that was sent first, of those that have been out for long enough.
local function next_overdue()
	local found, sent_at
	for level = 0, SENT_LEVELS - 1 do
		local head = call('ZRANGE', prefix .. 'sent:' .. level .. ':' .. queue, 0, 0, 'WITHSCORES')
		local at = tonumber(head[2])
		if at and now - at >= args[2] * 2 ^ level and (not found or at < sent_at) then
			found, sent_at = head[1], at
		end
	end
	return found
end

while has_door(queue) and resent < args[3] do
	local ref = next_overdue()
	if not ref then
		break
	end
	local t = load_task(ref)
	leave(t)
	send_task(t, t.due, 'u')
	store_task(t)
	resent = resent + 1
end
return finish(resent)
