--#flags allow-oom
--#needs ends
-- args: rows {id, dispatch}. A claim that has lapsed was sent all the same.
for _, row in ipairs(args) do
	local ref = find_ref(row[1])
	local t = ref and load_task(ref)
	if t and t.state == QUEUED and (t.place == 'c' or t.place == 'l') and t.dispatch == row[2] then
		leave(t)
		set_queued(t, t.due, 's')
		call('ZADD', sent_list(t), math.max(now, t.due), ref)
		count(t.queue, 's', 1)
		if t.due > now then
			call('ZADD', prefix .. 'later:' .. t.queue, t.due, ref)
		end
		store_task(t)
	end
end
return finish(1)
