--#flags
--#needs pushes
-- args: arrivals {queue, message_id, task_id or false, id, name, payload, reason or false,
-- group or false, priority}. Answers 0 done, 1 known, 2 unknown.

-- In the outbox, alone or in a line.
local function is_in_outbox(t)
	if t.state >= WORKING then
		return false
	elseif t.line ~= '' then
		return get_line(t.number, t.line) and
			call('ZSCORE', prefix .. 'unsent:' .. t.queue, line_member(t.number, t.line))
	end
	return t.place == 'u' or t.place == 'l' or t.place == 'c' or t.place == 's'
end

local function join(t, group)
	if group then
		t.group = group
		join_group(t)
	end
end

local function adopt_reference(arrival)
	local ref = find_ref(arrival[3])
	local t = ref and load_task(ref)
	if not t or state_of(t) < 0 then
		return 2
	elseif not is_in_outbox(t) then
		return 1
	end
	leave(t)
	join(t, arrival[8])
	keep_task(t, t.due)
	store_task(t)
	return 0
end

local function adopt_foreign(arrival)
	local message = arrival[1] .. '\n' .. arrival[2]
	if call('ZADD', prefix .. 'known', 'NX', now, message) == 0 or find_ref(arrival[4]) then
		return 1
	end
	local t = create_pushed({ arrival[4], arrival[5], arrival[1], arrival[6], false, arrival[9], 0 })
	if arrival[7] then
		end_task(t, INVALID)
		know_queue(t.queue)
		store_pushed(t, 'e' .. t.field, arrival[7])
	else
		join(t, arrival[8])
		keep_task(t, now)
		store_pushed(t)
	end
	return 0
end

local answers = {}
for i, arrival in ipairs(args) do
	answers[i] = (arrival[3] and adopt_reference or adopt_foreign)(arrival)
end
return finish(answers)
